package admin_test

import (
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOrdersAreEditedAndEnded(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	variants := shop.Products()[0].Variants
	sold, err := shop.RingUp(shopifytest.Sale{SendLater: true, Lines: []shopifytest.SaleLine{{Variant: variants[0].ID, Quantity: 2}}})
	require.NoError(t, err)
	order, line := shopify.GID(sold.ID), shopify.GID(sold.Lines[0].ID)
	none := shopify.GID("gid://shopify/Order/1")
	no := shopify.Some(false)

	_, err = admin.OrderEditBegin(ctx, c, none)
	requireRefused(t, err, "", "id")
	begun, err := admin.OrderEditBegin(ctx, c, order)
	require.NoError(t, err)
	edit := begun.OrderEditBegin.CalculatedOrder.ID
	added, err := admin.OrderEditAddVariant(ctx, c, edit, shopify.GID(variants[1].ID), 1, shopify.Optional[shopify.GID]{}, no)
	require.NoError(t, err)
	_, err = admin.OrderEditAddVariant(ctx, c, edit, shopify.GID(variants[1].ID), 1, shopify.Optional[shopify.GID]{}, no)
	requireRefused(t, err, "", "variantId")
	half := admin.OrderEditAppliedDiscountInput{PercentValue: shopify.Some(50.0)}
	_, err = admin.OrderEditAddLineItemDiscount(ctx, c, edit, added.OrderEditAddVariant.CalculatedLineItem.ID, half)
	require.NoError(t, err)
	_, err = admin.OrderEditAddLineItemDiscount(ctx, c, edit, added.OrderEditAddVariant.CalculatedLineItem.ID, half)
	requireRefused(t, err, "", "discount")
	custom := func(title string) (*admin.OrderEditAddCustomItemResponse, error) {
		return admin.OrderEditAddCustomItem(ctx, c, edit, title, dollars(4), 1, no, no, shopify.Optional[shopify.GID]{})
	}
	requireRefused(t, second(custom("")), "", "title")
	engraving, err := custom("Engraving")
	require.NoError(t, err)
	off, err := admin.OrderEditAddLineItemDiscount(ctx, c, edit, engraving.OrderEditAddCustomItem.CalculatedLineItem.ID, half)
	require.NoError(t, err)
	staged := off.OrderEditAddLineItemDiscount.AddedDiscountStagedChange.ID
	require.NoError(t, second(admin.OrderEditRemoveDiscount(ctx, c, edit, staged)))
	require.Error(t, second(admin.OrderEditRemoveDiscount(ctx, c, edit, staged)))
	require.NoError(t, second(admin.OrderEditSetQuantity(ctx, c, edit, engraving.OrderEditAddCustomItem.CalculatedLineItem.ID, 0, no)))
	less, err := admin.OrderEditSetQuantity(ctx, c, edit, line, 1, shopify.Some(true))
	require.NoError(t, err)
	assert.Equal(t, 2, less.OrderEditSetQuantity.CalculatedOrder.SubtotalLineItemsQuantity)
	_, err = admin.OrderEditSetQuantity(ctx, c, edit, line, -1, no)
	requireRefused(t, err, "", "quantity")
	require.NoError(t, second(admin.OrderEditCommit(ctx, c, edit, no, shopify.Some("By phone"))))
	requireRefused(t, second(admin.OrderEditCommit(ctx, c, edit, no, shopify.Optional[string]{})), "", "id")
	after, _ := shop.Order(sold.ID)
	require.Len(t, after.Lines, 2)
	assert.True(t, after.Lines[1].Discount.IsPositive())

	closed, err := admin.OrderClose(ctx, c, admin.OrderCloseInput{ID: order})
	require.NoError(t, err)
	assert.True(t, closed.OrderClose.Order.Closed)
	requireRefused(t, second(admin.OrderClose(ctx, c, admin.OrderCloseInput{ID: none})), "", "id")
	opened, err := admin.OrderOpen(ctx, c, admin.OrderOpenInput{ID: order})
	require.NoError(t, err)
	assert.Nil(t, opened.OrderOpen.Order.ClosedAt)
	requireRefused(t, second(admin.OrderOpen(ctx, c, admin.OrderOpenInput{ID: none})), "", "id")

	back := shopify.Some(admin.OrderCancelRefundMethodInput{OriginalPaymentMethodsRefund: shopify.Some(true)})
	cancel := func(id shopify.GID) error {
		return second(admin.OrderCancel(ctx, c, id, admin.OrderCancelReasonCustomer, true, back, no, shopify.Optional[string]{}))
	}
	require.NoError(t, cancel(order))
	var refused *shopify.UserErrors
	require.ErrorAs(t, cancel(order), &refused)
	assert.True(t, refused.Has("INVALID"))
	require.ErrorAs(t, cancel(none), &refused)
	assert.True(t, refused.Has("NOT_FOUND"))
	read, err := admin.GetOrder(ctx, c, order)
	require.NoError(t, err)
	assert.NotNil(t, read.Order.CancelledAt)
	assert.Equal(t, admin.OrderDisplayFinancialStatusRefunded, read.Order.DisplayFinancialStatus)
}
