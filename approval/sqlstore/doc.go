// Package sqlstore keeps the requests of an approval queue in SQLite or
// PostgreSQL, with the same code, chosen by URL.
//
//	store, err := sqlstore.Open(ctx, "sqlite:///var/lib/posai/posai.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	q, err := approval.NewQueue(store, log, policy, nil)
//
// The URL may be that of other rooms, such as webhook/inbox: the tables are
// named posai_approval_…, and rooms share the connection.
//
// # SQLite
//
// The file belongs to one process; another one that opens it gets an error.
// What a process left when it died is taken over as soon as the next one starts
// its queue.
//
// # PostgreSQL
//
// Any number of processes may share the database. When one dies or loses touch
// with the database, the others take its executions over within half a minute.
// Its own calls are canceled before, so that two processes never work on one
// request. Changes by other processes reach the subscribers of a started queue
// within about a second.
//
// The time that counts, for expiry and for taking over, is the database's.
package sqlstore
