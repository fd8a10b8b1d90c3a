// Package shopify calls the GraphQL APIs of one shop.
//
// Start with [NewClient]. A [Client] is a genqlient graphql.Client, so the
// generated functions of package admin, and your own, work with it:
//
//	shop, err := shopify.ParseDomain("example.myshopify.com")
//	…
//	client, err := shopify.NewClient(shop, shopify.StaticToken(token), nil)
//	…
//	order, err := admin.GetOrder(ctx, client, "gid://shopify/Order/1")
//
// # What the client does
//
// It pins the API version and warns when another one answers. It keeps calls
// within the shop's query-cost points ([Limiter], [Lane]), which clients share
// within a process and, with package pglimit, among processes. It sends a request
// again only if that is safe for the operation ([Safety]): reads and writes of
// absolute values freely, mutations with an idempotency key with the same key
// ([NewIdempotencyKey]), all others only if Shopify certainly did not run them. A
// mutation whose answer was lost gives [ErrOutcomeUnknown] and, in an
// [OutcomeUnknownError], what it takes to read back what became of it. What a
// mutation lists in userErrors becomes an error ([UserErrors]), and so does a
// search filter that Shopify did not understand ([SearchError]).
//
// # One call
//
// [Client.With] derives a client for a call that is to be different: another
// lane, an idempotency key, another API version, more headers, or an [Info] that
// receives what the answer says besides its data.
//
// # Observing
//
// [Options.Hooks] sees every call and attempt: operation, cost, waits, retries,
// status, and which fields with customers' personal data ([Protected]) an
// answer carried and whose they are, without the values.
//
// # Errors
//
// Branch with [errors.Is] on the sentinels ([ErrThrottled], [ErrAccessDenied],
// …), read details with [errors.AsType] ([ResponseError], [UserErrors], …). An
// error does not mean that there are no data: what Shopify sent is in the
// response. Messages leave out the values of the request's variables; tokens,
// query texts and bodies are neither logged nor part of errors.
//
// # Concurrency and compatibility
//
// Everything is safe for concurrent use unless its doc says otherwise. The
// client starts no goroutines. Every wait ends with its context, and a wait
// that cannot end before the context's deadline fails at once. The pinned API
// version changes only with a release of this module.
package shopify
