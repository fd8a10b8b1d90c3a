package webhook

import (
	"time"
)

// Collection is the payload of collections/create and collections/update.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/collection
type Collection struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	Title          string           `json:"title"`
	Handle         string           `json:"handle"`
	BodyHTML       string           `json:"body_html"`
	Image          *CollectionImage `json:"image,omitzero"`
	SortOrder      string           `json:"sort_order"`
	TemplateSuffix string           `json:"template_suffix"`
	PublishedScope string           `json:"published_scope"` // web, global
	PublishedAt    *time.Time       `json:"published_at"`
	UpdatedAt      time.Time        `json:"updated_at"`

	// A smart collection has rules: products belong to it that match all of
	// them, or, if Disjunctive is true, any.
	Rules       []CollectionRule `json:"rules,omitzero"`
	Disjunctive *bool            `json:"disjunctive,omitzero"`

	Extra Extra `json:"-"`
}

// CollectionRule is a rule of a smart collection, such as "tag equals sale".
type CollectionRule struct {
	Column    string `json:"column"`
	Relation  string `json:"relation"`
	Condition string `json:"condition"`

	Extra Extra `json:"-"`
}

// CollectionImage is a picture of a collection, or the preview of a medium.
// Width and Height are in pixels.
type CollectionImage struct {
	Src       string     `json:"src"`
	Alt       string     `json:"alt,omitzero"`
	Status    string     `json:"status,omitzero"`
	Width     int64      `json:"width"`
	Height    int64      `json:"height"`
	CreatedAt *time.Time `json:"created_at,omitzero"`

	Extra Extra `json:"-"`
}
