// Package sqlstore keeps an audit log in PostgreSQL, where several processes
// append to one log.
//
//	store, err := sqlstore.Open(ctx, "postgres://…", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	log, err := audit.Open(ctx, store, nil)
//
// # Several processes
//
// Each process opens the store and a log on it, and appends as if it were alone.
// At a time one of them is the sequencer: it holds the lock on the log's row,
// adds what has queued up in it to the tree, signs, commits, and hands over to
// whoever waits. Entries, tree, checkpoint and search terms are one transaction,
// so a process that dies takes nothing with it, and one that hangs loses its
// turn after Options.TurnTimeout without having written anything.
//
// All of them sign with the same key: the one that the store makes on first use
// and keeps in the database, or the caller's (audit.Options.Signer). A key in
// the database protects against accidents and careless hands, not against its
// administrator.
//
// # Tables
//
// posai_audit_log has a row for each log, with its published checkpoint;
// posai_audit_batch the checkpoints of all writes; posai_audit_leaf the entries,
// the hashes that each adds to the tree, and the sealed parts; posai_audit_term
// what entries are found by. A trigger refuses to change or delete what is
// written. Backups with pg_dump, replication and point-in-time recovery work as
// for any table; that a database was put back to an earlier state is for those to
// notice who have kept a checkpoint (package monitor, [audit.VerifyOptions]).
//
// The acknowledgment of an append means that PostgreSQL has committed: with
// synchronous_commit at its default it is on the disk. The package sets it for
// its own transactions where the server's default is "off".
package sqlstore
