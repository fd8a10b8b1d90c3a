package shopifytest

import (
	"time"

	"github.com/shopspring/decimal"
)

// DataVersion is the version of the [Data] format that this package reads and writes.
const DataVersion = 1

// Data is what a shop starts with: [GenerateData] makes it up, [ReadData] reads it
// from JSON, [Data.Write] writes it.
//
// IDs are numeric, positive and unique per kind; where one is zero or left out, a number
// is given. Records refer to one another by these ids, and to variants by SKU. Amounts
// are decimal strings in the shop's currency. Sums (subtotals, tax, totals, statistics)
// are not in the data: they are computed.
type Data struct {
	Version   int            `json:"version"` // [DataVersion]
	Shop      ShopData       `json:"shop"`
	Locations []LocationData `json:"locations"`
	Staff     []StaffData    `json:"staff,omitempty"`
	Products  []ProductData  `json:"products"`
	Customers []CustomerData `json:"customers,omitempty"`
	Orders    []OrderData    `json:"orders,omitempty"` // in the order of their time
}

// ShopData is the shop itself.
type ShopData struct {
	Name     string `json:"name"`
	Domain   string `json:"domain"`   // something.myshopify.com
	Currency string `json:"currency"` // ISO 4217
	Email    string `json:"email"`
	Timezone string `json:"timezone"` // IANA name. If empty, UTC
}

// LocationData is a store or warehouse.
type LocationData struct {
	ID       int64       `json:"id,omitempty"`
	Name     string      `json:"name"`
	Address  AddressData `json:"address"`
	TaxTitle string      `json:"tax_title,omitempty"` // what the receipt calls the tax

	// TaxRate is the sales tax of what is sold here, 0 to 1.
	TaxRate decimal.Decimal `json:"tax_rate,omitzero"`
}

// AddressData is a postal address.
type AddressData struct {
	Address1     string `json:"address1,omitempty"`
	Address2     string `json:"address2,omitempty"`
	City         string `json:"city,omitempty"`
	Province     string `json:"province,omitempty"`
	ProvinceCode string `json:"province_code,omitempty"`
	Country      string `json:"country,omitempty"`
	CountryCode  string `json:"country_code,omitempty"` // ISO 3166-1, two letters
	Zip          string `json:"zip,omitempty"`
	Phone        string `json:"phone,omitempty"`
}

// StaffData is a member of staff.
type StaffData struct {
	ID         int64  `json:"id,omitempty"`
	FirstName  string `json:"first_name"`
	LastName   string `json:"last_name"`
	Email      string `json:"email"`
	LocationID int64  `json:"location_id,omitempty"` // where they work
}

// ProductData is a product with its variants.
type ProductData struct {
	ID          int64         `json:"id,omitempty"`
	Title       string        `json:"title"`
	Handle      string        `json:"handle,omitempty"` // if empty, made from the title
	Type        string        `json:"type,omitempty"`
	Vendor      string        `json:"vendor,omitempty"`
	Description string        `json:"description,omitempty"` // plain text
	Tags        []string      `json:"tags,omitempty"`
	Status      string        `json:"status,omitempty"`  // ACTIVE, ARCHIVED or DRAFT. If empty, ACTIVE
	Options     []string      `json:"options,omitempty"` // option names, at most 3
	GiftCard    bool          `json:"gift_card,omitempty"`
	CreatedAt   time.Time     `json:"created_at,omitzero"`
	Variants    []VariantData `json:"variants"`
}

// VariantData is one version of a product.
type VariantData struct {
	ID      int64           `json:"id,omitempty"`
	SKU     string          `json:"sku"` // unique in the shop
	Barcode string          `json:"barcode,omitempty"`
	Options []string        `json:"options,omitempty"` // one value for each of the product's options
	Price   decimal.Decimal `json:"price"`
	Cost    decimal.Decimal `json:"cost,omitzero"`
	Stock   map[int64]int   `json:"stock,omitempty"` // pieces on hand by location id
}

// CustomerData is a customer.
type CustomerData struct {
	ID             int64       `json:"id,omitempty"`
	FirstName      string      `json:"first_name"`
	LastName       string      `json:"last_name"`
	Email          string      `json:"email,omitempty"` // unique in the shop
	Phone          string      `json:"phone,omitempty"` // E.164
	Note           string      `json:"note,omitempty"`
	Tags           []string    `json:"tags,omitempty"`
	EmailMarketing string      `json:"email_marketing,omitempty"` // CustomerEmailMarketingState. If empty, NOT_SUBSCRIBED
	SMSMarketing   string      `json:"sms_marketing,omitempty"`   // CustomerSmsMarketingState. If empty, NOT_SUBSCRIBED
	Address        AddressData `json:"address,omitzero"`
	CreatedAt      time.Time   `json:"created_at,omitzero"`
}

// OrderData is a past order, paid in full when it was placed.
type OrderData struct {
	ID         int64           `json:"id,omitempty"`
	At         time.Time       `json:"at"`
	LocationID int64           `json:"location_id,omitempty"` // 0: an online order
	StaffID    int64           `json:"staff_id,omitempty"`
	CustomerID int64           `json:"customer_id,omitempty"` // 0: a walk-in
	Tender     string          `json:"tender,omitempty"`      // card, cash or gift_card. If empty, card
	Lines      []OrderLineData `json:"lines"`
	Discount   *Discount       `json:"discount,omitempty"`
	Shipping   decimal.Decimal `json:"shipping,omitzero"`
	TaxRate    decimal.Decimal `json:"tax_rate,omitzero"` // of an online order; at a location its own rate counts
	Note       string          `json:"note,omitempty"`
	Attributes []Attribute     `json:"attributes,omitempty"`
	Tags       []string        `json:"tags,omitempty"`
	Refunds    []RefundData    `json:"refunds,omitempty"`
}

// OrderLineData is one line of a past order.
type OrderLineData struct {
	SKU      string           `json:"sku"`
	Quantity int              `json:"quantity"`
	Price    *decimal.Decimal `json:"price,omitempty"` // if nil, the variant's price
	Discount *Discount        `json:"discount,omitempty"`
}

// RefundData is goods given back for money.
type RefundData struct {
	At         time.Time        `json:"at"`
	LocationID int64            `json:"location_id,omitempty"` // where they came back to
	Note       string           `json:"note,omitempty"`
	Lines      []RefundLineData `json:"lines"`
}

// RefundLineData is one article given back.
type RefundLineData struct {
	Line     int  `json:"line"` // index into the order's lines, from 0
	Quantity int  `json:"quantity"`
	Restock  bool `json:"restock,omitempty"` // put back on the shelf

	// Reason is a ReturnReason, such as SIZE_TOO_SMALL, or the handle of a return reason
	// definition, such as too-small. If empty, unknown.
	Reason string `json:"reason,omitempty"`
}
