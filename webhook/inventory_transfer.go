package webhook

import "time"

// InventoryTransfer is the payload of the inventory_transfers topics. Each
// topic fills its own list: LineItems for ready_to_ship, ItemsAdded for
// add_items, ItemsUpdated for update_item_quantities, ItemsRemoved for
// remove_items.
//
// https://shopify.dev/docs/api/admin-graphql/latest/objects/InventoryTransfer
type InventoryTransfer struct {
	ID         int64     `json:"id"`
	Status     string    `json:"status,omitzero"` // DRAFT, READY_TO_SHIP, IN_PROGRESS, TRANSFERRED, CANCELED
	HappenedAt time.Time `json:"happened_at"`

	// Origin and Destination are locations. They are sent from version
	// 2026-07 on, and nil for a place that is not a location.
	Origin      *Reference `json:"origin,omitzero"`
	Destination *Reference `json:"destination,omitzero"`

	LineItems    []TransferLineItem `json:"line_items,omitzero"`
	ItemsAdded   []TransferLineItem `json:"items_added,omitzero"`
	ItemsUpdated []TransferLineItem `json:"items_updated,omitzero"`
	ItemsRemoved []TransferLineItem `json:"items_removed,omitzero"`

	Extra Extra `json:"-"`
}

// TransferLineItem is a line of a transfer. Quantity is how many pieces it has
// or got; the old and the new one are sent where it changed.
type TransferLineItem struct {
	ID          int64  `json:"id"` // sent as id or line_item_id
	Quantity    int64  `json:"quantity"`
	OldQuantity *int64 `json:"old_quantity,omitzero"`
	NewQuantity *int64 `json:"new_quantity,omitzero"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes a line, whose id has two names, and keeps in Extra
// what it does not know.
func (l *TransferLineItem) UnmarshalJSON(data []byte) error {
	type plain TransferLineItem
	if err := unmarshalExtra(data, (*plain)(l), &l.Extra); err != nil {
		return err
	}
	return rename(&l.Extra, "line_item_id", &l.ID)
}

// MarshalJSON encodes a line together with its Extra.
func (l TransferLineItem) MarshalJSON() ([]byte, error) {
	type plain TransferLineItem
	return marshalExtra(plain(l), l.Extra)
}
