package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// InventoryLevel is the payload of inventory_levels/connect, update and
// disconnect. Disconnect sends the two ids alone.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/inventorylevel
type InventoryLevel struct {
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	InventoryItemID   int64  `json:"inventory_item_id"`
	LocationID        int64  `json:"location_id"`

	// Available is what can be sold there, nil where stock is not tracked.
	// Deliveries are unordered: compare UpdatedAt before you trust a level.
	Available *int64     `json:"available"`
	UpdatedAt *time.Time `json:"updated_at"`

	Extra Extra `json:"-"`
}

// InventoryItem is the payload of inventory_items/create and update.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/inventoryitem
type InventoryItem struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	SKU       string    `json:"sku"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	// Cost is what one piece costs the shop, in its currency; nil if nobody
	// said.
	Cost             *decimal.Decimal `json:"cost"`
	Tracked          bool             `json:"tracked"`
	RequiresShipping bool             `json:"requires_shipping"`

	CountryCodeOfOrigin          string                 `json:"country_code_of_origin"`
	ProvinceCodeOfOrigin         string                 `json:"province_code_of_origin"`
	HarmonizedSystemCode         string                 `json:"harmonized_system_code"`
	CountryHarmonizedSystemCodes []HarmonizedSystemCode `json:"country_harmonized_system_codes"`
	WeightValue                  *decimal.Decimal       `json:"weight_value,omitempty"`
	WeightUnit                   string                 `json:"weight_unit,omitzero"` // g, kg, oz, lb

	Extra Extra `json:"-"`
}

// HarmonizedSystemCode is what customs of a country call an item.
type HarmonizedSystemCode struct {
	CountryCode          string `json:"country_code"`
	HarmonizedSystemCode string `json:"harmonized_system_code"`

	Extra Extra `json:"-"`
}
