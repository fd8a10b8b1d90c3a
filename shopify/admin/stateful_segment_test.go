package admin_test

import (
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSegmentsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	sell(t, shop)
	made, err := admin.SegmentCreate(ctx, c, "Buyers", "number_of_orders > 0")
	require.NoError(t, err)
	id := made.SegmentCreate.Segment.ID
	_, err = admin.SegmentCreate(ctx, c, "Feet", "shoe_size > 4")
	requireRefused(t, err, "", "query")
	n, err := count(admin.SegmentMembers(ctx, c, id))()
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	in, err := admin.SegmentMembership(ctx, c, shopify.GID(shop.Customers()[0].ID), []shopify.GID{id})
	require.NoError(t, err)
	assert.True(t, in.CustomerSegmentMembership.Memberships[0].IsMember)
	_, err = admin.SegmentUpdate(ctx, c, id, shopify.Some(""), shopify.Optional[string]{})
	requireRefused(t, err, "", "name")
	_, err = admin.SegmentUpdate(ctx, c, id, shopify.Optional[string]{}, shopify.Some("number_of_orders > 99"))
	require.NoError(t, err)
	n, err = count(admin.SegmentMembers(ctx, c, id))()
	require.NoError(t, err)
	assert.Zero(t, n)
	require.NoError(t, second(admin.SegmentDelete(ctx, c, id)))
	requireRefused(t, second(admin.SegmentDelete(ctx, c, id)), "", "id")
}
