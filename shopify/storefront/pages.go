package storefront

import (
	"context"
	"iter"

	"github.com/Khan/genqlient/graphql"

	"github.com/posai-go/posai/shopify"
)

// ProductOptions are the optional settings of [Products]. Zero fields are the
// defaults.
type ProductOptions struct {
	// Query filters, in Shopify's search syntax: "tag:linen product_type:Shirt".
	// If empty, all products.
	// Source: https://shopify.dev/docs/api/usage/search-syntax
	Query string
	// SortKey is the order. If empty, by id; ProductSortKeysRelevance wants a Query.
	SortKey ProductSortKeys
	// Reverse is from the last to the first.
	Reverse bool
	// PageSize is how many products one request asks for, 1 to 250. If zero, 100.
	PageSize int
}

// Products returns the published products, page by page. No list goes beyond
// 25,000 products.
func Products(ctx context.Context, client graphql.Client, opts *ProductOptions) iter.Seq2[Product, error] {
	var o ProductOptions
	if opts != nil {
		o = *opts
	}
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Product], error) {
		resp, err := ListProducts(ctx, client, pageSize(o.PageSize), after, given(o.Query), given(o.SortKey), shopify.Some(o.Reverse))
		return page(resp.Products.Nodes, resp.Products.PageInfo), err
	})
}

// SearchOptions are the optional settings of [Search]. Zero fields are the
// defaults.
type SearchOptions struct {
	// Prefix lets the last word be the beginning of one. If empty, it does not.
	Prefix SearchPrefixQueryType
	// Unavailable is where products stand that cannot be bought. If empty, last.
	Unavailable SearchUnavailableProductsType
	// Filters narrow the result: a product fits if it fits each kind of filter.
	Filters []ProductFilter
	// PageSize is how many products one request asks for, 1 to 250. If zero, 100.
	PageSize int
}

// Search returns the products that the shop's own search finds, page by page,
// with those first that fit best.
func Search(ctx context.Context, client graphql.Client, query string, opts *SearchOptions) iter.Seq2[Product, error] {
	var o SearchOptions
	if opts != nil {
		o = *opts
	}
	filters := shopify.Optional[[]ProductFilter]{}
	if o.Filters != nil {
		filters = shopify.Some(o.Filters)
	}
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Product], error) {
		resp, err := SearchProducts(ctx, client, query, pageSize(o.PageSize), after, given(o.Prefix), given(o.Unavailable), filters)
		var products []Product
		for _, hit := range resp.Search.Nodes {
			if p, ok := hit.(*SearchHitProduct); ok {
				products = append(products, p.Product)
			}
		}
		return page(products, resp.Search.PageInfo), err
	})
}

// Variant returns what the line is of, or nil if it is of a kind that this
// package does not know.
func (v *CartLine) Variant() *MerchandiseProductVariant {
	variant, _ := v.Merchandise.(*MerchandiseProductVariant)
	return variant
}

func page[T any](nodes []T, info PageInfo) shopify.Page[T] {
	return shopify.Page[T]{Nodes: nodes, HasNextPage: info.HasNextPage, EndCursor: info.EndCursor}
}

func pageSize(asked int) int {
	if asked <= 0 {
		return 100
	}
	return min(asked, 250)
}

// given leaves out what is empty.
func given[T ~string](v T) shopify.Optional[T] {
	if v == "" {
		return shopify.Optional[T]{}
	}
	return shopify.Some(v)
}
