package webhook

// Deleted names an object that is no more. It is the payload of the topics
// that end in /delete, except those of carts, checkouts and discounts.
type Deleted struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id,omitzero"` // seldom sent

	Extra Extra `json:"-"`
}
