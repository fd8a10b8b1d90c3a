package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// Order is the payload of most orders topics, as of API version 2026-10.
//
// In this and the other payload types, ids are int64 and 0 or nil where
// Shopify sends null; amounts are decimals, in the currency that stands beside
// them; text that Shopify sends as null is empty; times, booleans and numbers
// for which null means something else than zero are pointers. What a type does
// not know stays in its Extra, and the whole body is in [Delivery].
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/order
type Order struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	// Name is the order's name as people see it, such as "#1001"; Number
	// counts from 1, OrderNumber from 1001.
	Name               string `json:"name"`
	Number             int64  `json:"number"`
	OrderNumber        int64  `json:"order_number"`
	ConfirmationNumber string `json:"confirmation_number"`
	PONumber           string `json:"po_number"`
	Token              string `json:"token"`
	CartToken          string `json:"cart_token"`
	CheckoutID         *int64 `json:"checkout_id"`
	CheckoutToken      string `json:"checkout_token"`
	AppID              *int64 `json:"app_id"`

	// SourceName is "pos" for an order that was rung up at the register, and
	// "web", "shopify_draft_order" or an app's id for others.
	SourceName       string `json:"source_name"`
	SourceIdentifier string `json:"source_identifier"`
	SourceURL        string `json:"source_url"`

	// LocationID is where the order was rung up, UserID by whom, DeviceID at
	// which register. They are nil for orders that do not come from POS.
	LocationID *int64 `json:"location_id"`
	UserID     *int64 `json:"user_id"`
	DeviceID   *int64 `json:"device_id"`

	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	ProcessedAt  *time.Time `json:"processed_at"`
	CancelledAt  *time.Time `json:"cancelled_at"`
	CancelReason string     `json:"cancel_reason"`
	ClosedAt     *time.Time `json:"closed_at"`

	// FinancialStatus is such as "pending", "paid" or "refunded";
	// FulfillmentStatus such as "fulfilled" or "partial", empty if nothing is.
	FinancialStatus     string   `json:"financial_status"`
	FulfillmentStatus   string   `json:"fulfillment_status"`
	PaymentGatewayNames []string `json:"payment_gateway_names"`
	Confirmed           bool     `json:"confirmed"`
	Test                bool     `json:"test"`

	// Currency is the shop's, PresentmentCurrency the customer's. Amounts are
	// in the shop's; the sets have both.
	Currency               string          `json:"currency"`
	PresentmentCurrency    string          `json:"presentment_currency"`
	SubtotalPrice          decimal.Decimal `json:"subtotal_price"`
	SubtotalPriceSet       *MoneySet       `json:"subtotal_price_set"`
	TotalDiscounts         decimal.Decimal `json:"total_discounts"`
	TotalDiscountsSet      *MoneySet       `json:"total_discounts_set"`
	TotalLineItemsPrice    decimal.Decimal `json:"total_line_items_price"`
	TotalLineItemsPriceSet *MoneySet       `json:"total_line_items_price_set"`
	TotalOutstanding       decimal.Decimal `json:"total_outstanding"`
	TotalPrice             decimal.Decimal `json:"total_price"`
	TotalPriceSet          *MoneySet       `json:"total_price_set"`
	TotalShippingPriceSet  *MoneySet       `json:"total_shipping_price_set"`
	TotalTax               decimal.Decimal `json:"total_tax"`
	TotalTaxSet            *MoneySet       `json:"total_tax_set"`
	TotalTipReceived       decimal.Decimal `json:"total_tip_received"`
	TotalWeight            int64           `json:"total_weight"` // grams

	// The current amounts are what is left after refunds and edits.
	CurrentShippingPriceSet  *MoneySet       `json:"current_shipping_price_set"`
	CurrentSubtotalPrice     decimal.Decimal `json:"current_subtotal_price"`
	CurrentSubtotalPriceSet  *MoneySet       `json:"current_subtotal_price_set"`
	CurrentTotalDiscounts    decimal.Decimal `json:"current_total_discounts"`
	CurrentTotalDiscountsSet *MoneySet       `json:"current_total_discounts_set"`
	CurrentTotalDutiesSet    *MoneySet       `json:"current_total_duties_set"`
	CurrentTotalFeesSet      *MoneySet       `json:"current_total_additional_fees_set"`
	CurrentTotalPrice        decimal.Decimal `json:"current_total_price"`
	CurrentTotalPriceSet     *MoneySet       `json:"current_total_price_set"`
	CurrentTotalTax          decimal.Decimal `json:"current_total_tax"`
	CurrentTotalTaxSet       *MoneySet       `json:"current_total_tax_set"`
	OriginalTotalDutiesSet   *MoneySet       `json:"original_total_duties_set"`
	OriginalTotalFeesSet     *MoneySet       `json:"original_total_additional_fees_set"`

	// Rounding of cash payments, in countries without small coins.
	CashRoundingPaymentSet *MoneySet `json:"total_cash_rounding_payment_adjustment_set"`
	CashRoundingRefundSet  *MoneySet `json:"total_cash_rounding_refund_adjustment_set"`

	EstimatedTaxes bool      `json:"estimated_taxes"`
	TaxExempt      bool      `json:"tax_exempt"`
	TaxesIncluded  bool      `json:"taxes_included"`
	DutiesIncluded bool      `json:"duties_included"`
	TaxLines       []TaxLine `json:"tax_lines"`

	DiscountApplications []DiscountApplication `json:"discount_applications"`
	DiscountCodes        []DiscountCode        `json:"discount_codes"`

	// Note and NoteAttributes (custom attributes elsewhere) are what people
	// and apps wrote on the order.
	Note           string     `json:"note"`
	NoteAttributes Attributes `json:"note_attributes"`
	Tags           Tags       `json:"tags"`

	// Customer is nil for a sale without one, which is common at a register.
	Customer              *Customer      `json:"customer"`
	Email                 string         `json:"email"`
	ContactEmail          string         `json:"contact_email"`
	Phone                 string         `json:"phone"`
	CustomerLocale        string         `json:"customer_locale"`
	BuyerAcceptsMarketing bool           `json:"buyer_accepts_marketing"`
	BillingAddress        *Address       `json:"billing_address"`
	ShippingAddress       *Address       `json:"shipping_address"`
	BrowserIP             string         `json:"browser_ip"`
	ClientDetails         *ClientDetails `json:"client_details"`
	LandingSite           string         `json:"landing_site"`
	ReferringSite         string         `json:"referring_site"`
	OrderStatusURL        string         `json:"order_status_url"`

	LineItems     []LineItem     `json:"line_items"`
	ShippingLines []ShippingLine `json:"shipping_lines"`
	Fulfillments  []Fulfillment  `json:"fulfillments"`
	Refunds       []Refund       `json:"refunds"`
	Returns       []Return       `json:"returns"`
	Transactions  []Transaction  `json:"transactions"` // seldom sent

	// Company is nil unless a company ordered; PaymentTerms unless the order
	// is on account.
	Company      *OrderCompany `json:"company"`
	PaymentTerms *PaymentTerms `json:"payment_terms"`

	Extra Extra `json:"-"`
}

// IsPOS reports whether the order was rung up at a register.
func (o *Order) IsPOS() bool { return o.SourceName == "pos" }

// OrderCompany names the company and its location that ordered.
type OrderCompany struct {
	ID         int64 `json:"id"`
	LocationID int64 `json:"location_id"`

	Extra Extra `json:"-"`
}

// ClientDetails describes the browser that an online order came from.
type ClientDetails struct {
	AcceptLanguage string `json:"accept_language"`
	BrowserHeight  *int64 `json:"browser_height"`
	BrowserWidth   *int64 `json:"browser_width"`
	BrowserIP      string `json:"browser_ip"`
	SessionHash    string `json:"session_hash"`
	UserAgent      string `json:"user_agent"`

	Extra Extra `json:"-"`
}
