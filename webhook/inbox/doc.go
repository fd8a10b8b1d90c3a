// Package inbox is the durable inbox for webhooks: what it accepted is
// processed, whatever happens to the process in between, and a delivery that
// comes twice is kept once.
//
//	box, err := inbox.Open(ctx, "sqlite:///var/lib/shop/inbox.db", mux.Process, nil)
//	if err != nil { … }
//	defer box.Close()
//	err = box.Start(ctx)
//	…
//	err = box.Stop(ctx) // after the HTTP server
//
// The database is a SQLite file, for one process, or PostgreSQL, for as many
// as wanted, which share the work.
//
// # Guarantees
//
// A delivery is durable when Accept returns, together with the alarm that will
// wake its processing. It is processed at least once: a process that dies in
// the middle leaves it to the next attempt, at once when SQLite's file is
// opened again, within one and a half times [Options.DeadAfter] on PostgreSQL,
// which by default is half a minute. It is marked processed once, and two
// workers are not at it at the same time as long as the one that has it stays
// in touch with the database; what one did that lost touch is not marked.
//
// What must happen once is therefore done in one of two ways: what the
// function writes to the inbox's own database goes into [AtCommit], the
// transaction that marks the delivery; any other effect is made idempotent,
// for instance by package approval.
//
// Deliveries are deduplicated by shop and [webhook.Delivery.Key], which is the
// webhook ID, or a hash of topic and body where a sender gives none. That
// holds for as long as their rows are kept, see [Options.KeepProcessed].
//
// # Order
//
// Shopify delivers in no order, late, and more than once. With
// [Options.Order] set to [OneByOne], two deliveries about one order are never
// processed at once. [Attempt.Stale] tells when a later state of the same
// resource was processed before; with [SkipStale] the function is not even
// called.
//
// # A delivery's way
//
// Pending until a worker claims it, then processing, then processed; pending
// again after an error, until [Options.MaxAttempts]; dead when the function
// gave up or the attempts are used up. Dead letters are kept until a person
// calls [Inbox.Replay], [Inbox.ReplayAll] or [Inbox.Delete], or for
// [Options.KeepDead].
//
// # Speed
//
// Deliveries that arrive at the same time are committed together, and on
// SQLite so are claims and outcomes. A commit waits for the disk, so the more
// there is to do, the more each wait gets done. [Inbox.Metrics] and
// [Inbox.Stats] tell how far behind the inbox is.
//
// # Personal data
//
// Bodies hold customers' data, and the error texts that the function returns
// may; both stand in the row and are deleted with it.
package inbox
