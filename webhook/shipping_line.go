package webhook

import (
	"github.com/shopspring/decimal"
)

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
