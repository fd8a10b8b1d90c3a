package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/bulk"
	"github.com/posai-go/posai/shopify/shopifytest"
)

const productsQuery = `{ products { edges { node { id title
	variants { edges { node { id sku price
		inventoryItem { id inventoryLevels { edges { node { id location { name } } } } } } } } } } } }`

type shopProduct struct {
	ID       shopify.GID
	Title    string
	Variants []shopVariant `bulk:"ProductVariant"`
}

type shopVariant struct {
	ID            shopify.GID
	SKU           string
	Price         shopify.Decimal
	InventoryItem struct {
		ID              shopify.GID
		InventoryLevels []shopLevel `bulk:"InventoryLevel"`
	}
}

type shopLevel struct {
	ID       shopify.GID
	Location struct{ Name string }
}

func newClient(t *testing.T, shop *shopifytest.Shop, opts *shopify.Options) *shopify.Client {
	t.Helper()
	o := shopify.Options{BaseURL: shop.URL(), MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}
	if opts != nil {
		o = *opts
	}
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &o)
	require.NoError(t, err)
	return client
}

func newRunner(t *testing.T, shop *shopifytest.Shop, opts *bulk.Options) *bulk.Runner {
	t.Helper()
	o := bulk.Options{}
	if opts != nil {
		o = *opts
	}
	o.Dir = t.TempDir()
	if o.MinPoll == 0 {
		o.MinPoll, o.MaxPoll = time.Millisecond, 20*time.Millisecond
	}
	runner, err := bulk.NewRunner(newClient(t, shop, nil), &o)
	require.NoError(t, err)
	return runner
}

// read runs the query and reads all products.
func read(t *testing.T, runner *bulk.Runner, query *bulk.QueryOptions, opts *bulk.ReadOptions) ([]shopProduct, error) {
	t.Helper()
	op, err := runner.Query(t.Context(), productsQuery, query)
	require.NoError(t, err)
	var out []shopProduct
	for p, err := range bulk.Objects[shopProduct](t.Context(), op, opts) {
		if err != nil {
			return out, err
		}
		out = append(out, p)
	}
	return out, nil
}

// direct is what the shop says page by page.
func direct(t *testing.T, shop *shopifytest.Shop) map[shopify.GID][]shopify.GID {
	t.Helper()
	location := shopify.GID(shop.Locations()[0].ID)
	out := map[shopify.GID][]shopify.GID{}
	for p, err := range admin.Products(t.Context(), newClient(t, shop, &shopify.Options{BaseURL: shop.URL(), MaxWait: time.Minute}), location, nil) {
		require.NoError(t, err)
		out[p.ID] = []shopify.GID{}
		for _, v := range p.Variants.Nodes {
			out[p.ID] = append(out[p.ID], v.ID)
		}
	}
	return out
}

func requireSame(t *testing.T, want map[shopify.GID][]shopify.GID, got []shopProduct) {
	t.Helper()
	require.Len(t, got, len(want))
	for _, p := range got {
		var ids []shopify.GID
		for _, v := range p.Variants {
			ids = append(ids, v.ID)
			require.NotEmpty(t, v.InventoryItem.InventoryLevels, "children of children")
			require.NotEmpty(t, v.InventoryItem.InventoryLevels[0].Location.Name)
			require.True(t, v.Price.IsPositive())
		}
		require.ElementsMatch(t, want[p.ID], ids, p.ID)
	}
}

func TestQueryReadsWhatPagesRead(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Plan: shopifytest.Plus})
	want := direct(t, shop)
	for name, fault := range map[string]shopifytest.BulkFault{
		"as it comes":            {},
		"shuffled":               {Shuffle: true},
		"compressed":             {Gzip: true},
		"cut":                    {CutAfter: 3000, Cuts: -1},
		"cut and compressed":     {CutAfter: 700, Cuts: 5, Gzip: true},
		"cut, no ranges":         {CutAfter: 20_000, Cuts: 1, NoRanges: true},
		"shuffled and often cut": {Shuffle: true, CutAfter: 9000, Cuts: -1},
	} {
		for _, grouped := range []bool{false, true} {
			if grouped && fault.Shuffle {
				continue
			}
			t.Run(fmt.Sprintf("%s, grouped %v", name, grouped), func(t *testing.T) {
				shop.InjectBulk(fault)
				var last bulk.Progress
				runner := newRunner(t, shop, &bulk.Options{Progress: func(p bulk.Progress) { last = p }})
				got, err := read(t, runner, &bulk.QueryOptions{GroupObjects: grouped}, nil)
				require.NoError(t, err)
				requireSame(t, want, got)
				assert.Equal(t, admin.BulkOperationStatusCompleted, last.Status)
				assert.EqualValues(t, len(want), last.RootObjects)
				assert.Greater(t, last.Objects, last.RootObjects)
				assert.NotZero(t, last.Read)
				if !fault.Gzip {
					assert.EqualValues(t, last.Size, last.Read)
				}
			})
		}
	}
}

// Whoever waits at a till goes before bulk operations.
func TestCallsAreInTheBackgroundLane(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	var lanes []shopify.Lane
	client := newClient(t, shop, &shopify.Options{BaseURL: shop.URL(), Hooks: []shopify.Hooks{{
		End: func(_ context.Context, end shopify.CallEnd) { lanes = append(lanes, end.Lane) },
	}}})
	runner, err := bulk.NewRunner(client, &bulk.Options{MinPoll: time.Millisecond})
	require.NoError(t, err)
	op, err := runner.Query(t.Context(), productsQuery, nil)
	require.NoError(t, err)
	_, err = op.Wait(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(lanes), 2)
	for _, lane := range lanes {
		assert.Equal(t, shopify.Background, lane)
	}
}

func TestRows(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	runner := newRunner(t, shop, nil)
	op, err := runner.Query(t.Context(), productsQuery, nil)
	require.NoError(t, err)
	types := map[string]int{}
	for row, err := range bulk.Rows(t.Context(), op, nil) {
		require.NoError(t, err)
		types[row.Type]++
		assert.Equal(t, row.Type == "Product", row.ParentID == "")
		assert.Contains(t, string(row.JSON), string(row.ID))
	}
	assert.Equal(t, len(shop.Products()), types["Product"])
	assert.Len(t, types, 3)
	n := 0
	for _, err := range bulk.Rows(t.Context(), op, nil) { // again, and left early
		require.NoError(t, err)
		n++
		break
	}
	assert.Equal(t, 1, n)
}

// A program that was restarted goes on from the id.
func TestResume(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{BulkDelay: 50 * time.Millisecond})
	op, err := newRunner(t, shop, nil).Query(t.Context(), productsQuery, &bulk.QueryOptions{GroupObjects: true})
	require.NoError(t, err)
	again := newRunner(t, shop, nil).Operation(op.ID())
	n := 0
	for _, err := range bulk.Objects[shopProduct](t.Context(), again, &bulk.ReadOptions{Grouped: true}) {
		require.NoError(t, err)
		n++
	}
	assert.Len(t, shop.Products(), n)
	_, err = newRunner(t, shop, nil).Operation("gid://shopify/BulkOperation/1").Wait(t.Context())
	require.ErrorIs(t, err, shopify.ErrNotFound)
}

func TestFinishedEndsWaiting(t *testing.T) {
	// A delivery that is not answered within Shopify's five seconds comes again at once.
	shop := shopifytest.NewShop(t, &shopifytest.Options{RetrySchedule: slices.Repeat([]time.Duration{time.Millisecond}, 8)})
	hold := make(chan struct{})
	shop.InjectBulk(shopifytest.BulkFault{Hold: hold})
	runner := newRunner(t, shop, &bulk.Options{MinPoll: time.Hour, MaxPoll: time.Hour})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var payload struct {
			ID shopify.GID `json:"admin_graphql_api_id"`
		}
		if readBody(r, &payload) == nil && r.Header.Get("X-Shopify-Topic") == "bulk_operations/finish" {
			runner.Finished(payload.ID)
		}
	}))
	defer server.Close()
	_, err := admin.WebhookSubscriptionCreate(t.Context(), newClient(t, shop, nil), "BULK_OPERATIONS_FINISH", admin.WebhookSubscriptionInput{URI: shopify.Some(server.URL)})
	require.NoError(t, err)
	op, err := runner.Query(t.Context(), productsQuery, nil)
	require.NoError(t, err)
	go func() {
		for !asked(shop, "GetBulkOperation") { // it waits
			time.Sleep(time.Millisecond)
		}
		close(hold)
	}()
	_, err = op.Wait(t.Context())
	require.NoError(t, err, "an hour before the next look")
}

func asked(shop *shopifytest.Shop, operation string) bool {
	return slices.ContainsFunc(shop.Journal(), func(e shopifytest.JournalEntry) bool { return e.Operation == operation })
}

func TestQueryWaitsForRoom(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	hold := make(chan struct{})
	shop.InjectBulk(shopifytest.BulkFault{Hold: hold, Times: 5})
	runner := newRunner(t, shop, nil)
	for range 5 {
		_, err := runner.Query(t.Context(), productsQuery, nil)
		require.NoError(t, err)
	}
	_, err := runner.Query(t.Context(), productsQuery, &bulk.QueryOptions{NoWait: true})
	require.ErrorIs(t, err, bulk.ErrBusy)
	var ue *shopify.UserErrors
	require.ErrorAs(t, err, &ue)
	assert.True(t, ue.Has("OPERATION_IN_PROGRESS"))

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = runner.Query(ctx, productsQuery, nil)
	require.Error(t, err)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	var wg sync.WaitGroup
	wg.Go(func() {
		op, err := runner.Query(t.Context(), productsQuery, nil)
		if assert.NoError(t, err) {
			_, err = op.Wait(t.Context())
			assert.NoError(t, err)
		}
	})
	close(hold)
	wg.Wait()
}

func TestOperationsThatFail(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	for name, tt := range map[string]struct {
		fault   shopifytest.BulkFault
		is      error
		partial bool
	}{
		"access denied": {shopifytest.BulkFault{Fail: "ACCESS_DENIED"}, shopify.ErrAccessDenied, true},
		"server error":  {shopifytest.BulkFault{Fail: "INTERNAL_SERVER_ERROR"}, shopify.ErrServer, true},
		"timeout":       {shopifytest.BulkFault{Fail: "TIMEOUT"}, bulk.ErrTimeout, true},
		"expired":       {shopifytest.BulkFault{Expire: true}, bulk.ErrExpired, false},
		"expired url":   {shopifytest.BulkFault{ExpiredURL: true}, bulk.ErrExpired, false},
		"changed":       {shopifytest.BulkFault{CutAfter: 100, Cuts: 1, Change: true}, bulk.ErrChanged, false},
		"storage fails": {shopifytest.BulkFault{Status: 403}, bulk.ErrStorage, false},
		"always cut":    {shopifytest.BulkFault{CutAfter: 3000, Cuts: -1, NoRanges: true}, bulk.ErrStorage, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop := shopifytest.NewShop(t, nil)
			shop.InjectBulk(tt.fault)
			runner := newRunner(t, shop, nil)
			got, err := read(t, runner, nil, nil)
			require.ErrorIs(t, err, tt.is)
			assert.Empty(t, got, "nothing is given out")
			assert.NotContains(t, err.Error(), "Signature=")
			oe, _ := errors.AsType[*bulk.OperationError](err)
			if !tt.partial {
				return
			}
			require.NotNil(t, oe)
			assert.True(t, oe.Partial)
			shop.InjectBulk(tt.fault)
			got, err = read(t, runner, nil, &bulk.ReadOptions{Partial: true})
			require.ErrorIs(t, err, tt.is)
			assert.NotEmpty(t, got)
		})
	}
	_ = shop
}

func TestCancel(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	hold := make(chan struct{})
	defer close(hold)
	shop.InjectBulk(shopifytest.BulkFault{Hold: hold})
	runner := newRunner(t, shop, nil)
	op, err := runner.Query(t.Context(), productsQuery, nil)
	require.NoError(t, err)
	require.NoError(t, op.Cancel(t.Context()))
	_, err = op.Wait(t.Context())
	require.ErrorIs(t, err, bulk.ErrCanceled)
	var ue *shopify.UserErrors
	require.ErrorAs(t, op.Cancel(t.Context()), &ue, "it has ended")
}

func TestWaitEndsWithContext(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	hold := make(chan struct{})
	defer close(hold)
	shop.InjectBulk(shopifytest.BulkFault{Hold: hold})
	runner := newRunner(t, shop, nil)
	op, err := runner.Query(t.Context(), productsQuery, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		for !asked(shop, "GetBulkOperation") {
			time.Sleep(time.Millisecond)
		}
		cancel(enough)
	}()
	for _, err := range bulk.Objects[shopProduct](ctx, op, nil) {
		require.ErrorIs(t, err, enough)
	}
	require.Error(t, ctx.Err())
}

func TestWaitOutlivesShopifysFailures(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	client := newClient(t, shop, &shopify.Options{BaseURL: shop.URL(), MaxRetries: -1})
	runner, err := bulk.NewRunner(client, &bulk.Options{MinPoll: time.Millisecond, MaxPoll: time.Millisecond})
	require.NoError(t, err)
	op, err := runner.Query(t.Context(), productsQuery, nil)
	require.NoError(t, err)
	shop.Inject(shopifytest.Fault{Operation: "GetBulkOperation", Status: 503, Times: 5})
	_, err = op.Wait(t.Context())
	require.NoError(t, err)
	shop.Inject(shopifytest.Fault{Operation: "GetBulkOperation", Status: 503, Times: -1})
	_, err = op.Wait(t.Context())
	require.ErrorIs(t, err, shopify.ErrServer)
}

// The answer to the start is lost; the operation runs, and is found.
func TestStartWhoseAnswerIsLost(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	shop.Inject(shopifytest.Fault{Field: "bulkOperationRunQuery", LoseResponse: true})
	runner := newRunner(t, shop, nil)
	got, err := read(t, runner, nil, nil)
	require.NoError(t, err)
	assert.Len(t, got, len(shop.Products()))
	starts := 0
	for _, e := range shop.Journal() {
		if slices.Contains(e.RootFields, "bulkOperationRunQuery") {
			starts++
		}
	}
	assert.Equal(t, 1, starts, "it was not started twice")
}

func TestQueryThatShopifyDislikes(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	runner := newRunner(t, shop, nil)
	for name, query := range map[string]string{
		"no connection":  `{ shop { name } }`,
		"three levels":   `{ products { edges { node { id variants { edges { node { id metafields { edges { node { id reference { ... on Product { id media { edges { node { id } } } } } } } } } } } } } } }`,
		"nodes":          `{ products { nodes { id } } }`,
		"parent's id":    `{ products { edges { node { title variants { edges { node { id } } } } } } }`,
		"unknown field":  `{ products { edges { node { id nonsense } } } }`,
		"mutation":       `mutation { tagsAdd(id: "gid://shopify/Order/1", tags: ["x"]) { userErrors { message } } }`,
		"within a list":  `{ orders { edges { node { id fulfillments { id fulfillmentLineItems { edges { node { id } } } } } } } }`,
		"top level node": `{ node(id: "gid://shopify/Order/1") { id } }`,
		"nothing":        ``,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runner.Query(t.Context(), query, nil)
			var ue *shopify.UserErrors
			require.ErrorAs(t, err, &ue)
			assert.True(t, ue.Has("INVALID"))
		})
	}
	_, err := runner.Query(t.Context(), "{"+strings.Repeat(" ", 65_535)+"}", nil)
	require.ErrorIs(t, err, bulk.ErrTooLarge)
}

// What goes to the storage host: no token, no address that is not trusted.
func TestStorageHost(t *testing.T) {
	var calls atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer other.Close()
	for name, url := range map[string]string{
		"another host without TLS": other.URL + "/bulk.jsonl", "a file": "file:///etc/passwd", "no host": "https:///x",
		"user": "https://me:secret@example.com/", "rubbish": "://",
	} {
		t.Run(name, func(t *testing.T) {
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"data":{"bulkOperation":{"id":"gid://shopify/BulkOperation/1","type":"QUERY","status":"COMPLETED","createdAt":"2026-11-01T00:00:00Z","objectCount":"1","rootObjectCount":"1","url":%q}}}`, url)
			}))
			defer api.Close()
			client, err := shopify.NewClient("example.myshopify.com", shopify.StaticToken("shpat_x"), &shopify.Options{BaseURL: api.URL})
			require.NoError(t, err)
			runner, err := bulk.NewRunner(client, nil)
			require.NoError(t, err)
			for _, err := range bulk.Objects[shopProduct](t.Context(), runner.Operation("gid://shopify/BulkOperation/1"), nil) {
				require.ErrorIs(t, err, bulk.ErrUntrusted)
				assert.NotContains(t, err.Error(), "secret")
			}
		})
	}
	assert.Zero(t, calls.Load())
}
