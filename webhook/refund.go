package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// Refund is the payload of refunds/create, and one of an order's refunds. It
// is sent when the refund is made, whether or not money has moved: the
// Transactions tell.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/refund
type Refund struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	OrderID           int64  `json:"order_id"`

	CreatedAt   time.Time  `json:"created_at"`
	ProcessedAt *time.Time `json:"processed_at"`

	// Note is what staff wrote about the refund. UserID is nil if none of
	// them made it.
	Note    string `json:"note"`
	Restock bool   `json:"restock"`
	UserID  *int64 `json:"user_id"`

	RefundLineItems     []RefundLineItem     `json:"refund_line_items"`
	RefundShippingLines []RefundShippingLine `json:"refund_shipping_lines"`
	OrderAdjustments    []OrderAdjustment    `json:"order_adjustments"`
	Transactions        []Transaction        `json:"transactions"`
	Duties              []RefundDuty         `json:"duties"`
	TotalDutiesSet      *MoneySet            `json:"total_duties_set"`

	// Return names the return that the refund belongs to, if there is one.
	Return *Reference `json:"return"`

	Extra Extra `json:"-"`
}

// RefundLineItem is a line that was refunded.
type RefundLineItem struct {
	ID          int64           `json:"id"`
	LineItemID  int64           `json:"line_item_id"`
	LocationID  *int64          `json:"location_id"`
	Quantity    int64           `json:"quantity"`
	RestockType string          `json:"restock_type"` // no_restock, cancel, return, legacy_restock
	Subtotal    decimal.Decimal `json:"subtotal"`
	SubtotalSet *MoneySet       `json:"subtotal_set"`
	TotalTax    decimal.Decimal `json:"total_tax"`
	TotalTaxSet *MoneySet       `json:"total_tax_set"`
	LineItem    *LineItem       `json:"line_item"`

	Extra Extra `json:"-"`
}

// RefundShippingLine is shipping that was refunded.
type RefundShippingLine struct {
	ID                int64         `json:"id"`
	ShippingLine      *ShippingLine `json:"shipping_line"`
	SubtotalAmountSet *MoneySet     `json:"subtotal_amount_set"`

	Extra Extra `json:"-"`
}

// RefundDuty is a duty that was refunded.
type RefundDuty struct {
	DutyID     int64           `json:"duty_id"`
	RefundType string          `json:"refund_type"` // FULL, PROPORTIONAL
	AmountSet  *MoneySet       `json:"amount_set"`
	Amount     decimal.Decimal `json:"amount,omitzero"`

	Extra Extra `json:"-"`
}

// OrderAdjustment is the difference between a refund's lines and its payments,
// such as shipping that was refunded, in versions before 2024-10.
type OrderAdjustment struct {
	ID           int64           `json:"id"`
	OrderID      int64           `json:"order_id"`
	RefundID     int64           `json:"refund_id"`
	Kind         string          `json:"kind"` // refund_discrepancy, shipping_refund
	Reason       string          `json:"reason"`
	Amount       decimal.Decimal `json:"amount"`
	AmountSet    *MoneySet       `json:"amount_set"`
	TaxAmount    decimal.Decimal `json:"tax_amount"`
	TaxAmountSet *MoneySet       `json:"tax_amount_set"`

	Extra Extra `json:"-"`
}
