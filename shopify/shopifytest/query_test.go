package shopifytest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// names runs a search on a connection of the root and returns one field of the nodes.
func names(t *testing.T, s *shopifytest.Shop, connection, field, query, more string) []string {
	t.Helper()
	out := data(t, s, fmt.Sprintf(`query($q: String) { %s(first: 250, query: $q %s) { nodes { %s } } }`, connection, more, field), map[string]any{"q": query})
	var values []string
	for _, n := range at(out, connection, "nodes").([]any) {
		values = append(values, fmt.Sprint(at(n, field)))
	}
	return values
}

// TestOrderSearch compares the search with a filter in Go over the same orders.
func TestOrderSearch(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Plan: shopifytest.Enterprise})
	fixed := s.Orders()[700]
	data(t, s, `mutation($id: ID!) { tagsAdd(id: $id, tags: ["Window", "two words"]) { userErrors { message } } }`, map[string]any{"id": fixed.ID})
	var customer shopifytest.Customer
	for _, c := range s.Customers() {
		if c.Orders > 3 {
			customer = c
		}
	}
	refundedMarch := func(o shopifytest.Order) bool {
		return o.CreatedAt.After(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) && o.FinancialStatus == "PARTIALLY_REFUNDED"
	}
	for query, want := range map[string]func(shopifytest.Order) bool{
		"name:" + fixed.Name[1:]:               func(o shopifytest.Order) bool { return o.ID == fixed.ID },
		fmt.Sprintf("id:%d", fixed.LegacyID):   func(o shopifytest.Order) bool { return o.ID == fixed.ID },
		"tag:window":                           func(o shopifytest.Order) bool { return o.ID == fixed.ID },
		`tag:"two words" -source_name:nowhere`: func(o shopifytest.Order) bool { return o.ID == fixed.ID },
		"created_at:>=2026-11-10T00:00:00Z created_at:<2026-11-13": func(o shopifytest.Order) bool {
			return !o.CreatedAt.Before(time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)) && o.CreatedAt.Before(time.Date(2026, 11, 13, 0, 0, 0, 0, time.UTC))
		},
		"customer_id:" + customer.ID:                                 func(o shopifytest.Order) bool { return o.CustomerID == customer.ID },
		"email:" + customer.Email:                                    func(o shopifytest.Order) bool { return o.CustomerID == customer.ID },
		"financial_status:refunded":                                  func(o shopifytest.Order) bool { return o.FinancialStatus == "REFUNDED" },
		"financial_status:partially_refunded created_at:>2026-03-01": refundedMarch,
		"fulfillment_status:unfulfilled":                             func(o shopifytest.Order) bool { return o.FulfillmentStatus == "UNFULFILLED" },
		"sku:AW-BLZ* OR sku:AW-TOT*": func(o shopifytest.Order) bool {
			return slices.ContainsFunc(o.Lines, func(l shopifytest.OrderLine) bool { return l.SKU[:6] == "AW-BLZ" || l.SKU[:6] == "AW-TOT" })
		},
		"location_id:" + s.Locations()[1].ID + " created_at:>2026-10-20": func(o shopifytest.Order) bool {
			return o.LocationID == s.Locations()[1].ID && o.CreatedAt.After(time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC))
		},
		"source_name:web NOT financial_status:paid": func(o shopifytest.Order) bool { return o.Source == "web" && o.FinancialStatus != "PAID" },
		"discount_code:WELCOME10 current_total_price:>=200": func(o shopifytest.Order) bool {
			return o.Source == "web" && o.Discounts.IsPositive() && o.Total.Sub(o.Refunded).GreaterThanOrEqual(decimal.NewFromInt(200))
		},
	} {
		t.Run(query, func(t *testing.T) {
			var expected []string
			for _, o := range s.Orders() {
				if want(o) {
					expected = append(expected, o.ID)
				}
			}
			require.NotEmpty(t, expected, "the case tests nothing")
			require.LessOrEqual(t, len(expected), 250, "the case needs pages")
			assert.ElementsMatch(t, expected, names(t, s, "orders", "id", query, ""))
		})
	}
}

func TestOrderPagesAndSort(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Plan: shopifytest.Enterprise})
	var ids []string
	var cursor any
	for {
		out := data(t, s, `query($c: String) { orders(first: 200, after: $c, sortKey: TOTAL_PRICE, reverse: true) {
			nodes { id totalPriceSet { shopMoney { amount } } } pageInfo { hasNextPage endCursor } } }`, map[string]any{"c": cursor})
		for _, n := range at(out, "orders", "nodes").([]any) {
			ids = append(ids, at(n, "id").(string))
		}
		if at(out, "orders", "pageInfo", "hasNextPage") != true {
			break
		}
		cursor = at(out, "orders", "pageInfo", "endCursor")
	}
	orders := s.Orders()
	require.Len(t, ids, len(orders))
	totals := map[string]decimal.Decimal{}
	for _, o := range orders {
		totals[o.ID] = o.Total
	}
	assert.Len(t, totals, len(ids), "no order twice")
	assert.True(t, slices.IsSortedFunc(ids, func(a, b string) int { return totals[b].Cmp(totals[a]) }), "dearest first")
}

func TestSearchWarns(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	out := call(t, s, `{ found: orders(first: 5, query: "colour:red") { nodes { id } } }`, nil)
	assert.Empty(t, out["errors"], "a bad filter does not fail")
	assert.Len(t, at(out, "data", "found", "nodes"), 1, "an unknown field matches everything")
	warned := at(out, "extensions", "search", 0)
	assert.Equal(t, []any{"found"}, at(warned, "path"))
	assert.Equal(t, "colour:red", at(warned, "query"))
	assert.Equal(t, "invalid_field", at(warned, "warnings", 0, "code"))
	assert.Equal(t, "colour", at(warned, "warnings", 0, "field"))

	out = call(t, s, `{ orders(first: 5, query: "created_at:>soon") { nodes { id } } }`, nil)
	assert.Empty(t, at(out, "data", "orders", "nodes"), "a bad value matches nothing")
	assert.Equal(t, "invalid_value", at(out, "extensions", "search", 0, "warnings", 0, "code"))
	out = call(t, s, `{ orders(first: 5, query: "test:false") { nodes { id } } }`, nil)
	assert.Nil(t, at(out, "extensions", "search"))
}

func TestOtherSearches(t *testing.T) {
	s := newShop(t, nil)
	for _, c := range []struct{ connection, field, query, more, want string }{
		{"products", "title", "tag:candle title:matches", "", "[Long Matches]"},
		{"products", "title", "product_type:Candles", ", sortKey: TITLE", "[Long Matches Soy Candle Wick Trimmer]"},
		{"products", "title", "sku:AW-CAN-FIG", "", "[Soy Candle]"},
		{"productVariants", "sku", "sku:AW-CAN*", ", sortKey: SKU", "[AW-CAN-CEDA AW-CAN-FIG AW-CAN-SEAS]"},
		{"customers", "email", "email:grace.nakamura@example.com", "", "[grace.nakamura@example.com]"},
		{"customers", "lastName", "first_name:Leila OR last_name:Quill", ", sortKey: NAME", "[Haddad Quill]"},
		{"customers", "firstName", "grace nakamura", "", "[Grace]"},
		{"locations", "name", "city:Burlington", "", "[Market Square]"},
		{"inventoryItems", "sku", "sku:AW-MTC", "", "[AW-MTC]"},
		{"staffMembers", "name", "first_name:Theo", "", "[Theo Marsh]"},
		{"draftOrders", "name", "status:open", "", "[]"},
	} {
		t.Run(c.connection+" "+c.query, func(t *testing.T) {
			assert.Equal(t, c.want, fmt.Sprint(names(t, s, c.connection, c.field, c.query, c.more)))
		})
	}
}

func TestNodes(t *testing.T) {
	s := newShop(t, nil)
	o, c, p := s.Orders()[0], s.Customers()[0], s.Products()[0]
	out := data(t, s, `query($ids: [ID!]!, $id: ID!) {
		nodes(ids: $ids) { __typename id ... on Order { name } ... on Customer { displayName } ... on ProductVariant { sku } }
		node(id: $id) { id ... on HasMetafields { metafields(first: 1) { nodes { id } } } }
		none: order(id: "gid://shopify/Order/1") { id }
		currentAppInstallation { id accessScopes { handle } }
		ordersCount(limit: 10) { count precision } productsCount { count precision }
		customerByIdentifier(identifier: {emailAddress: "GRACE.nakamura@example.com"}) { firstName }
		productByIdentifier(identifier: {handle: "soy-candle"}) { title }
	}`, map[string]any{"ids": []string{o.ID, "gid://shopify/Order/1", c.ID, p.Variants[0].ID}, "id": c.ID})
	assert.Equal(t, o.Name, at(out, "nodes", 0, "name"))
	assert.Nil(t, at(out, "nodes", 1))
	assert.Equal(t, c.FirstName+" "+c.LastName, at(out, "nodes", 2, "displayName"))
	assert.Equal(t, p.Variants[0].SKU, at(out, "nodes", 3, "sku"))
	assert.Equal(t, c.ID, at(out, "node", "id"))
	assert.Nil(t, at(out, "none"))
	assert.Equal(t, map[string]any{"count": 10.0, "precision": "AT_LEAST"}, at(out, "ordersCount"))
	assert.Equal(t, map[string]any{"count": float64(len(s.Products())), "precision": "EXACT"}, at(out, "productsCount"))
	assert.Equal(t, "Grace", at(out, "customerByIdentifier", "firstName"))
	assert.Equal(t, "Soy Candle", at(out, "productByIdentifier", "title"))
}
