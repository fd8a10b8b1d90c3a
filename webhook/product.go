package webhook

import (
	"time"
)

// Product is the payload of products/create and products/update. It carries
// the first 100 variants in full and the GIDs of all.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/product
type Product struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	Title          string           `json:"title"`
	Handle         string           `json:"handle"`
	BodyHTML       string           `json:"body_html"`
	Vendor         string           `json:"vendor"`
	ProductType    string           `json:"product_type"`
	Category       *ProductCategory `json:"category"`
	Tags           Tags             `json:"tags"`
	Status         string           `json:"status"` // active, archived, draft
	TemplateSuffix string           `json:"template_suffix"`

	CreatedAt      *time.Time `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	PublishedAt    *time.Time `json:"published_at"`
	PublishedScope string     `json:"published_scope"` // web, global

	Variants    []Variant       `json:"variants"`
	VariantGIDs []VariantGID    `json:"variant_gids"`
	Options     []ProductOption `json:"options"`
	Image       *ProductImage   `json:"image"`
	Images      []ProductImage  `json:"images"`
	Media       []ProductMedia  `json:"media"`

	HasVariantsThatRequiresComponents bool `json:"has_variants_that_requires_components"`

	Extra Extra `json:"-"`
}

// ProductCategory is a product's place in Shopify's taxonomy.
type ProductCategory struct {
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	Name              string `json:"name"`
	FullName          string `json:"full_name"`

	Extra Extra `json:"-"`
}

// VariantGID names a variant of a product.
type VariantGID struct {
	AdminGraphqlAPIID string    `json:"admin_graphql_api_id"`
	UpdatedAt         time.Time `json:"updated_at"`

	Extra Extra `json:"-"`
}

// ProductOption is what the variants of a product differ in, such as size.
type ProductOption struct {
	ID        int64    `json:"id"`
	ProductID int64    `json:"product_id"`
	Name      string   `json:"name"`
	Position  int64    `json:"position"`
	Values    []string `json:"values"`

	Extra Extra `json:"-"`
}

// ProductImage is a picture of a product. Width and Height are in pixels.
type ProductImage struct {
	ID                int64      `json:"id"`
	AdminGraphqlAPIID string     `json:"admin_graphql_api_id"`
	ProductID         int64      `json:"product_id"`
	Position          int64      `json:"position"`
	Src               string     `json:"src"`
	Alt               string     `json:"alt"`
	Width             int64      `json:"width"`
	Height            int64      `json:"height"`
	VariantIDs        []int64    `json:"variant_ids"`
	CreatedAt         *time.Time `json:"created_at"`
	UpdatedAt         *time.Time `json:"updated_at"`

	Extra Extra `json:"-"`
}

// ProductMedia is a picture, video or model of a product.
type ProductMedia struct {
	ID                int64            `json:"id"`
	AdminGraphqlAPIID string           `json:"admin_graphql_api_id"`
	ProductID         int64            `json:"product_id"`
	Position          int64            `json:"position"`
	MediaContentType  string           `json:"media_content_type"` // IMAGE, VIDEO, EXTERNAL_VIDEO, MODEL_3D
	Status            string           `json:"status"`
	Alt               string           `json:"alt"`
	PreviewImage      *CollectionImage `json:"preview_image"`
	VariantIDs        []int64          `json:"variant_ids"`
	CreatedAt         *time.Time       `json:"created_at"`
	UpdatedAt         *time.Time       `json:"updated_at"`

	Extra Extra `json:"-"`
}
