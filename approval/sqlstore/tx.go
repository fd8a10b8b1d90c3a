package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/posai-go/posai/approval"
)

// Tx runs fn in a transaction of the database, for [approval.Queue.ProposeTx]
// and whatever of the caller's belongs together with the proposal:
//
//	err := store.Tx(ctx, func(tx *sql.Tx) error {
//		if _, err := tx.ExecContext(ctx, `INSERT INTO refund_review …`); err != nil {
//			return err
//		}
//		_, err := queue.ProposeTx(ctx, tx, action, proposal)
//		return err
//	})
//
// If fn fails or panics, or the commit fails, nothing of it remains. On SQLite
// there is one connection: within fn use tx alone, anything else of this store
// or its queue waits for fn to end. On PostgreSQL a transaction of any
// connection to the same database serves as well.
func (s *Store) Tx(ctx context.Context, fn func(*sql.Tx) error) error {
	if err := s.db.Tx(ctx, fn); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// In implements [approval.TxStore].
func (s *Store) In(tx *sql.Tx) approval.Store { return s.in(tx) }

func (s *Store) in(tx *sql.Tx) *Store {
	return &Store{db: s.db, clock: s.clock, sql: s.sql, poll: s.poll, log: s.log, tx: tx}
}

// reader is what queries go through.
func (s *Store) reader() interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
} {
	if s.tx != nil {
		return s.tx
	}
	return s.db.Reads
}

// writer is what writes in a single statement go through.
func (s *Store) writer() interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
} {
	if s.tx != nil {
		return s.tx
	}
	return s.db
}
