package shopifytest_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const (
	calculated = `calculatedOrder { id subtotalLineItemsQuantity totalPriceSet { shopMoney { amount } } totalOutstandingSet { shopMoney { amount } } originalOrder { id }
		lineItems(first: 9) { nodes { id title quantity editableQuantity hasStagedLineItemDiscount } } addedLineItems(first: 9) { nodes { id title sku } } stagedChanges(first: 9) { nodes { __typename } } } userErrors { field message }`
	readOrder = `query($id: ID!) { order(id: $id) { closed closedAt cancelledAt cancelReason edited displayFulfillmentStatus displayFinancialStatus totalPriceSet { shopMoney { amount } } currentTotalPriceSet { shopMoney { amount } } totalOutstandingSet { shopMoney { amount } }
		lineItems(first: 9) { nodes { id title quantity currentQuantity unfulfilledQuantity } } refunds { refundLineItems(first: 9) { nodes { quantity restockType } } } } }`
)

// edit runs a step of an edit.
func edit(t *testing.T, s *shopifytest.Shop, field, declared, args string, variables map[string]any) any {
	t.Helper()
	payload := calculated
	if field != "orderEditBegin" && field != "orderEditRemoveDiscount" {
		payload = "calculatedLineItem { id quantity discountedUnitPriceSet { shopMoney { amount } } } " + calculated
	}
	return at(data(t, s, "mutation("+declared+") { "+field+"("+args+") { "+payload+" } }", variables), field)
}

func commit(t *testing.T, s *shopifytest.Shop, id any) any {
	t.Helper()
	return at(data(t, s, `mutation($id: ID!) { orderEditCommit(id: $id, notifyCustomer: true, staffNote: "By phone") { order { id edited } successMessages userErrors { field message } } }`, map[string]any{"id": id}), "orderEditCommit")
}

// unsent rings up a sale whose goods are sent later.
func unsent(t *testing.T, s *shopifytest.Shop) shopifytest.Order {
	t.Helper()
	o, err := s.RingUp(shopifytest.Sale{SendLater: true, Lines: []shopifytest.SaleLine{{SKU: "P-B", Quantity: 2}}})
	require.NoError(t, err)
	return o
}

func amountOf(v any, name string) any { return at(v, name, "shopMoney", "amount") }

func TestOrderEdit(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	red, place := s.Products()[0].Variants[1], s.Locations()[0].ID
	order := unsent(t, s)
	line := order.Lines[0].ID
	hooks := watch(t, s, "ORDERS_EDITED", "ORDERS_UPDATED", "REFUNDS_CREATE", "INVENTORY_LEVELS_UPDATE")
	begin := func(id string) any {
		return edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": id})
	}
	assert.Equal(t, "id The order does not exist.", refusal(begin("gid://shopify/Order/1")))
	begun := begin(order.ID)
	require.Empty(t, at(begun, "userErrors"))
	id := at(begun, "calculatedOrder", "id")
	assert.Equal(t, order.ID, at(begun, "calculatedOrder", "originalOrder", "id"))
	assert.Equal(t, "23.8", amountOf(at(begun, "calculatedOrder"), "totalPriceSet"), "20.00 and 19 %")
	assert.Equal(t, "id There are no changes to commit.", refusal(commit(t, s, id)))

	add := func(variant string, n int) any {
		return edit(t, s, "orderEditAddVariant", "$id: ID!, $v: ID!, $n: Int!", "id: $id, variantId: $v, quantity: $n", map[string]any{"id": id, "v": variant, "n": n})
	}
	set := func(line any, n int) any {
		return edit(t, s, "orderEditSetQuantity", "$id: ID!, $l: ID!, $n: Int!", "id: $id, lineItemId: $l, quantity: $n, restock: true", map[string]any{"id": id, "l": line, "n": n})
	}
	discount := func(line any, d map[string]any) any {
		return edit(t, s, "orderEditAddLineItemDiscount", "$id: ID!, $l: ID!, $d: OrderEditAppliedDiscountInput!", "id: $id, lineItemId: $l, discount: $d", map[string]any{"id": id, "l": line, "d": d})
	}
	custom := func(title, amount, currency string, n int) any {
		return edit(t, s, "orderEditAddCustomItem", "$id: ID!, $t: String!, $p: MoneyInput!, $n: Int!", "id: $id, title: $t, price: $p, quantity: $n", map[string]any{"id": id, "t": title, "n": n, "p": map[string]any{"amount": amount, "currencyCode": currency}})
	}
	for name, tt := range map[string]struct {
		got  any
		want string
	}{
		"no edit":       {edit(t, s, "orderEditSetQuantity", "$id: ID!", `id: $id, lineItemId: "gid://shopify/CalculatedLineItem/1", quantity: 1`, map[string]any{"id": "gid://shopify/CalculatedOrder/1"}), "id The calculated order does not exist."},
		"no variant":    {add("gid://shopify/ProductVariant/1", 1), "variantId The variant does not exist."},
		"none of it":    {add(red.ID, 0), "quantity Quantity must be greater than 0."},
		"again":         {add(s.Products()[0].Variants[0].ID, 1), "variantId The variant is already on the order. Allow duplicates to add it again."},
		"no line":       {set("gid://shopify/CalculatedLineItem/1", 1), "lineItemId The line item does not exist."},
		"negative":      {set(line, -1), "quantity Quantity must be greater than or equal to 0."},
		"two discounts": {discount(line, map[string]any{"percentValue": 10, "fixedValue": map[string]any{"amount": "1", "currencyCode": "EUR"}}), "discount Exactly one of fixedValue and percentValue must be given."},
		"too much":      {discount(line, map[string]any{"percentValue": 101}), "discount Percentage must be between 0 and 100."},
		"dollars":       {discount(line, map[string]any{"fixedValue": map[string]any{"amount": "1", "currencyCode": "USD"}}), "discount Amount must be positive and in the shop's currency."},
		"no title":      {custom("", "1", "EUR", 1), "title Title can't be blank."},
		"no price":      {custom("Engraving", "1", "USD", 1), "price Price must be an amount in the shop's currency."},
	} {
		assert.Equal(t, tt.want, refusal(tt.got), name)
	}

	added := add(red.ID, 2)
	require.Empty(t, at(added, "userErrors"))
	newLine := at(added, "calculatedLineItem", "id")
	require.Empty(t, at(set(line, 1), "userErrors"))
	reduced := discount(newLine, map[string]any{"percentValue": 50, "description": "Sorry"})
	require.Empty(t, at(reduced, "userErrors"))
	assert.Equal(t, "5.03", amountOf(at(reduced, "calculatedLineItem"), "discountedUnitPriceSet"))
	assert.Equal(t, "discount The line item has a discount already.", refusal(discount(newLine, map[string]any{"percentValue": 10})))
	require.Empty(t, at(custom("Engraving", "4", "EUR", 1), "userErrors"))
	calculatedOrder := at(set(newLine, 2), "calculatedOrder")
	// 10.00 and 1.90 of tax left, 10.05 and 1.91 of it new, 4.00 untaxed.
	assert.Equal(t, "27.86", amountOf(calculatedOrder, "totalPriceSet"))
	assert.Equal(t, "4.06", amountOf(calculatedOrder, "totalOutstandingSet"))
	assert.InDelta(t, 4, at(calculatedOrder, "subtotalLineItemsQuantity"), 0)
	assert.Equal(t, "P-R", at(calculatedOrder, "addedLineItems", "nodes", 0, "sku"))
	assert.Len(t, at(calculatedOrder, "stagedChanges", "nodes"), 4)
	before, _ := s.Order(order.ID)
	assert.Len(t, before.Lines, 1, "nothing is written before it is committed")
	assert.Empty(t, hooks())

	stock := s.Products()[0].Variants
	done := commit(t, s, id)
	require.Empty(t, at(done, "userErrors"))
	assert.Equal(t, true, at(done, "order", "edited"))
	assert.Equal(t, "id The edit has been committed already.", refusal(commit(t, s, id)))
	read := at(data(t, s, readOrder, map[string]any{"id": order.ID}), "order")
	assert.Equal(t, "27.86", amountOf(read, "currentTotalPriceSet"))
	assert.Equal(t, "4.06", amountOf(read, "totalOutstandingSet"))
	assert.Equal(t, "PARTIALLY_PAID", at(read, "displayFinancialStatus"))
	assert.InDelta(t, 2, at(read, "lineItems", "nodes", 0, "quantity"), 0)
	assert.InDelta(t, 1, at(read, "lineItems", "nodes", 0, "currentQuantity"), 0)
	assert.Equal(t, "Engraving", at(read, "lineItems", "nodes", 2, "title"))
	assert.Equal(t, "CANCEL", at(read, "refunds", 0, "refundLineItems", "nodes", 0, "restockType"))
	now := s.Products()[0].Variants
	assert.Equal(t, stock[0].Available[place]+1, now[0].Available[place], "one piece is back")
	assert.Equal(t, stock[1].Available[place]-2, now[1].Available[place], "two are put aside")

	got := hooks()
	require.Equal(t, []string{"inventory_levels/update", "inventory_levels/update", "refunds/create", "orders/edited", "orders/updated"}, topicsOf(got))
	assert.InDelta(t, 1, at(got[3].body, "order_edit", "line_items", "removals", 0, "delta"), 0)
	assert.InDelta(t, 2, at(got[3].body, "order_edit", "line_items", "additions", 0, "delta"), 0)
	assert.Equal(t, "By phone", at(got[3].body, "order_edit", "staff_note"))
}

func TestEditOfASentOrder(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-B"}}})
	require.NoError(t, err)
	id := at(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": o.ID}), "calculatedOrder", "id")
	less := edit(t, s, "orderEditSetQuantity", "$id: ID!, $l: ID!", "id: $id, lineItemId: $l, quantity: 0", map[string]any{"id": id, "l": o.Lines[0].ID})
	assert.Equal(t, "quantity Quantity cannot be lower than what was fulfilled.", refusal(less))
	more := edit(t, s, "orderEditAddVariant", "$id: ID!, $v: ID!", "id: $id, variantId: $v, quantity: 1", map[string]any{"id": id, "v": s.Products()[0].Variants[1].ID})
	line := at(more, "calculatedLineItem", "id")
	cheap := edit(t, s, "orderEditAddLineItemDiscount", "$id: ID!, $l: ID!", `id: $id, lineItemId: $l, discount: {fixedValue: {amount: "1", currencyCode: EUR}}`, map[string]any{"id": id, "l": line})
	require.Empty(t, at(cheap, "userErrors"))
	dear := edit(t, s, "orderEditRemoveDiscount", "$id: ID!, $d: ID!", "id: $id, discountApplicationId: $d", map[string]any{"id": id, "d": line})
	require.Empty(t, at(dear, "userErrors"))
	assert.Equal(t, "discountApplicationId The discount does not exist.", refusal(edit(t, s, "orderEditRemoveDiscount", "$id: ID!, $d: ID!", "id: $id, discountApplicationId: $d", map[string]any{"id": id, "d": line})))
	require.Empty(t, at(commit(t, s, id), "userErrors"))
	read := at(data(t, s, readOrder, map[string]any{"id": o.ID}), "order")
	assert.Equal(t, "PARTIALLY_FULFILLED", at(read, "displayFulfillmentStatus"))
	assert.InDelta(t, 0, at(read, "lineItems", "nodes", 0, "unfulfilledQuantity"), 0)
	assert.InDelta(t, 1, at(read, "lineItems", "nodes", 1, "unfulfilledQuantity"), 0)
	assert.Equal(t, "23.86", amountOf(read, "totalPriceSet"), "11.90 and 11.96")
}

// TestStaleEdit changes the order between the beginning of an edit and its end.
func TestStaleEdit(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	red := s.Products()[0].Variants[1]
	begin := func(o shopifytest.Order) any {
		return at(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": o.ID}), "calculatedOrder", "id")
	}
	add := func(id any) any {
		return edit(t, s, "orderEditAddVariant", "$id: ID!, $v: ID!", "id: $id, variantId: $v, quantity: 1", map[string]any{"id": id, "v": red.ID})
	}
	discount := func(id any, line string) any {
		return edit(t, s, "orderEditAddLineItemDiscount", "$id: ID!, $l: ID!", `id: $id, lineItemId: $l, discount: {percentValue: 10}`, map[string]any{"id": id, "l": line})
	}
	quantities := func(o shopifytest.Order) (out []any) {
		read := at(data(t, s, readOrder, map[string]any{"id": o.ID}), "order", "lineItems", "nodes")
		for _, l := range read.([]any) {
			out = append(out, at(l, "currentQuantity"))
		}
		return out
	}

	t.Run("refunded", func(t *testing.T) {
		o := unsent(t, s)
		id := begin(o)
		require.Empty(t, at(add(id), "userErrors"))
		_, err := s.TakeBack(shopifytest.TakeBack{Order: o.ID, Lines: []shopifytest.TakeBackLine{{Quantity: 1}}})
		require.NoError(t, err)
		assert.Equal(t, "id The order has changed since the edit was begun.", refusal(commit(t, s, id)))
		assert.Equal(t, []any{1.0}, quantities(o))
	})
	t.Run("canceled", func(t *testing.T) {
		o := unsent(t, s)
		id := begin(o)
		require.Empty(t, at(add(id), "userErrors"))
		data(t, s, `mutation($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: true) { job { id } } }`, map[string]any{"id": o.ID})
		stock := s.Products()[0].Variants
		for _, refused := range []any{add(id), commit(t, s, id)} {
			assert.Equal(t, "id The order cannot be edited because it was canceled.", refusal(refused))
		}
		assert.Equal(t, []any{0.0}, quantities(o))
		assert.Equal(t, stock, s.Products()[0].Variants)
	})
	t.Run("edited elsewhere", func(t *testing.T) {
		o := unsent(t, s)
		first, second, third := begin(o), begin(o), begin(o)
		require.Empty(t, at(discount(first, o.Lines[0].ID), "userErrors"))
		require.Empty(t, at(discount(second, o.Lines[0].ID), "userErrors"))
		require.Empty(t, at(commit(t, s, first), "userErrors"))
		assert.Equal(t, "id The order has changed since the edit was begun.", refusal(commit(t, s, second)), "a line has one discount")
		require.Empty(t, at(add(third), "userErrors"))
		require.Empty(t, at(commit(t, s, third), "userErrors"), "the lines that it knows are as they were")
		assert.Equal(t, []any{2.0, 1.0}, quantities(o))
	})
	t.Run("over", func(t *testing.T) {
		o := unsent(t, s)
		id := begin(o)
		require.Empty(t, at(add(id), "userErrors"))
		require.Empty(t, at(discount(id, o.Lines[0].ID), "userErrors"))
		require.Empty(t, at(commit(t, s, id), "userErrors"))
		over := at(data(t, s, `query($id: ID!) { node(id: $id) { ... on CalculatedOrder { totalPriceSet { shopMoney { amount } } stagedChanges(first: 9) { nodes { __typename } } } } }`, map[string]any{"id": id}), "node")
		assert.Empty(t, at(over, "stagedChanges", "nodes"))
		assert.Equal(t, amountOf(at(data(t, s, readOrder, map[string]any{"id": o.ID}), "order"), "totalPriceSet"), amountOf(over, "totalPriceSet"))
	})
}

// TestEditAtALocation names where the goods are to come from.
func TestEditAtALocation(t *testing.T) {
	s := newShop(t, nil)
	o, err := s.RingUp(shopifytest.Sale{SendLater: true, Lines: []shopifytest.SaleLine{{SKU: s.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	id := at(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": o.ID}), "calculatedOrder", "id")
	add := func(location string) map[string]any {
		return call(t, s, `mutation($id: ID!, $v: ID!, $at: ID!) { orderEditAddVariant(id: $id, variantId: $v, quantity: 1, locationId: $at) { userErrors { field message } } }`,
			map[string]any{"id": id, "v": s.Products()[0].Variants[1].ID, "at": location})
	}
	places := s.Locations()
	i := slices.IndexFunc(places, func(l shopifytest.Location) bool { return l.ID == o.LocationID })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, "locationId The location does not exist.", refusal(at(add("gid://shopify/Location/1"), "data", "orderEditAddVariant")))
	assert.Equal(t, "NOT_SIMULATED", at(add(places[(i+1)%len(places)].ID), "errors", 0, "extensions", "code"))
	own := add(o.LocationID)
	assert.Empty(t, own["errors"])
	assert.Empty(t, at(own, "data", "orderEditAddVariant", "userErrors"))
}

// TestRefundOfAnEditedOrder takes back all of an order of which one piece was never sent.
func TestRefundOfAnEditedOrder(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-B"}}})
	require.NoError(t, err)
	id := at(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": o.ID}), "calculatedOrder", "id")
	more := edit(t, s, "orderEditSetQuantity", "$id: ID!, $l: ID!", "id: $id, lineItemId: $l, quantity: 2", map[string]any{"id": id, "l": o.Lines[0].ID})
	require.Empty(t, at(more, "userErrors"))
	require.Empty(t, at(commit(t, s, id), "userErrors"))
	for _, want := range []struct {
		status      string
		unfulfilled float64
	}{{"PARTIALLY_FULFILLED", 1}, {"FULFILLED", 0}} {
		_, err = s.TakeBack(shopifytest.TakeBack{Order: o.ID, Lines: []shopifytest.TakeBackLine{{Quantity: 1}}})
		require.NoError(t, err)
		read := at(data(t, s, readOrder, map[string]any{"id": o.ID}), "order")
		assert.Equal(t, want.status, at(read, "displayFulfillmentStatus"))
		assert.InDelta(t, want.unfulfilled, at(read, "lineItems", "nodes", 0, "unfulfilledQuantity"), 0)
	}
}

func TestOrderCloseAndOpen(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o := unsent(t, s)
	hooks := watch(t, s, "ORDERS_UPDATED")
	run := func(field, id string) any {
		input := map[string]string{"orderClose": "OrderCloseInput", "orderOpen": "OrderOpenInput"}[field]
		return at(data(t, s, "mutation($in: "+input+"!) { "+field+"(input: $in) { order { closed closedAt } userErrors { field message } } }", map[string]any{"in": map[string]any{"id": id}}), field)
	}
	for _, field := range []string{"orderClose", "orderOpen"} {
		assert.Equal(t, "id Order does not exist", refusal(run(field, "gid://shopify/Order/1")))
	}
	assert.Equal(t, true, at(run("orderClose", o.ID), "order", "closed"))
	assert.NotNil(t, at(run("orderClose", o.ID), "order", "closedAt"), "again changes nothing")
	assert.Len(t, at(data(t, s, `{ orders(first: 5, query: "status:closed") { nodes { id } } }`, nil), "orders", "nodes"), 2)
	assert.Nil(t, at(run("orderOpen", o.ID), "order", "closedAt"))
	assert.Len(t, hooks(), 2)
}

func TestOrderCancel(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	place := s.Locations()[0].ID
	cancel := func(id, more string) any {
		return at(data(t, s, "mutation($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, "+more+`) { job { done } orderCancelUserErrors { field message code } userErrors { field message } } }`, map[string]any{"id": id}), "orderCancel")
	}
	code := func(payload any) any { return at(payload, "orderCancelUserErrors", 0, "code") }
	assert.Equal(t, "NOT_FOUND", code(cancel("gid://shopify/Order/1", "restock: true")))
	assert.Equal(t, "INVALID", code(cancel("gid://shopify/Order/11", "restock: true")), "it was handed over")
	o := unsent(t, s)
	assert.Equal(t, "STORE_CREDIT_REFUND_MISSING_CUSTOMER", code(cancel(o.ID, "restock: true, refundMethod: {storeCreditRefund: {}}")))
	hooks := watch(t, s, "ORDERS_CANCELLED", "ORDERS_UPDATED", "REFUNDS_CREATE")
	stock := s.Products()[0].Variants[0].Available[place]
	out := cancel(o.ID, `restock: true, refundMethod: {originalPaymentMethodsRefund: true}, staffNote: "Changed their mind"`)
	require.Empty(t, at(out, "orderCancelUserErrors"))
	assert.Equal(t, true, at(out, "job", "done"))
	assert.Equal(t, "INVALID", code(cancel(o.ID, "restock: true")), "only once")
	read := at(data(t, s, readOrder, map[string]any{"id": o.ID}), "order")
	assert.NotNil(t, at(read, "cancelledAt"))
	assert.Equal(t, "CUSTOMER", at(read, "cancelReason"))
	assert.Equal(t, "REFUNDED", at(read, "displayFinancialStatus"))
	assert.Equal(t, "0.0", amountOf(read, "currentTotalPriceSet"))
	assert.Equal(t, stock+2, s.Products()[0].Variants[0].Available[place])
	got := hooks()
	require.Equal(t, []string{"refunds/create", "orders/cancelled", "orders/updated"}, topicsOf(got))
	assert.Equal(t, "customer", got[1].body["cancel_reason"])
	assert.Equal(t, "id The order cannot be edited because it was canceled.", refusal(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": o.ID})))

	credited, err := s.RingUp(shopifytest.Sale{SendLater: true, Customer: "ada@example.com", Lines: []shopifytest.SaleLine{{SKU: "P-B"}}})
	require.NoError(t, err)
	require.Empty(t, at(cancel(credited.ID, "restock: false, refundMethod: {storeCreditRefund: {}}"), "orderCancelUserErrors"))
	assert.Equal(t, "11.9", s.StoreCredit(s.Customers()[0].ID).String())
}
