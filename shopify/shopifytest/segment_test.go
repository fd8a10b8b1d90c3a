package shopifytest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const segmentMembers = `query($q: String, $id: ID) { customerSegmentMembers(first: 9, query: $q, segmentId: $id) { totalCount edges { node { id displayName numberOfOrders defaultEmailAddress { emailAddress } lastOrderId } } } }`

func TestSegmentQueries(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	_, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Bob", Email: "bob@example.org", Tags: []string{"VIP", "new"}, EmailMarketing: "SUBSCRIBED", Address: shopifytest.AddressData{CountryCode: "DE", City: "Bonn"}})
	require.NoError(t, err)
	_, err = s.RingUp(shopifytest.Sale{Customer: "ada@example.com", Lines: []shopifytest.SaleLine{{SKU: "P-R"}}})
	require.NoError(t, err)
	for query, want := range map[string][]string{
		"number_of_orders = 0":                                                   {"Bob"},
		"number_of_orders >= 2":                                                  {"Ada Test"},
		"number_of_orders BETWEEN 1 AND 5":                                       {"Ada Test"},
		"amount_spent > 20":                                                      {"Ada Test"},
		"amount_spent < 0.01":                                                    {"Bob"},
		"customer_tags CONTAINS 'vip'":                                           {"Bob"},
		`customer_tags CONTAINS "vip"`:                                           {"Bob"},
		"customer_tags NOT CONTAINS 'vip'":                                       {"Ada Test"},
		"customer_tags IS NULL":                                                  {"Ada Test"},
		"customer_tags IS NOT NULL":                                              {"Bob"},
		"email_subscription_status = 'SUBSCRIBED'":                               {"Bob"},
		"email_subscription_status != 'SUBSCRIBED'":                              {"Ada Test"},
		"customer_countries CONTAINS 'DE'":                                       {"Bob"},
		"customer_email_domain = 'example.com'":                                  {"Ada Test"},
		"last_order_date >= -7d":                                                 {"Ada Test"},
		"last_order_date < 2026-02-01":                                           nil,
		"first_order_date <= 2026-01-05":                                         {"Ada Test"},
		"last_order_date IS NULL":                                                {"Bob"},
		"customer_added_date > -1w":                                              {"Bob"},
		"rfm_group = 'PROSPECTS'":                                                {"Bob"},
		"number_of_orders > 0 OR customer_tags CONTAINS 'new'":                   {"Ada Test", "Bob"},
		"(number_of_orders > 0 OR amount_spent = 0) AND rfm_group = 'PROSPECTS'": {"Bob"},
	} {
		out := call(t, s, segmentMembers, map[string]any{"q": query})
		require.Empty(t, out["errors"], query)
		members := at(out, "data", "customerSegmentMembers")
		var got []string
		for _, e := range at(members, "edges").([]any) {
			got = append(got, at(e, "node", "displayName").(string))
		}
		assert.Equal(t, want, got, query)
		assert.InDelta(t, len(want), at(members, "totalCount"), 0, query)
	}
	ada := at(data(t, s, segmentMembers, map[string]any{"q": "number_of_orders > 0"}), "customerSegmentMembers", "edges", 0, "node")
	assert.Equal(t, "gid://shopify/CustomerSegmentMember/9", at(ada, "id"))
	assert.Equal(t, "ada@example.com", at(ada, "defaultEmailAddress", "emailAddress"))
	assert.NotNil(t, at(ada, "lastOrderId"))
	for _, variables := range []map[string]any{{"q": "amount_spent > 1", "id": "gid://shopify/Segment/1"}, {"q": "shoe_size > 4"}, {"id": "gid://shopify/Segment/1"}} {
		assert.NotEmpty(t, call(t, s, segmentMembers, variables)["errors"])
	}
}

func TestSegments(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	hooks := watch(t, s, "SEGMENTS_CREATE", "SEGMENTS_UPDATE", "SEGMENTS_DELETE")
	create := func(name, query string) any {
		return at(data(t, s, `mutation($n: String!, $q: String!) { segmentCreate(name: $n, query: $q) { segment { id name query creationDate } userErrors { field message } } }`, map[string]any{"n": name, "q": query}), "segmentCreate")
	}
	for query, want := range map[string]string{
		"":                              "query Query can't be blank",
		"shoe_size > 4":                 "query Line 1 Column 0: 'shoe_size' filter cannot be found.",
		"amount_spent":                  "query Line 1 Column 0: an operator is expected.",
		"amount_spent > 1 AND":          "query Line 1 Column 17: '' filter cannot be found.",
		"(amount_spent > 1":             "query Line 1 Column 16: ')' is missing.",
		"amount_spent > 1 amount_spent": "query Line 1 Column 17: 'amount_spent' is unexpected.",
		"amount_spent > many":           "query Line 1 Column 15: a value is expected.",
		"amount_spent BETWEEN 1 OR 2":   "query Line 1 Column 23: AND is expected after BETWEEN.",
		"customer_tags NOT 'x'":         "query Line 1 Column 18: CONTAINS is expected after NOT.",
		"customer_tags IS 'x'":          "query Line 1 Column 17: NULL is expected after IS.",
		"amount_spent > 1; number = 3":  "query Line 1 Column 16: unexpected character.",
	} {
		assert.Equal(t, want, refusal(create("X", query)), query)
	}
	assert.Equal(t, "name Name can't be blank", refusal(create(" ", "amount_spent > 1")))
	began := time.Now()
	made := create("Buyers", "number_of_orders > 0")
	require.Empty(t, at(made, "userErrors"))
	id := at(made, "segment", "id").(string)
	assert.Equal(t, "name Name has already been taken", refusal(create("buyers", "amount_spent > 1")))
	read := data(t, s, `query($id: ID!, $ada: ID!) { segment(id: $id) { name query } segments(first: 5, query: "buyers") { nodes { id } } segmentsCount { count }
		customerSegmentMembers(first: 5, segmentId: $id) { totalCount } customerSegmentMembership(customerId: $ada, segmentIds: [$id, "gid://shopify/Segment/1"]) { memberships { segmentId isMember } } }`, map[string]any{"id": id, "ada": s.Customers()[0].ID})
	assert.Equal(t, "number_of_orders > 0", at(read, "segment", "query"))
	assert.Equal(t, id, at(read, "segments", "nodes", 0, "id"))
	assert.InDelta(t, 1, at(read, "customerSegmentMembers", "totalCount"), 0)
	assert.Equal(t, []any{map[string]any{"segmentId": id, "isMember": true}}, at(read, "customerSegmentMembership", "memberships"))

	// A segment can be whom a discount is for.
	discount := discountCalls["code basic"].make(t, s, discountInput(s, map[string]any{"context": map[string]any{"customerSegments": map[string]any{"add": []any{id}}}}))
	assert.Equal(t, "DiscountCustomerSegments", at(terms(t, s, discount), "context", "__typename"))

	update := func(id string, args map[string]any) any {
		args["id"] = id
		return at(data(t, s, `mutation($id: ID!, $n: String, $q: String) { segmentUpdate(id: $id, name: $n, query: $q) { segment { name query } userErrors { field message } } }`, args), "segmentUpdate")
	}
	assert.Equal(t, "id Segment does not exist", refusal(update("gid://shopify/Segment/1", map[string]any{"n": "x"})))
	assert.Equal(t, "query Line 1 Column 0: 'x' filter cannot be found.", refusal(update(id, map[string]any{"q": "x = 1"})))
	assert.Equal(t, map[string]any{"name": "Buyers", "query": "number_of_orders > 9"}, at(update(id, map[string]any{"q": "number_of_orders > 9"}), "segment"))
	assert.InDelta(t, 0, at(data(t, s, segmentMembers, map[string]any{"id": id}), "customerSegmentMembers", "totalCount"), 0)
	drop := func() any {
		return at(data(t, s, `mutation($id: ID!) { segmentDelete(id: $id) { deletedSegmentId userErrors { field message } } }`, map[string]any{"id": id}), "segmentDelete")
	}
	assert.Equal(t, id, at(drop(), "deletedSegmentId"))
	assert.Equal(t, "id Segment does not exist", refusal(drop()))
	got := hooks()
	require.Equal(t, []string{"segments/create", "segments/update", "segments/delete"}, topicsOf(got))
	created, err := time.Parse(time.RFC3339, got[0].body["creationDate"].(string))
	require.NoError(t, err)
	assertNow(t, began, created)
}
