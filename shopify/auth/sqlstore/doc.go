// Package sqlstore keeps access tokens in a database, encrypted: SQLite embedded in the
// process, or PostgreSQL shared by many, so that one of all processes refreshes a
// shop's token at a time.
//
//	store, err := sqlstore.Open(ctx, "postgres://…", []sqlstore.Key{{ID: "2026-11", Secret: secret}}, nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	app, err := auth.New(clientID, secrets, &auth.Options{Store: store})
//
// # Encryption
//
// A token, with its refresh token, scopes and user, is sealed by AES-256-GCM under the
// first of the keys. What is authenticated besides is the shop, the kind of
// access, the account and the key's ID: a row that is copied elsewhere does not
// open. The shop's domain, the kind, the account's number, when the token was
// granted and when its refresh token ends stand in the clear. Keep the keys elsewhere
// than the database.
//
// To change the key, put the new one first, keep the old ones behind it, and call
// [Store.Reseal]; when it is done the old ones can go. A program that does not have
// a token's key fails with [ErrKey] and loses nothing.
//
// # What is used once
//
// [Store.States] and [Store.ReplayGuard] remember, for all processes of an app, which OAuth
// callbacks and which session tokens were used. The database holds hashes of them alone:
// neither a state nor a token's ID can be got out of it.
//
// # What an Update holds
//
// While Shopify is asked for a token, on PostgreSQL a transaction and thus a
// connection is held, with an advisory lock on the shop; it survives poolers that
// hand out connections per transaction, and ends with a process that dies. A server
// that ends idle transactions (idle_in_transaction_session_timeout) must grant at
// least [auth.Options.Timeout]. On SQLite, where one process owns the file, it is a lock
// in memory.
package sqlstore
