package webhook

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// PaymentTerms say when an order on account is to be paid.
type PaymentTerms struct {
	ID                int64             `json:"id"`
	AdminGraphqlAPIID string            `json:"admin_graphql_api_id,omitzero"`
	PaymentTermsName  string            `json:"payment_terms_name"`
	PaymentTermsType  string            `json:"payment_terms_type"`
	DueInDays         *int64            `json:"due_in_days"`
	CreatedAt         *time.Time        `json:"created_at"`
	UpdatedAt         *time.Time        `json:"updated_at"`
	CanPayEarly       *bool             `json:"can_pay_early,omitzero"`
	PaymentSchedules  []PaymentSchedule `json:"payment_schedules"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes payment terms, of which some orders carry the name
// alone.
func (p *PaymentTerms) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' {
		*p = PaymentTerms{}
		return json.Unmarshal(data, &p.PaymentTermsName)
	}
	type plain PaymentTerms
	return unmarshalExtra(data, (*plain)(p), &p.Extra)
}

// MarshalJSON encodes payment terms together with their Extra.
func (p PaymentTerms) MarshalJSON() ([]byte, error) {
	type plain PaymentTerms
	return marshalExtra(plain(p), p.Extra)
}

// PaymentSchedule is one payment that is due.
type PaymentSchedule struct {
	ID          int64           `json:"id"`
	Amount      decimal.Decimal `json:"amount"`
	Currency    string          `json:"currency"`
	IssuedAt    *time.Time      `json:"issued_at"`
	DueAt       *time.Time      `json:"due_at"`
	CompletedAt *time.Time      `json:"completed_at"`

	Extra Extra `json:"-"`
}
