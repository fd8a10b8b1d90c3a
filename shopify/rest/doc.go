// Package rest calls the REST Admin API of one shop, which is legacy since October
// 2024: use it for what an older app does, and package admin for everything new. New
// public apps may not use it.
//
//	client, err := rest.NewClient(shop, tokens, nil)
//	…
//	for order, err := range rest.Pages[Order](ctx, client, "orders.json", url.Values{"limit": {"250"}}, "orders") {
//		…
//	}
//
// # What the client does
//
// It keeps within the shop's leaky bucket of requests, by what the header
// X-Shopify-Shop-Api-Call-Limit says, and obeys Retry-After; clients of one shop do so
// together if they are given one [Limiter]. It sends again what may be
// sent again: GET, PUT and DELETE after a lost answer, POST only if Shopify certainly did
// not run it. A POST whose answer was lost gives [shopify.ErrOutcomeUnknown]. After a
// 401 it asks a [shopify.FreshTokenSource] for another token, once per call. It follows
// pages by what the Link header says, but never to another host.
//
// # Errors
//
// [Error] says what Shopify answered and matches the sentinels of package shopify.
// Tokens, queries and bodies are neither logged nor part of errors.
//
// Source: https://shopify.dev/docs/api/admin-rest
package rest
