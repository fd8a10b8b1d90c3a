package shopifytest_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const adjust = `mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
	inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
		inventoryAdjustmentGroup { id reason } userErrors { code message field } } }`

// stock returns an inventory item, a location and how many are available there.
func stock(t *testing.T, s *shopifytest.Shop) (item, location string, available float64) {
	t.Helper()
	out := data(t, s, `{ productVariants(first: 1) { nodes { inventoryItem { id inventoryLevels(first: 1) { nodes { location { id } quantities(names: ["available"]) { quantity } } } } } } }`, nil)
	item, _ = at(out, "productVariants", "nodes", 0, "inventoryItem", "id").(string)
	level := at(out, "productVariants", "nodes", 0, "inventoryItem", "inventoryLevels", "nodes", 0)
	location, _ = at(level, "location", "id").(string)
	available, _ = at(level, "quantities", 0, "quantity").(float64)
	return item, location, available
}

func change(item, location string, delta int, key string) map[string]any {
	return map[string]any{"key": key, "input": map[string]any{
		"name": "available", "reason": "correction",
		"changes": []any{map[string]any{"inventoryItemId": item, "locationId": location, "delta": delta, "changeFromQuantity": nil}},
	}}
}

func TestIdempotencyKey(t *testing.T) {
	c := &clock{now: today}
	s := newShop(t, &shopifytest.Options{Now: c.Now})
	item, location, before := stock(t, s)

	first := data(t, s, adjust, change(item, location, -1, "k1"))
	require.Empty(t, at(first, "inventoryAdjustQuantities", "userErrors"))
	again := data(t, s, adjust, change(item, location, -1, "k1"))
	assert.Equal(t, first, again, "the same result")
	_, _, after := stock(t, s)
	assert.InDelta(t, before-1, after, 0, "one effect")

	other := data(t, s, adjust, change(item, location, -2, "k1"))
	assert.Equal(t, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", at(other, "inventoryAdjustQuantities", "userErrors", 0, "code"))
	assert.Nil(t, at(other, "inventoryAdjustQuantities", "inventoryAdjustmentGroup"))

	data(t, s, adjust, change(item, location, -1, "k2"))
	_, _, after = stock(t, s)
	assert.InDelta(t, before-2, after, 0, "another key is another effect")

	c.add(25 * time.Hour)
	data(t, s, adjust, change(item, location, -1, "k1"))
	_, _, after = stock(t, s)
	assert.InDelta(t, before-3, after, 0, "keys are forgotten after a day")
}

func TestIdempotencyAfterALostResponse(t *testing.T) {
	s := newShop(t, nil)
	item, location, before := stock(t, s)
	s.Inject(shopifytest.Fault{Operation: "Adjust", LoseResponse: true})
	_, err := post(t, s, string(must(jsonBody(adjust, change(item, location, -1, "k")))), nil)
	require.Error(t, err)
	out := data(t, s, adjust, change(item, location, -1, "k"))
	assert.Empty(t, at(out, "inventoryAdjustQuantities", "userErrors"))
	_, _, after := stock(t, s)
	assert.InDelta(t, before-1, after, 0)
}

func TestIdempotencyConcurrent(t *testing.T) {
	s := newShop(t, nil)
	item, location, before := stock(t, s)
	s.Inject(shopifytest.Fault{Operation: "Adjust", Delay: time.Hour})
	done := make(chan error, 1)
	go func() {
		_, err := post(t, s, string(must(jsonBody(adjust, change(item, location, -1, "k")))), nil)
		done <- err
	}()
	eventually(t, func() bool { // without the API, whose points are for what comes after
		return slices.ContainsFunc(s.Products(), func(p shopifytest.Product) bool {
			return slices.ContainsFunc(p.Variants, func(v shopifytest.Variant) bool {
				return v.InventoryItemID == item && float64(v.Available[location]) == before-1
			})
		})
	})
	out := data(t, s, adjust, change(item, location, -1, "k"))
	assert.Equal(t, "IDEMPOTENCY_CONCURRENT_REQUEST", at(out, "inventoryAdjustQuantities", "userErrors", 0, "code"))
	require.NoError(t, s.Close()) // ends the delay
	require.Error(t, <-done)
}

func TestIdempotencyKeyMissing(t *testing.T) {
	s := newShop(t, nil)
	out := call(t, s, `mutation { refundCreate(input: {orderId: "gid://shopify/Order/1"}) { refund { id } } }`, nil)
	assert.Equal(t, map[string]any{"refundCreate": nil}, out["data"])
	assert.Equal(t, "BAD_REQUEST", at(out, "errors", 0, "extensions", "code"))
	assert.Equal(t, "The @idempotent directive is required for this mutation but was not provided.", at(out, "errors", 0, "message"))
}

// TestIdempotencyRefusedMutation checks that a mutation that failed with a
// top-level error may be tried again with its key.
func TestIdempotencyRefusedMutation(t *testing.T) {
	s := newShop(t, nil)
	item, location, before := stock(t, s)
	without := change(item, location, -1, "k")
	delete(without["input"].(map[string]any)["changes"].([]any)[0].(map[string]any), "changeFromQuantity")
	out := call(t, s, adjust, without)
	require.Equal(t, "INVALID_FIELD_ARGUMENTS", at(out, "errors", 0, "extensions", "code"))
	data(t, s, adjust, change(item, location, -1, "k"))
	_, _, after := stock(t, s)
	assert.InDelta(t, before-1, after, 0)
}

func jsonBody(query string, variables map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"query": query, "variables": variables})
}
