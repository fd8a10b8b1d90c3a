package shopifytest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func TestDraftOrders(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, func(int) int { return http.StatusOK })
	subscribe(t, s, "DRAFT_ORDERS_CREATE", map[string]any{"uri": sub.URL})
	customer, variant := s.Customers()[0], s.Products()[0].Variants[0]
	const fields = `draftOrder { id name status note2 tags email totalQuantityOfLineItems subtotalPriceSet { shopMoney { amount } } totalPriceSet { shopMoney { amount } }
		customer { id } order { id sourceName } lineItems(first: 5) { nodes { title quantity sku variant { id } originalUnitPriceSet { shopMoney { amount } } } } } userErrors { field message }`
	create := func(in map[string]any) any {
		t.Helper()
		return at(data(t, s, `mutation($in: DraftOrderInput!) { draftOrderCreate(input: $in) { `+fields+` } }`, map[string]any{"in": in}), "draftOrderCreate")
	}
	out := create(map[string]any{
		"customerId": customer.ID, "note": "bundle", "tags": []string{"posai"}, "lineItems": []any{
			map[string]any{"variantId": variant.ID, "quantity": 2},
			map[string]any{"title": "Engraving", "quantity": 1, "originalUnitPrice": "15.00"},
		},
		"appliedDiscount": map[string]any{"valueType": "PERCENTAGE", "value": 10},
	})
	require.Empty(t, at(out, "userErrors"))
	d := at(out, "draftOrder")
	// (2 × 89.00 + 15.00) less 10 % is 173.70; the shirts' 160.20 are taxed at 5.5 %: 8.81.
	assert.Equal(t, "#D1", at(d, "name"))
	assert.Equal(t, "OPEN", at(d, "status"))
	assert.Equal(t, customer.ID, at(d, "customer", "id"))
	assert.Equal(t, "173.7", at(d, "subtotalPriceSet", "shopMoney", "amount"))
	assert.Equal(t, "182.51", at(d, "totalPriceSet", "shopMoney", "amount"))
	id := at(d, "id")
	waitIdle(t, s)
	assert.Len(t, sub.requests(), 1)
	assert.Equal(t, []string{"#D1"}, names(t, s, "draftOrders", "name", "tag:posai status:open", ""))
	require.Len(t, s.DraftOrders(), 1)
	assert.Equal(t, "bundle", s.DraftOrders()[0].Note)

	update := at(data(t, s, `mutation($id: ID!, $in: DraftOrderInput!) { draftOrderUpdate(id: $id, input: $in) { `+fields+` } }`,
		map[string]any{"id": id, "in": map[string]any{"note": nil}}), "draftOrderUpdate")
	assert.Nil(t, at(update, "draftOrder", "note2"), "null clears")
	assert.Len(t, at(update, "draftOrder", "lineItems", "nodes"), 2, "what is not sent stays")
	assert.Equal(t, []any{"posai"}, at(update, "draftOrder", "tags"))

	complete := func() any {
		return at(data(t, s, `mutation($id: ID!) { draftOrderComplete(id: $id) { `+fields+` } }`, map[string]any{"id": id}), "draftOrderComplete")
	}
	done := complete()
	require.Empty(t, at(done, "userErrors"))
	assert.Equal(t, "COMPLETED", at(done, "draftOrder", "status"))
	o, ok := s.Order(at(done, "draftOrder", "order", "id").(string))
	require.True(t, ok)
	assert.Equal(t, "182.51", o.Total.StringFixed(2))
	assert.Equal(t, "shopify_draft_order", o.Source)
	assert.NotEmpty(t, at(complete(), "userErrors"), "completing twice")

	for name, in := range map[string]map[string]any{
		"no lines":         {},
		"unknown customer": {"customerId": "gid://shopify/Customer/1", "lineItems": []any{map[string]any{"variantId": variant.ID, "quantity": 1}}},
		"unknown variant":  {"lineItems": []any{map[string]any{"variantId": "gid://shopify/ProductVariant/1", "quantity": 1}}},
		"no quantity":      {"lineItems": []any{map[string]any{"variantId": variant.ID, "quantity": 0}}},
		"no title":         {"lineItems": []any{map[string]any{"quantity": 1}}},
		"discount":         {"lineItems": []any{map[string]any{"variantId": variant.ID, "quantity": 1}}, "appliedDiscount": map[string]any{"valueType": "PERCENTAGE", "value": 200}},
	} {
		t.Run(name, func(t *testing.T) { assert.NotEmpty(t, at(create(in), "userErrors")) })
	}
	require.Len(t, s.DraftOrders(), 1)

	second := at(create(map[string]any{"lineItems": []any{map[string]any{"variantId": variant.ID, "quantity": 1}}}), "draftOrder", "id")
	deleted := data(t, s, `mutation($id: ID!) { draftOrderDelete(input: {id: $id}) { deletedId userErrors { message } } }`, map[string]any{"id": second})
	assert.Equal(t, second, at(deleted, "draftOrderDelete", "deletedId"))
	assert.Len(t, s.DraftOrders(), 1)
}

func TestOrderCreate(t *testing.T) {
	s := newShop(t, nil)
	variant := s.Products()[0].Variants[0]
	create := func(order, options map[string]any) map[string]any {
		t.Helper()
		return call(t, s, `mutation($o: OrderCreateOrderInput!, $p: OrderCreateOptionsInput) { orderCreate(order: $o, options: $p) {
			order { id displayFinancialStatus sourceName } userErrors { field message code } } }`, map[string]any{"o": order, "p": options})
	}
	lines := []any{map[string]any{"variantId": variant.ID, "quantity": 2}, map[string]any{
		"title": "Alteration", "quantity": 1, "taxable": false,
		"priceSet": map[string]any{"shopMoney": map[string]any{"amount": "20.00", "currencyCode": "USD"}},
	}}
	home := s.Locations()[0].ID
	before := available(t, s, variant.SKU, home)
	out := create(map[string]any{
		"lineItems": lines, "email": "guest@example.com", "financialStatus": "PAID", "tags": []string{"imported"},
		"taxLines": []any{map[string]any{"title": "Tax", "rate": "0.1"}},
	}, map[string]any{"inventoryBehaviour": "DECREMENT_IGNORING_POLICY"})
	require.Empty(t, out["errors"])
	require.Empty(t, at(out, "data", "orderCreate", "userErrors"))
	o, ok := s.Order(at(out, "data", "orderCreate", "order", "id").(string))
	require.True(t, ok)
	assert.Equal(t, "215.80", o.Total.StringFixed(2), "178.00 and 10 %% of it, and 20.00 without tax")
	assert.Equal(t, "PAID", o.FinancialStatus)
	assert.Equal(t, before-2, available(t, s, variant.SKU, home))
	out = create(map[string]any{"lineItems": lines}, map[string]any{"inventoryBehaviour": "BYPASS"})
	assert.Equal(t, "PENDING", at(out, "data", "orderCreate", "order", "displayFinancialStatus"))
	assert.Equal(t, before-2, available(t, s, variant.SKU, home))
	out = create(map[string]any{"lineItems": []any{map[string]any{"variantId": variant.ID, "quantity": 9000}}}, map[string]any{"inventoryBehaviour": "DECREMENT_OBEYING_POLICY"})
	assert.Equal(t, "INVENTORY_CLAIM_FAILED", at(out, "data", "orderCreate", "userErrors", 0, "code"))
	out = create(map[string]any{"lineItems": lines, "financialStatus": "VOIDED"}, nil)
	assert.Equal(t, "NOT_SIMULATED", at(out, "errors", 0, "extensions", "code"))
	out = create(map[string]any{"lineItems": lines, "processedAt": "2999-01-01T00:00:00Z"}, nil)
	assert.Equal(t, "PROCESSED_AT_INVALID", at(out, "data", "orderCreate", "userErrors", 0, "code"))
}

func TestRefundCreate(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, func(int) int { return http.StatusOK })
	subscribe(t, s, "REFUNDS_CREATE", map[string]any{"uri": sub.URL})
	home := s.Locations()[0].ID
	o, err := s.RingUp(shopifytest.Sale{Tender: "cash", Lines: []shopifytest.SaleLine{{SKU: "AW-MTC", Quantity: 3}}})
	require.NoError(t, err)
	stock := available(t, s, "AW-MTC", home)
	key := 0
	refund := func(in map[string]any) any {
		t.Helper()
		key++
		in["orderId"] = o.ID
		return at(data(t, s, `mutation($in: RefundInput!, $key: String!) { refundCreate(input: $in) @idempotent(key: $key) {
			refund { id totalRefundedSet { shopMoney { amount } } refundLineItems(first: 3) { nodes { quantity subtotalSet { shopMoney { amount } } } } }
			order { displayFinancialStatus currentTotalPriceSet { shopMoney { amount } } } userErrors { field message } } }`,
			map[string]any{"in": in, "key": string(rune('a' + key))}), "refundCreate")
	}
	line := func(quantity int) map[string]any {
		return map[string]any{"lineItemId": o.Lines[0].ID, "quantity": quantity, "restockType": "RETURN", "locationId": home}
	}
	// 36.00 and 5.5 % tax: 37.98. A third of it: 12.00 and 0.66.
	out := refund(map[string]any{
		"refundLineItems": []any{line(1)}, "note": "scorched", "transactions": []any{map[string]any{"orderId": o.ID, "kind": "REFUND", "gateway": "cash", "amount": "12.66"}},
	})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "12.66", at(out, "refund", "totalRefundedSet", "shopMoney", "amount"))
	assert.Equal(t, "12.0", at(out, "refund", "refundLineItems", "nodes", 0, "subtotalSet", "shopMoney", "amount"))
	assert.Equal(t, "PARTIALLY_REFUNDED", at(out, "order", "displayFinancialStatus"))
	assert.Equal(t, "25.32", at(out, "order", "currentTotalPriceSet", "shopMoney", "amount"))
	assert.Equal(t, stock+1, available(t, s, "AW-MTC", home))
	waitIdle(t, s)
	assert.Len(t, sub.requests(), 1)

	for name, in := range map[string]map[string]any{
		"nothing":           {},
		"too many":          {"refundLineItems": []any{line(3)}},
		"too many in parts": {"refundLineItems": []any{line(1), line(2)}},
		"too much":          {"transactions": []any{map[string]any{"orderId": o.ID, "kind": "REFUND", "gateway": "cash", "amount": "25.33"}}},
		"a sale":            {"transactions": []any{map[string]any{"orderId": o.ID, "kind": "SALE", "gateway": "cash", "amount": "1.00"}}},
		"nowhere to put it": {"refundLineItems": []any{map[string]any{"lineItemId": o.Lines[0].ID, "quantity": 1, "restockType": "RETURN"}}},
		"line of another":   {"refundLineItems": []any{map[string]any{"lineItemId": s.Orders()[0].Lines[0].ID, "quantity": 1}}},
	} {
		t.Run(name, func(t *testing.T) { assert.NotEmpty(t, at(refund(in), "userErrors")) })
	}
	out = refund(map[string]any{
		"refundLineItems": []any{line(2)}, "transactions": []any{map[string]any{"orderId": o.ID, "kind": "REFUND", "gateway": "cash", "amount": "25.32"}},
	})
	assert.Equal(t, "REFUNDED", at(out, "order", "displayFinancialStatus"))
	assert.Equal(t, "0.0", at(out, "order", "currentTotalPriceSet", "shopMoney", "amount"))
}

func TestCustomers(t *testing.T) {
	s := newShop(t, nil)
	const fields = `{ customer { id displayName email tags note defaultEmailAddress { emailAddress marketingState } numberOfOrders } userErrors { field message } }`
	write := func(mutation string, in map[string]any) any {
		t.Helper()
		return at(data(t, s, `mutation($in: CustomerInput!) { `+mutation+`(input: $in) `+fields+` }`, map[string]any{"in": in}), mutation)
	}
	out := write("customerCreate", map[string]any{
		"firstName": "Nell", "lastName": "Sample", "email": "nell@example.com", "tags": []string{"new"}, "note": "n",
		"emailMarketingConsent": map[string]any{"marketingState": "SUBSCRIBED", "marketingOptInLevel": "SINGLE_OPT_IN"},
	})
	require.Empty(t, at(out, "userErrors"))
	id := at(out, "customer", "id")
	assert.Equal(t, "SUBSCRIBED", at(out, "customer", "defaultEmailAddress", "marketingState"))
	assert.Equal(t, "0", at(out, "customer", "numberOfOrders"))
	out = write("customerUpdate", map[string]any{"id": id, "note": nil, "email": "nell2@example.com"})
	assert.Nil(t, at(out, "customer", "note"))
	assert.Equal(t, "Nell Sample", at(out, "customer", "displayName"))
	_, err := s.RingUp(shopifytest.Sale{Customer: "nell2@example.com", Lines: []shopifytest.SaleLine{{SKU: "AW-MTC"}}})
	require.NoError(t, err, "the new address is known")
	_, err = s.RingUp(shopifytest.Sale{Customer: "nell@example.com", Lines: []shopifytest.SaleLine{{SKU: "AW-MTC"}}})
	require.ErrorIs(t, err, shopifytest.ErrSale, "the old one is not")

	assert.NotEmpty(t, at(write("customerCreate", map[string]any{"email": "NELL2@example.com"}), "userErrors"), "taken")
	assert.NotEmpty(t, at(write("customerCreate", map[string]any{"email": "nonsense"}), "userErrors"))
	assert.NotEmpty(t, at(write("customerCreate", map[string]any{"phone": "12"}), "userErrors"))
	assert.NotEmpty(t, at(write("customerCreate", map[string]any{}), "userErrors"))
	assert.NotEmpty(t, at(write("customerUpdate", map[string]any{"id": "gid://shopify/Customer/1"}), "userErrors"))
}

func TestInventory(t *testing.T) {
	s := newShop(t, nil)
	home, item := s.Locations()[0].ID, s.Products()[0].Variants[0].InventoryItemID
	sku := s.Products()[0].Variants[0].SKU
	before := available(t, s, sku, home)
	key := 0
	run := func(mutation, kind string, in map[string]any) map[string]any {
		t.Helper()
		key++
		in["reason"] = "correction"
		return call(t, s, `mutation($in: `+kind+`!, $key: String!) { `+mutation+`(input: $in) @idempotent(key: $key) {
			inventoryAdjustmentGroup { reason changes(quantityNames: ["available"]) { name delta quantityAfterChange } } userErrors { field message code } } }`,
			map[string]any{"in": in, "key": string(rune('a' + key))})
	}
	adjust := func(name string, change map[string]any) map[string]any {
		return run("inventoryAdjustQuantities", "InventoryAdjustQuantitiesInput", map[string]any{"name": name, "changes": []any{change}})
	}
	set := func(quantity map[string]any) map[string]any {
		return run("inventorySetQuantities", "InventorySetQuantitiesInput", map[string]any{"name": "available", "quantities": []any{quantity}})
	}
	out := adjust("available", map[string]any{"inventoryItemId": item, "locationId": home, "delta": 5, "changeFromQuantity": nil})
	require.Empty(t, out["errors"])
	group := at(out, "data", "inventoryAdjustQuantities", "inventoryAdjustmentGroup")
	assert.InDelta(t, before+5, at(group, "changes", 0, "quantityAfterChange"), 0)
	assert.Equal(t, before+5, available(t, s, sku, home))

	out = adjust("available", map[string]any{"inventoryItemId": item, "locationId": home, "delta": 5})
	assert.Equal(t, "INVALID_FIELD_ARGUMENTS", at(out, "errors", 0, "extensions", "code"), "changeFromQuantity must be sent")
	out = set(map[string]any{"inventoryItemId": item, "locationId": home, "quantity": 1, "changeFromQuantity": before})
	assert.Equal(t, "CHANGE_FROM_QUANTITY_STALE", at(out, "data", "inventorySetQuantities", "userErrors", 0, "code"))
	assert.Equal(t, before+5, available(t, s, sku, home))
	out = set(map[string]any{"inventoryItemId": item, "locationId": home, "quantity": 1, "changeFromQuantity": before + 5})
	assert.Empty(t, at(out, "data", "inventorySetQuantities", "userErrors"))
	assert.Equal(t, 1, available(t, s, sku, home))

	for code, change := range map[string]map[string]any{
		"INVALID_INVENTORY_ITEM":    {"inventoryItemId": "gid://shopify/InventoryItem/1", "locationId": home, "delta": 1, "changeFromQuantity": nil},
		"INVALID_LOCATION":          {"inventoryItemId": item, "locationId": "gid://shopify/Location/1", "delta": 1, "changeFromQuantity": nil},
		"INVALID_QUANTITY_TOO_HIGH": {"inventoryItemId": item, "locationId": home, "delta": 2_000_000_000, "changeFromQuantity": nil},
	} {
		assert.Equal(t, code, at(adjust("available", change), "data", "inventoryAdjustQuantities", "userErrors", 0, "code"))
	}
	out = adjust("on_hand", map[string]any{"inventoryItemId": item, "locationId": home, "delta": 1, "changeFromQuantity": nil})
	assert.Equal(t, "INVALID_QUANTITY_NAME", at(out, "data", "inventoryAdjustQuantities", "userErrors", 0, "code"))
	adjust("damaged", map[string]any{"inventoryItemId": item, "locationId": home, "delta": 2, "changeFromQuantity": nil})
	read := data(t, s, `query($i: ID!, $l: ID!) { inventoryItem(id: $i) { inventoryLevel(locationId: $l) { quantities(names: ["available", "damaged", "on_hand"]) { name quantity } } } }`,
		map[string]any{"i": item, "l": home})
	level := at(read, "inventoryItem", "inventoryLevel")
	available := at(level, "quantities", 0, "quantity").(float64)
	assert.InDelta(t, 2, at(level, "quantities", 1, "quantity"), 0)
	assert.GreaterOrEqual(t, at(level, "quantities", 2, "quantity").(float64), available+2)
}

func TestProductUpdate(t *testing.T) {
	s := newShop(t, nil)
	p := s.Products()[0]
	update := func(in map[string]any) any {
		t.Helper()
		return at(data(t, s, `mutation($p: ProductUpdateInput!) { productUpdate(product: $p) { product { title handle descriptionHtml description status tags } userErrors { field message } } }`,
			map[string]any{"p": in}), "productUpdate")
	}
	out := update(map[string]any{"id": p.ID, "title": "Oxford Shirt", "descriptionHtml": "<p>Soft <b>oxford</b></p>", "status": "DRAFT"})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "Oxford Shirt", at(out, "product", "title"))
	assert.Equal(t, "<p>Soft <b>oxford</b></p>", at(out, "product", "descriptionHtml"))
	assert.Equal(t, "DRAFT", at(out, "product", "status"))
	assert.NotEmpty(t, at(out, "product", "tags"), "what is not sent stays")
	assert.NotEmpty(t, at(update(map[string]any{"id": p.ID, "title": ""}), "userErrors"))
	assert.NotEmpty(t, at(update(map[string]any{"id": p.ID, "handle": "soy-candle"}), "userErrors"))
	assert.NotEmpty(t, at(update(map[string]any{"id": "gid://shopify/Product/1", "title": "x"}), "userErrors"))
}

// TestRefundOfWhatWasNotSent cancels pieces that were set aside: these are on the shelf again, and no more than were.
func TestRefundOfWhatWasNotSent(t *testing.T) {
	s := newShop(t, nil)
	home, other := s.Locations()[0].ID, s.Locations()[1].ID
	o, err := s.RingUp(shopifytest.Sale{SendLater: true, Lines: []shopifytest.SaleLine{{SKU: "AW-MTC", Quantity: 3}}})
	require.NoError(t, err)
	require.Equal(t, home, o.LocationID)
	hooks := watch(t, s, "INVENTORY_LEVELS_UPDATE")
	item := at(data(t, s, `query($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { variant { inventoryItem { id } } } } } }`, map[string]any{"id": o.ID}), "order", "lineItems", "nodes", 0, "variant", "inventoryItem", "id")
	stock := func(location string) (available, committed float64) {
		read := data(t, s, `query($i: ID!, $l: ID!) { inventoryItem(id: $i) { inventoryLevel(locationId: $l) { quantities(names: ["available", "committed"]) { quantity } } } }`, map[string]any{"i": item, "l": location})
		quantities := at(read, "inventoryItem", "inventoryLevel", "quantities")
		return at(quantities, 0, "quantity").(float64), at(quantities, 1, "quantity").(float64)
	}
	refund := func(key string, quantity int, restock, location string) any {
		line := map[string]any{"lineItemId": o.Lines[0].ID, "quantity": quantity, "restockType": restock}
		if location != "" {
			line["locationId"] = location
		}
		out := at(data(t, s, `mutation($in: RefundInput!, $key: String!) { refundCreate(input: $in) @idempotent(key: $key) { order { lineItems(first: 1) { nodes { unfulfilledQuantity } } } userErrors { field message } } }`,
			map[string]any{"key": key, "in": map[string]any{"orderId": o.ID, "refundLineItems": []any{line}}}), "refundCreate")
		require.Empty(t, at(out, "userErrors"))
		return at(out, "order", "lineItems", "nodes", 0, "unfulfilledQuantity")
	}
	available, committed := stock(home)
	elsewhere, theirs := stock(other)

	assert.InDelta(t, 2, refund("a", 1, "CANCEL", home), 0)
	now, aside := stock(home)
	assert.InDelta(t, available+1, now, 0)
	assert.InDelta(t, committed-1, aside, 0)
	assert.Len(t, hooks(), 1, "one level changed, which is told once")

	assert.InDelta(t, 1, refund("b", 1, "CANCEL", other), 0)
	now, aside = stock(home)
	assert.InDelta(t, available+1, now, 0)
	assert.InDelta(t, committed-2, aside, 0, "it was set aside here")
	now, aside = stock(other)
	assert.InDelta(t, elsewhere+1, now, 0, "and is put there")
	assert.InDelta(t, theirs, aside, 0)
	assert.Len(t, hooks(), 2)
}

// TestCancelOfUncountedOrder cancels an order that took nothing from the stock: nothing was set aside for it.
func TestCancelOfUncountedOrder(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	made := data(t, s, `mutation($o: OrderCreateOrderInput!) { orderCreate(order: $o, options: {inventoryBehaviour: BYPASS}) { order { id } userErrors { message } } }`,
		map[string]any{"o": map[string]any{"lineItems": []any{map[string]any{"variantId": s.Products()[0].Variants[0].ID, "quantity": 2}}}})
	require.Empty(t, at(made, "orderCreate", "userErrors"))
	out := data(t, s, `mutation($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: false) { orderCancelUserErrors { code } } }`, map[string]any{"id": at(made, "orderCreate", "order", "id")})
	require.Empty(t, at(out, "orderCancel", "orderCancelUserErrors"))
	read := data(t, s, `query($l: ID!) { productVariants(first: 1) { nodes { inventoryItem { inventoryLevel(locationId: $l) { quantities(names: ["committed"]) { quantity } } } } } }`, map[string]any{"l": s.Locations()[0].ID})
	assert.InDelta(t, 0, at(read, "productVariants", "nodes", 0, "inventoryItem", "inventoryLevel", "quantities", 0, "quantity"), 0)
}
