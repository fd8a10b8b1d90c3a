package webhook

import "github.com/shopspring/decimal"

// LineItem is one line of an order.
type LineItem struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	// ProductID and VariantID are nil for a custom sale, and once the product
	// is deleted.
	ProductID     *int64 `json:"product_id"`
	VariantID     *int64 `json:"variant_id"`
	ProductExists bool   `json:"product_exists"`

	Name         string `json:"name"`
	Title        string `json:"title"`
	VariantTitle string `json:"variant_title"`
	SKU          string `json:"sku"`
	Vendor       string `json:"vendor"`

	Quantity int64 `json:"quantity"`

	// CurrentQuantity is what is left after refunds and edits; nil if it was
	// not sent.
	CurrentQuantity     *int64 `json:"current_quantity"`
	FulfillableQuantity int64  `json:"fulfillable_quantity"`
	FulfillmentService  string `json:"fulfillment_service"`
	FulfillmentStatus   string `json:"fulfillment_status"`
	Grams               int64  `json:"grams"`
	GiftCard            bool   `json:"gift_card"`
	RequiresShipping    bool   `json:"requires_shipping"`
	Taxable             bool   `json:"taxable"`

	VariantInventoryManagement string `json:"variant_inventory_management"`

	// Price is for one piece, before discounts.
	Price            decimal.Decimal `json:"price"`
	PriceSet         *MoneySet       `json:"price_set"`
	TotalDiscount    decimal.Decimal `json:"total_discount"`
	TotalDiscountSet *MoneySet       `json:"total_discount_set"`

	// AttributedStaffs are those who made the sale, at POS.
	AttributedStaffs []AttributedStaff `json:"attributed_staffs"`

	// Properties are what apps and people wrote on the line.
	Properties          Attributes           `json:"properties"`
	DiscountAllocations []DiscountAllocation `json:"discount_allocations"`
	TaxLines            []TaxLine            `json:"tax_lines"`
	Duties              []Duty               `json:"duties"`

	Extra Extra `json:"-"`
}

// AttributedStaff says how many pieces of a line a staff member sold. ID is a
// GID such as "gid://shopify/StaffMember/902541635".
type AttributedStaff struct {
	ID       string `json:"id"`
	Quantity int64  `json:"quantity"`
}

// DiscountApplication is a discount on the order. The allocations of the lines
// refer to it by its place in the list.
type DiscountApplication struct {
	Type             string          `json:"type"` // discount_code, manual, script, automatic
	TargetType       string          `json:"target_type"`
	TargetSelection  string          `json:"target_selection"`
	AllocationMethod string          `json:"allocation_method"`
	Value            decimal.Decimal `json:"value"`
	ValueType        string          `json:"value_type"` // fixed_amount, percentage
	Code             string          `json:"code"`
	Title            string          `json:"title"`
	Description      string          `json:"description"`

	Extra Extra `json:"-"`
}

// DiscountAllocation is a line's share in a discount.
type DiscountAllocation struct {
	Amount                   decimal.Decimal `json:"amount"`
	AmountSet                *MoneySet       `json:"amount_set"`
	DiscountApplicationIndex int             `json:"discount_application_index"`

	Extra Extra `json:"-"`
}

// DiscountCode is a code that the customer used.
type DiscountCode struct {
	Code   string          `json:"code"`
	Amount decimal.Decimal `json:"amount"`
	Type   string          `json:"type"` // fixed_amount, percentage, shipping

	Extra Extra `json:"-"`
}

// TaxLine is one tax on a line or an order. Rate is a fraction: 0.19 is 19 %.
type TaxLine struct {
	Title         string          `json:"title"`
	Price         decimal.Decimal `json:"price"`
	PriceSet      *MoneySet       `json:"price_set"`
	Rate          decimal.Decimal `json:"rate"`
	ChannelLiable *bool           `json:"channel_liable"`

	Extra Extra `json:"-"`
}

// Duty is what importing a line costs.
type Duty struct {
	ID                   string     `json:"id"`
	HarmonizedSystemCode string     `json:"harmonized_system_code"`
	CountryCodeOfOrigin  string     `json:"country_code_of_origin"`
	PriceSet             *MoneySet  `json:"price_set"`
	ShopMoney            *MoneyPart `json:"shop_money"`
	PresentmentMoney     *MoneyPart `json:"presentment_money"`
	TaxLines             []TaxLine  `json:"tax_lines"`
	AdminGraphqlAPIID    string     `json:"admin_graphql_api_id"`

	Extra Extra `json:"-"`
}

// ShippingLine is one way of shipping that was chosen.
type ShippingLine struct {
	ID                  int64                `json:"id"`
	Title               string               `json:"title"`
	Code                string               `json:"code"`
	Source              string               `json:"source"`
	CarrierIdentifier   string               `json:"carrier_identifier"`
	Phone               string               `json:"phone"`
	Price               decimal.Decimal      `json:"price"`
	PriceSet            *MoneySet            `json:"price_set"`
	DiscountedPrice     decimal.Decimal      `json:"discounted_price"`
	DiscountedPriceSet  *MoneySet            `json:"discounted_price_set"`
	DiscountAllocations []DiscountAllocation `json:"discount_allocations"`
	TaxLines            []TaxLine            `json:"tax_lines"`

	Extra Extra `json:"-"`
}
