package admin

import (
	"context"
	"iter"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// ListOptions are the optional settings of a list. Zero fields are the
// defaults.
type ListOptions struct {
	// Query filters, in Shopify's search syntax: "created_at:>=2026-01-01
	// tag:vip". A filter that Shopify does not understand is an error
	// ([shopify.SearchError]). If empty, everything.
	// Source: https://shopify.dev/docs/api/usage/search-syntax
	Query string
	// PageSize is how many nodes one request asks for, 1 to 250. Shopify prices
	// a large page at few points more than a small one, so large pages use up
	// less of the shop's points. If zero, 250 orders or 100 of other things.
	PageSize int
}

func (o *ListOptions) pageSize(fallback int) int {
	if o == nil || o.PageSize <= 0 {
		return fallback
	}
	return min(o.PageSize, 250)
}

func (o *ListOptions) query() shopify.Optional[string] {
	if o == nil || o.Query == "" {
		return shopify.Optional[string]{}
	}
	return shopify.Some(o.Query)
}

// OrderOptions are the optional settings of [Orders]. Zero fields are the
// defaults.
type OrderOptions struct {
	ListOptions
	// SortKey orders the list. If empty, by [OrderSortKeysProcessedAt].
	SortKey OrderSortKeys
	// Reverse is from the last to the first.
	Reverse bool
}

// Orders returns orders with what was bought and by whom, page by page, from
// the oldest to the newest. Without the scope read_all_orders Shopify shows the
// last 60 days only, and no list goes beyond 25,000 orders.
func Orders(ctx context.Context, client graphql.Client, opts *OrderOptions) iter.Seq2[OrderSummary, error] {
	if opts == nil {
		opts = &OrderOptions{}
	}
	sortKey := shopify.Optional[OrderSortKeys]{}
	if opts.SortKey != "" {
		sortKey = shopify.Some(opts.SortKey)
	}
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[OrderSummary], error) {
		resp, err := ListOrders(ctx, client, opts.pageSize(250), after, opts.query(), sortKey, shopify.Some(opts.Reverse))
		return page(resp.Orders.Nodes, resp.Orders.PageInfo), err
	})
}

// OrdersWithReturns is like [Orders] with discounts, gift cards, payments and
// refunds of each order. Its pages are dear: 15 orders by default.
func OrdersWithReturns(ctx context.Context, client graphql.Client, opts *OrderOptions) iter.Seq2[OrderWithReturns, error] {
	if opts == nil {
		opts = &OrderOptions{}
	}
	sortKey := shopify.Optional[OrderSortKeys]{}
	if opts.SortKey != "" {
		sortKey = shopify.Some(opts.SortKey)
	}
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[OrderWithReturns], error) {
		resp, err := SalesAndReturns(ctx, client, opts.pageSize(15), after, opts.query(), sortKey, shopify.Some(opts.Reverse))
		return page(resp.Orders.Nodes, resp.Orders.PageInfo), err
	})
}

// ReturnedGoods returns orders with what came back of each, and their metafields
// of one namespace, by the time of their last change. Its pages
// are dear, 6 orders by default: ask for orders that something came back of.
func ReturnedGoods(ctx context.Context, client graphql.Client, namespace string, opts *ListOptions) iter.Seq2[GoodsOfOrder, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[GoodsOfOrder], error) {
		resp, err := ListReturnedGoods(ctx, client, opts.pageSize(6), after, opts.query(), namespace)
		return page(resp.Orders.Nodes, resp.Orders.PageInfo), err
	})
}

// ReturnReasonDefinitions returns Shopify's library of return reasons, several
// hundred of them, with those that are no longer offered.
func ReturnReasonDefinitions(ctx context.Context, client graphql.Client) iter.Seq2[ReturnReasonDefinition, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[ReturnReasonDefinition], error) {
		resp, err := ListReturnReasonDefinitions(ctx, client, 250, after)
		return page(resp.ReturnReasonDefinitions.Nodes, resp.ReturnReasonDefinitions.PageInfo), err
	})
}

// ReturnableFulfillments returns what of an order can still be returned: most
// orders have one or two fulfillments.
func ReturnableFulfillments(ctx context.Context, client graphql.Client, order shopify.GID) iter.Seq2[ReturnableFulfillment, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[ReturnableFulfillment], error) {
		resp, err := ListReturnableFulfillments(ctx, client, order, 10, after)
		return page(resp.ReturnableFulfillments.Nodes, resp.ReturnableFulfillments.PageInfo), err
	})
}

// SoldItemOf returns the line item that a return line sends back, or nil if
// Shopify does not know it: a line may be of an order elsewhere.
func SoldItemOf(line ReturnLine) *SoldItem {
	if l, ok := line.(*ReturnLineReturnLineItem); ok {
		return &l.FulfillmentLineItem.LineItem
	}
	return nil
}

// CustomerOrders returns a customer's orders, the newest first. A customer who
// does not exist has none.
func CustomerOrders(ctx context.Context, client graphql.Client, customer shopify.GID) iter.Seq2[PastOrder, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[PastOrder], error) {
		resp, err := CustomerHistory(ctx, client, customer, 50, after)
		if resp.Customer == nil {
			return shopify.Page[PastOrder]{}, err
		}
		return page(resp.Customer.Orders.Nodes, resp.Customer.Orders.PageInfo), err
	})
}

// Products returns products with their variants and how many of each are
// available at a location.
func Products(ctx context.Context, client graphql.Client, location shopify.GID, opts *ListOptions) iter.Seq2[Product, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Product], error) {
		resp, err := ListProducts(ctx, client, opts.pageSize(100), after, opts.query(), location)
		return page(resp.Products.Nodes, resp.Products.PageInfo), err
	})
}

// DraftOrders returns draft orders.
func DraftOrders(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[DraftOrder, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[DraftOrder], error) {
		resp, err := ListDraftOrders(ctx, client, opts.pageSize(100), after, opts.query())
		return page(resp.DraftOrders.Nodes, resp.DraftOrders.PageInfo), err
	})
}

// Locations returns the shop's active locations.
func Locations(ctx context.Context, client graphql.Client) iter.Seq2[StoreLocation, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[StoreLocation], error) {
		resp, err := ListLocations(ctx, client, 100, after)
		return page(resp.Locations.Nodes, resp.Locations.PageInfo), err
	})
}

// WebhookSubscriptions returns the app's webhook subscriptions that were made
// through the API, of these topics or, without any, of all.
func WebhookSubscriptions(ctx context.Context, client graphql.Client, topics ...WebhookSubscriptionTopic) iter.Seq2[WebhookSubscription, error] {
	only := shopify.Optional[[]WebhookSubscriptionTopic]{}
	if len(topics) > 0 {
		only = shopify.Some(topics)
	}
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[WebhookSubscription], error) {
		resp, err := ListWebhookSubscriptions(ctx, client, 100, after, only)
		return page(resp.WebhookSubscriptions.Nodes, resp.WebhookSubscriptions.PageInfo), err
	})
}

func page[T any](nodes []T, info PageInfo) shopify.Page[T] {
	return shopify.Page[T]{Nodes: nodes, HasNextPage: info.HasNextPage, EndCursor: info.EndCursor}
}
