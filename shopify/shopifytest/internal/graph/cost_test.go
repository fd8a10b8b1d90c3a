package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// TestMeasuredCost checks the figures that were measured at Shopify: a leaf
// connection with scalar fields.
func TestMeasuredCost(t *testing.T) {
	for first, want := range map[int]int{1: 3, 2: 3, 3: 4, 5: 5, 10: 6, 20: 7, 50: 9, 100: 11, 250: 13} {
		assert.Equal(t, want, requestedCost(t, fmt.Sprintf(`{ products(first: %d) { nodes { id title } } }`, first)), "nodes, first: %d", first)
		assert.Equal(t, want, requestedCost(t, fmt.Sprintf(`{ products(first: %d) { edges { cursor node { id } } pageInfo { endCursor } } }`, first)), "edges, first: %d", first)
	}
	assert.Equal(t, 4, requestedCost(t, `{ products(first: 2) { nodes { id } edges { node { id } } } }`))
}

func requestedCost(t *testing.T, query string) int {
	t.Helper()
	op, errs := engine(t).Prepare(graph.Request{Query: query})
	require.Empty(t, errs)
	return op.RequestedCost
}

func TestRequestedCost(t *testing.T) {
	for _, tc := range []struct {
		name, query string
		want        int
	}{
		{"object", `{ shop { name } }`, 1},
		{"nested objects", `{ shop { name billingAddress { city } plan { publicDisplayName } } }`, 3},
		{"introspection", `{ __schema { types { name } } __typename }`, 0},
		{"nested connections multiply", `{ products(first: 10) { nodes { id variants(first: 10) { nodes { id } } } } }`, 2 + 4*(1+2+4)},
		{"the dearest branch", `{ node(id: "gid://shopify/Order/1") { id ... on Order { customer { id } shippingAddress { city } } ... on Product { featuredMedia { id } } } }`, 1 + 2},
		{"fields of an interface and a branch", `{ node(id: "gid://shopify/Order/1") { ... on HasMetafields { metafield(key: "k") { value } } ... on Order { customer { id } } } }`, 1 + 2},
		{"mutation", `mutation { tagsAdd(id: "gid://shopify/Order/1", tags: "x") { node { id } userErrors { message } } }`, 10},
		{"two mutations", `mutation { a: tagsAdd(id: "gid://shopify/Order/1", tags: "x") { node { id } } b: tagsAdd(id: "gid://shopify/Order/1", tags: "x") { node { id } } }`, 20},
		{"mutation with a connection", `mutation { orderUpdate(input: {id: "gid://shopify/Order/1"}) { order { lineItems(first: 10) { nodes { id } } } } }`, 10 + 6},
		{"skipped", `{ shop { name } products(first: 250) @skip(if: true) { nodes { id } } }`, 1},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.want, requestedCost(t, tc.query)) })
	}
}

func TestActualCost(t *testing.T) {
	values := graph.Object{"orders": ordersNumbered(1, 2, 3), "order": nil}
	for _, tc := range []struct {
		name, query string
		want        int
	}{
		{"fewer elements than asked for", `{ orders(first: 250) { nodes { id } } }`, 4},
		{"null", `{ order(id: "gid://shopify/Order/9") { customer { id } } }`, 0},
		{"both nodes and edges", `{ orders(first: 250) { nodes { id } edges { node { id } } } }`, 4},
		{"nested", `{ orders(first: 250) { nodes { totalPriceSet { shopMoney { amount } } } } }`, 2 + 2*3},
		{"mutation", `mutation { tagsAdd(id: "gid://shopify/Order/1", tags: "x") { node { id } userErrors { message } } }`, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := run(t, roots(values), tc.query, "")
			require.Empty(t, resp.Errors, body)
			assert.Equal(t, tc.want, resp.ActualCost)
		})
	}
}

func TestMaxCost(t *testing.T) {
	_, errs := engine(t).Prepare(graph.Request{Query: `{ products(first: 250) { nodes { variants(first: 250) { nodes { metafields(first: 250) { nodes { id } } } } } } }`})
	require.Len(t, errs, 1)
	assert.Equal(t, "MAX_COST_EXCEEDED", errs[0].Code())
	assert.Equal(t, 2+11*(1+2+11*(1+2+11)), errs[0].Extensions["cost"])
	assert.Equal(t, 1000, errs[0].Extensions["maxCost"])
}

func TestInputSize(t *testing.T) {
	tags := func(n int) string {
		return `mutation { tagsAdd(id: "gid://shopify/Order/1", tags: [` + strings.Repeat(`"x",`, n) + `]) { node { id } } }`
	}
	_, errs := engine(t).Prepare(graph.Request{Query: tags(250)})
	require.Empty(t, errs)
	_, errs = engine(t).Prepare(graph.Request{Query: tags(251)})
	require.Len(t, errs, 1)
	assert.Equal(t, "MAX_INPUT_SIZE_EXCEEDED", errs[0].Code())
	assert.Equal(t, "The input array size of 251 is greater than the maximum allowed of 250.", errs[0].Message)
	assert.Equal(t, []any{"tagsAdd", "tags"}, errs[0].Path)
}
