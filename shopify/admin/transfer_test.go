package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestTransfer follows goods from one store to another.
func TestTransfer(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: year})
	c := connect(t, shop, shopify.Options{})
	from, to := shopify.GID(shop.Locations()[0].ID), shopify.GID(shop.Locations()[1].ID)
	item := shopify.GID(shop.Products()[0].Variants[0].InventoryItemID)
	_, err := admin.InventorySetQuantities(t.Context(), c, admin.InventorySetQuantitiesInput{
		Name: "available", Reason: "correction", Quantities: []admin.InventoryQuantityInput{
			{InventoryItemID: item, LocationID: from, Quantity: 20, ChangeFromQuantity: shopify.Null[int]()},
			{InventoryItemID: item, LocationID: to, Quantity: 1, ChangeFromQuantity: shopify.Null[int]()},
		},
	}, "set")
	require.NoError(t, err)
	available := func(at shopify.GID) int {
		for _, p := range shop.Products() {
			for _, v := range p.Variants {
				if v.InventoryItemID == string(item) {
					return v.Available[string(at)]
				}
			}
		}
		return 0
	}

	made, err := admin.InventoryTransferCreate(t.Context(), c, admin.InventoryTransferCreateInput{
		OriginLocationID: shopify.Some(from), DestinationLocationID: shopify.Some(to),
		LineItems: shopify.Some([]admin.InventoryTransferLineItemInput{{InventoryItemID: item, Quantity: 8}}),
	}, "transfer-1")
	require.NoError(t, err)
	transfer := made.InventoryTransferCreate.InventoryTransfer
	assert.Equal(t, admin.InventoryTransferStatusDraft, transfer.Status)
	assert.Equal(t, 20, available(from), "a draft moves nothing")
	again, err := admin.InventoryTransferCreate(t.Context(), c, admin.InventoryTransferCreateInput{
		OriginLocationID: shopify.Some(from), DestinationLocationID: shopify.Some(to),
		LineItems: shopify.Some([]admin.InventoryTransferLineItemInput{{InventoryItemID: item, Quantity: 8}}),
	}, "transfer-1")
	require.NoError(t, err)
	assert.Equal(t, transfer.ID, again.InventoryTransferCreate.InventoryTransfer.ID, "the same key, the same transfer")

	require.NoError(t, second(admin.InventoryTransferMarkAsReadyToShip(t.Context(), c, transfer.ID)))
	assert.Equal(t, 12, available(from), "what is ready to ship is reserved")
	sent, err := admin.InventoryShipmentCreate(t.Context(), c, admin.InventoryShipmentCreateInput{
		MovementID: transfer.ID, LineItems: []admin.InventoryShipmentLineItemInput{{InventoryItemID: item, Quantity: 8}},
	}, "shipment-1")
	require.NoError(t, err)
	shipment := sent.InventoryShipmentCreate.InventoryShipment
	require.NoError(t, second(admin.InventoryShipmentMarkInTransit(t.Context(), c, shipment.ID, shopify.Optional[time.Time]{})))
	assert.Equal(t, "INVALID_TRANSFER_STATUS", refusal(t, second(admin.InventoryTransferCancel(t.Context(), c, transfer.ID))))

	line := shipment.LineItems.Nodes[0].ID
	received, err := admin.InventoryShipmentReceive(t.Context(), c, shipment.ID, shopify.Some([]admin.InventoryShipmentReceiveItemInput{
		{ShipmentLineItemID: line, Quantity: 2, Reason: admin.InventoryShipmentReceiveLineItemReasonRejected},
	}), shopify.Some(admin.InventoryShipmentReceiveLineItemReasonAccepted), shopify.Optional[time.Time]{}, "receive-1")
	require.NoError(t, err)
	assert.Equal(t, admin.InventoryShipmentStatusReceived, received.InventoryShipmentReceive.InventoryShipment.Status)
	assert.Equal(t, 12, available(from))
	assert.Equal(t, 7, available(to), "one was there, six were accepted, two rejected")
	done, err := admin.GetInventoryTransfer(t.Context(), c, transfer.ID)
	require.NoError(t, err)
	assert.Equal(t, admin.InventoryTransferStatusTransferred, done.InventoryTransfer.Status)
	assert.Equal(t, 8, done.InventoryTransfer.ReceivedQuantity)
	listed, err := admin.ListInventoryTransfers(t.Context(), c, 10, shopify.Optional[string]{}, shopify.Some("status:TRANSFERRED"), shopify.Optional[admin.TransferSortKeys]{}, shopify.Optional[bool]{})
	require.NoError(t, err)
	assert.Len(t, listed.InventoryTransfers.Nodes, 1)

	// What is called off goes back.
	second, err := admin.InventoryTransferCreateAsReadyToShip(t.Context(), c, admin.InventoryTransferCreateAsReadyToShipInput{
		OriginLocationID: shopify.Some(from), DestinationLocationID: shopify.Some(to),
		LineItems: shopify.Some([]admin.InventoryTransferLineItemInput{{InventoryItemID: item, Quantity: 5}}),
	}, "transfer-2")
	require.NoError(t, err)
	assert.Equal(t, 7, available(from))
	_, err = admin.InventoryTransferCancel(t.Context(), c, second.InventoryTransferCreateAsReadyToShip.InventoryTransfer.ID)
	require.NoError(t, err)
	assert.Equal(t, 12, available(from))
}

func TestMoveQuantities(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c := connect(t, shop, shopify.Options{})
	variant := shop.Products()[0].Variants[0]
	at := shopify.GID(shop.Locations()[0].ID)
	before := variant.Available[string(at)]
	move := func(from, to shopify.Optional[int], name, key string) error {
		return second(admin.InventoryMoveQuantities(t.Context(), c, admin.InventoryMoveQuantitiesInput{
			Reason: "damaged", ReferenceDocumentURI: "gid://posai/Check/1", Changes: []admin.InventoryMoveQuantityChange{{
				InventoryItemID: shopify.GID(variant.InventoryItemID), Quantity: 1,
				From: admin.InventoryMoveQuantityTerminalInput{LocationID: at, Name: "available", ChangeFromQuantity: from},
				To:   admin.InventoryMoveQuantityTerminalInput{LocationID: at, Name: name, ChangeFromQuantity: to},
			}},
		}, key))
	}
	require.NoError(t, move(shopify.Some(before), shopify.Null[int](), "damaged", "a"))
	assert.Equal(t, before-1, shop.Products()[0].Variants[0].Available[string(at)])
	err := move(shopify.Some(before), shopify.Null[int](), "damaged", "b")
	require.ErrorIs(t, err, shopify.ErrStale)
	assert.Equal(t, "SAME_QUANTITY_NAME", refusal(t, move(shopify.Null[int](), shopify.Null[int](), "available", "c")))
}
