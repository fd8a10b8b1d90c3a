package webhook

import (
	"time"
)

// Discount is the payload of discounts/create, update and delete. It does not
// say what the discount is: read that through the API by its GID, whose type
// tells automatic discounts from codes. Delete sends the GID and DeletedAt
// alone.
type Discount struct {
	AdminGraphqlAPIID string     `json:"admin_graphql_api_id"`
	Title             string     `json:"title"`
	Status            string     `json:"status"` // ACTIVE, EXPIRED, SCHEDULED
	CreatedAt         *time.Time `json:"created_at"`
	UpdatedAt         *time.Time `json:"updated_at"`
	DeletedAt         *time.Time `json:"deleted_at,omitzero"`

	Extra Extra `json:"-"`
}

// DiscountRedeemCode is the payload of discounts/redeemcode_added and
// discounts/redeemcode_removed. AdminGraphqlAPIID is the discount's.
type DiscountRedeemCode struct {
	AdminGraphqlAPIID string     `json:"admin_graphql_api_id"`
	RedeemCode        RedeemCode `json:"redeem_code"`
	UpdatedAt         *time.Time `json:"updated_at"`

	Extra Extra `json:"-"`
}

// RedeemCode is a code that a customer can use.
type RedeemCode struct {
	ID   int64  `json:"id"`
	Code string `json:"code"`

	Extra Extra `json:"-"`
}
