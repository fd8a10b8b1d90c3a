package admin_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestDraftOrdersAreCalculatedInvoicedAndCompleted takes an offer from its price to the order.
func TestDraftOrdersAreCalculatedInvoicedAndCompleted(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	variant := shop.Products()[0].Variants[0]
	in := admin.DraftOrderInput{
		LineItems:       shopify.Some([]admin.DraftOrderLineItemInput{{VariantID: shopify.Some(shopify.GID(variant.ID)), Quantity: 2}}),
		AppliedDiscount: shopify.Some(admin.DraftOrderAppliedDiscountInput{Value: 10, ValueType: admin.DraftOrderAppliedDiscountTypePercentage}),
	}
	asked, err := admin.DraftOrderCalculate(ctx, c, in)
	require.NoError(t, err)
	offer := asked.DraftOrderCalculate.CalculatedDraftOrder
	gross := variant.Price.Mul(decimal.NewFromInt(2))
	assert.True(t, offer.SubtotalPriceSet.ShopMoney.Amount.Add(offer.TotalDiscountsSet.ShopMoney.Amount).Equal(gross))
	assert.True(t, offer.TotalDiscountsSet.ShopMoney.Amount.IsPositive())
	assert.Equal(t, 2, offer.TotalQuantityOfLineItems)
	require.Len(t, offer.LineItems, 1)
	assert.Equal(t, variant.ID, string(offer.LineItems[0].Variant.ID))
	assert.True(t, offer.LineItems[0].DiscountedTotalSet.ShopMoney.Amount.Equal(gross), "the order's discount is not the line's")
	assert.Empty(t, shop.DraftOrders(), "nothing is stored")
	requireRefused(t, second(admin.DraftOrderCalculate(ctx, c, admin.DraftOrderInput{})), "")

	made, err := admin.DraftOrderCreate(ctx, c, in)
	require.NoError(t, err)
	draft := made.DraftOrderCreate.DraftOrder
	assert.Equal(t, offer.TotalPriceSet.ShopMoney.String(), draft.TotalPriceSet.ShopMoney.String(), "it costs what was calculated")
	var nobody shopify.Optional[admin.EmailInput]
	requireRefused(t, second(admin.DraftOrderInvoiceSend(ctx, c, draft.ID, nobody)), "", "email", "to")
	sent, err := admin.DraftOrderInvoiceSend(ctx, c, draft.ID, shopify.Some(admin.EmailInput{To: shopify.Some("ada@example.com")}))
	require.NoError(t, err)
	assert.Equal(t, admin.DraftOrderStatusInvoiceSent, sent.DraftOrderInvoiceSend.DraftOrder.Status)
	assert.NotNil(t, sent.DraftOrderInvoiceSend.DraftOrder.InvoiceSentAt)

	done, err := admin.DraftOrderComplete(ctx, c, draft.ID, shopify.Optional[shopify.GID]{}, shopify.Optional[string]{})
	require.NoError(t, err)
	assert.Equal(t, admin.DraftOrderStatusCompleted, done.DraftOrderComplete.DraftOrder.Status)
	for _, late := range []error{
		second(admin.DraftOrderInvoiceSend(ctx, c, draft.ID, nobody)), second(admin.DraftOrderUpdate(ctx, c, draft.ID, admin.DraftOrderInput{Note: shopify.Some("x")})),
		second(admin.DraftOrderDelete(ctx, c, admin.DraftOrderDeleteInput{ID: draft.ID})), second(admin.DraftOrderComplete(ctx, c, draft.ID, shopify.Optional[shopify.GID]{}, shopify.Optional[string]{})),
	} {
		requireRefused(t, late, "", "id")
	}

	other, err := admin.DraftOrderCreate(ctx, c, in)
	require.NoError(t, err)
	deleted, err := admin.DraftOrderDelete(ctx, c, admin.DraftOrderDeleteInput{ID: other.DraftOrderCreate.DraftOrder.ID})
	require.NoError(t, err)
	assert.Equal(t, other.DraftOrderCreate.DraftOrder.ID, deleted.DraftOrderDelete.DeletedID)
}
