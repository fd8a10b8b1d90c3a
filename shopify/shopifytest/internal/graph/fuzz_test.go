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

// FuzzDefer executes operations of the API that can defer fragments: whatever the parts,
// they are JSON and have a place.
func FuzzDefer(f *testing.F) {
	e := storefrontEngine(f)
	for _, query := range []string{
		`{ shop { name ... @defer(label: "a") { description ... @defer { n: name } } } }`,
		`query($later: Boolean = true) { products(first: 2) { ...P @defer(if: $later) nodes { id ...N @defer } } } fragment P on ProductConnection { pageInfo { hasNextPage } } fragment N on Product { title variants(first: 2) { nodes { ... @defer { id } } } }`,
		`mutation { cartCreate { ... @defer { cart { id } } } }`,
		`{ shop @defer { name } }`,
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		resp := e.Execute(t.Context(), graph.Request{Query: query}, graph.ResolverFunc(shelf))
		if resp.Data == nil && resp.Deferred != nil {
			t.Fatalf("parts of nothing for %q", query)
		}
		for _, p := range resp.Deferred {
			if !json.Valid(p.Data) || p.Path == nil {
				t.Fatalf("%s at %v for %q", p.Data, p.Path, query)
			}
		}
	})
}
