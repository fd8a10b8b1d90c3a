package inbox_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

func TestResourceOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		topic, body string
		want        inbox.Resource
	}{
		"order":                     {"orders/updated", `{"id":820982911946154508,"updated_at":"2026-11-02T10:00:00+01:00","created_at":"2026-11-01T00:00:00Z"}`, inbox.Resource{ID: "orders/820982911946154508", Version: at}},
		"members in another order":  {"orders/updated", ` { "line_items" : [{"id":1,"updated_at":"x"},{}], "note":"a \"quote\\\" ] }", "updated_at":"2026-11-02T09:00:00Z", "id" : 7 } `, inbox.Resource{ID: "orders/7", Version: at}},
		"the last of two":           {"orders/updated", `{"id":1,"id":7}`, inbox.Resource{ID: "orders/7"}},
		"created":                   {"refunds/create", `{"id":5,"order_id":7,"created_at":"2026-11-02T09:00:00Z"}`, inbox.Resource{ID: "refunds/5", Ordering: "orders/7", Version: at}},
		"return":                    {"returns/approve", `{"id":5,"admin_graphql_api_id":"gid://shopify/Return/5","order":{"id":7,"admin_graphql_api_id":"gid://shopify/Order/7"}}`, inbox.Resource{ID: "returns/5", Ordering: "orders/7"}},
		"order edit":                {"orders/edited", `{"order_edit":{"id":3,"order_id":7,"created_at":"2026-11-02T09:00:00Z"}}`, inbox.Resource{ID: "order_edits/3", Ordering: "orders/7", Version: at}},
		"fulfillment order":         {"fulfillment_orders/moved", `{"fulfillment_order":{"id":"gid://shopify/FulfillmentOrder/5"}}`, inbox.Resource{ID: "fulfillment_orders/5"}},
		"inventory level":           {"inventory_levels/update", `{"inventory_item_id":5,"location_id":7,"available":3,"updated_at":"2026-11-02T09:00:00Z"}`, inbox.Resource{ID: "inventory_levels/5-7", Version: at}},
		"customer tags":             {"customer.tags_added", `{"customerId":"gid://shopify/Customer/5","tags":["a"]}`, inbox.Resource{ID: "customers/5"}},
		"no id":                     {"app/uninstalled", `{"name":"x"}`, inbox.Resource{}},
		"an id that is none":        {"orders/updated", `{"id":"7; DROP TABLE"}`, inbox.Resource{}},
		"a float":                   {"orders/updated", `{"id":7.5}`, inbox.Resource{}},
		"a very long id":            {"orders/updated", `{"id":` + strings.Repeat("7", 300) + `}`, inbox.Resource{}},
		"null":                      {"orders/updated", `{"id":null,"updated_at":null}`, inbox.Resource{}},
		"a time that is none":       {"orders/updated", `{"id":7,"updated_at":"yesterday"}`, inbox.Resource{ID: "orders/7"}},
		"no object":                 {"orders/updated", `[1,2]`, inbox.Resource{}},
		"no JSON":                   {"orders/updated", `{"id":7,`, inbox.Resource{ID: "orders/7"}},
		"cut off in a string":       {"orders/updated", `{"id":7,"note":"\`, inbox.Resource{ID: "orders/7"}},
		"empty":                     {"orders/updated", ``, inbox.Resource{}},
		"a topic without a subject": {"", `{"id":7}`, inbox.Resource{ID: "s/7"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := inbox.ResourceOf(webhook.Delivery{Topic: test.topic, Body: []byte(test.body)})
			assert.True(t, test.want.Version.Equal(got.Version), "version %v", got.Version)
			got.Version, test.want.Version = time.Time{}, time.Time{}
			assert.Equal(t, test.want, got)
		})
	}
}

// What encoding/json makes of a body is what ResourceOf must see in it.
func FuzzResourceOf(f *testing.F) {
	for _, body := range []string{
		`{"id":7,"updated_at":"2026-11-02T09:00:00Z"}`, `{"a":{"b":["]}\"",{}]},"id":"gid://shopify/Order/7"}`, `{"order":{"id":1}}`,
		`{"id":"\u0037"}`, `{"":"\\","id":1}`, `[]`, `{`, `"`, `{"id`, `{"id":1}}`, `{"line_items":[{"id":1,"title":"a \"b\""},{"id":2}],"id":5,"created_at":"2026-11-02T09:00:00Z"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := inbox.ResourceOf(webhook.Delivery{Topic: "products/update", Body: body})
		require.LessOrEqual(t, len(got.ID), 200)
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil || len(members) < 2 {
			return // an error for whoever decodes it; or an object that may be a wrapper
		}
		var id int64
		if raw, ok := members["id"]; ok && json.Unmarshal(raw, &id) == nil && id > 0 {
			require.Equal(t, "products/"+string(raw), got.ID)
		}
		var at time.Time
		if raw, ok := members["updated_at"]; ok && json.Unmarshal(raw, &at) == nil && !at.IsZero() {
			require.True(t, at.Equal(got.Version))
		}
	})
}

func BenchmarkResourceOf(b *testing.B) {
	body := sizedOrder(7, 30<<10)
	d := webhook.Delivery{Topic: "orders/updated", Body: body}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if inbox.ResourceOf(d).ID == "" {
			b.Fatal("no id")
		}
	}
}
