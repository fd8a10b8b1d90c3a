package shopifytest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// received is one request that a subscriber got.
type received struct {
	header http.Header
	body   []byte
}

// subscriber is a server that answers with what status says and keeps what it got.
type subscriber struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	status func(n int) int // of the n-th request, from 0
}

func newSubscriber(t *testing.T, status func(n int) int) *subscriber {
	t.Helper()
	sub := &subscriber{status: status}
	sub.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sub.mu.Lock()
		n := len(sub.got)
		sub.got = append(sub.got, received{r.Header.Clone(), body})
		sub.mu.Unlock()
		if code := sub.status(n); code != 0 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		}
	}))
	t.Cleanup(sub.Close)
	return sub
}

func always200(int) int { return http.StatusOK }

func (s *subscriber) requests() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

const subscribeMutation = `mutation($topic: WebhookSubscriptionTopic!, $in: WebhookSubscriptionInput!) {
	webhookSubscriptionCreate(topic: $topic, webhookSubscription: $in) { webhookSubscription { id topic uri name } userErrors { field message } } }`

// subscribe makes a subscription and returns its id.
func subscribe(t *testing.T, s *shopifytest.Shop, topic string, in map[string]any) string {
	t.Helper()
	out := data(t, s, subscribeMutation, map[string]any{"topic": topic, "in": in})
	require.Empty(t, at(out, "webhookSubscriptionCreate", "userErrors"))
	return at(out, "webhookSubscriptionCreate", "webhookSubscription", "id").(string)
}

func waitIdle(t *testing.T, s *shopifytest.Shop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, s.WaitIdle(ctx))
}

func sell(t *testing.T, s *shopifytest.Shop) shopifytest.Order {
	t.Helper()
	o, err := s.RingUp(shopifytest.Sale{Customer: s.Customers()[0].ID, Lines: []shopifytest.SaleLine{{SKU: "AW-CAN-CEDA"}, {SKU: "AW-MTC", Quantity: 2}}})
	require.NoError(t, err)
	return o
}

func TestDelivery(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, always200)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL + "/webhooks", "name": "till"})
	subscribe(t, s, "ORDERS_PAID", map[string]any{"uri": sub.URL + "/webhooks"})
	o := sell(t, s)
	waitIdle(t, s)

	got := sub.requests()
	require.Len(t, got, 2)
	ids, events := map[string]bool{}, map[string]bool{}
	for _, r := range got {
		mac := hmac.New(sha256.New, []byte(s.Secret()))
		mac.Write(r.body)
		assert.Equal(t, base64.StdEncoding.EncodeToString(mac.Sum(nil)), r.header.Get("X-Shopify-Hmac-Sha256"))
		assert.Equal(t, s.Domain(), r.header.Get("X-Shopify-Shop-Domain"))
		assert.Equal(t, "2026-10", r.header.Get("X-Shopify-API-Version"))
		assert.Equal(t, "application/json", r.header.Get("Content-Type"))
		_, err := time.Parse(time.RFC3339Nano, r.header.Get("X-Shopify-Triggered-At"))
		require.NoError(t, err)
		ids[r.header.Get("X-Shopify-Webhook-Id")] = true
		events[r.header.Get("X-Shopify-Event-Id")] = true
		if r.header.Get("X-Shopify-Topic") == "orders/create" {
			assert.Equal(t, "till", r.header.Get("X-Shopify-Name"))
		} else {
			assert.Equal(t, "orders/paid", r.header.Get("X-Shopify-Topic"))
			assert.Empty(t, r.header.Values("X-Shopify-Name"))
		}
	}
	assert.Len(t, ids, 2, "each delivery has its webhook id")
	assert.Len(t, events, 1, "one action is one event")

	log := s.Deliveries()
	require.Len(t, log, 2)
	assert.Equal(t, shopifytest.DeliveryDelivered, log[0].State)
	require.Len(t, log[0].Attempts, 1)
	assert.Equal(t, http.StatusOK, log[0].Attempts[0].Status)
	assert.Contains(t, string(log[0].Body), o.ID)
}

func TestOrderPayload(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, always200)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL})
	customer := s.Customers()[0]
	o, err := s.RingUp(shopifytest.Sale{
		Customer: customer.ID, Tags: []string{"b", "a"}, Attributes: []shopifytest.Attribute{{Key: "gift", Value: "yes"}}, Tender: "gift_card",
		Lines: []shopifytest.SaleLine{{SKU: "AW-OXF-WHIT-M", Attributes: []shopifytest.Attribute{{Key: "monogram", Value: "AB"}}}},
	})
	require.NoError(t, err)
	waitIdle(t, s)
	var p struct {
		ID         int64  `json:"id"`
		GID        string `json:"admin_graphql_api_id"`
		Name       string
		SourceName string `json:"source_name"`
		LocationID int64  `json:"location_id"`
		UserID     int64  `json:"user_id"`
		DeviceID   int64  `json:"device_id"`
		Tags       string
		Note       *string
		TotalPrice string `json:"total_price"`
		TotalSet   struct {
			ShopMoney struct{ Amount string } `json:"shop_money"`
		} `json:"total_price_set"`
		CancelledAt *string                        `json:"cancelled_at"`
		Financial   string                         `json:"financial_status"`
		Gateways    []string                       `json:"payment_gateway_names"`
		Attributes  []struct{ Name, Value string } `json:"note_attributes"`
		Customer    struct {
			ID      int64
			Email   string
			Consent struct{ State string } `json:"email_marketing_consent"`
		}
		Lines []struct {
			ID         int64
			SKU        string
			Price      string
			VariantID  int64 `json:"variant_id"`
			ProductID  int64 `json:"product_id"`
			Properties []struct{ Name, Value string }
			Staffs     []struct {
				ID       string
				Quantity int
			} `json:"attributed_staffs"`
		} `json:"line_items"`
	}
	require.NoError(t, json.Unmarshal(sub.requests()[0].body, &p))
	assert.Equal(t, o.LegacyID, p.ID)
	assert.Greater(t, p.ID, int64(1)<<53, "ids do not fit a float")
	assert.Equal(t, o.ID, p.GID)
	assert.Equal(t, o.Name, p.Name)
	assert.Equal(t, "pos", p.SourceName)
	assert.Positive(t, p.LocationID)
	assert.Positive(t, p.UserID)
	assert.Positive(t, p.DeviceID)
	assert.Equal(t, "a, b", p.Tags)
	assert.Nil(t, p.Note)
	assert.Nil(t, p.CancelledAt)
	assert.Equal(t, o.Total.StringFixed(2), p.TotalPrice)
	assert.Equal(t, o.Total.StringFixed(2), p.TotalSet.ShopMoney.Amount)
	assert.Equal(t, "paid", p.Financial)
	assert.Equal(t, []string{"gift_card"}, p.Gateways)
	assert.Equal(t, "gift", p.Attributes[0].Name)
	assert.Equal(t, customer.Email, p.Customer.Email)
	assert.NotEmpty(t, p.Customer.Consent.State)
	require.Len(t, p.Lines, 1)
	assert.Equal(t, "89.00", p.Lines[0].Price)
	assert.Equal(t, "monogram", p.Lines[0].Properties[0].Name)
	require.Len(t, p.Lines[0].Staffs, 1)
	assert.Contains(t, p.Lines[0].Staffs[0].ID, "gid://shopify/StaffMember/")
}

func TestRetries(t *testing.T) {
	s := newShop(t, &shopifytest.Options{RetrySchedule: []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}})
	answers := []int{http.StatusInternalServerError, http.StatusFound, http.StatusOK}
	sub := newSubscriber(t, func(n int) int { return answers[n] })
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL})
	sell(t, s)
	waitIdle(t, s)

	got := sub.requests()
	require.Len(t, got, 3, "a redirect is a failure and is not followed")
	for _, r := range got[1:] {
		assert.Equal(t, got[0].body, r.body, "same payload")
		for _, key := range []string{"X-Shopify-Webhook-Id", "X-Shopify-Event-Id", "X-Shopify-Hmac-Sha256", "X-Shopify-Triggered-At"} {
			assert.Equal(t, got[0].header.Get(key), r.header.Get(key))
		}
	}
	d := s.Deliveries()[0]
	assert.Equal(t, shopifytest.DeliveryDelivered, d.State)
	var statuses []int
	for _, a := range d.Attempts {
		statuses = append(statuses, a.Status)
	}
	assert.Equal(t, answers, statuses)
}

func TestUnreachable(t *testing.T) {
	s := newShop(t, &shopifytest.Options{RetrySchedule: []time.Duration{time.Millisecond}})
	// Port 1 is given to no process that asks for any free one.
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": "http://127.0.0.1:1"})
	sell(t, s)
	waitIdle(t, s)
	d := s.Deliveries()[0]
	assert.Equal(t, shopifytest.DeliveryFailed, d.State)
	require.Len(t, d.Attempts, 2)
	assert.Zero(t, d.Attempts[0].Status)
	assert.Equal(t, "dial failed", d.Attempts[0].Error)
	assert.Len(t, s.Subscriptions(), 1, "two failures do not cost the subscription")
}

func TestRedeliver(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, always200)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL})
	sell(t, s)
	waitIdle(t, s)
	require.NoError(t, s.Redeliver(s.Deliveries()[0].WebhookID))
	waitIdle(t, s)
	got := sub.requests()
	require.Len(t, got, 2)
	assert.Equal(t, got[0].body, got[1].body)
	assert.Equal(t, got[0].header.Get("X-Shopify-Webhook-Id"), got[1].header.Get("X-Shopify-Webhook-Id"))
	assert.True(t, s.Deliveries()[1].Redelivered)
	require.ErrorIs(t, s.Redeliver("none"), shopifytest.ErrNotFound)
}

func TestDroppedDeliveries(t *testing.T) {
	s := newShop(t, &shopifytest.Options{RetrySchedule: []time.Duration{time.Hour}})
	sub := newSubscriber(t, func(int) int { return http.StatusServiceUnavailable })
	id := subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL})
	sell(t, s)
	eventually(t, func() bool { return len(s.Deliveries()[0].Attempts) == 1 })
	out := data(t, s, `mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { message } } }`, map[string]any{"id": id})
	assert.Equal(t, id, at(out, "webhookSubscriptionDelete", "deletedWebhookSubscriptionId"))
	waitIdle(t, s)
	assert.Equal(t, shopifytest.DeliveryDropped, s.Deliveries()[0].State)
	sell(t, s)
	assert.Len(t, s.Deliveries(), 1, "nobody listens any more")
}

func TestSubscriptionRefused(t *testing.T) {
	s := newShop(t, nil)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": "https://app.example.com/a"})
	for name, in := range map[string]map[string]any{
		"plain http":      {"uri": "http://app.example.com/a"},
		"no host":         {"uri": "https:///a"},
		"with password":   {"uri": "https://me:secret@app.example.com/a"},
		"not an address":  {"uri": "kafka://topic"},
		"other's events":  {"uri": "arn:aws:sqs:us-east-1:123456789012:queue"},
		"blank":           {},
		"taken":           {"uri": "https://app.example.com/a"},
		"name":            {"uri": "https://app.example.com/b", "name": "with spaces"},
		"filter of words": {"uri": "https://app.example.com/b", "filter": "total_price:>5 )"},
	} {
		t.Run(name, func(t *testing.T) {
			out := data(t, s, subscribeMutation, map[string]any{"topic": "ORDERS_CREATE", "in": in})
			assert.NotEmpty(t, at(out, "webhookSubscriptionCreate", "userErrors", 0, "message"))
			assert.Nil(t, at(out, "webhookSubscriptionCreate", "webhookSubscription"))
		})
	}
	assert.Len(t, s.Subscriptions(), 1)
}

func TestFilterAndFields(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, always200)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{
		"uri": sub.URL, "filter": "total_price:>=100 AND line_items.sku:AW-SHE*", "includeFields": []string{"id", "customer.email", "none"},
	})
	for _, skus := range [][]string{{"AW-SHE-QUEE-WHIT"}, {"AW-CAN-CEDA"}, {"AW-TOT-COGN"}} {
		var sale shopifytest.Sale
		sale.Customer = s.Customers()[0].ID
		for _, sku := range skus {
			sale.Lines = append(sale.Lines, shopifytest.SaleLine{SKU: sku})
		}
		_, err := s.RingUp(sale)
		require.NoError(t, err)
	}
	waitIdle(t, s)
	got := sub.requests()
	require.Len(t, got, 1, "sheets at 178.00 only")
	var p map[string]any
	require.NoError(t, json.Unmarshal(got[0].body, &p))
	assert.Len(t, p, 2)
	assert.Equal(t, map[string]any{"email": s.Customers()[0].Email}, p["customer"])
}

func TestSubscriptionToMetafieldsAndToClouds(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, always200)
	order := sell(t, s)
	for _, key := range []string{"mood", "other"} {
		set := data(t, s, `mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { userErrors { message } } }`, map[string]any{"m": []any{
			map[string]any{"ownerId": order.ID, "namespace": "mine", "key": key, "type": "single_line_text_field", "value": "good"},
		}})
		require.Empty(t, at(set, "metafieldsSet", "userErrors"))
	}
	id := subscribe(t, s, "ORDERS_UPDATED", map[string]any{"uri": sub.URL, "metafields": []any{map[string]any{"namespace": "mine", "key": "mood"}}})
	subscribe(t, s, "ORDERS_UPDATED", map[string]any{"uri": "pubsub://my-project:my-topic"})
	subscribe(t, s, "ORDERS_UPDATED", map[string]any{"uri": "arn:aws:events:us-east-1::event-source/aws.partner/shopify.com/123/shop"})
	out := data(t, s, `query($id: ID!) { webhookSubscription(id: $id) { metafields { namespace key } }
		webhookSubscriptions(first: 5) { nodes { endpoint { __typename ... on WebhookPubSubEndpoint { pubSubProject pubSubTopic } ... on WebhookEventBridgeEndpoint { arn } } } } }`,
		map[string]any{"id": id})
	assert.Equal(t, []any{map[string]any{"namespace": "mine", "key": "mood"}}, at(out, "webhookSubscription", "metafields"))
	assert.Equal(t, map[string]any{"__typename": "WebhookPubSubEndpoint", "pubSubProject": "my-project", "pubSubTopic": "my-topic"},
		at(out, "webhookSubscriptions", "nodes", 1, "endpoint"))
	data(t, s, `mutation($id: ID!) { orderUpdate(input: {id: $id, note: "hello"}) { userErrors { message } } }`, map[string]any{"id": order.ID})
	waitIdle(t, s)
	got := sub.requests()
	require.Len(t, got, 1)
	assert.Len(t, s.Deliveries(), 1, "the others are silent")
	var p struct{ Metafields []struct{ Key string } }
	require.NoError(t, json.Unmarshal(got[0].body, &p))
	require.Len(t, p.Metafields, 1)
	assert.Equal(t, "mood", p.Metafields[0].Key)
}

func TestInventoryLevelsByTheirChange(t *testing.T) {
	clock := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	s := newShop(t, &shopifytest.Options{Now: func() time.Time { return clock }})
	clock = clock.Add(time.Hour)
	sell(t, s)
	const levels = `query($q: String!) { location { inventoryLevels(first: 50, query: $q) { nodes { item { sku } updatedAt } } } }`
	count := func(q string) int {
		nodes, _ := at(data(t, s, levels, map[string]any{"q": q}), "location", "inventoryLevels", "nodes").([]any)
		return len(nodes)
	}
	assert.Equal(t, 2, count("updated_at:>='2026-11-02T09:30:00Z'"), "what was sold")
	assert.Zero(t, count("updated_at:>'2026-11-02T10:00:00Z'"))
	assert.Positive(t, count("updated_at:<='2026-11-02T09:30:00Z'"))
}

// TestCloseEndsEverything closes a shop with hundreds of deliveries under way.
