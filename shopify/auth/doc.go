// Package auth gets an app into shops and keeps it there: it installs the app, gets
// and refreshes access tokens, and verifies the session tokens of those who call
// the app's own server.
//
// Start with [New]: an [App] is one per process.
//
//	app, err := auth.New(clientID, auth.Secrets{Current: secret}, &auth.Options{Scopes: []string{"read_orders"}, Store: store})
//	…
//	client, err := shopify.NewClient(shop, app.Offline(shop), nil)
//
// # Tokens
//
// A [Source] is what [shopify.NewClient] wants: it gives the stored token, refreshes
// it before it ends, and after a 401 finds another. Offline tokens live for an hour.
// Their refresh tokens rotate, so that two refreshes at once would cost a shop its
// access: one is made at a time, across goroutines and, through a [Store], across
// processes. The pair is stored as one before it is used. An answer that got lost is
// made up for with the old refresh token, which Shopify accepts until its
// replacement is used. Of a token whose lifetime Shopify does not tell, nothing is
// assumed but that it will end.
//
// Package sqlstore keeps tokens in SQLite or PostgreSQL, encrypted. Without
// [Options.Store] they live in memory.
//
// # Ways to a token
//
//   - [App.NewInstaller]: the authorization code grant, for apps that send merchants
//     to Shopify to approve.
//   - [App.Exchange] and [SessionOptions.Tokens]: token exchange, for embedded apps
//     whose installation Shopify manages.
//   - [App.ClientCredentials]: for shops of the organization that owns the app.
//   - [App.Migrate]: from tokens that do not expire.
//
// # Sessions
//
// [App.Sessions] lets requests of App Bridge and of POS UI extensions through that carry
// a valid session token, and answers their browsers' questions about it (CORS). A token is
// good for a minute and several requests; for handlers whose every request must be new
// there is [SessionOptions.Replays].
//
// # The end
//
// [App.Forget] deletes what a shop gave that uninstalls the app. [App.KeepAlive]
// refreshes what nobody used for long. [App.Close] waits for what is under way.
//
// # Errors
//
// Branch with [errors.Is] on [ErrReauthorize], [ErrNoToken], [ErrSession],
// [ErrCallback], [ErrClient] and the sentinels of package shopify; read details with
// [errors.AsType] from [TokenError] and the others. No error, log line or printed
// value holds a token, a code or a secret.
//
// # Concurrency and compatibility
//
// Everything is safe for concurrent use. The package follows Shopify's documentation
// as of November 2026: https://shopify.dev/docs/apps/build/authentication-authorization
package auth
