package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// DraftOrder is the payload of draft_orders/create and draft_orders/update.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/draftorder
type DraftOrder struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	Name   string `json:"name"`   // such as "#D133"
	Status string `json:"status"` // open, invoice_sent, completed

	// OrderID is the order that the draft became, nil until it did.
	OrderID       *int64     `json:"order_id"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	CompletedAt   *time.Time `json:"completed_at"`
	InvoiceSentAt *time.Time `json:"invoice_sent_at"`
	InvoiceURL    string     `json:"invoice_url"`
	APIClientID   *int64     `json:"api_client_id,omitzero"`

	// Amounts are in Currency.
	Currency      string          `json:"currency"`
	SubtotalPrice decimal.Decimal `json:"subtotal_price"`
	TotalTax      decimal.Decimal `json:"total_tax"`
	TotalPrice    decimal.Decimal `json:"total_price"`
	TaxExempt     bool            `json:"tax_exempt"`
	TaxesIncluded bool            `json:"taxes_included"`
	TaxLines      []TaxLine       `json:"tax_lines"`

	// AllowDiscountCodes and B2B are written with a question mark by Shopify.
	AllowDiscountCodes bool `json:"allow_discount_codes_in_checkout?,omitzero"`
	B2B                bool `json:"b2b?,omitzero"`

	Note           string     `json:"note"`
	NoteAttributes Attributes `json:"note_attributes"`
	Tags           Tags       `json:"tags"`

	Customer        *Customer `json:"customer"`
	Email           string    `json:"email"`
	BillingAddress  *Address  `json:"billing_address"`
	ShippingAddress *Address  `json:"shipping_address"`

	LineItems       []DraftLineItem    `json:"line_items"`
	AppliedDiscount *AppliedDiscount   `json:"applied_discount"`
	ShippingLine    *DraftShippingLine `json:"shipping_line"`
	PaymentTerms    *PaymentTerms      `json:"payment_terms"`

	Extra Extra `json:"-"`
}

// DraftLineItem is one line of a draft order.
type DraftLineItem struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	// ProductID and VariantID are nil for a Custom line.
	ProductID *int64 `json:"product_id"`
	VariantID *int64 `json:"variant_id"`
	Custom    bool   `json:"custom"`

	Name               string          `json:"name"`
	Title              string          `json:"title"`
	VariantTitle       string          `json:"variant_title"`
	SKU                string          `json:"sku"`
	Vendor             string          `json:"vendor"`
	Quantity           int64           `json:"quantity"`
	FulfillmentService string          `json:"fulfillment_service"`
	Grams              int64           `json:"grams"`
	GiftCard           bool            `json:"gift_card"`
	RequiresShipping   bool            `json:"requires_shipping"`
	Taxable            bool            `json:"taxable"`
	Price              decimal.Decimal `json:"price"` // for one piece, before discounts

	AppliedDiscount  *AppliedDiscount  `json:"applied_discount"`
	Properties       Attributes        `json:"properties"`
	TaxLines         []TaxLine         `json:"tax_lines"`
	AttributedStaffs []AttributedStaff `json:"attributed_staffs,omitzero"`

	Extra Extra `json:"-"`
}

// AppliedDiscount is a discount that staff or an app gave on a draft order.
// Amount is what it comes to, Value what was typed in.
type AppliedDiscount struct {
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Value       decimal.Decimal `json:"value"`
	ValueType   string          `json:"value_type"` // fixed_amount, percentage
	Amount      decimal.Decimal `json:"amount"`

	Extra Extra `json:"-"`
}

// DraftShippingLine is how a draft order is to be sent.
type DraftShippingLine struct {
	Title  string          `json:"title"`
	Custom bool            `json:"custom"`
	Handle string          `json:"handle"`
	Price  decimal.Decimal `json:"price"`

	Extra Extra `json:"-"`
}
