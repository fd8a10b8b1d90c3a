package shopifytest_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const discountTerms = `fragment T on Discount { __typename
	... on DiscountCodeBasic { title status startsAt endsAt usageLimit appliesOncePerCustomer discountClasses summary codesCount { count } codes(first: 9) { nodes { id code asyncUsageCount } }
		customerGets { items { ... on AllDiscountItems { allItems } ... on DiscountProducts { products(first: 5) { nodes { id } } productVariants(first: 5) { nodes { id } } } }
			value { ... on DiscountPercentage { percentage } ... on DiscountAmount { amount { amount currencyCode } appliesOnEachItem } } }
		minimumRequirement { ... on DiscountMinimumSubtotal { greaterThanOrEqualToSubtotal { amount } } ... on DiscountMinimumQuantity { greaterThanOrEqualToQuantity } }
		combinesWith { orderDiscounts productDiscounts shippingDiscounts } context { __typename ... on DiscountCustomers { customers { id } } } customerSelection { __typename } }
	... on DiscountCodeBxgy { title status discountClasses summary usesPerOrderLimit
		customerBuys { value { ... on DiscountQuantity { quantity } ... on DiscountPurchaseAmount { amount } } items { ... on DiscountProducts { products(first: 5) { nodes { id } } } } }
		customerGets { value { ... on DiscountOnQuantity { quantity { quantity } effect { ... on DiscountPercentage { percentage } ... on DiscountAmount { amount { amount } } } } } } }
	... on DiscountCodeFreeShipping { title status discountClasses summary maximumShippingPrice { amount }
		destinationSelection { ... on DiscountCountryAll { allCountries } ... on DiscountCountries { countries includeRestOfWorld } } }
	... on DiscountAutomaticBasic { title status discountClasses startsAt endsAt recurringCycleLimit }
	... on DiscountAutomaticBxgy { title status usesPerOrderLimit }
	... on DiscountAutomaticFreeShipping { title status }
}`

// discountCall is what the mutations on discounts of one kind are called.
type discountCall struct{ kind, arg, input, node string }

var discountCalls = map[string]discountCall{
	"code basic":              {"discountCodeBasic", "basicCodeDiscount", "DiscountCodeBasicInput", "codeDiscountNode"},
	"code bxgy":               {"discountCodeBxgy", "bxgyCodeDiscount", "DiscountCodeBxgyInput", "codeDiscountNode"},
	"code free shipping":      {"discountCodeFreeShipping", "freeShippingCodeDiscount", "DiscountCodeFreeShippingInput", "codeDiscountNode"},
	"automatic basic":         {"discountAutomaticBasic", "automaticBasicDiscount", "DiscountAutomaticBasicInput", "automaticDiscountNode"},
	"automatic bxgy":          {"discountAutomaticBxgy", "automaticBxgyDiscount", "DiscountAutomaticBxgyInput", "automaticDiscountNode"},
	"automatic free shipping": {"discountAutomaticFreeShipping", "freeShippingAutomaticDiscount", "DiscountAutomaticFreeShippingInput", "automaticDiscountNode"},
}

func (c discountCall) create(t *testing.T, s *shopifytest.Shop, in map[string]any) any {
	t.Helper()
	q := fmt.Sprintf(`mutation($in: %s!) { %sCreate(%s: $in) { %s { id } userErrors { field message code } } }`, c.input, c.kind, c.arg, c.node)
	return at(data(t, s, q, map[string]any{"in": in}), c.kind+"Create")
}

func (c discountCall) update(t *testing.T, s *shopifytest.Shop, id string, in map[string]any) any {
	t.Helper()
	q := fmt.Sprintf(`mutation($id: ID!, $in: %s!) { %sUpdate(id: $id, %s: $in) { %s { id } userErrors { field message code } } }`, c.input, c.kind, c.arg, c.node)
	return at(data(t, s, q, map[string]any{"id": id, "in": in}), c.kind+"Update")
}

// make is create of what must succeed; it returns the GID.
func (c discountCall) make(t *testing.T, s *shopifytest.Shop, in map[string]any) string {
	t.Helper()
	out := c.create(t, s, in)
	require.Empty(t, at(out, "userErrors"))
	return at(out, c.node, "id").(string)
}

// onDiscount runs a mutation whose only argument is the id.
func onDiscount(t *testing.T, s *shopifytest.Shop, mutation, id string) any {
	t.Helper()
	payload := "codeDiscountNode { id }"
	switch {
	case mutation == "discountCodeDelete":
		payload = "deletedCodeDiscountId"
	case mutation == "discountAutomaticDelete":
		payload = "deletedAutomaticDiscountId"
	case strings.HasPrefix(mutation, "discountAutomatic"):
		payload = "automaticDiscountNode { id }"
	}
	return at(data(t, s, "mutation($id: ID!) { "+mutation+"(id: $id) { "+payload+" userErrors { field message code } } }", map[string]any{"id": id}), mutation)
}

func terms(t *testing.T, s *shopifytest.Shop, id string) any {
	t.Helper()
	return at(data(t, s, discountTerms+` query($id: ID!) { discountNode(id: $id) { id discount { ...T } } }`, map[string]any{"id": id}), "discountNode", "discount")
}

func discountInput(s *shopifytest.Shop, change map[string]any) map[string]any {
	in := map[string]any{
		"code": "SPRING", "title": "Spring", "context": map[string]any{"all": "ALL"}, "startsAt": s.Now().Add(-time.Minute).Format(time.RFC3339),
		"customerGets": map[string]any{"value": map[string]any{"percentage": 0.2}, "items": map[string]any{"all": true}},
	}
	maps.Copy(in, change)
	for key, v := range in {
		if v == absent {
			delete(in, key)
		}
	}
	return in
}

// absent takes a key out of discountInput.
const absent = "\x00"

func TestDiscountUpdate(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	basic := discountCalls["code basic"]
	ada, pen := s.Customers()[0].ID, s.Products()[0].ID
	hooks := watch(t, s, "DISCOUNTS_CREATE", "DISCOUNTS_UPDATE", "DISCOUNTS_DELETE")
	id := basic.make(t, s, discountInput(s, map[string]any{
		"usageLimit": 5, "appliesOncePerCustomer": true, "minimumRequirement": map[string]any{"subtotal": map[string]any{"greaterThanOrEqualToSubtotal": "30"}},
		"combinesWith": map[string]any{"shippingDiscounts": true},
	}))
	got := terms(t, s, id)
	assert.Equal(t, []any{"ORDER"}, at(got, "discountClasses"))
	assert.InDelta(t, 0.2, at(got, "customerGets", "value", "percentage"), 0)
	assert.Equal(t, "30.0", at(got, "minimumRequirement", "greaterThanOrEqualToSubtotal", "amount"))
	assert.Equal(t, true, at(got, "combinesWith", "shippingDiscounts"))
	assert.Equal(t, "DiscountBuyerSelectionAll", at(got, "context", "__typename"))
	assert.Equal(t, "20% off entire order • Minimum purchase of 30.00 EUR • One use per customer", at(got, "summary"))

	out := basic.update(t, s, id, map[string]any{
		"code": "SUMMER", "usageLimit": nil, "minimumRequirement": nil, "context": map[string]any{"customers": map[string]any{"add": []any{ada}}},
		"customerGets": map[string]any{"value": map[string]any{"discountAmount": map[string]any{"amount": "2.5", "appliesOnEachItem": true}}, "items": map[string]any{"products": map[string]any{"productsToAdd": []any{pen}}}},
	})
	require.Empty(t, at(out, "userErrors"))
	got = terms(t, s, id)
	assert.Equal(t, "Spring", at(got, "title"), "what was not sent stays")
	assert.Equal(t, true, at(got, "appliesOncePerCustomer"))
	assert.Nil(t, at(got, "usageLimit"))
	assert.Nil(t, at(got, "minimumRequirement"))
	assert.Equal(t, []any{"PRODUCT"}, at(got, "discountClasses"))
	assert.Equal(t, "2.5", at(got, "customerGets", "value", "amount", "amount"))
	assert.Equal(t, pen, at(got, "customerGets", "items", "products", "nodes", 0, "id"))
	assert.Equal(t, ada, at(got, "context", "customers", 0, "id"))
	assert.Equal(t, "SUMMER", at(got, "codes", "nodes", 0, "code"))

	for name, tt := range map[string]struct {
		id   string
		in   map[string]any
		want string
	}{
		"unknown":         {"gid://shopify/DiscountCodeNode/1", map[string]any{"title": "x"}, "id INVALID"},
		"no title":        {id, map[string]any{"title": ""}, "basicCodeDiscount.title BLANK"},
		"nothing left":    {id, map[string]any{"customerGets": map[string]any{"items": map[string]any{"products": map[string]any{"productsToRemove": []any{pen}}}}}, "basicCodeDiscount.customerGets.items APPLIES_ON_NOTHING"},
		"nobody left":     {id, map[string]any{"context": map[string]any{"customers": map[string]any{"remove": []any{ada}}}}, "basicCodeDiscount.context BLANK"},
		"ends before":     {id, map[string]any{"endsAt": "2020-01-01T00:00:00Z"}, "basicCodeDiscount.endsAt END_DATE_BEFORE_START_DATE"},
		"no such segment": {id, map[string]any{"context": map[string]any{"customerSegments": map[string]any{"add": []any{"gid://shopify/Segment/1"}}}}, "basicCodeDiscount.context.customerSegments.add INVALID"},
	} {
		assert.Equal(t, tt.want, refusal(basic.update(t, s, tt.id, tt.in)), name)
	}
	assert.Equal(t, "id INVALID", refusal(discountCalls["code free shipping"].update(t, s, id, map[string]any{"title": "x"})), "of another kind")

	require.Empty(t, at(onDiscount(t, s, "discountCodeDelete", id), "userErrors"))
	assert.Nil(t, terms(t, s, id))
	assert.Equal(t, "id INVALID", refusal(onDiscount(t, s, "discountCodeDelete", id)))
	sent := hooks()
	require.Equal(t, []string{"discounts/create", "discounts/update", "discounts/delete"}, topicsOf(sent))
	assert.Equal(t, id, sent[0].body["admin_graphql_api_id"])
	assert.Equal(t, "Spring", sent[0].body["title"])
	assert.Equal(t, "ACTIVE", sent[0].body["status"])
	assert.NotNil(t, sent[0].body["created_at"])
	assert.NotNil(t, sent[2].body["deleted_at"])
	basic.make(t, s, discountInput(s, map[string]any{"code": "SUMMER"})) // the code is free again
}

func TestDiscountErrors(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	pen := s.Products()[0].ID
	gets := func(value, items map[string]any) map[string]any {
		return map[string]any{"value": value, "items": items}
	}
	all, products := map[string]any{"all": true}, map[string]any{"products": map[string]any{"productsToAdd": []any{pen}}}
	onQuantity := map[string]any{"discountOnQuantity": map[string]any{"quantity": "1", "effect": map[string]any{"percentage": 1.0}}}
	buys := func(value map[string]any) map[string]any { return map[string]any{"value": value, "items": products} }
	two := buys(map[string]any{"quantity": "2"})
	for name, tt := range map[string]struct {
		call   string
		change map[string]any
		want   string
	}{
		"two values":            {"code basic", map[string]any{"customerGets": gets(map[string]any{"percentage": 0.1, "discountAmount": map[string]any{"amount": "1"}}, all)}, "basicCodeDiscount.customerGets.value TOO_MANY_ARGUMENTS"},
		"nothing off":           {"code basic", map[string]any{"customerGets": gets(map[string]any{"discountAmount": map[string]any{"amount": "0"}}, all)}, "basicCodeDiscount.customerGets.value.discountAmount.amount GREATER_THAN"},
		"quantity on basic":     {"code basic", map[string]any{"customerGets": gets(onQuantity, all)}, "basicCodeDiscount.customerGets.value.discountOnQuantity INVALID"},
		"all and some":          {"code basic", map[string]any{"customerGets": gets(map[string]any{"percentage": 0.1}, map[string]any{"all": true, "products": map[string]any{"productsToAdd": []any{pen}}})}, "basicCodeDiscount.customerGets.items.all CONFLICT"},
		"two minimums":          {"code basic", map[string]any{"minimumRequirement": map[string]any{"quantity": map[string]any{"greaterThanOrEqualToQuantity": "2"}, "subtotal": map[string]any{"greaterThanOrEqualToSubtotal": "2"}}}, "basicCodeDiscount.minimumRequirement.subtotal.greaterThanOrEqualToSubtotal CONFLICT"},
		"two contexts":          {"code basic", map[string]any{"customerSelection": map[string]any{"all": true}}, "basicCodeDiscount.context TOO_MANY_ARGUMENTS"},
		"no such customer":      {"code basic", map[string]any{"context": map[string]any{"customers": map[string]any{"add": []any{"gid://shopify/Customer/1"}}}}, "basicCodeDiscount.context.customers.add INVALID"},
		"for nothing":           {"code basic", map[string]any{"customerGets": map[string]any{"appliesOnOneTimePurchase": false, "value": map[string]any{"percentage": 0.1}, "items": all}}, "basicCodeDiscount.customerGets.appliesOnOneTimePurchase INVALID"},
		"cycles":                {"code basic", map[string]any{"recurringCycleLimit": -1}, "basicCodeDiscount.recurringCycleLimit RECURRING_CYCLE_LIMIT_NOT_A_VALID_INTEGER"},
		"long tag":              {"code basic", map[string]any{"tags": []any{strings.Repeat("x", 256)}}, "basicCodeDiscount.tags INVALID_TAG_LENGTH"},
		"long title":            {"code basic", map[string]any{"title": strings.Repeat("x", 256)}, "basicCodeDiscount.title TOO_LONG"},
		"percentage on bxgy":    {"code bxgy", map[string]any{"customerBuys": two, "customerGets": gets(map[string]any{"percentage": 0.1}, products)}, "bxgyCodeDiscount.customerGets.value.percentage INVALID"},
		"too much on bxgy":      {"code bxgy", map[string]any{"customerBuys": two, "customerGets": gets(map[string]any{"discountOnQuantity": map[string]any{"quantity": "1", "effect": map[string]any{"percentage": 2.0}}}, products)}, "bxgyCodeDiscount.customerGets.value.discountOnQuantity.effect.percentage VALUE_OUTSIDE_RANGE"},
		"of how many":           {"code bxgy", map[string]any{"customerBuys": two, "customerGets": gets(map[string]any{"discountOnQuantity": map[string]any{"effect": map[string]any{"percentage": 1.0}}}, products)}, "bxgyCodeDiscount.customerGets.value.discountOnQuantity.quantity BLANK"},
		"bxgy without buying":   {"code bxgy", map[string]any{"customerGets": gets(onQuantity, products)}, "bxgyCodeDiscount.customerBuys BLANK"},
		"bxgy buys of all":      {"code bxgy", map[string]any{"customerBuys": map[string]any{"value": map[string]any{"quantity": "1"}, "items": all}, "customerGets": gets(onQuantity, products)}, "bxgyCodeDiscount.customerBuys.items.all INVALID"},
		"bxgy buys two ways":    {"code bxgy", map[string]any{"customerBuys": buys(map[string]any{"quantity": "2", "amount": "3"}), "customerGets": gets(onQuantity, products)}, "bxgyCodeDiscount.customerBuys.value CONFLICT"},
		"bxgy buys nothing":     {"code bxgy", map[string]any{"customerBuys": buys(map[string]any{"quantity": "0"}), "customerGets": gets(onQuantity, products)}, "bxgyCodeDiscount.customerBuys.value.quantity GREATER_THAN"},
		"uses":                  {"automatic bxgy", map[string]any{"usesPerOrderLimit": "0", "customerBuys": two, "customerGets": gets(onQuantity, products)}, "automaticBxgyDiscount.usesPerOrderLimit GREATER_THAN"},
		"shipped nowhere":       {"code free shipping", map[string]any{"customerGets": absent}, "freeShippingCodeDiscount.destination BLANK"},
		"everywhere and there":  {"code free shipping", map[string]any{"customerGets": absent, "destination": map[string]any{"all": true, "countries": map[string]any{"add": []any{"DE"}}}}, "freeShippingCodeDiscount.destination.all CONFLICT"},
		"shipping and shipping": {"code free shipping", map[string]any{"customerGets": absent, "destination": all, "combinesWith": map[string]any{"shippingDiscounts": true}}, "freeShippingCodeDiscount.combinesWith INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS"},
		"negative shipping":     {"code free shipping", map[string]any{"customerGets": absent, "destination": all, "maximumShippingPrice": "-1"}, "freeShippingCodeDiscount.maximumShippingPrice GREATER_THAN_OR_EQUAL_TO"},
		"automatic no title":    {"automatic basic", map[string]any{"title": ""}, "automaticBasicDiscount.title BLANK"},
	} {
		c := discountCalls[tt.call]
		in := discountInput(s, tt.change)
		if strings.HasPrefix(tt.call, "automatic") {
			delete(in, "code")
		}
		out := c.create(t, s, in)
		assert.Equal(t, tt.want, refusal(out), name)
		assert.Nil(t, at(out, c.node), name)
	}
	assert.Empty(t, at(data(t, s, `{ discountNodes(first: 5) { nodes { id } } }`, nil), "discountNodes", "nodes"))
}

func TestDiscountKinds(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	pen := map[string]any{"products": map[string]any{"productsToAdd": []any{s.Products()[0].ID}}}
	bxgy := map[string]any{
		"usesPerOrderLimit": 2, "customerBuys": map[string]any{"value": map[string]any{"quantity": "2"}, "items": pen},
		"customerGets": map[string]any{"value": map[string]any{"discountOnQuantity": map[string]any{"quantity": "1", "effect": map[string]any{"percentage": 1.0}}}, "items": pen},
	}
	free := map[string]any{"customerGets": absent, "destination": map[string]any{"countries": map[string]any{"add": []any{"DE", "AT", "DE"}}}, "maximumShippingPrice": "9"}
	with := func(in map[string]any, more map[string]any) map[string]any {
		out := maps.Clone(in)
		maps.Copy(out, more)
		return discountInput(s, out)
	}
	id := discountCalls["code bxgy"].make(t, s, with(bxgy, map[string]any{"code": "B"}))
	got := terms(t, s, id)
	assert.Equal(t, "DiscountCodeBxgy", at(got, "__typename"))
	assert.Equal(t, "2", at(got, "customerBuys", "value", "quantity"))
	assert.Equal(t, "1", at(got, "customerGets", "value", "quantity", "quantity"))
	assert.InDelta(t, 1, at(got, "customerGets", "value", "effect", "percentage"), 0)
	assert.Equal(t, "Buy 2 items, get 1 item at 100% off", at(got, "summary"))
	require.Empty(t, at(discountCalls["code bxgy"].update(t, s, id, map[string]any{"customerBuys": map[string]any{"value": map[string]any{"amount": "50"}}}), "userErrors"))
	assert.Equal(t, "50.0", at(terms(t, s, id), "customerBuys", "value", "amount"))

	id = discountCalls["code free shipping"].make(t, s, with(free, map[string]any{"code": "F"}))
	got = terms(t, s, id)
	assert.Equal(t, []any{"AT", "DE"}, at(got, "destinationSelection", "countries"))
	assert.Equal(t, "9.0", at(got, "maximumShippingPrice", "amount"))
	assert.Equal(t, []any{"SHIPPING"}, at(got, "discountClasses"))
	out := discountCalls["code free shipping"].update(t, s, id, map[string]any{"destination": map[string]any{"all": true}, "maximumShippingPrice": nil})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, true, at(terms(t, s, id), "destinationSelection", "allCountries"))
	assert.Nil(t, at(terms(t, s, id), "maximumShippingPrice"))

	forever := discountCalls["automatic basic"].make(t, s, discountInput(s, map[string]any{"code": absent, "title": "Always", "recurringCycleLimit": 0}))
	assert.InDelta(t, 0, at(terms(t, s, forever), "recurringCycleLimit"), 0, "0 is without end")
	require.Empty(t, at(onDiscount(t, s, "discountAutomaticDelete", forever), "userErrors"))

	automatic := map[string]string{}
	for call, in := range map[string]map[string]any{"automatic basic": {}, "automatic bxgy": with(bxgy, map[string]any{"usesPerOrderLimit": "2"}), "automatic free shipping": free} {
		c := discountCalls[call]
		in := with(in, map[string]any{"code": absent, "title": call})
		automatic[call] = c.make(t, s, in)
		assert.Equal(t, c.arg+".title TAKEN", refusal(c.create(t, s, in)))
		require.Empty(t, at(c.update(t, s, automatic[call], map[string]any{"title": call + "!"}), "userErrors"))
		assert.Equal(t, call+"!", at(terms(t, s, automatic[call]), "title"))
		read := data(t, s, `query($id: ID!) { automaticDiscountNode(id: $id) { id automaticDiscount { ... on DiscountAutomaticBasic { title } } } codeDiscountNode(id: $id) { id } node(id: $id) { id } }`, map[string]any{"id": automatic[call]})
		assert.Equal(t, automatic[call], at(read, "automaticDiscountNode", "id"))
		assert.Equal(t, automatic[call], at(read, "node", "id"))
		assert.Nil(t, at(read, "codeDiscountNode"))
		require.Empty(t, at(onDiscount(t, s, "discountAutomaticDeactivate", automatic[call]), "userErrors"))
		assert.Equal(t, "EXPIRED", at(terms(t, s, automatic[call]), "status"))
		require.Empty(t, at(onDiscount(t, s, "discountAutomaticActivate", automatic[call]), "userErrors"))
		assert.Equal(t, "ACTIVE", at(terms(t, s, automatic[call]), "status"))
		assert.Equal(t, "id INVALID", refusal(onDiscount(t, s, "discountCodeActivate", automatic[call])))
	}
	find := func(query string) []any {
		out := call(t, s, `query($q: String) { discountNodes(first: 20, query: $q) { nodes { id } } discountNodesCount(query: $q) { count } }`, map[string]any{"q": query})
		require.Empty(t, at(out, "extensions", "search"), query)
		nodes := at(out, "data", "discountNodes", "nodes").([]any)
		assert.InDelta(t, len(nodes), at(out, "data", "discountNodesCount", "count"), 0)
		return nodes
	}
	for query, want := range map[string]int{
		"": 5, "method:automatic": 3, "method:code": 2, "status:active": 5, "status:expired": 0, "type:bxgy": 2, "discount_type:free_shipping": 2, "discount_type:percentage": 1,
		"code:F": 1, `title:"automatic basic!"`: 1, "discount_class:shipping": 2, "times_used:0": 5, "starts_at:>2999-01-01": 0, "combines_with:order_discounts": 0,
	} {
		assert.Len(t, find(query), want, query)
	}
	lists := data(t, s, `{ codeDiscountNodes(first: 9) { nodes { id codeDiscount { __typename } } } automaticDiscountNodes(first: 9) { nodes { id } } automaticDiscounts(first: 9) { nodes { __typename } } }`, nil)
	assert.Len(t, at(lists, "codeDiscountNodes", "nodes"), 2)
	assert.Len(t, at(lists, "automaticDiscountNodes", "nodes"), 3)
	assert.Len(t, at(lists, "automaticDiscounts", "nodes"), 3)
	require.Empty(t, at(onDiscount(t, s, "discountAutomaticDelete", automatic["automatic basic"]), "userErrors"))
	assert.Len(t, find("method:automatic"), 2)
}

// The messages name what the number is.
func TestDiscountNumbers(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	for want, change := range map[string]map[string]any{
		"Usage limit must be greater than 0":      {"usageLimit": 0},
		"Minimum quantity must be greater than 0": {"minimumRequirement": map[string]any{"quantity": map[string]any{"greaterThanOrEqualToQuantity": "0"}}},
	} {
		assert.Equal(t, want, at(discountCalls["code basic"].create(t, s, discountInput(s, change)), "userErrors", 0, "message"))
	}
}

func TestDiscountStatusByTheClock(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	id := discountCalls["code basic"].make(t, s, discountInput(s, map[string]any{
		"startsAt": s.Now().Add(time.Hour).Format(time.RFC3339), "endsAt": s.Now().Add(3 * time.Hour).Format(time.RFC3339),
	}))
	assert.Equal(t, "SCHEDULED", at(terms(t, s, id), "status"))
	s.Advance(2 * time.Hour)
	assert.Equal(t, "ACTIVE", at(terms(t, s, id), "status"))
	s.Advance(2 * time.Hour)
	assert.Equal(t, "EXPIRED", at(terms(t, s, id), "status"))
	require.Empty(t, at(onDiscount(t, s, "discountCodeActivate", id), "userErrors"))
	assert.Equal(t, "ACTIVE", at(terms(t, s, id), "status"))
	assert.Nil(t, at(terms(t, s, id), "endsAt"))

	automatic := discountCalls["automatic basic"]
	for i := range 25 {
		automatic.make(t, s, discountInput(s, map[string]any{"code": absent, "title": strconv.Itoa(i)}))
	}
	one := discountInput(s, map[string]any{"code": absent, "title": "one more"})
	assert.Equal(t, "automaticBasicDiscount.startsAt EXCEEDED_MAX", refusal(automatic.create(t, s, one)))
	one["startsAt"] = s.Now().Add(time.Hour).Format(time.RFC3339)
	assert.Equal(t, "id EXCEEDED_MAX", refusal(onDiscount(t, s, "discountAutomaticActivate", automatic.make(t, s, one))))
}

func TestRedeemCodesInBulk(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	id := discountCalls["code basic"].make(t, s, discountInput(s, nil))
	hooks := watch(t, s, "DISCOUNTS_REDEEMCODE_ADDED", "DISCOUNTS_REDEEMCODE_REMOVED")
	add := func(id string, codes ...string) any {
		in := []any{}
		for _, code := range codes {
			in = append(in, map[string]any{"code": code})
		}
		return at(data(t, s, `mutation($id: ID!, $codes: [DiscountRedeemCodeInput!]!) { discountRedeemCodeBulkAdd(discountId: $id, codes: $codes) {
			bulkCreation { id done codesCount importedCount failedCount } userErrors { field message code } } }`, map[string]any{"id": id, "codes": in}), "discountRedeemCodeBulkAdd")
	}
	assert.Equal(t, "discountId INVALID", refusal(add("gid://shopify/DiscountCodeNode/1", "A")))
	assert.Equal(t, "codes BLANK", refusal(add(id)))
	out := add(id, "A", "B", "spring", "")
	require.Empty(t, at(out, "userErrors"))
	assert.InDelta(t, 2, at(out, "bulkCreation", "importedCount"), 0)
	creation := at(data(t, s, `query($id: ID!) { discountRedeemCodeBulkCreation(id: $id) { done discountCode { id } codes(first: 9) { nodes { code discountRedeemCode { id } errors { code } } } } }`,
		map[string]any{"id": at(out, "bulkCreation", "id")}), "discountRedeemCodeBulkCreation")
	assert.Equal(t, id, at(creation, "discountCode", "id"))
	assert.Equal(t, "TAKEN", at(creation, "codes", "nodes", 2, "errors", 0, "code"))
	assert.Equal(t, "BLANK", at(creation, "codes", "nodes", 3, "errors", 0, "code"))
	assert.InDelta(t, 3, at(terms(t, s, id), "codesCount", "count"), 0)
	assert.Equal(t, []string{"SPRING", "A", "B"}, s.DiscountCodes()[0].Codes)
	assert.Equal(t, id, at(data(t, s, findCode, map[string]any{"code": "b"}), "codeDiscountNodeByCode", "id"))
	in := []any{}
	for i := range 251 {
		in = append(in, map[string]any{"code": strconv.Itoa(i)})
	}
	tooMany := call(t, s, `mutation($id: ID!, $codes: [DiscountRedeemCodeInput!]!) { discountRedeemCodeBulkAdd(discountId: $id, codes: $codes) { userErrors { code } } }`, map[string]any{"id": id, "codes": in})
	assert.Equal(t, "MAX_INPUT_SIZE_EXCEEDED", at(tooMany, "errors", 0, "extensions", "code"))

	drop := at(data(t, s, `mutation($id: ID!) { discountCodeRedeemCodeBulkDelete(discountId: $id, search: "code:A") { job { done } userErrors { code } } }`, map[string]any{"id": id}), "discountCodeRedeemCodeBulkDelete")
	assert.Equal(t, true, at(drop, "job", "done"))
	assert.Equal(t, []string{"SPRING", "B"}, s.DiscountCodes()[0].Codes)
	data(t, s, `mutation($id: ID!) { discountCodeRedeemCodeBulkDelete(discountId: $id, search: "times_used:0") { userErrors { code } } }`, map[string]any{"id": id})
	assert.Empty(t, s.DiscountCodes()[0].Codes)
	require.Empty(t, at(discountCalls["code basic"].update(t, s, id, map[string]any{"code": "AGAIN"}), "userErrors"))
	assert.Equal(t, []string{"AGAIN"}, s.DiscountCodes()[0].Codes)
	sent := hooks()
	require.Equal(t, []string{"discounts/redeemcode_added", "discounts/redeemcode_added", "discounts/redeemcode_removed", "discounts/redeemcode_removed", "discounts/redeemcode_removed"}, topicsOf(sent))
	assert.Equal(t, "A", at(sent[0].body, "redeem_code", "code"))
	assert.Equal(t, at(creation, "codes", "nodes", 0, "discountRedeemCode", "id"), at(sent[0].body, "redeem_code", "id"))
}

func TestDiscountsInBulk(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ids := []any{}
	for _, code := range []string{"A", "B", "C"} {
		ids = append(ids, discountCalls["code basic"].make(t, s, discountInput(s, map[string]any{"code": code})))
	}
	bulk := func(mutation string, args map[string]any) any {
		return at(data(t, s, `mutation($ids: [ID!], $search: String) { `+mutation+`(ids: $ids, search: $search) { job { id done } userErrors { field message code } } }`, args), mutation)
	}
	statuses := func() []any {
		out := []any{}
		for _, id := range ids {
			out = append(out, at(terms(t, s, id.(string)), "status"))
		}
		return out
	}
	assert.Equal(t, "MISSING_ARGUMENT", refusal(bulk("discountCodeBulkDeactivate", nil)))
	assert.Equal(t, "TOO_MANY_ARGUMENTS", refusal(bulk("discountCodeBulkDeactivate", map[string]any{"ids": ids, "search": "status:active"})))
	assert.NotNil(t, at(bulk("discountCodeBulkDeactivate", map[string]any{"ids": ids[:2]}), "job", "id"))
	assert.Equal(t, []any{"EXPIRED", "EXPIRED", "ACTIVE"}, statuses())
	bulk("discountCodeBulkActivate", map[string]any{"search": "code:A"})
	assert.Equal(t, []any{"ACTIVE", "EXPIRED", "ACTIVE"}, statuses())
	bulk("discountCodeBulkDelete", map[string]any{"search": "status:active"})
	assert.Equal(t, []any{nil, "EXPIRED", nil}, statuses())
	automatic := discountCalls["automatic basic"].make(t, s, discountInput(s, map[string]any{"code": absent}))
	bulk("discountAutomaticBulkDelete", map[string]any{"ids": []any{automatic}})
	assert.Nil(t, terms(t, s, automatic))
	saved := call(t, s, `mutation { discountCodeBulkDelete(savedSearchId: "gid://shopify/SavedSearch/1") { userErrors { code } } }`, nil)
	assert.Equal(t, "NOT_SIMULATED", at(saved, "errors", 0, "extensions", "code"))
}
