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
