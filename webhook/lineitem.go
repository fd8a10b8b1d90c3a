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

	// PreTaxPrice is for all pieces, after discounts and before taxes. Only
	// some shops and apps get it.
	PreTaxPrice    *decimal.Decimal `json:"pre_tax_price,omitempty"`
	PreTaxPriceSet *MoneySet        `json:"pre_tax_price_set,omitzero"`

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

	Extra Extra `json:"-"`
}
