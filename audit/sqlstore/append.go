package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// turn is the time in which this process is the sequencer: a transaction that
// holds the lock on the log's row. Begin and lock are one round trip, and so are
// rows and commit.
type turn struct {
	conn       *pgxpool.Conn
	size       int64 // of the log
	checkpoint []byte
	done       atomic.Bool // it has committed, or has tried to
}

// end gives the connection back. One whose transaction is still open is closed,
// which the server takes for a rollback.
func (t *turn) end() {
	if !t.done.Load() || t.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := t.conn.Exec(ctx, `ROLLBACK`); err != nil {
			_ = t.conn.Conn().Close(ctx)
		}
	}
	t.conn.Release()
}

// Turn implements [audit.Shared]. The turn is the lock on the log's row, which
// PostgreSQL gives to those who wait in their order.
func (s *Store) Turn(ctx context.Context) (end func(), err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	t, err := s.lock(ctx)
	if err != nil {
		<-s.turn
		return nil, err
	}
	s.holding.Store(t)
	return func() {
		s.holding.Store(nil)
		t.end()
		<-s.turn
	}, nil
}

// lock begins a transaction that holds the lock on the log's row.
func (s *Store) lock(ctx context.Context) (*turn, error) {
	if s.opts.ReadOnly {
		return nil, errors.New("sqlstore: opened for reading")
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: turn: %w", err)
	}
	t := &turn{conn: conn}
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN`)
	// A sequencer that hangs (a stopped process, a cut network) is thrown out
	// by the server, so that the others go on.
	batch.Queue(`SELECT set_config('idle_in_transaction_session_timeout', $1, true),
		CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END`, s.timeout)
	batch.Queue(`SELECT size, checkpoint FROM posai_audit_log WHERE id = $1 FOR UPDATE`, s.log).QueryRow(func(row pgx.Row) error {
		return row.Scan(&t.size, &t.checkpoint)
	})
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		t.end()
		return nil, fmt.Errorf("sqlstore: turn: %w", err)
	}
	return t, nil
}

// Append implements [audit.Store]. Within a turn it is for whoever has that
// turn, and ends the turn's transaction; otherwise it takes a turn of its own.
// An error that matches [audit.ErrUnavailable] means that nothing was written.
func (s *Store) Append(ctx context.Context, b audit.Batch) error {
	t := s.holding.Load()
	if t == nil || t.done.Load() {
		if t == nil {
			select {
			case s.turn <- struct{}{}:
				defer func() { <-s.turn }()
			case <-ctx.Done():
				return unwritten(context.Cause(ctx))
			}
		}
		own, err := s.lock(ctx)
		if err != nil {
			return unwritten(err)
		}
		defer own.end()
		t = own
	}
	return s.write(ctx, t, b)
}

func unwritten(err error) error {
	return fmt.Errorf("%w: %w", audit.ErrUnavailable, err)
}

func (s *Store) write(ctx context.Context, t *turn, b audit.Batch) error {
	if b.First != t.size || len(b.Leaves) == 0 || len(b.Entries) != len(b.Leaves) {
		return unwritten(fmt.Errorf("sqlstore: %d entries from %d on cannot follow entry %d", len(b.Leaves), b.First, t.size-1))
	}
	rows, err := newRows(b)
	if err != nil {
		return unwritten(err)
	}
	size := b.First + int64(len(b.Leaves))
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO posai_audit_batch (log, first, size, checkpoint) VALUES ($1, $2, $3, $4)`, s.log, b.First, size, b.Checkpoint)
	batch.Queue(`INSERT INTO posai_audit_leaf (log, index, id, at, data, hashes)
		SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::timestamptz[], $5::bytea[], $6::bytea[])`,
		s.log, rows.index, rows.id, rows.at, rows.data, rows.hashes)
	for _, sealed := range rows.sealed {
		// The leaf is inserted whole here, as the table takes no change.
		batch.Queue(`INSERT INTO posai_audit_leaf (log, index, id, at, data, hashes, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			s.log, sealed.index, sealed.id, sealed.at, sealed.data, sealed.hashes, sealed.parts)
	}
	batch.Queue(`INSERT INTO posai_audit_term (log, term, index) SELECT $1, * FROM unnest($2::text[], $3::bigint[])`,
		s.log, rows.term, rows.termIndex)
	batch.Queue(`UPDATE posai_audit_log SET size = $2, checkpoint = $3 WHERE id = $1`, s.log, size, b.Checkpoint)
	batch.Queue(`COMMIT`)
	t.done.Store(true)
	return outcome(t.conn.SendBatch(ctx, batch).Close())
}

// outcome says what is certain after an error of rows and commit. Where the
// server has refused a row, it has not looked at the COMMIT behind it; that it
// ended the session of an idle sequencer, it says before it looks at anything.
// Whatever else goes wrong leaves the outcome open.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("sqlstore: append: %w", err)
	const idleInTransactionTimeout = "25P03"
	pg, refused := errors.AsType[*pgconn.PgError](err)
	if pgconn.SafeToRetry(err) || refused && (pg.Severity == "ERROR" || pg.Code == idleInTransactionTimeout) {
		return unwritten(err)
	}
	return err
}

// rows is a batch as columns.
type rows struct {
	index     []int64
	id        []string
	at        []time.Time
	data      [][]byte
	hashes    [][]byte
	sealed    []sealedRow
	term      []string
	termIndex []int64
}

type sealedRow struct {
	index        int64
	id           string
	at           time.Time
	data, hashes []byte
	parts        [][]byte
}

func newRows(b audit.Batch) (*rows, error) {
	r := &rows{}
	hashes := b.Hashes
	for i, leaf := range b.Leaves {
		index, e := b.First+int64(i), b.Entries[i]
		n := adds(index)
		if len(hashes) < n {
			return nil, errors.New("sqlstore: hashes are missing")
		}
		joined := make([]byte, 0, n*tlog.HashSize)
		for _, h := range hashes[:n] {
			joined = append(joined, h[:]...)
		}
		hashes = hashes[n:]
		if len(leaf.Sealed) > 0 {
			r.sealed = append(r.sealed, sealedRow{index, e.ID, e.Time, leaf.Data, joined, leaf.Sealed})
		} else {
			r.index = append(r.index, index)
			r.id = append(r.id, e.ID)
			r.at = append(r.at, e.Time)
			r.data = append(r.data, leaf.Data)
			r.hashes = append(r.hashes, joined)
		}
		for _, term := range terms(e) {
			r.term = append(r.term, term)
			r.termIndex = append(r.termIndex, index)
		}
	}
	return r, nil
}

// adds returns how many hashes the leaf with the given index adds to the tree.
func adds(index int64) int {
	n := 1
	for ; index&1 == 1; index >>= 1 {
		n++
	}
	return n
}
