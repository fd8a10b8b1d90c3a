package graph_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

func storefrontEngine(t testing.TB) *graph.Engine {
	t.Helper()
	e, err := graph.New(schema.Storefront().SDL(), nil)
	require.NoError(t, err)
	return e
}

// shelf answers products with two, of which the second has no title, and a shop.
func shelf(c *graph.Call) (any, bool, error) {
	switch c.ParentType + "." + c.Field {
	case "QueryRoot.products":
		return graph.List{
			{"__stored": true, "id": "gid://shopify/Product/1", "title": "Mug", "handle": "mug"},
			{"__stored": true, "id": "gid://shopify/Product/2", "title": nil, "handle": "plate"},
		}, true, nil
	case "QueryRoot.shop":
		return graph.Object{"__stored": true, "name": "Acme", "description": "Things"}, true, nil
	}
	return nil, false, nil
}

func TestDefer(t *testing.T) {
	e := storefrontEngine(t)
	type result struct {
		data     string
		deferred string
	}
	for name, tt := range map[string]struct {
		query string
		vars  map[string]any
		want  result
	}{
		"root": {
			`{ shop { name } ... @defer(label: "rest") { shop { description } } }`, nil,
			result{`{"shop":{"name":"Acme"}}`, `[{"data":{"shop":{"description":"Things"}},"path":[],"label":"rest"}]`},
		},
		"spread": {
			`{ shop { name ...More @defer } } fragment More on Shop { name description }`, nil,
			result{`{"shop":{"name":"Acme"}}`, `[{"data":{"name":"Acme","description":"Things"},"path":["shop"]}]`},
		},
		"condition": {
			`query($now: Boolean!) { shop { ... @defer(if: $now) { description } ... @defer(if: false) { name } } }`,
			map[string]any{"now": false},
			result{`{"shop":{"description":"Things","name":"Acme"}}`, ``},
		},
		"condition of yes": {
			`query($later: Boolean!) { shop { ... @defer(if: $later) { description } } }`,
			map[string]any{"later": true},
			result{`{"shop":{}}`, `[{"data":{"description":"Things"},"path":["shop"]}]`},
		},
		"skipped": {
			`{ shop { name ... @defer @skip(if: true) { description } } }`, nil,
			result{`{"shop":{"name":"Acme"}}`, ``},
		},
		"nested": {
			`{ shop { name ... @defer(label: "a") { description ... @defer(label: "b") { n: name } } } }`, nil,
			result{`{"shop":{"name":"Acme"}}`, `[{"data":{"description":"Things"},"path":["shop"],"label":"a"},{"data":{"n":"Acme"},"path":["shop"],"label":"b"}]`},
		},
		"below a deferred object": {
			`{ ... @defer { shop { name ... @defer { description } } } }`, nil,
			result{`{}`, `[{"data":{"shop":{"name":"Acme"}},"path":[]},{"data":{"description":"Things"},"path":["shop"]}]`},
		},
		"at once and later": {
			`{ shop { ...More @defer ...Name } } fragment More on Shop { ...Name description } fragment Name on Shop { name }`, nil,
			result{`{"shop":{"name":"Acme"}}`, `[{"data":{"name":"Acme","description":"Things"},"path":["shop"]}]`},
		},
		"later and later still": {
			`{ shop { ... @defer { ...Name @defer ...Name } } } fragment Name on Shop { name }`, nil,
			result{`{"shop":{}}`, `[{"data":{"name":"Acme"},"path":["shop"]},{"data":{"name":"Acme"},"path":["shop"]}]`},
		},
		"list": {
			`{ products(first: 5) { nodes { id ... @defer { handle } } } }`, nil,
			result{
				`{"products":{"nodes":[{"id":"gid://shopify/Product/1"},{"id":"gid://shopify/Product/2"}]}}`,
				`[{"data":{"handle":"mug"},"path":["products","nodes",0]},{"data":{"handle":"plate"},"path":["products","nodes",1]}]`,
			},
		},
		"connection": {
			`{ products(first: 1) { ... @defer { pageInfo { hasNextPage } } nodes { handle } } }`, nil,
			result{`{"products":{"nodes":[{"handle":"mug"}]}}`, `[{"data":{"pageInfo":{"hasNextPage":true}},"path":["products"]}]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resp := e.Execute(t.Context(), graph.Request{Query: tt.query, Variables: tt.vars}, graph.ResolverFunc(shelf))
			require.Empty(t, resp.Errors)
			assert.JSONEq(t, tt.want.data, string(resp.Data))
			if tt.want.deferred == "" {
				assert.Empty(t, resp.Deferred)
				return
			}
			got, err := json.Marshal(resp.Deferred)
			require.NoError(t, err)
			assert.JSONEq(t, tt.want.deferred, string(got))
		})
	}
}

// A field that must not be null and is makes its part null, and takes along what was
// deferred below an object that is null itself.
func TestDeferNull(t *testing.T) {
	e := storefrontEngine(t)
	resp := e.Execute(t.Context(), graph.Request{Query: `{ shop { name } products(first: 2) { nodes { handle ... @defer { title } } } }`}, graph.ResolverFunc(shelf))
	require.Empty(t, resp.Errors)
	require.Len(t, resp.Deferred, 2)
	assert.JSONEq(t, `{"title":"Mug"}`, string(resp.Deferred[0].Data))
	assert.Equal(t, "null", string(resp.Deferred[1].Data))
	require.Len(t, resp.Deferred[1].Errors, 1)
	assert.Equal(t, []any{"products", "nodes", 1, "title"}, resp.Deferred[1].Errors[0].Path)

	resp = e.Execute(t.Context(), graph.Request{Query: `{ products(first: 2) { nodes { title ... @defer { handle } } } }`}, graph.ResolverFunc(shelf))
	require.NotEmpty(t, resp.Errors)
	assert.Equal(t, "null", string(resp.Data))
	assert.Empty(t, resp.Deferred, "the objects that it would be of are not there")
}

// Fragments that defer each other twice do not multiply.
func TestDeferBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("{ shop { ...F0 @defer } }\n")
	for i := range 200 {
		if i < 199 {
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll("fragment F# on Shop { name ...F+ @defer ...F+ @defer(label: \"x\") }\n", "#", strconv.Itoa(i)), "+", strconv.Itoa(i+1)))
		} else {
			b.WriteString("fragment F199 on Shop { name }\n")
		}
	}
	resp := storefrontEngine(t).Execute(t.Context(), graph.Request{Query: b.String()}, graph.ResolverFunc(shelf))
	require.Empty(t, resp.Errors)
	assert.LessOrEqual(t, len(resp.Deferred), 400)
}

// The Admin API has no such directive.
func TestDeferUnknown(t *testing.T) {
	e, err := graph.New(schema.Admin().SDL(), nil)
	require.NoError(t, err)
	resp := e.Execute(t.Context(), graph.Request{Query: `{ shop { name ... @defer { id } } }`}, nil)
	require.Len(t, resp.Errors, 1)
	assert.Equal(t, "undefinedDirective", resp.Errors[0].Code())
}
