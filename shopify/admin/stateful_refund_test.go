package admin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// suggest asks what the shop would give back.
func suggest(t *testing.T, c *shopify.Client, order shopify.GID, lines []admin.RefundLineItemInput, full bool) *admin.RefundSuggestion {
	t.Helper()
	var given shopify.Optional[[]admin.RefundLineItemInput]
	if lines != nil {
		given = shopify.Some(lines)
	}
	resp, err := admin.SuggestedRefund(t.Context(), c, order, given, shopify.Optional[bool]{}, shopify.Optional[shopify.Decimal]{}, shopify.Some(full))
	require.NoError(t, err)
	require.NotNil(t, resp.Order)
	require.NotNil(t, resp.Order.SuggestedRefund)
	return resp.Order.SuggestedRefund
}

// transactionsOf turns a suggestion into what RefundCreate takes.
func transactionsOf(order shopify.GID, suggested *admin.RefundSuggestion) []admin.OrderTransactionInput {
	var out []admin.OrderTransactionInput
	for _, tr := range suggested.SuggestedTransactions {
		out = append(out, admin.OrderTransactionInput{
			OrderID: order, Kind: admin.OrderTransactionKindRefund, Gateway: tr.Gateway,
			Amount: shopify.NewDecimal(tr.AmountSet.ShopMoney.Amount), ParentID: shopify.Some(tr.ParentTransaction.ID),
		})
	}
	return out
}

// TestRefundsAreSuggestedMadeAndReadBack refunds an order in two steps.
func TestRefundsAreSuggestedMadeAndReadBack(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	variant := shop.Products()[0].Variants[0]
	sold, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: variant.ID, Quantity: 3}}})
	require.NoError(t, err)
	order, line, place := shopify.GID(sold.ID), shopify.GID(sold.Lines[0].ID), shopify.GID(shop.Locations()[0].ID)
	stock := func() int { return shop.Products()[0].Variants[0].Available[string(place)] }
	before := stock()

	one := []admin.RefundLineItemInput{{LineItemID: line, Quantity: 1, RestockType: shopify.Some(admin.RefundLineItemRestockTypeReturn), LocationID: shopify.Some(place)}}
	suggested := suggest(t, c, order, one, false)
	assert.True(t, suggested.MaximumRefundableSet.ShopMoney.Amount.Equal(sold.Total))
	require.Len(t, suggested.RefundLineItems, 1)
	assert.Equal(t, line, suggested.RefundLineItems[0].LineItem.ID)
	assert.True(t, suggested.AmountSet.ShopMoney.Amount.Equal(suggested.SubtotalSet.ShopMoney.Amount.Add(suggested.TotalTaxSet.ShopMoney.Amount)))
	require.Len(t, suggested.SuggestedTransactions, 1)
	assert.Equal(t, "shopify_payments", suggested.SuggestedTransactions[0].Gateway)

	in := admin.RefundInput{
		OrderID: order, Note: shopify.Some("Seam open"), RefundLineItems: shopify.Some(one),
		Transactions: shopify.Some(transactionsOf(order, suggested)),
	}
	key := shopify.NewIdempotencyKey("refundCreate", string(order), "seam")
	made, err := admin.RefundCreate(ctx, c, in, key)
	require.NoError(t, err)
	refund := made.RefundCreate.Refund
	assert.Equal(t, suggested.AmountSet.ShopMoney.String(), refund.TotalRefundedSet.ShopMoney.String())
	require.Len(t, refund.Transactions.Nodes, 1)
	assert.Equal(t, admin.OrderTransactionKindRefund, refund.Transactions.Nodes[0].Kind)
	assert.Equal(t, admin.OrderDisplayFinancialStatusPartiallyRefunded, made.RefundCreate.Order.DisplayFinancialStatus)
	assert.Equal(t, before+1, stock(), "it is on the shelf again")

	again, err := admin.RefundCreate(ctx, c, in, key)
	require.NoError(t, err)
	assert.Equal(t, refund.ID, again.RefundCreate.Refund.ID, "the same key, the same refund")
	in.Note = shopify.Some("Another")
	requireRefused(t, second(admin.RefundCreate(ctx, c, in, key)), "")
	in.RefundLineItems = shopify.Some([]admin.RefundLineItemInput{{LineItemID: line, Quantity: 3}})
	requireRefused(t, second(admin.RefundCreate(ctx, c, in, "more")), "", "refundLineItems", "0", "quantity")

	// What is left goes back as a whole, and nothing after that.
	rest := suggest(t, c, order, nil, true)
	left, err := admin.RefundCreate(ctx, c, admin.RefundInput{
		OrderID: order, RefundLineItems: shopify.Some([]admin.RefundLineItemInput{{LineItemID: line, Quantity: 2}}), Transactions: shopify.Some(transactionsOf(order, rest)),
	}, "rest")
	require.NoError(t, err)
	assert.Equal(t, admin.OrderDisplayFinancialStatusRefunded, left.RefundCreate.Order.DisplayFinancialStatus)
	assert.Empty(t, suggest(t, c, order, nil, true).SuggestedTransactions)

	read, err := admin.OrderRefunds(ctx, c, order, 10)
	require.NoError(t, err)
	require.Len(t, read.Order.Refunds, 2)
	assert.Equal(t, refund.ID, read.Order.Refunds[0].ID)
	assert.Equal(t, "Seam open", read.Order.Refunds[0].Note)
	assert.True(t, read.Order.TotalRefundedSet.ShopMoney.Amount.Equal(sold.Total))
	_, err = admin.SuggestedRefund(ctx, c, order, shopify.Some(one), shopify.Optional[bool]{}, shopify.Optional[shopify.Decimal]{}, shopify.Optional[bool]{})
	require.Error(t, err, "nothing is left of the line")
	gone, err := admin.OrderRefunds(ctx, c, "gid://shopify/Order/1", 10)
	require.NoError(t, err)
	assert.Nil(t, gone.Order)
}

// TestRefundWhoseAnswerIsLost is sent again by the client with the same key.
func TestRefundWhoseAnswerIsLost(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c := connect(t, shop, shopify.Options{})
	order := sell(t, shop)
	suggested := suggest(t, c, order, nil, true)
	shop.Inject(shopifytest.Fault{Operation: "RefundCreate", LoseResponse: true})
	made, err := admin.RefundCreate(t.Context(), c, admin.RefundInput{OrderID: order, Transactions: shopify.Some(transactionsOf(order, suggested))}, "lost")
	require.NoError(t, err)
	read, err := admin.OrderRefunds(t.Context(), c, order, 10)
	require.NoError(t, err)
	require.Len(t, read.Order.Refunds, 1, "the money went back once")
	assert.Equal(t, made.RefundCreate.Refund.ID, read.Order.Refunds[0].ID)
}

// TestOrdersAreCreatedAndPaid imports an order, finds it again and records its payment.
func TestOrdersAreCreatedAndPaid(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	variant, place := shop.Products()[0].Variants[0], shop.Locations()[0].ID
	in := admin.OrderCreateOrderInput{
		SourceIdentifier: shopify.Some("till-7/4711"), Tags: shopify.Some([]string{"import"}),
		LineItems: shopify.Some([]admin.OrderCreateLineItemInput{{VariantID: shopify.Some(shopify.GID(variant.ID)), Quantity: 2}}),
	}
	take := shopify.Some(admin.OrderCreateOptionsInput{InventoryBehaviour: shopify.Some(admin.OrderCreateInputsInventoryBehaviorDecrementIgnoringPolicy)})
	made, err := admin.OrderCreate(ctx, c, in, take)
	require.NoError(t, err)
	order := made.OrderCreate.Order
	assert.Equal(t, "till-7/4711", order.SourceIdentifier)
	assert.Equal(t, admin.OrderDisplayFinancialStatusPending, order.DisplayFinancialStatus)
	assert.Equal(t, variant.Available[place]-2, shop.Products()[0].Variants[0].Available[place])
	requireRefused(t, second(admin.OrderCreate(ctx, c, admin.OrderCreateOrderInput{LineItems: shopify.Some([]admin.OrderCreateLineItemInput{})}, take)), "INVALID", "order", "lineItems")

	found, err := count(admin.Orders(ctx, c, &admin.OrderOptions{ListOptions: admin.ListOptions{Query: `source_identifier:"till-7/4711"`}}))()
	require.NoError(t, err)
	assert.Equal(t, 1, found, "an order whose answer was lost is found by what it was called")

	paid, err := admin.OrderMarkAsPaid(ctx, c, admin.OrderMarkAsPaidInput{ID: order.ID})
	require.NoError(t, err)
	assert.Equal(t, admin.OrderDisplayFinancialStatusPaid, paid.OrderMarkAsPaid.Order.DisplayFinancialStatus)
	assert.True(t, paid.OrderMarkAsPaid.Order.TotalOutstandingSet.ShopMoney.Amount.IsZero())
	requireRefused(t, second(admin.OrderMarkAsPaid(ctx, c, admin.OrderMarkAsPaidInput{ID: order.ID})), "", "id")
	requireRefused(t, second(admin.OrderMarkAsPaid(ctx, c, admin.OrderMarkAsPaidInput{ID: "gid://shopify/Order/1"})), "", "id")
}
