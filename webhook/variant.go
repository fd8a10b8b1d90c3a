package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// Variant is the payload of variants/in_stock and variants/out_of_stock, and
// one of a product's variants. The two topics are sent when the stock of a
// channel begins or ends, and go by what can be sold online.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/product-variant
type Variant struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	ProductID         int64  `json:"product_id"`
	InventoryItemID   *int64 `json:"inventory_item_id"`
	ImageID           *int64 `json:"image_id"`

	Title    string `json:"title"`
	Option1  string `json:"option1"`
	Option2  string `json:"option2"`
	Option3  string `json:"option3"`
	Position int64  `json:"position"`
	SKU      string `json:"sku"`
	Barcode  string `json:"barcode"`

	// Amounts are in the shop's currency.
	Price          decimal.Decimal  `json:"price"`
	CompareAtPrice *decimal.Decimal `json:"compare_at_price"`
	Taxable        bool             `json:"taxable"`

	// InventoryQuantity is the sum over locations; it may be negative.
	// InventoryPolicy says whether to sell beyond it: deny, continue.
	InventoryPolicy      string `json:"inventory_policy"`
	InventoryQuantity    int64  `json:"inventory_quantity"`
	OldInventoryQuantity int64  `json:"old_inventory_quantity"`

	CreatedAt *time.Time `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at"`

	// These were sent with products in versions before 2024-10.
	InventoryManagement string           `json:"inventory_management,omitzero"`
	FulfillmentService  string           `json:"fulfillment_service,omitzero"`
	RequiresShipping    *bool            `json:"requires_shipping,omitzero"`
	Grams               *int64           `json:"grams,omitzero"`
	Weight              *decimal.Decimal `json:"weight,omitempty"`
	WeightUnit          string           `json:"weight_unit,omitzero"`

	Extra Extra `json:"-"`
}
