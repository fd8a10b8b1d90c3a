package webhook

import (
	"time"
)

// ScopesUpdate is the payload of app/scopes_update: the access scopes of an
// installation before and after. ID is the installation's.
type ScopesUpdate struct {
	ID        int64      `json:"id"`
	ShopID    int64      `json:"shop_id"`
	Previous  []string   `json:"previous"`
	Current   []string   `json:"current"`
	UpdatedAt *time.Time `json:"updated_at"`

	Extra Extra `json:"-"`
}

// BulkOperation is the payload of bulk_operations/finish. Where the result is,
// the API tells by the GID.
//
// https://shopify.dev/docs/api/usage/bulk-operations/queries
type BulkOperation struct {
	AdminGraphqlAPIID string     `json:"admin_graphql_api_id"`
	Type              string     `json:"type"`   // query, mutation
	Status            string     `json:"status"` // completed, failed, canceled, expired
	ErrorCode         string     `json:"error_code"`
	CreatedAt         time.Time  `json:"created_at"`
	CompletedAt       *time.Time `json:"completed_at"`

	Extra Extra `json:"-"`
}
