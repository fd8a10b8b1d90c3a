package rag_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
)

const productPayload = `{"id": 788032119674292922, "title": "Example T-Shirt", "body_html": "<p>An <b>example</b> shirt&amp;more</p><script>x()</script>",
	"vendor": "Acme", "product_type": "Shirts", "handle": "example-t-shirt", "tags": "example, mens, , t-shirt", "status": "active",
	"updated_at": "2026-03-02T09:00:00-05:00", "admin_graphql_api_id": "gid://shopify/Product/788032119674292922",
	"variants": [{"id": "642667041472713922", "title": "S", "price": "19.99", "sku": " TEE-S ", "barcode": null, "inventory_item_id": 1},
		{"id": 757650484644203962, "title": "Default Title", "price": 24, "sku": null, "inventory_item_id": null}],
	"variant_gids": [{"admin_graphql_api_id": "a"}, {"admin_graphql_api_id": "b"}], "something": {"new": [1]}}`

func TestFromWebhook(t *testing.T) {
	at := time.Date(2026, 3, 2, 14, 0, 1, 0, time.UTC)
	changes, err := rag.FromWebhook("products/update", json.RawMessage(productPayload), at)
	require.NoError(t, err)
	require.Len(t, changes, 1)
	put := changes[0].(rag.Put)
	assert.Equal(t, at, put.Triggered)
	d := put.Document
	assert.Equal(t, "gid://shopify/Product/788032119674292922", d.ID)
	assert.Equal(t, "An example shirt&more", d.Body)
	assert.Equal(t, []string{"example", "mens", "t-shirt"}, d.Tags)
	assert.Nil(t, d.Collections)
	assert.True(t, d.UpdatedAt.Equal(at.Add(-time.Second)))
	require.Len(t, d.Variants, 2)
	assert.Equal(t, "TEE-S", d.Variants[0].SKU)
	assert.Equal(t, "19.99", d.Variants[0].Price.String())
	assert.Equal(t, "gid://shopify/InventoryItem/1", d.Variants[0].InventoryItem)
	assert.Empty(t, d.Variants[1].Title)
	assert.Empty(t, d.Variants[1].InventoryItem)

	for name, c := range map[string]struct {
		topic, payload string
		want           rag.Change
	}{
		"deleted":  {"products/delete", `{"id": 5}`, rag.Delete{ID: "gid://shopify/Product/5"}},
		"archived": {"products/update", `{"id": 5, "status": "archived", "updated_at": "2026-03-02T14:00:00Z"}`, rag.Delete{ID: "gid://shopify/Product/5", At: at.Add(-time.Second)}},
		"level": {"inventory_levels/update", `{"inventory_item_id": 7, "location_id": 8, "available": -2, "updated_at": "2026-03-02T14:00:00Z"}`, rag.SetStock{
			InventoryItem: "gid://shopify/InventoryItem/7", Level: rag.Level{Location: "gid://shopify/Location/8", Available: -2, UpdatedAt: at.Add(-time.Second)}, Triggered: at,
		}},
		"level of what is not counted": {"inventory_levels/connect", `{"inventory_item_id": 7, "location_id": 8, "available": null, "updated_at": "2026-03-02T14:00:00Z"}`, rag.SetStock{
			InventoryItem: "gid://shopify/InventoryItem/7", Level: rag.Level{Location: "gid://shopify/Location/8", Untracked: true, UpdatedAt: at.Add(-time.Second)}, Triggered: at,
		}},
		"disconnected": {"inventory_levels/disconnect", `{"inventory_item_id": 7, "location_id": 8}`, rag.SetStock{
			InventoryItem: "gid://shopify/InventoryItem/7", Level: rag.Level{Location: "gid://shopify/Location/8", UpdatedAt: at}, Unknown: true, Triggered: at,
		}},
	} {
		got, err := rag.FromWebhook(c.topic, json.RawMessage(c.payload), at)
		require.NoError(t, err, name)
		assert.Equal(t, []rag.Change{c.want}, got, name)
	}

	for name, c := range map[string]struct {
		topic, payload string
		want           error
	}{
		"topic":            {"orders/create", `{}`, rag.ErrTopic},
		"no JSON":          {"products/update", `{"id": secret`, rag.ErrInvalid},
		"another type":     {"products/update", `{"id": 1, "title": {"secret": 1}, "updated_at": "2026-03-02T14:00:00Z"}`, rag.ErrInvalid},
		"no id":            {"products/update", `{"title": "secret", "updated_at": "2026-03-02T14:00:00Z"}`, rag.ErrInvalid},
		"no time":          {"products/update", `{"id": 1}`, rag.ErrInvalid},
		"not all variants": {"products/update", `{"id": 1, "updated_at": "2026-03-02T14:00:00Z", "variant_gids": [{}, {}], "variants": [{"id": 1}]}`, rag.ErrIncomplete},
		"price":            {"products/update", `{"id": 1, "updated_at": "2026-03-02T14:00:00Z", "variants": [{"id": 1, "price": "secret"}]}`, rag.ErrInvalid},
		"huge price":       {"products/update", `{"id": 1, "updated_at": "2026-03-02T14:00:00Z", "variants": [{"id": 1, "price": "1e999999999"}]}`, rag.ErrInvalid},
		"deleted nothing":  {"products/delete", `{}`, rag.ErrInvalid},
		"level of nothing": {"inventory_levels/update", `{"available": 1, "updated_at": "2026-03-02T14:00:00Z"}`, rag.ErrInvalid},
	} {
		_, err := rag.FromWebhook(c.topic, json.RawMessage(c.payload), at)
		require.ErrorIs(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "secret", name)
	}
	_, err = rag.FromWebhook("inventory_levels/disconnect", json.RawMessage(`{"inventory_item_id": 7, "location_id": 8}`), time.Time{})
	require.ErrorIs(t, err, rag.ErrInvalid, "no time at all")
}

// FuzzFromWebhook applies what was understood.
func FuzzFromWebhook(f *testing.F) {
	topics := []string{"products/create", "products/delete", "inventory_levels/update", "inventory_levels/disconnect"}
	f.Add(0, productPayload, int64(0))
	f.Add(1, `{"id": 5}`, int64(1))
	f.Add(2, `{"inventory_item_id": 7, "location_id": 8, "available": null, "updated_at": "2026-03-02T14:00:00Z"}`, int64(2))
	f.Add(3, `{"inventory_item_id": "7", "location_id": 8}`, int64(-62135596800))
	f.Fuzz(func(t *testing.T, topic int, payload string, at int64) {
		changes, err := rag.FromWebhook(topics[uint(topic)%uint(len(topics))], json.RawMessage(payload), time.Unix(at, 0))
		if err != nil {
			return
		}
		index, err := rag.NewMemory(&rag.MemoryOptions{Language: "en"})
		require.NoError(t, err)
		require.NoError(t, index.Apply(t.Context(), changes...))
		require.NoError(t, index.Apply(t.Context(), changes...))
		stats, err := index.Stats(t.Context())
		require.NoError(t, err)
		put, ok := changes[0].(rag.Put)
		if !ok {
			require.Zero(t, stats.Documents)
			return
		}
		docs, err := index.Documents(t.Context(), put.Document.ID)
		require.NoError(t, err)
		require.Len(t, docs, 1)
		require.Equal(t, put.Document.Title, docs[0].Title)
		require.Len(t, docs[0].Variants, len(put.Document.Variants))
		for i := range docs[0].Variants {
			require.True(t, put.Document.Variants[i].Price.Equal(docs[0].Variants[i].Price))
		}
		_, err = index.Search(t.Context(), rag.Query{Text: put.Document.Title + " " + put.Document.Body, Explain: true})
		require.NoError(t, err)
		require.NoError(t, index.Apply(t.Context(), rag.Delete{ID: put.Document.ID}))
	})
}
