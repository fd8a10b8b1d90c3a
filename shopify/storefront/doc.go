// Package storefront is a client of Shopify's Storefront API: what a buyer may
// see and do. It holds typed operations for products, search and carts.
//
//	client, err := storefront.NewClient("harbor.myshopify.com", storefront.Private(tokens), nil)
//	…
//	for hit, err := range storefront.Search(ctx, client, "linen shirt", nil) { … }
//	cart, err := storefront.CartCreate(ctx, client, storefront.CartInput{
//		Lines: shopify.Some([]storefront.CartLineInput{{MerchandiseID: variant}}),
//	})
//
// The client is a [shopify.Client]: its errors, hooks, retries and derived
// clients are those of package shopify. Requests cost no points here, so
// nothing waits for a limiter; Shopify holds back those that look like an attack
// with status 430 ([shopify.ErrRejected]), counting by the buyer's IP address.
// A server that calls for buyers therefore says who they are with [ForBuyer].
//
// A register's own cart is not this one: at the register, a cart is changed with
// the Cart API of a POS UI extension.
//
// The functions and types are generated from the *.graphql files of this folder,
// like those of package admin. For operations that are not here, generate a
// package of your own with shopify/cmd/shopifygen.
//
// Source: https://shopify.dev/docs/api/storefront/2026-10
package storefront

//go:generate go run ./internal/gen
