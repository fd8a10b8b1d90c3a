package webhook

import (
	"time"
)

// InventoryShipment is the payload of the inventory_shipments topics. Each
// topic fills its own list: LineItems for create, ItemsAdded for add_items,
// ItemsUpdated for update_item_quantities, ItemsRemoved for remove_items,
// ItemsReceived for receive_items.
//
// https://shopify.dev/docs/api/admin-graphql/latest/objects/InventoryShipment
type InventoryShipment struct {
	ID         int64             `json:"id"`              // sent as id or shipment_id
	Status     string            `json:"status,omitzero"` // DRAFT, IN_TRANSIT, PARTIALLY_RECEIVED, RECEIVED
	HappenedAt time.Time         `json:"happened_at"`
	Tracking   *ShipmentTracking `json:"tracking,omitzero"` // sent as tracking or updated_tracking

	LineItems     []ShipmentLineItem `json:"line_items,omitzero"`
	ItemsAdded    []ShipmentLineItem `json:"items_added,omitzero"`
	ItemsUpdated  []ShipmentLineItem `json:"items_updated,omitzero"`
	ItemsRemoved  []ShipmentLineItem `json:"items_removed,omitzero"`
	ItemsReceived []ShipmentLineItem `json:"items_received,omitzero"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes a shipment, two of whose fields have two names, and
// keeps in Extra what it does not know.
func (s *InventoryShipment) UnmarshalJSON(data []byte) error {
	type plain InventoryShipment
	if err := unmarshalExtra(data, (*plain)(s), &s.Extra); err != nil {
		return err
	}
	if err := rename(&s.Extra, "shipment_id", &s.ID); err != nil {
		return err
	}
	return rename(&s.Extra, "updated_tracking", &s.Tracking)
}

// MarshalJSON encodes a shipment together with its Extra.
func (s InventoryShipment) MarshalJSON() ([]byte, error) {
	type plain InventoryShipment
	return marshalExtra(plain(s), s.Extra)
}

// ShipmentTracking says where a shipment is.
type ShipmentTracking struct {
	Company        string     `json:"company"`
	TrackingNumber string     `json:"tracking_number"`
	TrackingURL    string     `json:"tracking_url"`
	ArrivesAt      *time.Time `json:"arrives_at"`

	Extra Extra `json:"-"`
}

// ShipmentLineItem is a line of a shipment. The quantities are sent by the
// topics that they concern and nil elsewhere.
type ShipmentLineItem struct {
	ID          int64  `json:"id"`
	Quantity    *int64 `json:"quantity,omitzero"`
	OldQuantity *int64 `json:"old_quantity,omitzero"`
	NewQuantity *int64 `json:"new_quantity,omitzero"`

	OldAcceptedQuantity        *int64 `json:"old_accepted_quantity,omitzero"`
	NewAcceptedQuantity        *int64 `json:"new_accepted_quantity,omitzero"`
	OldRejectedQuantity        *int64 `json:"old_rejected_quantity,omitzero"`
	NewRejectedQuantity        *int64 `json:"new_rejected_quantity,omitzero"`
	RemainingQuantityToReceive *int64 `json:"remaining_quantity_to_receive,omitzero"`

	Extra Extra `json:"-"`
}
