package webhook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

// The same field in the forms in which Shopify writes it.
func TestDecodeForms(t *testing.T) {
	decode := func(body string) webhook.Variant {
		var v webhook.Variant
		require.NoError(t, json.Unmarshal([]byte(body), &v), body)
		return v
	}
	for _, id := range []string{`12`, `"12"`, `12.0`, `1.2e1`, `"gid://shopify/ProductVariant/12"`, `"gid://shopify/ProductVariant/12?inventory_item_id=3"`} {
		v := decode(`{"id":` + id + `,"image_id":` + id + `}`)
		assert.Equal(t, int64(12), v.ID, id)
		assert.Equal(t, int64(12), *v.ImageID, id)
	}
	for _, price := range []string{`1.5`, `"1.50"`, `15e-1`} {
		v := decode(`{"price":` + price + `,"compare_at_price":` + price + `}`)
		assert.Equal(t, "1.5", v.Price.String(), price)
		assert.Equal(t, "1.5", v.CompareAtPrice.String(), price)
	}
	for _, at := range []string{`"2026-11-24T15:15:30Z"`, `"2026-11-24T10:15:30-05:00"`, `"2026-11-24T15:15:30.000Z"`, `"2026-11-24 15:15:30.000Z"`, `"2026-11-24 10:15:30 -0500"`, `"2026-11-24 15:15:30 UTC"`, `"2026-11-24T15:15:30"`} {
		assert.True(t, decode(`{"created_at":`+at+`}`).CreatedAt.Equal(time.Date(2026, 11, 24, 15, 15, 30, 0, time.UTC)), at)
	}
	for _, yes := range []string{`true`, `"true"`} {
		assert.True(t, decode(`{"taxable":`+yes+`}`).Taxable, yes)
	}
	assert.Equal(t, "12", decode(`{"sku":12}`).SKU)
	assert.Equal(t, "a\"\u00e9", decode(`{"sku":"a\"\u00e9"}`).SKU, "with escapes")
	assert.Equal(t, "\ufffd", decode("{\"sku\":\"\xff\"}").SKU, "not UTF-8")

	absent := decode(`{"id":"","image_id":"","price":"","compare_at_price":"","created_at":"","taxable":"","requires_shipping":""}`)
	assert.Equal(t, webhook.Variant{}, absent, "an empty text for null")
}

func TestDecodeRefuses(t *testing.T) {
	for _, body := range []string{
		`{"id":1.5}`, `{"id":true}`, `{"id":[]}`, `{"id":{}}`, `{"id":"x"}`, `{"id":"gid://other/Order/1"}`, `{"id":"gid://shopify/Order"}`, `{"id":9223372036854775808}`, `{"id":1e40}`,
		`{"price":"free"}`, `{"price":true}`, `{"price":[1]}`, `{"created_at":1}`, `{"created_at":"soon"}`, `{"created_at":"2026-11-24 15:15:30 EST"}`, `{"created_at":"99999-01-01T00:00:00Z"}`, `{"taxable":1}`, `{"taxable":"yes"}`, `{"sku":["a"]}`, `{"sku":{}}`,
	} {
		var v webhook.Variant
		require.Error(t, json.Unmarshal([]byte(body), &v), body)
	}
	for _, body := range []string{`{"latitude":"x"}`, `{"latitude":"NaN"}`, `{"latitude":"Inf"}`, `{"latitude":1e999}`} {
		require.Error(t, json.Unmarshal([]byte(body), new(webhook.Address)), body)
	}
	require.Error(t, json.Unmarshal([]byte(`{"orders_requested":["x"]}`), new(webhook.DataRequest)))
}

// A payload that is decoded into again takes over what was sent: null, too.
func TestDecodeAgain(t *testing.T) {
	id := int64(3)
	v := webhook.Variant{ID: 1, SKU: "old", ImageID: &id, Extra: webhook.Extra{"old": json.RawMessage("1")}}
	require.NoError(t, json.Unmarshal([]byte(`{"sku":null,"image_id":null,"new":2}`), &v))
	assert.Equal(t, webhook.Variant{ID: 1, Extra: webhook.Extra{"new": json.RawMessage("2")}}, v)
}

func TestDecodeLists(t *testing.T) {
	var r webhook.DataRequest
	require.NoError(t, json.Unmarshal([]byte(`{"orders_requested":[1,"2",null,"gid://shopify/Order/3",""]}`), &r))
	assert.Equal(t, []int64{1, 2, 3}, r.OrdersRequested)
}

func TestInventoryTransferAndShipment(t *testing.T) {
	added := fixture(t, webhook.InventoryTransfersAddItems)
	assert.Equal(t, int64(2921201), added.ID)
	assert.Equal(t, int64(487838322), added.Origin.ID)
	assert.Equal(t, int64(72243), added.ItemsAdded[0].ID, "sent as line_item_id")
	assert.Nil(t, added.ItemsAdded[0].Extra)
	assert.Nil(t, added.ItemsAdded[0].OldQuantity)
	changed := fixture(t, webhook.InventoryTransfersUpdateItemQuantities)
	assert.Equal(t, int64(0), *changed.ItemsUpdated[0].NewQuantity, "none, which is not unknown")
	ready := fixture(t, webhook.InventoryTransfersReadyToShip)
	assert.Equal(t, int64(72243), ready.LineItems[0].ID, "sent as id")

	tracked := fixture(t, webhook.InventoryShipmentsUpdateTracking)
	assert.Equal(t, int64(3921201), tracked.ID, "sent as shipment_id")
	assert.Equal(t, "UPS", tracked.Tracking.Company, "sent as updated_tracking")
	assert.Nil(t, tracked.Extra)
	received := fixture(t, webhook.InventoryShipmentsReceiveItems)
	assert.Equal(t, int64(0), *received.ItemsReceived[0].RemainingQuantityToReceive)

	var bad webhook.TransferLineItem
	err := json.Unmarshal([]byte(`{"line_item_id":[]}`), &bad)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "line_item_id")
}
