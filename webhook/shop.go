package webhook

import (
	"time"
)

// Shop is the payload of shop/update and app/uninstalled.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/shop
type Shop struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`

	// Domain is the one that customers see; MyshopifyDomain is the permanent
	// one, which [Delivery] has, too.
	Domain          string `json:"domain"`
	MyshopifyDomain string `json:"myshopify_domain"`

	Email         string     `json:"email"`
	CustomerEmail string     `json:"customer_email"`
	ShopOwner     string     `json:"shop_owner"`
	Phone         string     `json:"phone"`
	CreatedAt     *time.Time `json:"created_at"`
	UpdatedAt     *time.Time `json:"updated_at"`

	Address1     string   `json:"address1"`
	Address2     string   `json:"address2"`
	City         string   `json:"city"`
	Zip          string   `json:"zip"`
	Province     string   `json:"province"`
	ProvinceCode string   `json:"province_code"`
	Country      string   `json:"country"`
	CountryCode  string   `json:"country_code"`
	CountryName  string   `json:"country_name"`
	Latitude     *float64 `json:"latitude"`
	Longitude    *float64 `json:"longitude"`

	Currency                     string   `json:"currency"`
	EnabledPresentmentCurrencies []string `json:"enabled_presentment_currencies"`
	MoneyFormat                  string   `json:"money_format"`
	MoneyWithCurrencyFormat      string   `json:"money_with_currency_format"`
	PrimaryLocale                string   `json:"primary_locale"`
	PrimaryLocationID            int64    `json:"primary_location_id"`

	// IANATimezone is such as "America/New_York"; Timezone is how Shopify
	// shows it.
	IANATimezone string `json:"iana_timezone"`
	Timezone     string `json:"timezone"`
	WeightUnit   string `json:"weight_unit"`

	PlanName        string `json:"plan_name"`
	PlanDisplayName string `json:"plan_display_name"`
	TaxesIncluded   *bool  `json:"taxes_included"`
	TaxShipping     *bool  `json:"tax_shipping"`
	CountyTaxes     *bool  `json:"county_taxes"`
	PasswordEnabled *bool  `json:"password_enabled"`
	HasDiscounts    bool   `json:"has_discounts"`
	HasGiftCards    bool   `json:"has_gift_cards"`
	HasStorefront   bool   `json:"has_storefront"`

	Extra Extra `json:"-"`
}
