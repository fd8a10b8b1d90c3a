package webhook

import (
	"github.com/shopspring/decimal"
)

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
	ID                   int64      `json:"id"`
	HarmonizedSystemCode string     `json:"harmonized_system_code"`
	CountryCodeOfOrigin  string     `json:"country_code_of_origin"`
	PriceSet             *MoneySet  `json:"price_set"`
	ShopMoney            *MoneyPart `json:"shop_money"`
	PresentmentMoney     *MoneyPart `json:"presentment_money"`
	TaxLines             []TaxLine  `json:"tax_lines"`
	AdminGraphqlAPIID    string     `json:"admin_graphql_api_id"`

	Extra Extra `json:"-"`
}
