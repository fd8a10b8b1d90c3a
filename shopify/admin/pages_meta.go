package admin

import (
	"context"
	"iter"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// MetafieldDefinitions returns the metafield definitions for one type of owner.
func MetafieldDefinitions(ctx context.Context, client graphql.Client, owner MetafieldOwnerType, opts *ListOptions) iter.Seq2[MetafieldDefinition, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[MetafieldDefinition], error) {
		resp, err := ListMetafieldDefinitions(ctx, client, owner, opts.pageSize(100), after, shopify.Optional[string]{}, opts.query())
		return page(resp.MetafieldDefinitions.Nodes, resp.MetafieldDefinitions.PageInfo), err
	})
}

// Metaobjects returns the metaobjects of one type.
func Metaobjects(ctx context.Context, client graphql.Client, ofType string, opts *ListOptions) iter.Seq2[Metaobject, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Metaobject], error) {
		resp, err := ListMetaobjects(ctx, client, ofType, opts.pageSize(100), after, opts.query(), shopify.Optional[string]{}, shopify.Optional[bool]{})
		return page(resp.Metaobjects.Nodes, resp.Metaobjects.PageInfo), err
	})
}

// MetaobjectDefinitions returns the definitions of types of metaobjects.
func MetaobjectDefinitions(ctx context.Context, client graphql.Client) iter.Seq2[MetaobjectDefinition, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[MetaobjectDefinition], error) {
		resp, err := ListMetaobjectDefinitions(ctx, client, 50, after)
		return page(resp.MetaobjectDefinitions.Nodes, resp.MetaobjectDefinitions.PageInfo), err
	})
}

// BulkOperations returns the app's bulk operations.
func BulkOperations(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[BulkOperation, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[BulkOperation], error) {
		resp, err := ListBulkOperations(ctx, client, opts.pageSize(50), after, opts.query(), shopify.Optional[BulkOperationsSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.BulkOperations.Nodes, resp.BulkOperations.PageInfo), err
	})
}
