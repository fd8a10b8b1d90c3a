package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
)

// ask runs an operation in the simulated shop.
func ask(t *testing.T, shop *shopifytest.Shop, query string, variables map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", shop.Token())
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Errors []any `json:"errors"`
		Data   map[string]struct {
			UserErrors []any `json:"userErrors"`
		} `json:"data"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Empty(t, answer.Errors)
	for name, data := range answer.Data {
		require.Empty(t, data.UserErrors, name)
	}
}

// A day in the simulated shop: everything that it sends is verified, kept and
// decoded without loss.
func TestEverythingThatAShopSends(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{
		Today: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), RetrySchedule: slices.Repeat([]time.Duration{10 * time.Millisecond}, 8),
	})
	box := new(memory)
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: shop.Secret()}, nil)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	sent := []string{
		"orders/create", "orders/paid", "orders/fulfilled", "orders/updated", "refunds/create", "returns/request", "tender_transactions/create",
		"draft_orders/create", "draft_orders/update", "draft_orders/delete", "customers/create", "customers/update", "products/update", "inventory_levels/update",
	}
	for _, topic := range sent {
		ask(t, shop, `mutation($topic: WebhookSubscriptionTopic!, $in: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: $topic, webhookSubscription: $in) { userErrors { message } } }`,
			map[string]any{"topic": webhook.Topic[json.RawMessage](topic).Enum(), "in": map[string]any{"uri": server.URL}})
	}

	customer, product := shop.Customers()[0].ID, shop.Products()[0]
	sale := shopifytest.Sale{Customer: customer, Lines: []shopifytest.SaleLine{{SKU: "AW-CAN-CEDA", Quantity: 2}, {SKU: "AW-MTC"}}, Note: "a gift", Tags: []string{"a", "b"}, Attributes: []shopifytest.Attribute{{Key: "till", Value: "7"}}}
	order, err := shop.RingUp(sale)
	require.NoError(t, err)
	_, err = shop.TakeBack(shopifytest.TakeBack{Order: order.ID, Note: "seam open", Lines: []shopifytest.TakeBackLine{{Line: 0}}})
	require.NoError(t, err)
	second, err := shop.RingUp(sale)
	require.NoError(t, err)
	_, err = shop.RequestReturn(shopifytest.ReturnRequest{Order: second.ID, Lines: []shopifytest.ReturnRequestLine{{Reason: "too-small", Note: "The sleeves are short."}}})
	require.NoError(t, err)
	ask(t, shop, `mutation($in: CustomerInput!) { customerCreate(input: $in) { userErrors { message } } }`, map[string]any{"in": map[string]any{"firstName": "Alice", "email": "alice@example.com"}})
	ask(t, shop, `mutation($in: CustomerInput!) { customerUpdate(input: $in) { userErrors { message } } }`, map[string]any{"in": map[string]any{"id": customer, "note": "prefers the long fit"}})
	ask(t, shop, `mutation($in: DraftOrderInput!) { draftOrderCreate(input: $in) { userErrors { message } } }`,
		map[string]any{"in": map[string]any{"note": "a quote", "lineItems": []any{map[string]any{"variantId": product.Variants[0].ID, "quantity": 1}}}})
	draft := shop.DraftOrders()[0].ID
	ask(t, shop, `mutation($id: ID!, $in: DraftOrderInput!) { draftOrderUpdate(id: $id, input: $in) { userErrors { message } } }`, map[string]any{"id": draft, "in": map[string]any{"note": "another"}})
	ask(t, shop, `mutation($in: DraftOrderDeleteInput!) { draftOrderDelete(input: $in) { userErrors { message } } }`, map[string]any{"in": map[string]any{"id": draft}})
	ask(t, shop, `mutation($p: ProductUpdateInput!) { productUpdate(product: $p) { userErrors { message } } }`, map[string]any{"p": map[string]any{"id": product.ID, "title": "Shirt"}})

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, shop.WaitIdle(ctx))
	var got []string
	for _, d := range box.got {
		i := slices.IndexFunc(samples, func(s sample) bool { return s.topic == d.Topic })
		require.GreaterOrEqual(t, i, 0, d.Topic)
		assert.Equal(t, shop.Domain(), d.Shop)
		assert.False(t, d.TriggeredAt.IsZero())
		payload, err := samples[i].decode(t.Context(), d.Body)
		require.NoError(t, err, d.Topic)
		for _, lost := range lostIn(t, d.Body, payload) {
			t.Errorf("%s: %s", d.Topic, lost)
		}
		got = append(got, d.Topic)
	}
	slices.Sort(got)
	slices.Sort(sent)
	assert.Equal(t, sent, slices.Compact(got))
}
