package fetch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/fetch"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/bulk"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

type fixture struct {
	t      *testing.T
	sim    *shopifytest.Shop
	client *shopify.Client
}

func newFixture(t *testing.T, opts *shopifytest.Options) *fixture {
	t.Helper()
	f := &fixture{t: t, sim: shopifytest.NewShop(t, opts)}
	var err error
	f.client, err = shopify.NewClient(shopify.Domain(f.sim.Domain()), shopify.StaticToken(f.sim.Token()), &shopify.Options{BaseURL: f.sim.URL()})
	require.NoError(t, err)
	return f
}

func (f *fixture) store(url string) *store.Store {
	f.t.Helper()
	s, err := store.Open(f.t.Context(), url, f.sim.Domain())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { assert.NoError(f.t, s.Close()) })
	return s
}

func (f *fixture) backfill(s *store.Store) *fetch.Backfill {
	f.t.Helper()
	runner, err := bulk.NewRunner(f.client, &bulk.Options{MinPoll: 10 * time.Millisecond, MaxPoll: 50 * time.Millisecond})
	require.NoError(f.t, err)
	return &fetch.Backfill{Store: s, Runner: runner, Reader: fetch.NewReader(f.client, "do-not-share"), Tag: "do-not-share", Reread: func(context.Context, string, []int64) error {
		f.t.Error("nothing is in conflict")
		return nil
	}}
}

func sqlite(t *testing.T) string { return demo.SQLiteURL(filepath.Join(t.TempDir(), "book.db")) }

// payloads are the bodies of orders that the shop delivers while do runs, the latest of
// each order.
func (f *fixture) payloads(do func()) map[int64]webhook.Order {
	f.t.Helper()
	for _, topic := range []admin.WebhookSubscriptionTopic{admin.WebhookSubscriptionTopicOrdersCreate, admin.WebhookSubscriptionTopicOrdersUpdated} {
		// Nobody listens there: the shop's log has the bodies.
		_, err := admin.WebhookSubscriptionCreate(f.t.Context(), f.client, topic, admin.WebhookSubscriptionInput{URI: shopify.Some("http://127.0.0.1:9/" + string(topic))})
		require.NoError(f.t, err)
	}
	do()
	out := map[int64]webhook.Order{}
	for _, d := range f.sim.Deliveries() {
		var o webhook.Order
		require.NoError(f.t, json.Unmarshal(d.Body, &o))
		if have, ok := out[o.ID]; !ok || !o.UpdatedAt.Before(have.UpdatedAt) {
			out[o.ID] = o
		}
	}
	return out
}

// The same state of an order is the same row, whether it was delivered, asked for or read
// from a file: with discounts on lines and baskets, refunds, gifts, walk-ins, and a test
// order.
func TestAnOrderIsTheSameWhicheverWayItCame(t *testing.T) {
	f := newFixture(t, &shopifytest.Options{Data: demotest.SmallShop(), RetrySchedule: []time.Duration{}})
	customer := f.sim.Customers()[0].ID
	sku := func(n int) string { return f.sim.Products()[n].Variants[0].SKU }
	sales := []shopifytest.Sale{
		{Customer: customer, Lines: []shopifytest.SaleLine{{SKU: sku(0), Quantity: 3}, {SKU: sku(1)}}},
		{Customer: customer, Lines: []shopifytest.SaleLine{{SKU: sku(2), Quantity: 2, Discount: &shopifytest.Discount{Percent: decimal.NewFromInt(15)}}, {SKU: sku(3)}}, Discount: &shopifytest.Discount{Code: "TEN", Amount: decimal.RequireFromString("10.01")}},
		{Customer: customer, Note: "gift for a friend", Attributes: []shopifytest.Attribute{{Key: "Gift", Value: "yes"}}, Lines: []shopifytest.SaleLine{{SKU: sku(4)}}},
		{Customer: customer, Lines: []shopifytest.SaleLine{{SKU: sku(5), Attributes: []shopifytest.Attribute{{Key: "gift_wrap", Value: "true"}}}, {SKU: sku(6), Quantity: 4}}, SendLater: true},
		{Lines: []shopifytest.SaleLine{{SKU: sku(7)}}},
	}
	var sold []shopifytest.Order
	payloads := f.payloads(func() {
		for _, s := range sales {
			o, err := f.sim.RingUp(s)
			require.NoError(t, err)
			sold = append(sold, o)
		}
		for _, i := range []int{0, 1} {
			f.sim.Advance(time.Minute)
			_, err := f.sim.TakeBack(shopifytest.TakeBack{Order: sold[i].ID, Note: "too large", Lines: []shopifytest.TakeBackLine{{Line: 0}}})
			require.NoError(t, err)
		}
	})
	require.Len(t, payloads, len(sales))

	told, read, backfilled := f.store(sqlite(t)), f.store(sqlite(t)), f.store(sqlite(t))
	reader := fetch.NewReader(f.client, "")
	for id, p := range payloads {
		o, whole := fetch.Order(&p)
		require.True(t, whole)
		_, err := told.PutOrder(t.Context(), o, store.Told)
		require.NoError(t, err)
		asked, found, err := reader.Order(t.Context(), id)
		require.NoError(t, err)
		require.True(t, found)
		assert.Equal(t, row(t, o), row(t, asked), "order %d", id)
		_, err = read.PutOrder(t.Context(), asked, store.Read)
		require.NoError(t, err)
		// Whichever comes first, the other one is the same.
		result, err := told.PutOrder(t.Context(), asked, store.Told)
		require.NoError(t, err)
		assert.Equal(t, store.Same, result)
	}
	report, ran, err := f.backfill(backfilled).Run(t.Context())
	require.NoError(t, err)
	require.True(t, ran)
	assert.Equal(t, len(f.sim.Orders()), report.Orders.Read)
	number, err := shopify.GID(customer).Number()
	require.NoError(t, err)
	ours := func(s *store.Store) (rows []store.Order) {
		all, err := s.Orders(t.Context(), number)
		require.NoError(t, err)
		for _, o := range all {
			if _, sold := payloads[o.ID]; sold {
				rows = append(rows, o)
			}
		}
		return rows
	}
	rows := ours(told)
	require.Len(t, rows, 4)
	assert.Equal(t, rows, ours(read))
	assert.Equal(t, rows, ours(backfilled))
	for _, o := range rows {
		switch o.ID {
		case sold[0].LegacyID:
			assert.Equal(t, 1, o.Lines[0].Returned)
			assert.True(t, o.Refunded.Amount.IsPositive())
		case sold[1].LegacyID:
			paid := o.Lines[0].Paid.Amount.Add(o.Lines[1].Paid.Amount)
			assert.True(t, paid.Equal(sold[1].Subtotal), "the lines add up to what was paid before tax: %s, %s", paid, sold[1].Subtotal)
		case sold[2].LegacyID:
			assert.True(t, o.Lines[0].Gift, "the order is a gift")
		case sold[3].LegacyID:
			assert.Equal(t, []bool{true, false}, []bool{o.Lines[0].Gift, o.Lines[1].Gift})
		}
	}
}

// row is an order as the store writes it.
func row(t *testing.T, o store.Order) string {
	t.Helper()
	body, err := json.Marshal(o)
	require.NoError(t, err)
	return fmt.Sprint(o.ID, " ", o.Customer, " ", o.UpdatedAt.Unix(), " ", string(body))
}

// What is read by the API completes what a delivery does not say: of a product, what a
// delivery says is what the API says.
func TestAProductIsTheSameWhicheverWayItCame(t *testing.T) {
	f := newFixture(t, &shopifytest.Options{Data: demotest.SmallShop(), RetrySchedule: []time.Duration{}})
	_, err := admin.WebhookSubscriptionCreate(t.Context(), f.client, admin.WebhookSubscriptionTopicProductsUpdate, admin.WebhookSubscriptionInput{URI: shopify.Some("http://127.0.0.1:9/")})
	require.NoError(t, err)
	for _, p := range f.sim.Products()[:5] {
		_, err := admin.ProductUpdate(t.Context(), f.client, admin.ProductUpdateInput{ID: shopify.Some(shopify.GID(p.ID)), ProductType: shopify.Some("Renamed " + p.Type)})
		require.NoError(t, err)
	}
	reader := fetch.NewReader(f.client, "")
	variants := 0
	for _, d := range f.sim.Deliveries() {
		var p webhook.Product
		require.NoError(t, json.Unmarshal(d.Body, &p))
		for _, v := range fetch.Product(&p) {
			asked, err := reader.Variants(t.Context(), []int64{v.ID})
			require.NoError(t, err)
			assert.Equal(t, v, asked[0])
			variants++
		}
	}
	assert.Greater(t, variants, 5)
	gone, err := reader.Variants(t.Context(), []int64{1})
	require.NoError(t, err)
	assert.Equal(t, []store.Variant{{ID: 1}}, gone)
}

// A process that dies leaves its bulk operations to the next one, which reads their
// results and starts none again.
func TestABackfillGoesOn(t *testing.T) {
	f := newFixture(t, &shopifytest.Options{Data: demotest.SmallShop()})
	url := sqlite(t)
	s := f.store(url)
	hold := make(chan struct{})
	remove := f.sim.InjectBulk(shopifytest.BulkFault{Kind: "QUERY", Times: -1, Hold: hold})
	ctx, kill := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := f.backfill(s).Run(ctx)
		done <- err
	}()
	started := func() (n int) {
		for _, j := range f.sim.Journal() {
			if j.Operation == "BulkQuery" || j.Operation == "BulkOperationRunQuery" {
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { mark, err := s.Mark(t.Context(), "backfill/variants"); return err == nil && mark != "" }, 5*time.Minute, 10*time.Millisecond)
	before := started()
	require.Positive(t, before, "%+v", f.sim.Journal())
	kill()
	require.Error(t, <-done)
	remove()
	close(hold)
	report, ran, err := f.backfill(s).Run(t.Context())
	require.NoError(t, err)
	require.True(t, ran)
	assert.True(t, report.Resumed)
	assert.Equal(t, before+2, started(), "customers and orders; the variants' is gone on with")
	assert.Equal(t, len(f.sim.Customers()), report.Customers.Stored)
	complete, err := f.backfill(s).Complete(t.Context())
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), complete, 10*time.Minute)

	// The next look reads what changed.
	report, _, err = f.backfill(s).Run(t.Context())
	require.NoError(t, err)
	assert.False(t, report.Since.IsZero())
	assert.Less(t, report.Orders.Read, len(f.sim.Orders()))
	assert.Zero(t, report.Orders.Stored)
}

// A bulk operation that came to nothing is started anew.
func TestABackfillThatFailed(t *testing.T) {
	f := newFixture(t, &shopifytest.Options{Data: demotest.SmallShop()})
	s := f.store(sqlite(t))
	f.sim.InjectBulk(shopifytest.BulkFault{Kind: "QUERY", Times: 1, Fail: "INTERNAL_SERVER_ERROR"})
	_, _, err := f.backfill(s).Run(t.Context())
	require.ErrorIs(t, err, shopify.ErrServer)
	f.sim.InjectBulk(shopifytest.BulkFault{Kind: "QUERY", Times: -1, Shuffle: true})
	report, ran, err := f.backfill(s).Run(t.Context())
	require.NoError(t, err)
	require.True(t, ran)
	assert.False(t, report.Resumed)
	assert.Equal(t, len(f.sim.Orders()), report.Orders.Read)
}

// Shopify's own samples convert without harm.
func TestSamples(t *testing.T) {
	body, ok := webhooktest.Sample("orders/create")
	require.True(t, ok)
	var p webhook.Order
	require.NoError(t, json.Unmarshal(body, &p))
	o, whole := fetch.Order(&p)
	assert.True(t, whole)
	assert.NotZero(t, o.ID)
	assert.Len(t, o.Lines, len(p.LineItems))
}

// A delivery may say anything.
func FuzzOrder(f *testing.F) {
	body, _ := webhooktest.Sample("orders/create")
	f.Add(body)
	f.Add([]byte(`{"id":1,"line_items":[{"quantity":-3,"price":"1e999999999","discount_allocations":[{"amount":"-1"}],"current_quantity":9}],"refunds":[{"transactions":[{"kind":"refund","status":"success","amount":"9"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p webhook.Order
		if json.Unmarshal(body, &p) != nil {
			return
		}
		o, _ := fetch.Order(&p)
		if len(o.Lines) != len(p.LineItems) {
			t.Fatal("a line is lost")
		}
		if _, err := json.Marshal(o); err != nil {
			t.Fatal(err)
		}
	})
}
