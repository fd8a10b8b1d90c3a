package webhook

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// Refund is the payload of refunds/create, and one of an order's refunds.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/refund
type Refund struct {
	ID                int64             `json:"id"`
	AdminGraphqlAPIID string            `json:"admin_graphql_api_id"`
	OrderID           int64             `json:"order_id"`
	CreatedAt         time.Time         `json:"created_at"`
	ProcessedAt       *time.Time        `json:"processed_at"`
	Note              string            `json:"note"`
	Restock           bool              `json:"restock"`
	UserID            *int64            `json:"user_id"`
	RefundLineItems   []RefundLineItem  `json:"refund_line_items"`
	OrderAdjustments  []OrderAdjustment `json:"order_adjustments"`
	Transactions      []Transaction     `json:"transactions"`
	TotalDutiesSet    *MoneySet         `json:"total_duties_set"`

	// Return names the return that the refund belongs to, if there is one.
	Return *Return `json:"return"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes a refund and keeps what it does not know in Extra.
func (r *Refund) UnmarshalJSON(data []byte) error {
	type plain Refund
	return unmarshalExtra(data, (*plain)(r), &r.Extra)
}

// MarshalJSON encodes a refund together with its Extra.
func (r Refund) MarshalJSON() ([]byte, error) {
	type plain Refund
	return marshalExtra(plain(r), r.Extra)
}

// Return names a return.
type Return struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
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

// UnmarshalJSON decodes a line and keeps what it does not know in Extra.
func (l *RefundLineItem) UnmarshalJSON(data []byte) error {
	type plain RefundLineItem
	return unmarshalExtra(data, (*plain)(l), &l.Extra)
}

// MarshalJSON encodes a line together with its Extra.
func (l RefundLineItem) MarshalJSON() ([]byte, error) {
	type plain RefundLineItem
	return marshalExtra(plain(l), l.Extra)
}

// OrderAdjustment is the difference between a refund's lines and its payments,
// such as refunded shipping.
type OrderAdjustment struct {
	ID           int64           `json:"id"`
	OrderID      int64           `json:"order_id"`
	RefundID     int64           `json:"refund_id"`
	Kind         string          `json:"kind"`
	Reason       string          `json:"reason"`
	Amount       decimal.Decimal `json:"amount"`
	AmountSet    *MoneySet       `json:"amount_set"`
	TaxAmount    decimal.Decimal `json:"tax_amount"`
	TaxAmountSet *MoneySet       `json:"tax_amount_set"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes an adjustment and keeps what it does not know in
// Extra.
func (a *OrderAdjustment) UnmarshalJSON(data []byte) error {
	type plain OrderAdjustment
	return unmarshalExtra(data, (*plain)(a), &a.Extra)
}

// MarshalJSON encodes an adjustment together with its Extra.
func (a OrderAdjustment) MarshalJSON() ([]byte, error) {
	type plain OrderAdjustment
	return marshalExtra(plain(a), a.Extra)
}

// Transaction is a payment or its reversal.
type Transaction struct {
	ID                int64           `json:"id"`
	AdminGraphqlAPIID string          `json:"admin_graphql_api_id"`
	OrderID           int64           `json:"order_id"`
	ParentID          *int64          `json:"parent_id"`
	PaymentID         string          `json:"payment_id"`
	Kind              string          `json:"kind"`    // authorization, sale, capture, void, refund, change
	Status            string          `json:"status"`  // pending, failure, success, error
	Gateway           string          `json:"gateway"` // such as cash, shopify_payments, gift_card
	Amount            decimal.Decimal `json:"amount"`
	Currency          string          `json:"currency"`
	Authorization     string          `json:"authorization"`
	CreatedAt         time.Time       `json:"created_at"`
	ProcessedAt       *time.Time      `json:"processed_at"`
	LocationID        *int64          `json:"location_id"`
	UserID            *int64          `json:"user_id"`
	DeviceID          *int64          `json:"device_id"`
	SourceName        string          `json:"source_name"`
	ErrorCode         string          `json:"error_code"`
	Message           string          `json:"message"`
	Test              bool            `json:"test"`

	// Receipt is what the payment provider says; each has its own form.
	Receipt json.RawMessage `json:"receipt,omitempty"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes a transaction and keeps what it does not know in
// Extra.
func (t *Transaction) UnmarshalJSON(data []byte) error {
	type plain Transaction
	return unmarshalExtra(data, (*plain)(t), &t.Extra)
}

// MarshalJSON encodes a transaction together with its Extra.
func (t Transaction) MarshalJSON() ([]byte, error) {
	type plain Transaction
	return marshalExtra(plain(t), t.Extra)
}

// Fulfillment is a part of an order that was handed over or sent.
type Fulfillment struct {
	ID                int64           `json:"id"`
	AdminGraphqlAPIID string          `json:"admin_graphql_api_id"`
	OrderID           int64           `json:"order_id"`
	Name              string          `json:"name"`
	Status            string          `json:"status"`
	ShipmentStatus    string          `json:"shipment_status"`
	Service           string          `json:"service"`
	LocationID        *int64          `json:"location_id"`
	CreatedAt         time.Time       `json:"created_at"`
	UpdatedAt         *time.Time      `json:"updated_at"`
	TrackingCompany   string          `json:"tracking_company"`
	TrackingNumber    string          `json:"tracking_number"`
	TrackingNumbers   []string        `json:"tracking_numbers"`
	TrackingURL       string          `json:"tracking_url"`
	TrackingURLs      []string        `json:"tracking_urls"`
	LineItems         []LineItem      `json:"line_items"`
	Receipt           json.RawMessage `json:"receipt,omitempty"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes a fulfillment and keeps what it does not know in
// Extra.
func (f *Fulfillment) UnmarshalJSON(data []byte) error {
	type plain Fulfillment
	return unmarshalExtra(data, (*plain)(f), &f.Extra)
}

// MarshalJSON encodes a fulfillment together with its Extra.
func (f Fulfillment) MarshalJSON() ([]byte, error) {
	type plain Fulfillment
	return marshalExtra(plain(f), f.Extra)
}
