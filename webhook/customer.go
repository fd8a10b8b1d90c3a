package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// Customer is the payload of the customers topics, and the customer of an
// order, where Shopify leaves some of it out.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/customer
type Customer struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	CreatedAt *time.Time `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at"`
	FirstName string     `json:"first_name"`
	LastName  string     `json:"last_name"`
	Email     string     `json:"email"`
	Phone     string     `json:"phone"`
	Note      string     `json:"note"`
	Tags      Tags       `json:"tags"`

	// State is disabled, invited, enabled or declined, of the customer's
	// account in the shop.
	State               string `json:"state"`
	VerifiedEmail       bool   `json:"verified_email"`
	MultipassIdentifier string `json:"multipass_identifier"`
	Currency            string `json:"currency"`
	TaxExempt           bool   `json:"tax_exempt"`
	TaxExemptions       Tags   `json:"tax_exemptions"`

	// OrdersCount, TotalSpent and the last order are nil or empty where they
	// were not sent.
	OrdersCount   *int64           `json:"orders_count"`
	TotalSpent    *decimal.Decimal `json:"total_spent"`
	LastOrderID   *int64           `json:"last_order_id"`
	LastOrderName string           `json:"last_order_name"`

	DefaultAddress *Address  `json:"default_address"`
	Addresses      []Address `json:"addresses"`

	// The consents are nil where nothing was said: that is no consent.
	EmailMarketingConsent *EmailMarketingConsent `json:"email_marketing_consent"`
	SMSMarketingConsent   *SMSMarketingConsent   `json:"sms_marketing_consent"`

	Extra Extra `json:"-"`
}

// AcceptsEmailMarketing reports whether the customer subscribed to e-mail.
func (c *Customer) AcceptsEmailMarketing() bool {
	return c != nil && c.EmailMarketingConsent != nil && c.EmailMarketingConsent.State == "subscribed"
}

// AcceptsSMSMarketing reports whether the customer subscribed to text
// messages.
func (c *Customer) AcceptsSMSMarketing() bool {
	return c != nil && c.SMSMarketingConsent != nil && c.SMSMarketingConsent.State == "subscribed"
}

// EmailMarketingConsent says whether a customer wants e-mail. State is
// not_subscribed, pending, subscribed, unsubscribed, redacted or invalid.
type EmailMarketingConsent struct {
	State            string     `json:"state"`
	OptInLevel       string     `json:"opt_in_level"`
	ConsentUpdatedAt *time.Time `json:"consent_updated_at"`
}

// SMSMarketingConsent says whether a customer wants text messages. State is as
// for e-mail.
type SMSMarketingConsent struct {
	State                string     `json:"state"`
	OptInLevel           string     `json:"opt_in_level"`
	ConsentUpdatedAt     *time.Time `json:"consent_updated_at"`
	ConsentCollectedFrom string     `json:"consent_collected_from"`
}

// Address is a postal address.
type Address struct {
	ID           int64    `json:"id,omitzero"`
	CustomerID   int64    `json:"customer_id,omitzero"`
	FirstName    string   `json:"first_name"`
	LastName     string   `json:"last_name"`
	Name         string   `json:"name"`
	Company      string   `json:"company"`
	Address1     string   `json:"address1"`
	Address2     string   `json:"address2"`
	City         string   `json:"city"`
	Province     string   `json:"province"`
	ProvinceCode string   `json:"province_code"`
	Country      string   `json:"country"`
	CountryCode  string   `json:"country_code"`
	CountryName  string   `json:"country_name,omitzero"`
	Zip          string   `json:"zip"`
	Phone        string   `json:"phone"`
	Latitude     *float64 `json:"latitude,omitzero"`
	Longitude    *float64 `json:"longitude,omitzero"`
	Default      bool     `json:"default,omitzero"`

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
}
