// Package csvcrm is a CRM that is two files in a folder: contacts.csv and purchases.csv,
// as every CRM can import them. It is what a store without a CRM starts with.
//
// What the files say is kept in a small SQLite database beside them, so that one
// customer among a hundred thousand is saved without writing a hundred thousand rows: the
// database has every state when Save returns, the files follow shortly after (see
// Options.Every), and Close and Flush wait for them. Each file is replaced as a whole, so
// whoever reads it sees an old state or a new one, never a half, also when the process is
// killed. The same state makes the same bytes, in whatever order it came.
//
// The files hold customers' data. They are created for their owner alone (mode 0600).
package csvcrm

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/internal/sqldb"
)

// The files in the folder. State is the database; it has its own companions
// (-wal, -shm, .lock).
const (
	Contacts  = "contacts.csv"
	Purchases = "purchases.csv"
	State     = "csvcrm.db"
)

// Options of a sink. The zero value is the defaults.
type Options struct {
	// Every is how long a change may wait until the files are written anew, besides the
	// time that it takes. If zero, 2 s; if negative, each call waits until its changes
	// are in the files.
	Every time.Duration

	// Failed is told, if set, when the files cannot be written in the background; that
	// is tried again after Every, but not within a second.
	Failed func(error)
}

// Sink is a folder with the two files. It is safe for concurrent use.
type Sink struct {
	dir   string
	every time.Duration
	told  func(error)
	db    *sqldb.DB

	writing sync.Mutex // held while the files are written
	wake    chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
}

var _ crm.Sink = (*Sink)(nil)

var migrations = []sqldb.Migration{{
	Name: "contacts, purchases and which state of them the files have",
	SQL: `CREATE TABLE csvcrm_contacts (id TEXT PRIMARY KEY, cells TEXT NOT NULL);
CREATE TABLE csvcrm_purchases (id TEXT PRIMARY KEY, customer TEXT NOT NULL, cells TEXT NOT NULL);
CREATE INDEX csvcrm_purchases_customer ON csvcrm_purchases (customer);
CREATE TABLE csvcrm_state (one INTEGER PRIMARY KEY CHECK (one = 1), saved INTEGER NOT NULL, written INTEGER NOT NULL);
INSERT INTO csvcrm_state VALUES (1, 0, -1);`,
}}

// Open opens the folder, creating it and the files if they are missing. Files that it
// finds without their database are read, if they are of its own making; it refuses to
// write over others (ErrForeign). Close it when done. One process has a folder open at a
// time.
func Open(ctx context.Context, dir string, opts *Options) (*Sink, error) {
	opts = cmp.Or(opts, &Options{})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("csvcrm: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("csvcrm: %w", err)
	}
	db, err := openDB(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("csvcrm: %w", err)
	}
	s := &Sink{dir: dir, every: cmp.Or(opts.Every, 2*time.Second), told: opts.Failed, db: db, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("csvcrm: %w", err), db.Close())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.follow(background)
	return s, nil
}

func openDB(ctx context.Context, dir string) (*sqldb.DB, error) {
	return sqldb.Open(ctx, "sqlite://"+(&url.URL{Path: filepath.ToSlash(filepath.Join(dir, State))}).EscapedPath())
}

// start brings database and files together.
func (s *Sink) start(ctx context.Context) error {
	if err := s.db.Migrate(ctx, "csvcrm", migrations); err != nil {
		return err
	}
	if err := removeTemporary(s.dir); err != nil {
		return err
	}
	var written int64
	if err := s.db.QueryRowContext(ctx, `SELECT written FROM csvcrm_state`).Scan(&written); err != nil {
		return err
	}
	if written < 0 { // a new database
		if err := s.adopt(ctx); err != nil {
			return err
		}
	}
	return s.Flush(ctx)
}

// Name implements crm.Sink.
func (s *Sink) Name() string { return "CSV files" }

// Close waits until the files say what was saved, and closes the sink.
func (s *Sink) Close() error {
	s.stop()
	<-s.done
	return errors.Join(s.Flush(context.Background()), s.db.Close())
}

// failedFor is how long at least files are left alone that could not be written.
const failedFor = time.Second

// follow writes the files behind the changes.
func (s *Sink) follow(ctx context.Context) {
	defer close(s.done)
	wait := max(s.every, 0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		select { // more changes that come now share the writing
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = max(s.every, 0)
		if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
			if s.told != nil {
				s.told(err)
			}
			wait = max(wait, failedFor)
			s.changed()
		}
	}
}

func (s *Sink) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// settle has the files follow: at once where that was asked for, else soon.
func (s *Sink) settle(ctx context.Context) error {
	if s.every < 0 {
		return s.Flush(ctx)
	}
	s.changed()
	return nil
}

// batch is how many customers share a transaction.
const batch = 500

// Save implements crm.Sink.
func (s *Sink) Save(ctx context.Context, records []crm.Record) ([]crm.Outcome, error) {
	out := make([]crm.Outcome, 0, len(records))
	var failed error
	for from := 0; from < len(records) && failed == nil; from += batch {
		var some []crm.Outcome
		some, failed = s.save(ctx, records[from:min(from+batch, len(records))])
		out = append(out, some...)
	}
	if failed == nil && len(records) > 0 {
		failed = unavailable(ctx, s.settle(ctx))
	}
	for _, r := range records[len(out):] {
		out = append(out, crm.Outcome{Key: r.Key, State: crm.Retry, Err: failed})
	}
	return out, failed
}

// Load implements crm.Sink.
func (s *Sink) Load(ctx context.Context, records iter.Seq2[crm.Record, error]) iter.Seq2[crm.Outcome, error] {
	return func(yield func(crm.Outcome, error) bool) {
		pending := make([]crm.Record, 0, batch)
		flush := func() bool {
			out, err := s.save(ctx, pending)
			pending = pending[:0]
			for _, o := range out {
				if !yield(o, nil) {
					s.changed()
					return false
				}
			}
			if err != nil {
				s.changed()
				yield(crm.Outcome{}, err)
			}
			return err == nil
		}
		for r, err := range records {
			if err != nil {
				s.changed()
				yield(crm.Outcome{}, err)
				return
			}
			if pending = append(pending, r); len(pending) == batch && !flush() {
				return
			}
		}
		if !flush() {
			return
		}
		if err := s.Flush(ctx); err != nil {
			yield(crm.Outcome{}, unavailable(ctx, err))
		}
	}
}

// Link implements crm.Sink: the files hold nothing that is not tied to a key.
func (s *Sink) Link(ctx context.Context, key, id string) error {
	var there int
	err := s.db.Reads.QueryRowContext(ctx, `SELECT count(*) FROM csvcrm_contacts WHERE id = ?`, id).Scan(&there)
	switch {
	case err != nil:
		return unavailable(ctx, err)
	case there == 0:
		return fmt.Errorf("csvcrm: %w", crm.ErrNoRecord)
	case key != id:
		return fmt.Errorf("csvcrm: %w", crm.ErrLinked)
	}
	return nil
}

// Forget implements crm.Sink. What it says is deleted is in none of the files, the
// database and its journal included.
func (s *Sink) Forget(ctx context.Context, keys []string) ([]crm.Outcome, error) {
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, key := range keys {
			if _, err := tx.ExecContext(ctx, `DELETE FROM csvcrm_purchases WHERE customer = ?`, key); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM csvcrm_contacts WHERE id = ?`, key); err != nil {
				return err
			}
		}
		return bump(ctx, tx)
	})
	if err == nil {
		err = s.Flush(ctx)
	}
	if err == nil {
		err = s.truncateJournal(ctx)
	}
	out := make([]crm.Outcome, len(keys))
	failed := unavailable(ctx, err)
	for i, key := range keys {
		out[i] = crm.Outcome{Key: key, State: crm.Deleted}
		if failed != nil {
			out[i].State, out[i].Err = crm.Retry, failed
		}
	}
	return out, failed
}

// truncateJournal empties SQLite's write-ahead log, which would keep what was deleted.
func (s *Sink) truncateJournal(ctx context.Context) error {
	s.writing.Lock() // writing the files reads, which would be in the way
	defer s.writing.Unlock()
	return s.db.EmptyWAL(ctx)
}

// unavailable makes an error of the disk's one of a sink's.
func unavailable(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("csvcrm: %w", context.Cause(ctx))
	}
	return fmt.Errorf("csvcrm: %w: %w", crm.ErrUnavailable, err)
}
