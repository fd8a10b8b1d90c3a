package shopifytest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const suggestedRefund = `query($id: ID!, $lines: [RefundLineItemInput!], $full: Boolean, $shipping: Money, $how: RefundMethodAllocation) { order(id: $id) {
	suggestedRefund(refundLineItems: $lines, suggestFullRefund: $full, shippingAmount: $shipping, refundMethodAllocation: $how) {
		amountSet { shopMoney { amount } } maximumRefundableSet { shopMoney { amount } } totalCartDiscountAmountSet { shopMoney { amount } } shipping { amountSet { shopMoney { amount } } }
		refundLineItems { quantity restockType lineItem { id } subtotalSet { shopMoney { amount } } }
		suggestedTransactions { kind gateway amountSet { shopMoney { amount } } maximumRefundableSet { shopMoney { amount } } parentTransaction { id } } refundDuties { amountSet { shopMoney { amount } } } } } }`

// TestSuggestedRefundOfTwoPayments pays an order in two parts: the later one is given back first.
func TestSuggestedRefundOfTwoPayments(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	sold := unsent(t, s)
	hooks := watch(t, s, "ORDERS_PAID", "ORDERS_UPDATED", "TENDER_TRANSACTIONS_CREATE")
	paid := func(id string) any {
		return at(data(t, s, `mutation($id: ID!) { orderMarkAsPaid(input: {id: $id}) { order { displayFinancialStatus totalOutstandingSet { shopMoney { amount } } } userErrors { field message } } }`, map[string]any{"id": id}), "orderMarkAsPaid")
	}
	assert.Equal(t, "id Order does not exist", refusal(paid("gid://shopify/Order/1")))
	assert.Equal(t, "id Order cannot be marked as paid.", refusal(paid(sold.ID)), "it is paid")

	id := at(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": sold.ID}), "calculatedOrder", "id")
	edit(t, s, "orderEditAddVariant", "$id: ID!, $v: ID!", "id: $id, variantId: $v, quantity: 1", map[string]any{"id": id, "v": s.Products()[0].Variants[1].ID})
	require.Empty(t, at(commit(t, s, id), "userErrors"))
	out := paid(sold.ID)
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "PAID", at(out, "order", "displayFinancialStatus"))
	assert.Equal(t, "0.0", amountOf(at(out, "order"), "totalOutstandingSet"))
	assert.Equal(t, []string{"orders/updated", "tender_transactions/create", "orders/paid", "orders/updated"}, topicsOf(hooks()))

	ask := func(variables map[string]any) any {
		variables["id"] = sold.ID
		return at(data(t, s, suggestedRefund, variables), "order", "suggestedRefund")
	}
	full := ask(map[string]any{"full": true})
	assert.Equal(t, "35.76", amountOf(full, "amountSet"), "23.80 and 11.96")
	assert.Equal(t, "35.76", amountOf(full, "maximumRefundableSet"))
	require.Len(t, at(full, "suggestedTransactions"), 2)
	assert.Equal(t, "manual", at(full, "suggestedTransactions", 0, "gateway"))
	assert.Equal(t, "11.96", amountOf(at(full, "suggestedTransactions", 0), "amountSet"))
	assert.Equal(t, "23.8", amountOf(at(full, "suggestedTransactions", 1), "amountSet"))
	assert.Empty(t, at(full, "refundDuties"))

	back := func(amount string) any {
		return at(data(t, s, `mutation($in: RefundInput!) { refundCreate(input: $in) @idempotent(key: "`+amount+`") { refund { id } userErrors { field message } } }`, map[string]any{"in": map[string]any{
			"orderId": sold.ID, "transactions": []any{map[string]any{"orderId": sold.ID, "kind": "REFUND", "gateway": "manual", "amount": amount, "parentId": at(full, "suggestedTransactions", 0, "parentTransaction", "id")}},
		}}), "refundCreate")
	}
	assert.Equal(t, "transactions.0.amount Refund amount is more than the amount paid", refusal(back("11.97")), "the order has more left, this payment has not")

	piece := ask(map[string]any{"lines": []any{map[string]any{"lineItemId": sold.Lines[0].ID, "quantity": 1}}})
	assert.Equal(t, "11.9", amountOf(piece, "amountSet"))
	assert.Len(t, at(piece, "suggestedTransactions"), 1)
	assert.Equal(t, "NO_RESTOCK", at(piece, "refundLineItems", 0, "restockType"))
	assert.Empty(t, at(ask(map[string]any{}), "suggestedTransactions"))

	for name, tt := range map[string]struct {
		variables map[string]any
		want      string
	}{
		"too many":     {map[string]any{"lines": []any{map[string]any{"lineItemId": sold.Lines[0].ID, "quantity": 3}}}, "INVALID_FIELD_ARGUMENTS"},
		"none":         {map[string]any{"lines": []any{map[string]any{"lineItemId": sold.Lines[0].ID, "quantity": 0}}}, "INVALID_FIELD_ARGUMENTS"},
		"no line":      {map[string]any{"lines": []any{map[string]any{"lineItemId": "gid://shopify/LineItem/1", "quantity": 1}}}, "INVALID_FIELD_ARGUMENTS"},
		"store credit": {map[string]any{"full": true, "how": "STORE_CREDIT"}, "NOT_SIMULATED"},
	} {
		tt.variables["id"] = sold.ID
		assert.Equal(t, tt.want, at(call(t, s, suggestedRefund, tt.variables), "errors", 0, "extensions", "code"), name)
	}
}

// paidTwice is an order of 23.80 by card and 11.96 that were paid later, by hand.
func paidTwice(t *testing.T, s *shopifytest.Shop) shopifytest.Order {
	t.Helper()
	o, err := s.RingUp(shopifytest.Sale{SendLater: true, Customer: "ada@example.com", Lines: []shopifytest.SaleLine{{SKU: "P-B", Quantity: 2}}})
	require.NoError(t, err)
	id := at(edit(t, s, "orderEditBegin", "$id: ID!", "id: $id", map[string]any{"id": o.ID}), "calculatedOrder", "id")
	edit(t, s, "orderEditAddVariant", "$id: ID!, $v: ID!", "id: $id, variantId: $v, quantity: 1", map[string]any{"id": id, "v": s.Products()[0].Variants[1].ID})
	require.Empty(t, at(commit(t, s, id), "userErrors"))
	paid := at(data(t, s, `mutation($id: ID!) { orderMarkAsPaid(input: {id: $id}) { userErrors { field message } } }`, map[string]any{"id": o.ID}), "orderMarkAsPaid")
	require.Empty(t, at(paid, "userErrors"))
	return o
}

// TestTwoPaymentsAreGivenBack gives all of an order back, each time in another way: no payment gives back
// more than it was.
func TestTwoPaymentsAreGivenBack(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	cancel := func(how string) func(t *testing.T, o shopifytest.Order) {
		return func(t *testing.T, o shopifytest.Order) {
			out := at(data(t, s, `mutation($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: true, refundMethod: {`+how+`}) { orderCancelUserErrors { code } } }`, map[string]any{"id": o.ID}), "orderCancel")
			require.Empty(t, at(out, "orderCancelUserErrors"))
		}
	}
	for name, tt := range map[string]struct {
		back     func(t *testing.T, o shopifytest.Order)
		gateways []any
	}{
		"canceled":     {cancel("originalPaymentMethodsRefund: true"), []any{"manual", "shopify_payments"}},
		"store credit": {cancel("storeCreditRefund: {}"), []any{"shopify_store_credit", "shopify_store_credit"}},
		"taken back": {func(t *testing.T, o shopifytest.Order) {
			_, err := s.TakeBack(shopifytest.TakeBack{Order: o.ID})
			require.NoError(t, err)
		}, []any{"manual", "shopify_payments"}},
		"refunded": {func(t *testing.T, o shopifytest.Order) {
			out := data(t, s, `mutation($in: RefundInput!) { refundCreate(input: $in) @idempotent(key: "all") { userErrors { field message } } }`, map[string]any{"in": map[string]any{"orderId": o.ID, "transactions": []any{
				map[string]any{"orderId": o.ID, "kind": "REFUND", "gateway": "manual", "amount": "11.96"},
				map[string]any{"orderId": o.ID, "kind": "REFUND", "gateway": "shopify_payments", "amount": "23.80"},
			}}})
			require.Empty(t, at(out, "refundCreate", "userErrors"))
		}, []any{"manual", "shopify_payments"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := paidTwice(t, s)
			tt.back(t, o)
			read := at(data(t, s, `query($id: ID!) { order(id: $id) { displayFinancialStatus transactions { kind gateway amountSet { shopMoney { amount } } parentTransaction { gateway amountSet { shopMoney { amount } } } } } }`, map[string]any{"id": o.ID}), "order")
			assert.Equal(t, "REFUNDED", at(read, "displayFinancialStatus"))
			require.Len(t, at(read, "transactions"), 4)
			for i, gateway := range tt.gateways {
				back := at(read, "transactions", 2+i)
				assert.Equal(t, gateway, at(back, "gateway"))
				assert.Equal(t, []any{"11.96", "23.8"}[i], amountOf(back, "amountSet"))
				assert.Equal(t, []any{"11.96", "23.8"}[i], amountOf(at(back, "parentTransaction"), "amountSet"))
				assert.Equal(t, []any{"manual", "shopify_payments"}[i], at(back, "parentTransaction", "gateway"))
			}
		})
	}
}

func TestReturnableFulfillments(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-B", Quantity: 2}}})
	require.NoError(t, err)
	list := func(id string) any {
		return at(data(t, s, `query($id: ID!) { returnableFulfillments(orderId: $id, first: 5) { nodes { id fulfillment { id } returnableFulfillmentLineItems(first: 5) { nodes { quantity fulfillmentLineItem { id lineItem { id } } } } } } }`,
			map[string]any{"id": id}), "returnableFulfillments", "nodes")
	}
	one := at(list(o.ID), 0)
	assert.Equal(t, fulfillmentLines(t, s, o.ID)[0], at(one, "returnableFulfillmentLineItems", "nodes", 0, "fulfillmentLineItem", "id"))
	byID := data(t, s, `query($id: ID!) { returnableFulfillment(id: $id) { id returnableFulfillmentLineItems(first: 5) { nodes { quantity } } } }`, map[string]any{"id": at(one, "id")})
	assert.InDelta(t, 2, at(byID, "returnableFulfillment", "returnableFulfillmentLineItems", "nodes", 0, "quantity"), 0)

	_, err = s.RequestReturn(shopifytest.ReturnRequest{Order: o.ID, Lines: []shopifytest.ReturnRequestLine{{}}})
	require.NoError(t, err)
	assert.InDelta(t, 1, at(list(o.ID), 0, "returnableFulfillmentLineItems", "nodes", 0, "quantity"), 0)
	_, err = s.RequestReturn(shopifytest.ReturnRequest{Order: o.ID, Lines: []shopifytest.ReturnRequestLine{{}}})
	require.NoError(t, err)
	assert.Empty(t, list(o.ID), "all of it is on its way back")
	gone := data(t, s, `query($id: ID!) { returnableFulfillment(id: $id) { id } }`, map[string]any{"id": at(one, "id")})
	assert.Nil(t, at(gone, "returnableFulfillment"))
	assert.Empty(t, list(unsent(t, s).ID), "nothing was handed over")
	assert.Empty(t, list("gid://shopify/Order/1"))
}

func TestDraftOrderInvoice(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	lines := []any{map[string]any{"variantId": s.Products()[0].Variants[0].ID, "quantity": 2, "appliedDiscount": map[string]any{"value": 1, "valueType": "FIXED_AMOUNT"}}}
	calculated := at(data(t, s, `mutation($in: DraftOrderInput!) { draftOrderCalculate(input: $in) { userErrors { field message } calculatedDraftOrder {
		totalPriceSet { shopMoney { amount } } totalTax currencyCode warnings { message } alerts { content } taxLines { rate } customer { id }
		lineItems { uuid title custom discountedTotal { amount } originalUnitPrice { amount } variant { id } appliedDiscount { value } } } } }`, map[string]any{"in": map[string]any{"lineItems": lines}}), "draftOrderCalculate")
	require.Empty(t, at(calculated, "userErrors"))
	offer := at(calculated, "calculatedDraftOrder")
	assert.Equal(t, "19.0", at(offer, "lineItems", 0, "discountedTotal", "amount"))
	assert.Equal(t, "10.0", at(offer, "lineItems", 0, "originalUnitPrice", "amount"))
	assert.NotEmpty(t, at(offer, "lineItems", 0, "uuid"))
	assert.Equal(t, "22.61", amountOf(offer, "totalPriceSet"), "19.00 and 19 %")
	assert.Empty(t, s.DraftOrders())

	made := data(t, s, `mutation($in: DraftOrderInput!) { draftOrderCreate(input: $in) { draftOrder { id } } }`, map[string]any{"in": map[string]any{"lineItems": lines, "email": "ada@example.com"}})
	hooks := watch(t, s, "DRAFT_ORDERS_UPDATE")
	send := func(id any, email map[string]any) any {
		return at(data(t, s, `mutation($id: ID!, $email: EmailInput) { draftOrderInvoiceSend(id: $id, email: $email) { draftOrder { status invoiceSentAt } userErrors { field message } } }`, map[string]any{"id": id, "email": email}), "draftOrderInvoiceSend")
	}
	id := at(made, "draftOrderCreate", "draftOrder", "id")
	assert.Equal(t, "id Draft order not found", refusal(send("gid://shopify/DraftOrder/1", nil)))
	assert.Equal(t, "email.to To is invalid", refusal(send(id, map[string]any{"to": "ada"})))
	assert.Empty(t, hooks())
	sent := send(id, nil)
	require.Empty(t, at(sent, "userErrors"))
	assert.Equal(t, "INVOICE_SENT", at(sent, "draftOrder", "status"))
	got := hooks()
	require.Len(t, got, 1)
	assert.Equal(t, "invoice_sent", got[0].body["status"])
	assert.NotNil(t, got[0].body["invoice_sent_at"])
}
