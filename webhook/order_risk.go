package webhook

import (
	"time"
)

// OrderRiskAssessmentChanged is the payload of orders/risk_assessment_changed.
// The recommendation is not sent: read the order's risk through the API.
type OrderRiskAssessmentChanged struct {
	OrderID                int64  `json:"order_id"`
	AdminGraphqlAPIOrderID string `json:"admin_graphql_api_order_id"`

	// ProviderID is the app that assessed the order, nil for Shopify.
	ProviderID    *int64     `json:"provider_id"`
	ProviderTitle string     `json:"provider_title"`
	RiskLevel     string     `json:"risk_level"` // none, low, medium, high, pending
	CreatedAt     *time.Time `json:"created_at"`

	Extra Extra `json:"-"`
}

// OrderProtectEligibilityChanged is the payload of
// orders/shopify_protect_eligibility_changed.
type OrderProtectEligibilityChanged struct {
	OrderID     int64              `json:"order_id"`
	Status      string             `json:"status"`
	Eligibility ProtectEligibility `json:"eligibility"`

	Extra Extra `json:"-"`
}

// ProtectEligibility says whether Shopify Protect covers an order.
type ProtectEligibility struct {
	Status string `json:"status"`

	Extra Extra `json:"-"`
}
