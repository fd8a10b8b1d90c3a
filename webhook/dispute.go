package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// Dispute is the payload of disputes/create and disputes/update: a customer
// asked their bank to take a payment back.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/dispute
type Dispute struct {
	ID      int64  `json:"id"`
	OrderID *int64 `json:"order_id"`
	Type    string `json:"type"` // chargeback, inquiry

	Amount            decimal.Decimal `json:"amount"`
	Currency          string          `json:"currency"`
	Reason            string          `json:"reason"` // such as fraudulent, product_not_received
	NetworkReasonCode string          `json:"network_reason_code"`
	Status            string          `json:"status"` // needs_response, under_review, charge_refunded, accepted, won, lost

	InitiatedAt    *time.Time `json:"initiated_at"`
	EvidenceDueBy  *time.Time `json:"evidence_due_by"`
	EvidenceSentOn *time.Time `json:"evidence_sent_on"`
	FinalizedOn    *time.Time `json:"finalized_on"`

	Extra Extra `json:"-"`
}
