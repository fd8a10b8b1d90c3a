package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

func ordersNumbered(numbers ...int) graph.List {
	var out graph.List
	for _, n := range numbers {
		out = append(out, graph.Object{"id": fmt.Sprintf("gid://shopify/Order/%d", n), "name": fmt.Sprintf("#%d", n)})
	}
	return out
}

type orderPage struct {
	Data struct {
		Orders struct {
			Edges []struct {
				Cursor string
				Node   struct{ Name string }
			}
			PageInfo struct {
				HasNextPage, HasPreviousPage bool
				StartCursor, EndCursor       *string
			}
		}
	}
	Errors []*graph.Error
}

func (p orderPage) names() string {
	var out strings.Builder
	for _, e := range p.Data.Orders.Edges {
		out.WriteString(e.Node.Name)
	}
	return out.String()
}

func page(t *testing.T, list graph.List, args string) orderPage {
	t.Helper()
	_, body := run(t, roots(graph.Object{"orders": list}),
		`{ orders`+args+` { edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, "")
	var p orderPage
	require.NoError(t, json.Unmarshal([]byte(body), &p))
	return p
}

func TestPaging(t *testing.T) {
	list := ordersNumbered(1, 2, 3, 4, 5)
	first := page(t, list, `(first: 2)`)
	assert.Equal(t, "#1#2", first.names())
	assert.True(t, first.Data.Orders.PageInfo.HasNextPage)
	assert.False(t, first.Data.Orders.PageInfo.HasPreviousPage)
	assert.Equal(t, first.Data.Orders.Edges[1].Cursor, *first.Data.Orders.PageInfo.EndCursor)
	end := *first.Data.Orders.PageInfo.EndCursor

	for _, tc := range []struct {
		name, args, want string
		list             graph.List
		next, previous   bool
	}{
		{"after", `(first: 2, after: "` + end + `")`, "#3#4", list, true, true},
		{"to the end", `(first: 9, after: "` + end + `")`, "#3#4#5", list, false, true},
		{"before", `(last: 9, before: "` + end + `")`, "#1", list, true, false},
		{"last", `(last: 2)`, "#4#5", list, false, true},
		{"reverse", `(first: 2, reverse: true)`, "#5#4", list, true, false},
		{"reverse after", `(first: 9, reverse: true, after: "` + end + `")`, "#1", list, false, true},
		{"an element was added before", `(first: 1, after: "` + end + `")`, "#3", ordersNumbered(0, 1, 2, 3), false, true},
		{"the cursor's element is gone", `(first: 1, after: "` + end + `")`, "#3", ordersNumbered(1, 3, 4), true, true},
		{"none", `(first: 0)`, "", list, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := page(t, tc.list, tc.args)
			assert.Equal(t, tc.want, p.names())
			assert.Equal(t, tc.next, p.Data.Orders.PageInfo.HasNextPage, "next")
			assert.Equal(t, tc.previous, p.Data.Orders.PageInfo.HasPreviousPage, "previous")
		})
	}
	empty := page(t, graph.List{}, `(first: 1)`)
	assert.Nil(t, empty.Data.Orders.PageInfo.EndCursor)
}

func TestBadPaging(t *testing.T) {
	for args, want := range map[string]string{
		``:                         "you must provide one of first or last",
		`(first: 1, last: 1)`:      "providing both first and last is not supported",
		`(first: -1)`:              "first and last must not be negative",
		`(first: 251)`:             "first and last must not exceed 250",
		`(first: 1, after: "%%")`:  "Invalid cursor for current pagination sort.",
		`(first: 1, after: "e30")`: "Invalid cursor for current pagination sort.",
	} {
		p := page(t, ordersNumbered(1), args)
		require.Len(t, p.Errors, 1, args)
		assert.Equal(t, want, p.Errors[0].Message)
	}
}

// TestPagingGenerated pages through a connection that nobody stores.
func TestPagingGenerated(t *testing.T) {
	seen := map[string]bool{}
	cursor := ""
	for range 10 {
		_, body := run(t, nil, `query Q($after: String) { giftCards(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`, `{"after":`+cursorOrNull(cursor)+`}`)
		var p struct {
			Data struct {
				GiftCards struct {
					Nodes    []struct{ ID string }
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &p))
		for _, n := range p.Data.GiftCards.Nodes {
			assert.False(t, seen[n.ID], "twice")
			seen[n.ID] = true
		}
		if cursor = p.Data.GiftCards.PageInfo.EndCursor; !p.Data.GiftCards.PageInfo.HasNextPage {
			break
		}
	}
	assert.Len(t, seen, 3)
}

func cursorOrNull(s string) string {
	if s == "" {
		return "null"
	}
	return `"` + s + `"`
}

func TestConnectionWithMore(t *testing.T) {
	values := graph.Object{"product": graph.Object{"tags": []any{"x"}, "variants": graph.Connection{
		Nodes:  []any{graph.Object{"id": "gid://shopify/ProductVariant/1"}},
		Fields: graph.Object{"pageInfo": nil},
	}}, "productTypes": graph.Connection{Nodes: []any{"Shirts", "Mugs"}}}
	_, body := run(t, roots(values), `{ productTypes(first: 1) { nodes pageInfo { hasNextPage } edges { node } } product(id: "gid://shopify/Product/1") { variants(first: 1) { nodes { id } } } }`, "")
	assert.JSONEq(t, `{"data":{"productTypes":{"nodes":["Shirts"],"pageInfo":{"hasNextPage":true},"edges":[{"node":"Shirts"}]},
		"product":{"variants":{"nodes":[{"id":"gid://shopify/ProductVariant/1"}]}}}}`, body)
}
