package subscription_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/subscription"
)

// office is a shop, a receiver with its inbox, and a reconciler.
type office struct {
	shop       *shopifytest.Shop
	client     graphql.Client
	box        *inbox.Inbox
	reconciler *subscription.Reconciler
	keeper     *subscription.Keeper
	receiver   *httptest.Server

	mu    gosync.Mutex
	now   time.Time
	deaf  bool // the receiver fails, and Shopify does not try again
	calls []webhook.Delivery

	unheard map[string]bool // webhook IDs of what was sent to deaf ears
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func (o *office) setDeaf(deaf bool) {
	unheard := make(map[string]bool)
	for _, d := range o.shop.Deliveries() {
		unheard[d.WebhookID] = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.deaf = deaf; !deaf {
		o.unheard = unheard
	}
}

// late returns what failed although the receiver hears, since the machine is
// busy: its webhook IDs.
func (o *office) late() (ids []string) {
	delivered := make(map[string]bool)
	deliveries := o.shop.Deliveries()
	for _, d := range deliveries {
		if d.State == shopifytest.DeliveryDelivered {
			delivered[d.WebhookID] = true
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range deliveries {
		if d.State == shopifytest.DeliveryFailed && !delivered[d.WebhookID] && !o.unheard[d.WebhookID] && !slices.Contains(ids, d.WebhookID) {
			ids = append(ids, d.WebhookID)
		}
	}
	return ids
}

// seen returns what the function was called with, such as
// "orders/create orders/7", sorted; and forgets it.
func (o *office) seen() (calls []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.calls {
		calls = append(calls, d.Topic+" "+inbox.ResourceOf(d).ID)
	}
	o.calls = nil
	slices.Sort(calls)
	return calls
}

var everything = []string{"orders/create", "orders/updated", "orders/cancelled", "refunds/create", "customers/create", "customers/update", "inventory_levels/update"}

func newOffice(t *testing.T, url string, opts subscription.ReconcilerOptions) *office {
	o := &office{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	o.shop = shopifytest.NewShop(t, &shopifytest.Options{Now: o.clock, RetrySchedule: []time.Duration{}, Plan: shopifytest.Plus})
	o.client = newClient(o.shop)
	var err error
	o.box, err = inbox.Open(t.Context(), url, func(_ context.Context, d webhook.Delivery) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.calls = append(o.calls, d)
		return nil
	}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, o.box.Close()) })
	require.NoError(t, o.box.Start(t.Context()))
	handler, err := webhook.NewHandler(o.box, webhook.Secrets{Current: o.shop.Secret()}, nil)
	require.NoError(t, err)
	o.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		deaf := o.deaf
		o.mu.Unlock()
		if deaf {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(o.receiver.Close)
	var declared []subscription.Subscription
	for _, topic := range everything {
		declared = append(declared, subscription.Subscription{Topic: topic, URI: o.receiver.URL})
	}
	o.keeper = newKeeper(t, o.client, nil, declared...)
	assert.Len(t, sync(t, o.keeper), len(declared))
	opts.Now = o.clock
	o.reconciler, err = subscription.NewReconciler(o.client, o.shop.Domain(), o.box, &opts)
	require.NoError(t, err)
	return o
}

// settle waits until all that Shopify sent is processed.
func (o *office) settle(t *testing.T) {
	t.Helper()
	require.NoError(t, o.shop.WaitIdle(t.Context()))
	for late := o.late(); len(late) > 0; late = o.late() {
		for _, id := range late {
			require.NoError(t, o.shop.Redeliver(id))
		}
		require.NoError(t, o.shop.WaitIdle(t.Context()))
	}
	require.Eventually(t, func() bool {
		stats, err := o.box.Stats(context.WithoutCancel(t.Context()))
		return assert.NoError(t, err) && stats.Depth() == 0
	}, soon, 20*time.Millisecond)
}

// reconcile lets ten minutes pass, looks, and returns what was missed, sorted.
func (o *office) reconcile(t *testing.T) (missed []string) {
	t.Helper()
	o.pass(10 * time.Minute)
	report, err := o.reconciler.Reconcile(t.Context())
	require.NoError(t, err)
	for _, m := range report.Missed {
		missed = append(missed, m.Topic+" "+m.Resource)
	}
	slices.Sort(missed)
	o.settle(t)
	return missed
}

func (o *office) mutate(t *testing.T, mutation string, variables map[string]any) {
	t.Helper()
	ask(t, o.client, mutation, variables)
}

func tail(gid string) string { return gid[strings.LastIndexByte(gid, '/')+1:] }

func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, testpg.URL(t))
	})
}

func TestReconcileFindsWhatNeverArrived(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		o := newOffice(t, url, subscription.ReconcilerOptions{})
		assert.Empty(t, o.reconcile(t), "the past is not fed")

		heard := sell(t, o.shop)
		o.settle(t)
		arrived := o.seen()
		assert.Contains(t, arrived, "orders/create orders/"+tail(heard.ID))
		assert.Empty(t, o.reconcile(t), "all arrived")

		o.setDeaf(true)
		missed := sell(t, o.shop)
		o.pass(time.Second)
		o.mutate(t, `mutation($id: ID!) { orderUpdate(input: {id: $id, note: "call back"}) { userErrors { message } } }`, map[string]any{"id": heard.ID})
		refund(t, o, missed)
		o.mutate(t, `mutation { customerCreate(input: {firstName: "Ada", email: "ada@example.com"}) { userErrors { message } } }`, nil)
		require.NoError(t, o.shop.WaitIdle(t.Context()))
		o.setDeaf(false)
		assert.Empty(t, o.seen())
		report, err := o.reconciler.Reconcile(t.Context())
		require.NoError(t, err)
		assert.Empty(t, report.Missed, "not settled: it may yet arrive")

		found := o.reconcile(t)
		byTopic := make(map[string]int)
		for _, m := range found {
			byTopic[strings.Fields(m)[0]]++
		}
		assert.Equal(t, 1, byTopic["orders/create"], "%v", found)
		assert.Contains(t, found, "orders/create orders/"+tail(missed.ID))
		assert.Contains(t, found, "orders/updated orders/"+tail(heard.ID))
		assert.Contains(t, found, "orders/updated orders/"+tail(missed.ID), "the refund changed it")
		assert.Equal(t, 1, byTopic["refunds/create"])
		assert.Equal(t, 1, byTopic["customers/create"])
		assert.Equal(t, 1, byTopic["customers/update"], "who bought")
		assert.Equal(t, 1, byTopic["inventory_levels/update"])
		assert.Equal(t, found, o.seen(), "through the same function")
		assert.Empty(t, o.reconcile(t), "once")
		assert.Empty(t, o.seen())
	})
}

// refund gives the first piece of an order back, for what it cost.
func refund(t *testing.T, o *office, order shopifytest.Order) {
	t.Helper()
	data := ask(t, o.client, `query($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { id } } retailLocation { id } transactions { id gateway } } }`, map[string]any{"id": order.ID})
	node := data["order"].(map[string]any)
	line := node["lineItems"].(map[string]any)["nodes"].([]any)[0].(map[string]any)["id"]
	payment := node["transactions"].([]any)[0].(map[string]any)
	o.mutate(t, `mutation($in: RefundInput!) { refundCreate(input: $in) @idempotent(key: "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed") { refund { id } userErrors { message } } }`, map[string]any{"in": map[string]any{
		"orderId": order.ID, "note": "too small",
		"refundLineItems": []any{map[string]any{"lineItemId": line, "quantity": 1, "restockType": "RETURN", "locationId": node["retailLocation"].(map[string]any)["id"]}},
		"transactions":    []any{map[string]any{"orderId": order.ID, "parentId": payment["id"], "gateway": payment["gateway"], "kind": "REFUND", "amount": "5.00"}},
	}})
}

func TestWhatWasFoundAndThenArrivesIsProcessedOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), subscription.ReconcilerOptions{Topics: []string{"orders/create", "refunds/create", "inventory_levels/update"}})
	require.Empty(t, o.reconcile(t))
	o.setDeaf(true)
	order := sell(t, o.shop)
	o.pass(time.Second)
	refund(t, o, order)
	require.NoError(t, o.shop.WaitIdle(t.Context()))
	o.setDeaf(false)
	assert.Len(t, o.reconcile(t), 3)
	want := o.seen()
	assert.Len(t, want, 3)
	for _, d := range o.shop.Deliveries() { // Shopify comes with them after all
		if slices.Contains([]string{"orders/create", "refunds/create", "inventory_levels/update"}, d.Topic) {
			require.NoError(t, o.shop.Redeliver(d.WebhookID))
			delete(o.unheard, d.WebhookID)
		}
	}
	o.settle(t)
	assert.Empty(t, o.seen())
	covered := 0
	for r, err := range o.box.List(t.Context(), inbox.Query{}) {
		require.NoError(t, err)
		if r.Skipped == inbox.SkippedCovered {
			covered++
		}
	}
	assert.Equal(t, 4, covered, "the sale and the refund each changed the level")
}

func TestWatermarkSurvivesFailures(t *testing.T) {
	t.Parallel()
	url := "sqlite://" + filepath.Join(t.TempDir(), "inbox.db")
	o := newOffice(t, url, subscription.ReconcilerOptions{Topics: []string{"orders/create", "customers/create"}, Overlap: time.Minute})
	require.Empty(t, o.reconcile(t))
	o.setDeaf(true)
	first := sell(t, o.shop)
	o.pass(time.Hour) // more than the overlap
	second := sell(t, o.shop)
	o.mutate(t, `mutation { customerCreate(input: {firstName: "Ada", email: "ada@example.com"}) { userErrors { message } } }`, nil)
	require.NoError(t, o.shop.WaitIdle(t.Context()))
	o.pass(3 * time.Hour) // far more than the overlap

	// The first of two orders cannot be read; the rest is found all the same.
	remove := o.shop.Inject(shopifytest.Fault{Operation: "ReconcileOrder", Status: http.StatusUnprocessableEntity})
	report, err := o.reconciler.Reconcile(t.Context())
	require.ErrorContains(t, err, "orders/create orders/"+tail(first.ID))
	remove()
	found := make([]string, len(report.Missed))
	for i, m := range report.Missed {
		found[i] = m.Resource
	}
	require.Len(t, found, 2)
	assert.Equal(t, "orders/"+tail(second.ID), found[0])
	o.pass(3 * time.Hour)
	// Another process goes on where this one left off.
	again, err := subscription.NewReconciler(o.client, o.shop.Domain(), o.box, &subscription.ReconcilerOptions{
		Topics: []string{"orders/create", "customers/create"}, Overlap: time.Minute, Now: o.clock,
	})
	require.NoError(t, err)
	report, err = again.Reconcile(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Missed, 1)
	assert.Equal(t, "orders/"+tail(first.ID), report.Missed[0].Resource)
}

func TestSinceAndOrderQuery(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), subscription.ReconcilerOptions{
		Topics: []string{"orders/create"}, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), OrderQuery: "source_name:pos",
	})
	want := make(map[string]bool)
	for order := range ordersOf(t, o.client, "created_at:>='2026-11-01T00:00:00Z' AND source_name:pos") {
		want["orders/create orders/"+tail(order)] = true
	}
	require.NotEmpty(t, want)
	assert.Equal(t, slices.Sorted(maps.Keys(want)), o.reconcile(t))
	assert.Empty(t, o.reconcile(t))
}

func ordersOf(t *testing.T, client graphql.Client, query string) map[string]bool {
	t.Helper()
	data := ask(t, client, `query($q: String!) { orders(first: 250, query: $q) { nodes { id } } }`, map[string]any{"q": query})
	ids := make(map[string]bool)
	for _, n := range data["orders"].(map[string]any)["nodes"].([]any) {
		ids[n.(map[string]any)["id"].(string)] = true
	}
	return ids
}

func TestRunLooksWhenWoken(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), subscription.ReconcilerOptions{Topics: []string{"orders/create"}, Interval: time.Hour})
	require.Empty(t, o.reconcile(t))
	o.setDeaf(true)
	sell(t, o.shop)
	require.NoError(t, o.shop.WaitIdle(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- o.reconciler.Run(ctx) }()
	require.Eventually(t, func() bool {
		o.pass(10 * time.Minute)
		o.reconciler.Now()
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.calls) == 1
	}, soon, 20*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ran, context.Canceled)
}

func TestNewReconcilerRefuses(t *testing.T) {
	t.Parallel()
	client := newClient(shopifytest.NewShop(t, nil))
	box, err := inbox.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), func(context.Context, webhook.Delivery) error { return nil }, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, box.Close()) }()
	for name, opts := range map[string]subscription.ReconcilerOptions{
		"another topic": {Topics: []string{"products/update"}}, "no time to settle": {Settle: time.Second}, "negative": {Interval: -1},
	} {
		_, err := subscription.NewReconciler(client, "example.myshopify.com", box, &opts)
		require.ErrorIs(t, err, subscription.ErrInvalid, name)
	}
	_, err = subscription.NewReconciler(client, "", box, nil)
	require.ErrorIs(t, err, subscription.ErrInvalid)
	_, err = subscription.NewReconciler(nil, "example.myshopify.com", box, nil)
	require.ErrorIs(t, err, subscription.ErrInvalid)
}

func TestFieldsThatTheTokenMayNotSeeAreNull(t *testing.T) {
	t.Parallel()
	shop := shopifytest.NewShop(t, &shopifytest.Options{Scopes: []string{"read_orders", "read_products"}})
	box, err := inbox.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), func(context.Context, webhook.Delivery) error { return nil }, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, box.Close()) }()
	now := time.Now()
	reconciler, err := subscription.NewReconciler(newClient(shop), shop.Domain(), box, &subscription.ReconcilerOptions{
		Topics: []string{"orders/create"}, Now: func() time.Time { return now },
		Overlap: time.Minute, // the simulated shop sold until last night
	})
	require.NoError(t, err)
	_, err = reconciler.Reconcile(t.Context())
	require.NoError(t, err)
	order := sell(t, shop)
	now = now.Add(time.Hour)
	report, err := reconciler.Reconcile(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Missed, 1)
	for r, err := range box.List(t.Context(), inbox.Query{}) {
		require.NoError(t, err)
		var got webhook.Order
		require.NoError(t, json.Unmarshal(r.Body, &got))
		assert.Equal(t, order.Name, got.Name)
		assert.Nil(t, got.Customer)
		assert.Nil(t, got.UserID)
		assert.NotEmpty(t, got.LineItems)
	}
}

// What the reconciler feeds decodes to what Shopify would have sent.
func TestPayloadsAreLikeShopifys(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), subscription.ReconcilerOptions{})
	require.Empty(t, o.reconcile(t))
	o.setDeaf(true)
	sale := shopifytest.Sale{Customer: o.shop.Customers()[0].ID, Note: "a gift", Tags: []string{"vip", "gift"}, Attributes: []shopifytest.Attribute{{Key: "channel", Value: "counter"}}}
	for i := range 6 {
		sale.Lines = append(sale.Lines, shopifytest.SaleLine{SKU: []string{"AW-CAN-CEDA", "AW-SHE-QUEE-WHIT"}[i%2], Quantity: 1 + i%3})
	}
	sale.Lines[0].Attributes = []shopifytest.Attribute{{Key: "engraving", Value: "A"}}
	sale.Discount = &shopifytest.Discount{Code: "TEN", Percent: decimalOf(10)}
	order, err := o.shop.RingUp(sale)
	require.NoError(t, err)
	topics := comparedAsSent(t, o)
	assert.Equal(t, []string{"customers/update", "inventory_levels/update", "inventory_levels/update", "orders/create"}, topics)
	o.setDeaf(true)
	refund(t, o, order)
	topics = comparedAsSent(t, o)
	assert.Equal(t, []string{"inventory_levels/update", "orders/updated", "refunds/create"}, topics)

	// More than a page of lines, and nobody who listens to their levels: as many
	// failures would end the subscription.
	silent := newKeeper(t, o.client, nil, subscription.Subscription{Topic: "orders/create", URI: o.receiver.URL})
	assert.Len(t, sync(t, silent), len(everything)-1)
	o.setDeaf(true)
	sale.Lines = slices.Repeat(sale.Lines, 5)
	_, err = o.shop.RingUp(sale)
	require.NoError(t, err)
	require.NoError(t, o.shop.WaitIdle(t.Context()))
	o.setDeaf(false)
	o.reconcile(t)
	sent, found := o.shop.Deliveries(), o.calls
	i := slices.IndexFunc(found, func(d webhook.Delivery) bool { return d.Topic == "orders/create" })
	require.GreaterOrEqual(t, i, 0)
	for _, diff := range compare(t, sent[len(sent)-1].Body, found[i].Body) {
		path, _, _ := strings.Cut(diff, ":")
		assert.Contains(t, notTold["orders"], path, diff)
	}
}

// notTold is what the GraphQL Admin API does not tell, by topic.
var notTold = map[string][]string{
	"orders": {
		".device_id", ".token", ".returns", ".discount_applications[].title", ".fulfillments[].name", ".fulfillments[].receipt", ".fulfillments[].service",
		".line_items[].duties", ".line_items[].fulfillment_service", ".line_items[].grams", ".line_items[].variant_inventory_management",
		".transactions[].payment_id", ".transactions[].receipt", ".transactions[].source_name", ".transactions[].user_id",
		".refunds[].duties", ".refunds[].refund_shipping_lines", ".refunds[].total_duties_set", ".refunds[].updated_at",
	},
	"refunds": {
		".duties", ".refund_shipping_lines", ".total_duties_set", ".updated_at",
	},
}

// comparedAsSent lets the reconciler find what was sent in vain, compares it
// with that, and returns the topics that it compared.
func comparedAsSent(t *testing.T, o *office) (topics []string) {
	require.NoError(t, o.shop.WaitIdle(t.Context()))
	o.setDeaf(false)
	o.reconcile(t)
	key := func(topic string, body []byte) string {
		return topic + " " + inbox.ResourceOf(webhook.Delivery{Topic: topic, Body: body}).ID
	}
	sent := make(map[string][]byte) // the latest
	for _, d := range o.shop.Deliveries() {
		sent[key(d.Topic, d.Body)] = d.Body
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.calls {
		topics = append(topics, d.Topic)
		body := sent[key(d.Topic, d.Body)]
		if !assert.NotNil(t, body, "%s was not sent", key(d.Topic, d.Body)) {
			continue
		}
		family, _, _ := strings.Cut(d.Topic, "/")
		for _, diff := range compare(t, body, d.Body) {
			path, _, _ := strings.Cut(diff, ":")
			path = strings.NewReplacer(".refunds[].transactions", ".transactions", ".refunds[].refund_line_items[].line_item.", ".line_items[].", ".refund_line_items[].line_item.", ".line_items[].").Replace(path)
			if !slices.Contains(append(notTold[family], notTold["orders"]...), path) {
				t.Errorf("%s: %s", d.Topic, diff)
			}
		}
	}
	o.calls = nil
	slices.Sort(topics)
	return topics
}

// compare returns the paths at which two payloads differ.
func compare(t *testing.T, a, b []byte) (paths []string) {
	var x, y any
	require.NoError(t, json.Unmarshal(a, &x))
	require.NoError(t, json.Unmarshal(b, &y))
	var walk func(path string, x, y any)
	walk = func(path string, x, y any) {
		switch xv := x.(type) {
		case map[string]any:
			yv, ok := y.(map[string]any)
			if !ok {
				paths = append(paths, fmt.Sprintf("%s: an object became %v", path, y))
				return
			}
			for k := range xv {
				walk(path+"."+k, xv[k], yv[k])
			}
			for k := range yv {
				if _, ok := xv[k]; !ok && yv[k] != nil {
					paths = append(paths, fmt.Sprintf("%s.%s: new: %v", path, k, yv[k]))
				}
			}
		case []any:
			yv, ok := y.([]any)
			if !ok || len(yv) != len(xv) {
				paths = append(paths, fmt.Sprintf("%s: %d elements became %v", path, len(xv), y))
				return
			}
			for i := range xv {
				walk(path+"[]", xv[i], yv[i])
			}
		default:
			if !same(x, y) {
				paths = append(paths, fmt.Sprintf("%s: %v became %v", path, x, y))
			}
		}
	}
	walk("", x, y)
	slices.Sort(paths)
	return slices.Compact(paths)
}
