package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
)

// Options are the optional settings of [Open].
type Options struct {
	// Workers is how many requests are worked on at once. If zero, 8.
	Workers int

	// PollInterval is how often the database is asked for what was missed. If
	// zero, 1 s.
	PollInterval time.Duration

	// Heartbeat is how often a started store shows on PostgreSQL that it is
	// alive. If zero, 5 s.
	Heartbeat time.Duration

	// DeadAfter is how long it may fail to do so before others take over what
	// it executes; at least twice Heartbeat, and the same in all processes. If
	// zero, 20 s.
	DeadAfter time.Duration

	// KeepFinal is how long requests are kept once they are final, counted from
	// their creation. Their keys are forgotten with them: a proposal with the
	// same key is a new one then. What they say stays in the audit log. If
	// zero, for good.
	KeepFinal time.Duration

	// Logger gets what goes wrong inside, nothing of the content of requests.
	// If nil, nothing is logged.
	Logger *slog.Logger
}

// Store is an [approval.Store] in a SQL database. It is safe for concurrent
// use.
type Store struct {
	db    *sqldb.DB
	clock *alarm.Clock
	sql   statements
	poll  time.Duration
	keep  time.Duration
	log   *slog.Logger

	tx *sql.Tx // of a view, see In

	hooks atomic.Pointer[approval.Hooks]

	mu      sync.Mutex // guards Start and Stop
	stop    func()     // ends what Start began besides the clock
	started bool
}

var (
	_ approval.TxStore       = (*Store)(nil)
	_ approval.DocumentStore = (*Store)(nil)
	_ approval.Waker         = (*Store)(nil)
)

// Open opens the database at databaseURL and brings its tables up to date:
//
//   - sqlite:///abs/path.db or sqlite:rel/path.db: a SQLite file, created if it
//     is missing.
//   - postgres://…: a PostgreSQL server, of version 13 or later.
//
// The caller stops the queue, then closes the store.
func Open(ctx context.Context, databaseURL string, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.PollInterval == 0 {
		o.PollInterval = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	db, err := sqldb.Open(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	s := &Store{db: db, poll: o.PollInterval, keep: o.KeepFinal, log: o.Logger}
	s.clock, err = alarm.New(db, "approval", s.ring, &alarm.Options{
		Workers: o.Workers, PollInterval: o.PollInterval, Heartbeat: o.Heartbeat, DeadAfter: o.DeadAfter, Logger: o.Logger,
	})
	if err == nil {
		s.sql = newStatements(db, s.clock)
		err = s.clock.Migrate(ctx)
	}
	if err == nil {
		err = db.Migrate(ctx, "approval", migrations)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the database. The queue must be stopped.
func (s *Store) Close() error { return s.db.Close() }

// Get implements [approval.Store].
func (s *Store) Get(ctx context.Context, id string) (*approval.Record, error) {
	return s.one(ctx, `id = ?`, id)
}

func (s *Store) one(ctx context.Context, where string, args ...any) (*approval.Record, error) {
	var data []byte
	err := s.reader().QueryRowContext(ctx, s.db.Rebind(`SELECT data FROM posai_approval_request WHERE `+where), args...).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, approval.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: get: %w", err)
	}
	return approval.DecodeRecord(data)
}

// Now implements [approval.Store] by the database's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now int64
	if err := s.reader().QueryRowContext(ctx, `SELECT `+s.clockSQL()).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("sqlstore: now: %w", err)
	}
	return time.UnixMicro(now).UTC(), nil
}
