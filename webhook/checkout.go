package webhook

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// Checkout is the payload of checkouts/create, update and delete. Delete sends
// the ID and the totals alone.
//
// https://shopify.dev/docs/api/webhooks/latest
type Checkout struct {
	ID                   int64  `json:"id"`
	Token                string `json:"token"`
	CartToken            string `json:"cart_token"`
	Name                 string `json:"name"`
	AbandonedCheckoutURL string `json:"abandoned_checkout_url"`
	Gateway              string `json:"gateway"`
	ReservationToken     string `json:"reservation_token"`

	CreatedAt   *time.Time `json:"created_at"`
	UpdatedAt   *time.Time `json:"updated_at"`
	CompletedAt *time.Time `json:"completed_at"`
	ClosedAt    *time.Time `json:"closed_at"`

	// SourceName is as with [Order]; the next four are nil or empty unless
	// staff made the checkout.
	SourceName       string `json:"source_name"`
	Source           string `json:"source"`
	SourceIdentifier string `json:"source_identifier"`
	SourceURL        string `json:"source_url"`
	LocationID       *int64 `json:"location_id"`
	UserID           *int64 `json:"user_id"`
	DeviceID         *int64 `json:"device_id"`

	// Amounts are in PresentmentCurrency, the customer's; Currency is the
	// shop's.
	Currency            string           `json:"currency"`
	PresentmentCurrency string           `json:"presentment_currency"`
	SubtotalPrice       decimal.Decimal  `json:"subtotal_price"`
	TotalLineItemsPrice decimal.Decimal  `json:"total_line_items_price"`
	TotalDiscounts      decimal.Decimal  `json:"total_discounts"`
	TotalTax            decimal.Decimal  `json:"total_tax"`
	TotalDuties         *decimal.Decimal `json:"total_duties"`
	TotalPrice          decimal.Decimal  `json:"total_price"`
	TotalWeight         int64            `json:"total_weight"` // grams
	TaxesIncluded       bool             `json:"taxes_included"`
	TaxLines            []TaxLine        `json:"tax_lines"`
	DiscountCodes       []DiscountCode   `json:"discount_codes"`

	Note           string     `json:"note"`
	NoteAttributes Attributes `json:"note_attributes"`
	LandingSite    string     `json:"landing_site"`
	ReferringSite  string     `json:"referring_site"`

	Customer                 *Customer `json:"customer"`
	Email                    string    `json:"email"`
	Phone                    string    `json:"phone"`
	CustomerLocale           string    `json:"customer_locale"`
	BuyerAcceptsMarketing    bool      `json:"buyer_accepts_marketing"`
	BuyerAcceptsSMSMarketing bool      `json:"buyer_accepts_sms_marketing"`
	SMSMarketingPhone        string    `json:"sms_marketing_phone"`
	BillingAddress           *Address  `json:"billing_address"`
	ShippingAddress          *Address  `json:"shipping_address"`

	LineItems     []CheckoutLineItem     `json:"line_items"`
	ShippingLines []CheckoutShippingLine `json:"shipping_lines"`

	Extra Extra `json:"-"`
}

// CheckoutLineItem is one line of a checkout.
type CheckoutLineItem struct {
	Key       string `json:"key"`
	ProductID *int64 `json:"product_id"`
	VariantID *int64 `json:"variant_id"`

	Title                   string `json:"title"`
	VariantTitle            string `json:"variant_title"`
	PresentmentTitle        string `json:"presentment_title"`
	PresentmentVariantTitle string `json:"presentment_variant_title"`
	SKU                     string `json:"sku"`
	Vendor                  string `json:"vendor"`
	Quantity                int64  `json:"quantity"`
	Grams                   int64  `json:"grams"`
	GiftCard                bool   `json:"gift_card"`
	RequiresShipping        bool   `json:"requires_shipping"`
	Taxable                 bool   `json:"taxable"`
	FulfillmentService      string `json:"fulfillment_service"`
	UserID                  *int64 `json:"user_id"`
	OriginLocationID        *int64 `json:"origin_location_id"`
	DestinationLocationID   *int64 `json:"destination_location_id"`

	// Price is for one piece, LinePrice for all.
	Price          decimal.Decimal  `json:"price"`
	VariantPrice   *decimal.Decimal `json:"variant_price"`
	CompareAtPrice *decimal.Decimal `json:"compare_at_price"`
	LinePrice      decimal.Decimal  `json:"line_price"`

	Properties          Attributes           `json:"properties"`
	TaxLines            []TaxLine            `json:"tax_lines"`
	DiscountAllocations []DiscountAllocation `json:"discount_allocations"`
	AppliedDiscounts    []json.RawMessage    `json:"applied_discounts"`

	Extra Extra `json:"-"`
}

// CheckoutShippingLine is a way of shipping that the customer chose.
type CheckoutShippingLine struct {
	ID                string            `json:"id"`
	Code              string            `json:"code"`
	Title             string            `json:"title"`
	PresentmentTitle  string            `json:"presentment_title"`
	Source            string            `json:"source"`
	CarrierIdentifier string            `json:"carrier_identifier"`
	Phone             string            `json:"phone"`
	Price             decimal.Decimal   `json:"price"`
	TaxLines          []TaxLine         `json:"tax_lines"`
	AppliedDiscounts  []json.RawMessage `json:"applied_discounts"`

	Extra Extra `json:"-"`
}
