package admin_test

import (
	"testing"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/stretchr/testify/require"
)

// inventory returns a product's first inventory item, and the location's id.
func inventory(t testing.TB, c *shopify.Client, product, location string) (item, at shopify.GID) {
	t.Helper()
	resp, err := admin.ListProducts(t.Context(), c, 250, shopify.Optional[string]{}, shopify.Optional[string]{}, shopify.GID(location))
	require.NoError(t, err)
	for _, p := range resp.Products.Nodes {
		if p.ID.String() == product {
			return p.Variants.Nodes[0].InventoryItem.ID, shopify.GID(location)
		}
	}
	t.Fatal("no such product")
	return "", ""
}

// available returns how many of a product's first variant are there.
func available(t testing.TB, c *shopify.Client, product string, location shopify.GID) int {
	t.Helper()
	for p, err := range admin.Products(t.Context(), c, location, nil) {
		require.NoError(t, err)
		if p.ID.String() == product {
			return p.Variants.Nodes[0].InventoryItem.InventoryLevel.Quantities[0].Quantity
		}
	}
	t.Fatal("no such product")
	return 0
}

func adjust(t testing.TB, c *shopify.Client, item, location shopify.GID, from, delta int) {
	t.Helper()
	const document = `mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
		inventoryAdjustQuantities(input: $input) @idempotent(key: $key) { userErrors { field message code } }
	}`
	err := c.MakeRequest(t.Context(), &graphql.Request{
		Query: document, OpName: "Adjust",
		Variables: map[string]any{
			"key": "0193-key",
			"input": map[string]any{
				"reason": "correction", "name": "available",
				"changes": []any{map[string]any{"delta": delta, "inventoryItemId": item, "locationId": location, "changeFromQuantity": from}},
			},
		},
	}, &graphql.Response{})
	require.NoError(t, err)
}
