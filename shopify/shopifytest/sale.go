package shopifytest

import (
	"time"

	"github.com/shopspring/decimal"
)

// Sale is what [Shop.RingUp] sells: the basket and who stands on either side of the counter.
//
// Its JSON form is the body of POST /_sim/sales of the command.
type Sale struct {
	// Location is where it is sold, by name, GID or numeric id.
	// If empty, the shop's first location.
	Location string `json:"location,omitempty"`

	// Customer is the buyer, by GID, numeric id or e-mail address.
	// If empty, the sale is a walk-in's and the order has no customer.
	Customer string `json:"customer,omitempty"`

	// Staff is who rings it up, by GID, numeric id or name.
	// If empty, the first member of staff of the location.
	Staff string `json:"staff,omitempty"`

	// Lines are the articles, 1 to 500 of them.
	Lines []SaleLine `json:"lines"`

	// Tender is how it is paid: "card", "cash" or "gift_card". If empty, "card".
	Tender string `json:"tender,omitempty"`

	// Discount is taken off the whole basket, spread over the lines. If nil, nothing.
	Discount *Discount `json:"discount,omitempty"`

	// SendLater says that the goods are not taken along but sent: the order is not
	// fulfilled yet.
	SendLater bool `json:"send_later,omitempty"`

	// Note is what the associate typed, at most 5,000 bytes.
	Note string `json:"note,omitempty"`

	// Attributes are the order's custom attributes (note_attributes in the webhook payload).
	Attributes []Attribute `json:"attributes,omitempty"`

	// Tags are the order's tags.
	Tags []string `json:"tags,omitempty"`

	// At is when it happened. If zero, now.
	At time.Time `json:"at,omitzero"`
}

// SaleLine is one article of a [Sale].
type SaleLine struct {
	// SKU names the variant; Variant does so by GID or numeric id. One of them is required.
	SKU     string `json:"sku,omitempty"`
	Variant string `json:"variant,omitempty"`

	// Quantity is the number of pieces, 1 to 10,000. If zero, 1.
	Quantity int `json:"quantity,omitempty"`

	// Price is the price of a piece in the shop's currency. If nil, the variant's price.
	Price *decimal.Decimal `json:"price,omitempty"`

	// Discount is taken off this line. If nil, nothing.
	Discount *Discount `json:"discount,omitempty"`

	// Attributes are the line's custom attributes (properties in the webhook payload).
	Attributes []Attribute `json:"attributes,omitempty"`
}

// Discount is money off: Percent or Amount, not both.
type Discount struct {
	// Title is what the receipt says. If empty, "Discount".
	Title string `json:"title,omitempty"`

	// Code makes it a discount code rather than a manual discount.
	Code string `json:"code,omitempty"`

	// Percent is the share taken off, above 0 up to 100.
	Percent decimal.Decimal `json:"percent,omitzero"`

	// Amount is the money taken off in the shop's currency, capped at what the goods cost.
	Amount decimal.Decimal `json:"amount,omitzero"`
}

// Attribute is one key and value that an order or a line carries.
type Attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
