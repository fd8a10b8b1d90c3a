package webhook

import (
	"time"
)

// EmailMarketingConsent says whether a customer wants e-mail. State is
// not_subscribed, pending, subscribed, unsubscribed, redacted or invalid.
type EmailMarketingConsent struct {
	State            string     `json:"state"`
	OptInLevel       string     `json:"opt_in_level"` // single_opt_in, confirmed_opt_in, unknown
	ConsentUpdatedAt *time.Time `json:"consent_updated_at"`

	Extra Extra `json:"-"`
}

// SMSMarketingConsent says whether a customer wants text messages. State is as
// for e-mail.
type SMSMarketingConsent struct {
	State                string     `json:"state"`
	OptInLevel           string     `json:"opt_in_level"`
	ConsentUpdatedAt     *time.Time `json:"consent_updated_at"`
	ConsentCollectedFrom string     `json:"consent_collected_from"`

	Extra Extra `json:"-"`
}

// WhatsAppMarketingConsent says whether a customer wants messages by WhatsApp.
// State is as for e-mail.
type WhatsAppMarketingConsent struct {
	State         string     `json:"state"`
	OptInLevel    string     `json:"opt_in_level"`
	UpdatedAt     *time.Time `json:"updated_at"`
	CollectedFrom string     `json:"collected_from"`

	Extra Extra `json:"-"`
}

// EmailMarketingConsentUpdate is the payload of
// customers_email_marketing_consent/update.
type EmailMarketingConsentUpdate struct {
	CustomerID            int64                 `json:"customer_id"`
	EmailAddress          string                `json:"email_address"`
	EmailMarketingConsent EmailMarketingConsent `json:"email_marketing_consent"`

	Extra Extra `json:"-"`
}

// SMSMarketingConsentUpdate is the payload of
// customers_marketing_consent/update. ID is the customer's.
type SMSMarketingConsentUpdate struct {
	ID                  int64               `json:"id"`
	Phone               string              `json:"phone"`
	SMSMarketingConsent SMSMarketingConsent `json:"sms_marketing_consent"`

	Extra Extra `json:"-"`
}

// WhatsAppMarketingConsentUpdate is the payload of
// customers_whats_app_marketing_consent/update.
type WhatsAppMarketingConsentUpdate struct {
	CustomerID               int64                    `json:"customer_id"`
	PhoneNumber              string                   `json:"phone_number"`
	WhatsAppMarketingConsent WhatsAppMarketingConsent `json:"whats_app_marketing_consent"`

	Extra Extra `json:"-"`
}
