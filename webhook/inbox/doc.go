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
// opened again, within half a minute on PostgreSQL. It is marked processed
// once, and two workers are not at it at the same time as long as the one that
// has it stays in touch with the database; what one did that lost touch is not
// marked. A function that must have one effect therefore makes its effect
// idempotent, for instance by package approval.
//
// Deliveries are deduplicated by shop and [webhook.Delivery.Key] for as long
// as their rows are kept, see [Options.KeepProcessed].
//
// # A delivery's way
//
// Pending until a worker claims it, then processing, then processed; pending
// again after an error, until [Options.MaxAttempts]; dead when the function
// gave up or the attempts are used up. Dead letters are kept until a person
// calls [Inbox.Replay] or [Inbox.Delete].
//
// # Personal data
//
// Bodies hold customers' data, and the error texts that the function returns
// may; both stand in the row and are deleted with it.
package inbox
