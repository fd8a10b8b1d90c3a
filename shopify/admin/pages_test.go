package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paged answers with a connection of n draft orders and keeps the variables of
// each request.
func paged(t *testing.T, n int) (*shopify.Client, *[]map[string]any) {
	t.Helper()
	var asked []map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Variables map[string]any }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		asked = append(asked, body.Variables)
		first, start := int(body.Variables["first"].(float64)), 0
		if after, ok := body.Variables["after"].(string); ok {
			_, _ = fmt.Sscan(after, &start)
		}
		_, _ = io.WriteString(w, `{"data":{"draftOrders":{"nodes":[`)
		end := min(n, start+first)
		for i := start; i < end; i++ {
			if i > start {
				_, _ = io.WriteString(w, ",")
			}
			_, _ = fmt.Fprintf(w, `{"id":"gid://shopify/DraftOrder/%d","name":"#D%d","status":"OPEN","tags":[],"createdAt":"2026-11-01T10:00:00Z","updatedAt":"2026-11-01T10:00:00Z","totalPriceSet":{"shopMoney":{"amount":"1.0","currencyCode":"USD"}},"lineItems":{"nodes":[]}}`, i, i)
		}
		_, _ = fmt.Fprintf(w, `],"pageInfo":{"hasNextPage":%t,"endCursor":"%d"}}}}`, end < n, end)
	}))
	t.Cleanup(server.Close)
	c, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken("shpat_test"), &shopify.Options{BaseURL: server.URL})
	require.NoError(t, err)
	return c, &asked
}

func TestPager(t *testing.T) {
	c, asked := paged(t, 25)
	var names []string
	for d, err := range admin.DraftOrders(t.Context(), c, &admin.ListOptions{Query: "tag:x", PageSize: 10}) {
		require.NoError(t, err)
		names = append(names, d.Name)
	}
	require.Len(t, names, 25)
	assert.Equal(t, "#D0", names[0])
	assert.Equal(t, "#D24", names[24])
	assert.Equal(t, []map[string]any{
		{"first": 10.0, "query": "tag:x"},
		{"first": 10.0, "query": "tag:x", "after": "10"},
		{"first": 10.0, "query": "tag:x", "after": "20"},
	}, *asked)
}

func TestPagerStops(t *testing.T) {
	c, asked := paged(t, 1000)
	for _, err := range admin.DraftOrders(t.Context(), c, nil) {
		require.NoError(t, err)
		break
	}
	assert.Equal(t, []map[string]any{{"first": 100.0}}, *asked)
}

func TestPagerYieldsItsErrorOnce(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken("shpat_test"), &shopify.Options{BaseURL: server.URL})
	require.NoError(t, err)
	n := 0
	for _, err := range admin.CustomerOrders(t.Context(), c, "gid://shopify/Customer/1") {
		assert.ErrorIs(t, err, shopify.ErrNotFound)
		n++
	}
	assert.Equal(t, 1, n)
}

func TestPageSizeIsBounded(t *testing.T) {
	c, asked := paged(t, 1)
	for _, size := range []int{-1, 0, 1, 250, 1000} {
		for _, err := range admin.DraftOrders(t.Context(), c, &admin.ListOptions{PageSize: size}) {
			require.NoError(t, err)
		}
	}
	var sizes []any
	for _, v := range *asked {
		sizes = append(sizes, v["first"])
	}
	assert.Equal(t, []any{100.0, 100.0, 1.0, 250.0, 250.0}, sizes)
}

// TestPagesInPart goes through the orders of a shop whose customers the app may not
// read.
func TestPagesInPart(t *testing.T) {
	var ids [2][]shopify.GID
	var denied int
	data := shopifytest.GenerateData(3, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	for i, scopes := range [][]string{nil, {"read_orders"}} {
		shop := shopifytest.NewShop(t, &shopifytest.Options{Data: data, Plan: shopifytest.Plus, Scopes: scopes})
		c := connect(t, shop, shopify.Options{})
		for o, err := range admin.Orders(t.Context(), c, &admin.OrderOptions{ListOptions: admin.ListOptions{PageSize: 100}}) {
			if err != nil {
				require.ErrorIs(t, err, shopify.ErrAccessDenied)
				require.NotNil(t, scopes)
				assert.Zero(t, o.ID)
				denied++
				continue
			}
			ids[i] = append(ids[i], o.ID)
			if scopes != nil {
				assert.Nil(t, o.Customer)
			}
		}
	}
	require.Greater(t, len(ids[0]), 200)
	assert.Equal(t, ids[0], ids[1], "no order is missing")
	assert.Greater(t, denied, 1, "once for each page that lacks somebody")
	assert.LessOrEqual(t, denied, (len(ids[0])+99)/100)
}
