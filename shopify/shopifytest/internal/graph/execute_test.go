package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// roots resolves root fields from a map, and nothing else.
func roots(values graph.Object) graph.Resolver {
	return graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		v, ok := values[c.Field]
		if c.ParentType != "QueryRoot" && c.ParentType != "Mutation" || !ok {
			return nil, false, nil
		}
		if err, failed := v.(error); failed {
			return nil, true, err
		}
		return v, true, nil
	})
}

const orderID = "gid://shopify/Order/1"

func TestExecute(t *testing.T) {
	order := graph.Object{
		"id": orderID, "name": "#1001", "note": nil, "test": true, "createdAt": time.Date(2026, 11, 24, 9, 0, 0, 0, time.FixedZone("", 3600)),
		"tags": []string{"a", "b"}, "currencyCode": "EUR", "legacyResourceId": uint64(18446744073709551615), "totalWeight": json.Number("7"),
		"totalPriceSet": graph.Object{"shopMoney": graph.Object{"amount": "19.90", "currencyCode": "EUR"}},
		"customer":      graph.Func(func(c *graph.Call) (any, error) { return graph.Object{"displayName": "of " + c.Parent.ID()}, nil }),
		"refunds":       graph.List{{"id": "gid://shopify/Refund/1"}},
	}
	for _, tc := range []struct {
		name, query, want string
		values            graph.Object
	}{
		{
			"stored values of all kinds", `{ order(id: "gid://shopify/Order/1") { id name note test createdAt tags currencyCode legacyResourceId totalWeight
			totalPriceSet { shopMoney { amount currencyCode } } customer { displayName } refunds { id } } }`,
			`{"data":{"order":{"id":"gid://shopify/Order/1","name":"#1001","note":null,"test":true,"createdAt":"2026-11-24T08:00:00Z","tags":["a","b"],"currencyCode":"EUR",
			"legacyResourceId":"18446744073709551615","totalWeight":"7","totalPriceSet":{"shopMoney":{"amount":"19.90","currencyCode":"EUR"}},
			"customer":{"displayName":"of gid://shopify/Order/1"},"refunds":[{"id":"gid://shopify/Refund/1"}]}}}`,
			graph.Object{"order": order},
		},
		{
			"aliases, fragments, merged fields", `query($on: Boolean = false) { a: order(id: "gid://shopify/Order/1") { ...F totalPriceSet { shopMoney { amount } } n: name ... on Order { test } id @skip(if: true) note @include(if: $on) } }
			fragment F on Node { id __typename ... on Order { totalPriceSet { shopMoney { currencyCode } } } }`,
			`{"data":{"a":{"id":"gid://shopify/Order/1","__typename":"Order","totalPriceSet":{"shopMoney":{"currencyCode":"EUR","amount":"19.90"}},"n":"#1001","test":true}}}`,
			graph.Object{"order": order},
		},
		{
			"interface by __typename or ID", `{ node(id: "gid://shopify/Order/1") { id __typename ... on Order { name } ... on Product { title } } }`,
			`{"data":{"node":{"id":"gid://shopify/Order/1","__typename":"Order","name":"#1001"}}}`,
			graph.Object{"node": order},
		},
		{"not found", `{ order(id: "gid://shopify/Order/9") { id } }`, `{"data":{"order":null}}`, graph.Object{"order": nil}},
		{
			"closed payload", `mutation { orderUpdate(input: {id: "gid://shopify/Order/1"}) { order { id } userErrors { field message } } }`,
			`{"data":{"orderUpdate":{"order":null,"userErrors":[{"field":["id"],"message":"Order does not exist"}]}}}`,
			graph.Object{"orderUpdate": graph.Object{graph.Closed: true, "userErrors": graph.List{{"field": []any{"id"}, "message": "Order does not exist"}}}},
		},
		{
			"closed payload without errors", `mutation { orderUpdate(input: {id: "gid://shopify/Order/1"}) { order { id } userErrors { field } } }`,
			`{"data":{"orderUpdate":{"order":null,"userErrors":[]}}}`,
			graph.Object{"orderUpdate": graph.Object{graph.Closed: true}},
		},
		{
			"stored things have no more than they have", `{ order(id: "gid://shopify/Order/1") { note cancelReason events(first: 1) { nodes { id } } } }`,
			`{"data":{"order":{"note":null,"cancelReason":null,"events":{"nodes":[]}}}}`,
			graph.Object{"order": graph.Object{"id": orderID, graph.Stored: true}},
		},
		{
			"error of a nullable field", `{ order(id: "gid://shopify/Order/1") { name } shop { a: __typename } }`,
			`{"data":{"order":null,"shop":{"a":"Shop"}},"errors":[{"message":"no","locations":[{"line":1,"column":3}],"path":["order"],"extensions":{"code":"RESOURCE_NOT_FOUND"}}]}`,
			graph.Object{"order": graph.NewError("RESOURCE_NOT_FOUND", "no")},
		},
		{
			"null moves up to the nearest nullable field", `{ order(id: "gid://shopify/Order/1") { id customer { id defaultEmailAddress { emailAddress } amountSpent { amount } } } }`,
			`{"data":{"order":{"id":"gid://shopify/Order/1","customer":null}},"errors":[{"message":"gone","locations":[{"line":1,"column":108}],
			"path":["order","customer","amountSpent","amount"],"extensions":{"code":"X"}}]}`,
			graph.Object{"order": graph.Object{"id": orderID, "customer": graph.Object{
				"id": "gid://shopify/Customer/1", "defaultEmailAddress": nil,
				"amountSpent": graph.Object{"amount": graph.Func(func(*graph.Call) (any, error) { return nil, graph.NewError("X", "gone") })},
			}}},
		},
		{
			"null in a list of non-null elements", `{ a: __typename order(id: "gid://shopify/Order/1") { refunds { id } } }`,
			`{"data":{"a":"QueryRoot","order":null},"errors":[{"message":"gone","locations":[{"line":1,"column":64}],"path":["order","refunds",1,"id"],"extensions":{"code":"X"}}]}`,
			graph.Object{"order": graph.Object{"refunds": graph.List{{"id": "gid://shopify/Refund/1"}, {"id": graph.Func(func(*graph.Call) (any, error) { return nil, graph.NewError("X", "gone") })}}}},
		},
		{
			"null up to the root", `{ shop { name } }`, `{"data":null,"errors":[{"message":"gone","locations":[{"line":1,"column":3}],"path":["shop"],"extensions":{"code":"X"}}]}`,
			graph.Object{"shop": graph.NewError("X", "gone")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := run(t, roots(tc.values), tc.query, "")
			assert.JSONEq(t, tc.want, body)
			assert.Empty(t, resp.Causes)
		})
	}
}

// TestMistakes checks that a stored value of the wrong kind is seen.
func TestMistakes(t *testing.T) {
	for name, order := range map[string]any{
		"int for a string":      graph.Object{"name": 5},
		"null for a non-null":   graph.Object{"name": nil},
		"unknown enum value":    graph.Object{"currencyCode": "XYZ1"},
		"float for a decimal":   graph.Object{"totalPriceSet": graph.Object{"shopMoney": graph.Object{"amount": "1,5"}}},
		"object of another":     graph.Object{"__typename": "Product"},
		"string for an object":  "x",
		"no list":               graph.Object{"tags": "a"},
		"error without a code":  errors.New("secret detail"),
		"no connection":         graph.Object{"lineItems": 5},
		"int beyond its range":  graph.Object{"customerLocale": "x", "currentSubtotalLineItemsQuantity": int64(1) << 40},
		"not a date":            graph.Object{"createdAt": "yesterday"},
		"an object for a float": graph.Object{"estimatedTaxes": graph.Object{}},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := run(t, roots(graph.Object{"order": order}), `{ order(id: "gid://shopify/Order/1") {
				name currencyCode tags createdAt estimatedTaxes currentSubtotalLineItemsQuantity totalPriceSet { shopMoney { amount } } lineItems(first: 1) { nodes { id } } } }`, "")
			require.Len(t, resp.Errors, 1, body)
			assert.Equal(t, "INTERNAL_SERVER_ERROR", resp.Errors[0].Code())
			assert.Len(t, resp.Causes, 1)
			assert.NotContains(t, body, "secret")
		})
	}
}

func TestGeneratedValuesAreStable(t *testing.T) {
	_, list := run(t, nil, `{ products(first: 2) { nodes { id title variants(first: 1) { nodes { price } } } } }`, "")
	var got struct {
		Data struct {
			Products struct{ Nodes []map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(list), &got))
	first := got.Data.Products.Nodes[0]
	id, _ := first["id"].(string)
	for _, query := range []string{
		`query Q($id: ID!) { product(id: $id) { id title variants(first: 1) { nodes { price } } } }`,
		`query Q($id: ID!) { product: node(id: $id) { ... on Product { id title variants(last: 3) { nodes { price } } } } }`,
	} {
		_, body := run(t, nil, query, `{"id":"`+id+`"}`)
		var again struct {
			Data struct{ Product map[string]any }
		}
		require.NoError(t, json.Unmarshal([]byte(body), &again))
		assert.Equal(t, first["title"], again.Data.Product["title"])
		price := func(p map[string]any) any {
			return p["variants"].(map[string]any)["nodes"].([]any)[0]
		}
		assert.Equal(t, price(first), price(again.Data.Product))
	}
}

func TestAccess(t *testing.T) {
	req := graph.Request{
		Query: `{ shop { name } order(id: "gid://shopify/Order/1") { id } node(id: "gid://shopify/Order/1") { id } }`,
		Access: func(parent, field, named string) string {
			if named == "Order" {
				return "`read_orders` access scope."
			}
			return ""
		},
	}
	resp := engine(t).Execute(t.Context(), req, nil)
	require.Len(t, resp.Errors, 2)
	b, err := json.Marshal(resp.Errors[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"message":"Access denied for order field. Required access: `+"`read_orders`"+` access scope.","locations":[{"line":1,"column":17}],"path":["order"],
		"extensions":{"code":"ACCESS_DENIED","documentation":"https://shopify.dev/api/usage/access-scopes","requiredAccess":"`+"`read_orders`"+` access scope."}}`, string(b))
	data := decode(t, resp.Data)
	assert.Nil(t, data["order"])
	assert.Nil(t, data["node"], "denied by the object's own type")
	assert.NotNil(t, data["shop"], "the rest is kept")
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	resp := engine(t).Execute(ctx, graph.Request{Query: `{ shop { name } }`}, nil)
	assert.Nil(t, resp.Data)
	require.Len(t, resp.Errors, 1)
}

func TestSearchWarning(t *testing.T) {
	r := graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		if c.Field != "orders" {
			return nil, false, nil
		}
		c.WarnSearch(graph.SearchWarning{
			Query: "foo:1", Parsed: map[string]any{"field": "foo", "match_all": "1"},
			Warnings: []graph.SearchProblem{{Field: "foo", Message: "Invalid search field for this query.", Code: "invalid_field"}},
		})
		return graph.List{}, true, nil
	})
	_, body := run(t, r, `{ sold: orders(first: 1, query: "foo:1") { nodes { id } } }`, "")
	assert.JSONEq(t, `{"data":{"sold":{"nodes":[]}},"extensions":{"search":[{"path":["sold"],"query":"foo:1","parsed":{"field":"foo","match_all":"1"},
		"warnings":[{"field":"foo","message":"Invalid search field for this query.","code":"invalid_field"}]}]}}`, body)
}

func TestDirectivesReachTheResolver(t *testing.T) {
	var got map[string]map[string]any
	r := graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		if c.ParentType == "Mutation" {
			got = c.Directives
		}
		return nil, false, nil
	})
	run(t, r, `mutation M($k: String!) { refundCreate(input: {orderId: "gid://shopify/Order/1"}) @idempotent(key: $k) @include(if: true) { order { id } } }`, `{"k":"abc"}`)
	assert.Equal(t, map[string]map[string]any{"idempotent": {"key": "abc"}}, got)
}
