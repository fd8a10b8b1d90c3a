package webhook

import (
	"encoding/json"
	"time"
)

// OrderEdited is the payload of orders/edited.
//
// https://shopify.dev/docs/apps/build/orders-fulfillment/order-management-apps/edit-orders
type OrderEdited struct {
	OrderEdit OrderEdit `json:"order_edit"`

	Extra Extra `json:"-"`
}

// OrderEdit says how an order was edited.
type OrderEdit struct {
	ID             int64     `json:"id"`
	OrderID        int64     `json:"order_id"`
	AppID          *int64    `json:"app_id"`
	UserID         *int64    `json:"user_id"`
	CreatedAt      time.Time `json:"created_at"`
	CommittedAt    time.Time `json:"committed_at"`
	NotifyCustomer bool      `json:"notify_customer"`
	StaffNote      string    `json:"staff_note"`

	LineItems     OrderEditLines     `json:"line_items"`
	Discounts     OrderEditDiscounts `json:"discounts"`
	ShippingLines OrderEditChanges   `json:"shipping_lines"`

	Extra Extra `json:"-"`
}

// OrderEditLines are the lines that got more or fewer pieces.
type OrderEditLines struct {
	Additions []OrderEditLine `json:"additions"`
	Removals  []OrderEditLine `json:"removals"`

	Extra Extra `json:"-"`
}

// OrderEditLine is a line of the order and by how many pieces it changed.
type OrderEditLine struct {
	ID    int64 `json:"id"`
	Delta int64 `json:"delta"`

	Extra Extra `json:"-"`
}

// OrderEditDiscounts are the discounts on lines that came or went.
type OrderEditDiscounts struct {
	LineItem OrderEditChanges `json:"line_item"`

	Extra Extra `json:"-"`
}

// OrderEditChanges are things that came or went, in forms that differ.
type OrderEditChanges struct {
	Additions []json.RawMessage `json:"additions"`
	Removals  []json.RawMessage `json:"removals"`

	Extra Extra `json:"-"`
}
