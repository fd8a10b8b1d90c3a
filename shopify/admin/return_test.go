package admin_test

import (
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReturnsAreReadBack(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	c := connect(t, shop, shopify.Options{})
	ret, err := giveBack(shop)
	require.NoError(t, err)

	resp, err := admin.GetReturn(t.Context(), c, shopify.GID(ret.ID))
	require.NoError(t, err)
	require.NotNil(t, resp.Return)
	assert.Equal(t, admin.ReturnStatusClosed, resp.Return.Status)
	assert.Equal(t, ret.OrderID, string(resp.Return.Order.ID))
	require.Len(t, resp.Return.ReturnLineItems.Nodes, 1)
	line := resp.Return.ReturnLineItems.Nodes[0]
	assert.Equal(t, "Seam open at the cuff.", line.GetReturnReasonNote())
	assert.Equal(t, "loose-seams", line.GetReturnReasonDefinition().Handle)
	require.NotNil(t, admin.SoldItemOf(line))
	assert.Equal(t, ret.Lines[0].LineItemID, string(admin.SoldItemOf(line).ID))

	var goods *admin.GoodsOfOrder
	since := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for o, err := range admin.ReturnedGoods(t.Context(), c, "$app", &admin.ListOptions{Query: "updated_at:>='" + since + "'"}) {
		require.NoError(t, err)
		if string(o.ID) == ret.OrderID {
			goods = &o
		}
	}
	require.NotNil(t, goods)
	require.Len(t, goods.Returns.Nodes, 1)
	require.Len(t, goods.Refunds, 1)
	assert.Equal(t, ret.ID, string(goods.Refunds[0].Return.ID))

	refund, err := admin.GetRefund(t.Context(), c, goods.Refunds[0].ID)
	require.NoError(t, err)
	require.NotNil(t, refund.Refund)
	assert.Equal(t, "Seam open at the cuff.", refund.Refund.Note)
	assert.Equal(t, admin.RefundLineItemRestockTypeReturn, refund.Refund.RefundLineItems.Nodes[0].RestockType)

	handles := map[string]shopify.GID{}
	for d, err := range admin.ReturnReasonDefinitions(t.Context(), c) {
		require.NoError(t, err)
		handles[d.Handle] = d.ID
	}
	assert.Equal(t, shopify.GID("gid://shopify/ReturnReasonDefinition/24"), handles["arrived-late"])
}
