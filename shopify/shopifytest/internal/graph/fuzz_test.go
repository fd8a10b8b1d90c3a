package graph_test

import (
	"encoding/json"
	"testing"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// FuzzExecute wants an answer that is JSON, whatever the document and the variables.
func FuzzExecute(f *testing.F) {
	f.Add(`query Q($id: ID!, $n: Int = 2) { order(id: $id) { ...F lineItems(first: $n) { edges { node { title } } } } } fragment F on Order { id name @skip(if: false) }`, `{"id":"gid://shopify/Order/1"}`)
	f.Add(`mutation M($i: OrderInput!) { orderUpdate(input: $i) @idempotent(key: "k") { order { id } userErrors { field } } }`, `{"i":{"id":"gid://shopify/Order/1","tags":["a",null]}}`)
	f.Add(`{ nodes(ids: ["gid://shopify/Product/1", "gid://shopify/X/"]) { __typename id ... on Product { a: title } } __schema { types { name fields { type { ofType { name } } } } } }`, `null`)
	f.Add(`{ shop { ...F } } fragment F on Shop { ...F }`, `{}`)
	e := engine(f)
	f.Fuzz(func(t *testing.T, query, variables string) {
		req := graph.Request{Query: query}
		_ = json.Unmarshal([]byte(variables), &req.Variables)
		resp := e.Execute(t.Context(), req, nil)
		b, err := json.Marshal(resp)
		if err != nil || !json.Valid(b) {
			t.Fatalf("not JSON: %v %s", err, b)
		}
		if resp.Data == nil && resp.Errors == nil {
			t.Fatal("neither data nor errors")
		}
	})
}
