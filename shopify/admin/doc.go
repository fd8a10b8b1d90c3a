// Package admin holds typed operations of Shopify's Admin API.
//
// Each operation is a function that takes a context and a [shopify.Client]:
//
//	resp, err := admin.GetOrder(ctx, client, "gid://shopify/Order/1")
//	if err != nil {
//		return err
//	}
//	if resp.Order == nil {
//		return errors.New("no such order")
//	}
//	fmt.Println(resp.Order.Name, resp.Order.TotalPriceSet.ShopMoney)
//
// Functions that are called Get and Find read one thing, those called List one
// page; [Orders], [Customers], [Variants], [InventoryLevels], [Discounts] and
// their like, which return an iterator, go through all pages. Some that read are
// called by what they are for: [CustomerHistory], [OrderMetafields],
// [OrderRisk], [SalesAndReturns], [SegmentMembership], [CashSummary],
// [RecentBulkOperations], [RunShopifyQL], among others. Mutations have
// Shopify's names, such as [OrderUpdate]; [Operations] tells for each which of
// the two it is.
//
// An app that may not read some fields gets pages in part from the iterators:
// first an error that matches [shopify.ErrAccessDenied], then, if the loop goes
// on, what it may read. See [shopify.Nodes].
//
// Optional inputs are [shopify.Optional]: what is not set is not sent, so that a
// mutation changes what it names and nothing else. In responses, what may be
// null is a pointer, except that a text, an id or an enum reads as "".
//
// [Operations] says for each operation which access scopes it needs, whether it
// may be sent twice, and which of its fields hold customers' personal data.
// [shopify.RequiredScopes] sums the scopes up, and [Preflight] compares them with
// what a merchant granted. For operations that are not here write your own
// .graphql files and generate a package like this one, with the command
// shopify/cmd/shopifygen.
//
// Errors are those of package shopify; a mutation's userErrors are errors too.
// The response is never nil, and on an error it holds what Shopify sent. The
// functions are safe for concurrent use. The API version is [shopify.Version].
//
// The functions and types are generated, from the *.graphql files of this
// folder, with genqlient.
package admin

import "github.com/posai-go/posai/shopify"

//go:generate go run ./internal/gen

// Operation is what is known about one operation of this package.
type Operation = shopify.OperationSpec
