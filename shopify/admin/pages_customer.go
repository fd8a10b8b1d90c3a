package admin

import (
	"context"
	"iter"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// Customers returns customers.
func Customers(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[CustomerProfile, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[CustomerProfile], error) {
		resp, err := ListCustomers(ctx, client, opts.pageSize(50), after, opts.query(), shopify.Optional[CustomerSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.Customers.Nodes, resp.Customers.PageInfo), err
	})
}

// Segments returns the shop's customer segments.
func Segments(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[Segment, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Segment], error) {
		resp, err := ListSegments(ctx, client, opts.pageSize(100), after, opts.query())
		return page(resp.Segments.Nodes, resp.Segments.PageInfo), err
	})
}

// SegmentMembers returns the customers in a stored segment.
func SegmentMembers(ctx context.Context, client graphql.Client, segment shopify.GID) iter.Seq2[SegmentMember, error] {
	return segmentMembers(ctx, client, shopify.Some(segment), shopify.Optional[string]{})
}

// FindSegmentMembers returns the customers that a query in the segment language
// finds, such as "amount_spent > 500 AND last_order_date > -90d".
// Source: https://shopify.dev/docs/api/shopifyql/segment-query-language-reference
func FindSegmentMembers(ctx context.Context, client graphql.Client, query string) iter.Seq2[SegmentMember, error] {
	return segmentMembers(ctx, client, shopify.Optional[shopify.GID]{}, shopify.Some(query))
}

func segmentMembers(ctx context.Context, client graphql.Client, segment shopify.Optional[shopify.GID], query shopify.Optional[string]) iter.Seq2[SegmentMember, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[SegmentMember], error) {
		resp, err := ListSegmentMembers(ctx, client, 250, after, segment, query)
		var nodes []SegmentMember
		for _, edge := range resp.CustomerSegmentMembers.Edges {
			nodes = append(nodes, edge.Node)
		}
		return page(nodes, resp.CustomerSegmentMembers.PageInfo), err
	})
}
