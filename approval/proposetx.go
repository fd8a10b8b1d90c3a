package approval

import (
	"context"
	"database/sql"
	"errors"
	"maps"
)

// TxStore is a [Store] that can take part in a transaction of the caller.
type TxStore interface {
	Store

	// In returns a view of the store that reads and writes in tx. Wake-ups that
	// it arranges hold once tx is committed. Start, Stop and Alive are not
	// called on it.
	In(tx *sql.Tx) Store
}

// ErrNoTx says that the store cannot take part in a transaction.
var ErrNoTx = errors.New("approval: the store takes no transactions of the caller")

// ProposeTx is [Queue.Propose] as part of the caller's transaction, on the
// database of the store: if tx is rolled back, nothing was proposed. The
// returned request is [Recording], that is, invisible and without effect, until
// tx is committed and its first audit entries are durable, which the queue sees
// to at once after the commit. A known key returns the first request, as in Propose.
//
// Errors: those of Propose, [ErrNoTx].
func (q *Queue) ProposeTx(ctx context.Context, tx *sql.Tx, a Action, p Proposal) (*Request, error) {
	store, ok := q.store.(TxStore)
	if !ok || tx == nil {
		return nil, ErrNoTx
	}
	k, err := q.kindOfAction(a)
	if err != nil {
		return nil, err
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	view := q.on(store.In(tx))
	stored, reused, err := view.insert(ctx, k, a, p, soon)
	switch {
	case err != nil:
		return nil, err
	case reused:
		err = &KeyReusedError{Request: &stored.Request}
	}
	return &stored.Request, err
}

// on returns a queue like q over another view of its store.
func (q *Queue) on(s Store) *Queue {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return &Queue{store: s, log: q.log, policy: q.policy, opts: q.opts, within: true, kinds: maps.Clone(q.kinds)}
}
