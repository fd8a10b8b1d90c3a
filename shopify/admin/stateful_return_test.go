package admin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// returnable returns the fulfillment line items that can be returned, by line item.
func returnable(t *testing.T, c *shopify.Client, order shopify.GID) map[shopify.GID]admin.ReturnableLine {
	t.Helper()
	out := map[shopify.GID]admin.ReturnableLine{}
	for f, err := range admin.ReturnableFulfillments(t.Context(), c, order) {
		require.NoError(t, err)
		for _, l := range f.ReturnableFulfillmentLineItems.Nodes {
			out[l.FulfillmentLineItem.LineItem.ID] = l
		}
	}
	return out
}

// TestReturnsAreWritten takes a return through its life.
func TestReturnsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	sold, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID, Quantity: 4}}})
	require.NoError(t, err)
	order, line := shopify.GID(sold.ID), shopify.GID(sold.Lines[0].ID)
	left := func() int { t.Helper(); return returnable(t, c, order)[line].Quantity }
	assert.Equal(t, 4, left())
	item := returnable(t, c, order)[line].FulfillmentLineItem.ID

	request := admin.ReturnRequestInput{OrderID: order, ReturnLineItems: []admin.ReturnRequestLineItemInput{{
		FulfillmentLineItemID: item, Quantity: 1, ReturnReasonDefinitionID: shopify.Some(shopify.GID("gid://shopify/ReturnReasonDefinition/7")), CustomerNote: shopify.Some("The sleeves are short."),
	}}}
	asked, err := admin.ReturnRequest(ctx, c, request)
	require.NoError(t, err)
	assert.Equal(t, admin.ReturnStatusRequested, asked.ReturnRequest.Return.Status)
	assert.Equal(t, 3, left(), "what is asked for is taken")
	declined, err := admin.ReturnDeclineRequest(ctx, c, admin.ReturnDeclineRequestInput{ID: asked.ReturnRequest.Return.ID, DeclineReason: admin.ReturnDeclineReasonFinalSale, DeclineNote: shopify.Some("Sale items stay sold.")})
	require.NoError(t, err)
	require.NotNil(t, declined.ReturnDeclineRequest.Return.Decline)
	assert.Equal(t, "Sale items stay sold.", declined.ReturnDeclineRequest.Return.Decline.Note)
	requireRefused(t, second(admin.ReturnApproveRequest(ctx, c, admin.ReturnApproveRequestInput{ID: asked.ReturnRequest.Return.ID})), "INVALID_STATE", "id")

	asked, err = admin.ReturnRequest(ctx, c, request)
	require.NoError(t, err)
	approved, err := admin.ReturnApproveRequest(ctx, c, admin.ReturnApproveRequestInput{ID: asked.ReturnRequest.Return.ID})
	require.NoError(t, err)
	assert.Equal(t, admin.ReturnStatusOpen, approved.ReturnApproveRequest.Return.Status)
	canceled, err := admin.ReturnCancel(ctx, c, asked.ReturnRequest.Return.ID)
	require.NoError(t, err)
	assert.Equal(t, admin.ReturnStatusCanceled, canceled.ReturnCancel.Return.Status)

	opened, err := admin.ReturnCreate(ctx, c, admin.ReturnInput{OrderID: order, ReturnLineItems: []admin.ReturnLineItemInput{{FulfillmentLineItemID: item, Quantity: 2, ReturnReasonDefinitionID: shopify.Some(shopify.GID("gid://shopify/ReturnReasonDefinition/6"))}}})
	require.NoError(t, err)
	ret := opened.ReturnCreate.Return
	assert.Equal(t, admin.ReturnStatusOpen, ret.Status)
	require.Len(t, ret.ReturnLineItems.Nodes, 1)
	requireRefused(t, second(admin.ReturnCreate(ctx, c, admin.ReturnInput{OrderID: order, ReturnLineItems: []admin.ReturnLineItemInput{{FulfillmentLineItemID: item, Quantity: 3}}})), "INVALID", "returnLineItems", "0", "quantity")

	suggested := suggest(t, c, order, []admin.RefundLineItemInput{{LineItemID: line, Quantity: 1}}, false)
	payment := suggested.SuggestedTransactions[0].ParentTransaction.ID
	process := func(pieces int) error {
		return second(admin.ReturnProcess(ctx, c, admin.ReturnProcessInput{
			ReturnID: ret.ID, ReturnLineItems: shopify.Some([]admin.ReturnProcessReturnLineItemInput{{ID: ret.ReturnLineItems.Nodes[0].GetID(), Quantity: pieces}}),
			FinancialTransfer: shopify.Some(admin.ReturnProcessFinancialTransferInput{IssueRefund: shopify.Some(admin.ReturnProcessRefundInput{
				OrderTransactions: []admin.ReturnRefundOrderTransactionInput{{ParentID: payment, TransactionAmount: suggested.AmountSet.ShopMoney}},
			})}),
		}))
	}
	require.NoError(t, process(1))
	requireRefused(t, process(2), "INVALID", "input", "returnLineItems", "0", "quantity")
	read, err := admin.OrderReturns(ctx, c, order)
	require.NoError(t, err)
	require.Len(t, read.Order.Returns.Nodes, 3)
	progress := read.Order.Returns.Nodes[2]
	assert.Equal(t, ret.ID, progress.ID)
	assert.Equal(t, 1, progress.ReturnLineItems.Nodes[0].GetUnprocessedQuantity())
	assert.Equal(t, 1, progress.ReturnLineItems.Nodes[0].GetRefundedQuantity())
	refunds, err := admin.OrderRefunds(ctx, c, order, 10)
	require.NoError(t, err)
	require.Len(t, refunds.Order.Refunds, 1)
	assert.Equal(t, ret.ID, refunds.Order.Refunds[0].Return.ID)

	requireRefused(t, second(admin.ReturnCancel(ctx, c, ret.ID)), "INVALID_STATE", "id")

	closed, err := admin.ReturnClose(ctx, c, ret.ID)
	require.NoError(t, err)
	assert.NotNil(t, closed.ReturnClose.Return.ClosedAt)
	reopened, err := admin.ReturnReopen(ctx, c, ret.ID)
	require.NoError(t, err)
	assert.Equal(t, admin.ReturnStatusOpen, reopened.ReturnReopen.Return.Status)
	for _, gone := range []error{
		second(admin.ReturnClose(ctx, c, "gid://shopify/Return/1")), second(admin.ReturnReopen(ctx, c, "gid://shopify/Return/1")), second(admin.ReturnCancel(ctx, c, "gid://shopify/Return/1")),
	} {
		requireRefused(t, gone, "NOT_FOUND", "id")
	}
}

// TestWritesWhoseAnswersAreLost are not sent again, and are found by reading back.
func TestWritesWhoseAnswersAreLost(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	order := sell(t, shop)
	var item shopify.GID
	for f, err := range admin.ReturnableFulfillments(ctx, c, order) {
		require.NoError(t, err)
		item = f.ReturnableFulfillmentLineItems.Nodes[0].FulfillmentLineItem.ID
	}
	for _, op := range []string{"ReturnCreate", "ReturnClose", "OrderCreate"} {
		shop.Inject(shopifytest.Fault{Operation: op, LoseResponse: true})
	}
	err := second(admin.ReturnCreate(ctx, c, admin.ReturnInput{OrderID: order, ReturnLineItems: []admin.ReturnLineItemInput{{FulfillmentLineItemID: item, Quantity: 1}}}))
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	returns, err := admin.OrderReturns(ctx, c, order)
	require.NoError(t, err)
	require.Len(t, returns.Order.Returns.Nodes, 1, "it was opened, once")
	require.ErrorIs(t, second(admin.ReturnClose(ctx, c, returns.Order.Returns.Nodes[0].ID)), shopify.ErrOutcomeUnknown)
	read, err := admin.GetReturn(ctx, c, returns.Order.Returns.Nodes[0].ID)
	require.NoError(t, err)
	assert.Equal(t, admin.ReturnStatusClosed, read.Return.Status)

	err = second(admin.OrderCreate(ctx, c, admin.OrderCreateOrderInput{
		Tags: shopify.Some([]string{"import-9"}), LineItems: shopify.Some([]admin.OrderCreateLineItemInput{{Title: shopify.Some("Repair"), Quantity: 1}}),
	}, shopify.Optional[admin.OrderCreateOptionsInput]{}))
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	found, err := count(admin.Orders(ctx, c, &admin.OrderOptions{ListOptions: admin.ListOptions{Query: "tag:import-9"}}))()
	require.NoError(t, err)
	assert.Equal(t, 1, found)
}
