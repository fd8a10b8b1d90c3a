package admin

import (
	"context"
	"iter"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// Variants returns variants with their products.
func Variants(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[VariantWithProduct, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[VariantWithProduct], error) {
		resp, err := ListVariants(ctx, client, opts.pageSize(100), after, opts.query())
		return page(resp.ProductVariants.Nodes, resp.ProductVariants.PageInfo), err
	})
}

// Collections returns collections.
func Collections(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[Collection, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Collection], error) {
		resp, err := ListCollections(ctx, client, opts.pageSize(100), after, opts.query(), shopify.Optional[CollectionSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.Collections.Nodes, resp.Collections.PageInfo), err
	})
}

// CollectionProducts returns the products of a collection, in its order. A
// collection that does not exist has none.
func CollectionProducts(ctx context.Context, client graphql.Client, collection shopify.GID) iter.Seq2[CollectionProduct, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[CollectionProduct], error) {
		resp, err := ListCollectionProducts(ctx, client, collection, 250, after)
		if resp.Collection == nil {
			return shopify.Page[CollectionProduct]{}, err
		}
		return page(resp.Collection.Products.Nodes, resp.Collection.Products.PageInfo), err
	})
}

// Discounts returns discounts, of codes and automatic ones.
func Discounts(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[DiscountNode, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[DiscountNode], error) {
		resp, err := ListDiscounts(ctx, client, opts.pageSize(100), after, opts.query(), shopify.Optional[DiscountSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.DiscountNodes.Nodes, resp.DiscountNodes.PageInfo), err
	})
}

// GiftCards returns gift cards, without their codes.
func GiftCards(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[GiftCard, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[GiftCard], error) {
		resp, err := ListGiftCards(ctx, client, opts.pageSize(100), after, opts.query(), shopify.Optional[GiftCardSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.GiftCards.Nodes, resp.GiftCards.PageInfo), err
	})
}
