package sqlstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/internal/sqldb"
)

// ErrNoLog means that the database has no such log.
var ErrNoLog = errors.New("sqlstore: no such log")

// Options are the optional settings of a [Store].
type Options struct {
	// Log names the log within the database. If empty, "default".
	Log string

	// Origin names the log to the world when the store makes its key, as a URL
	// without the scheme, such as "example.com/audit/pos": at most 200 bytes
	// without space or plus sign. If empty, "audit.local/" and a random word.
	Origin string

	// TurnTimeout is how long a sequencer may be idle before the server ends
	// its turn and another process takes over. If zero, 10 s.
	TurnTimeout time.Duration

	// ReadOnly opens a log that exists, changes nothing, and needs no right but
	// to read: Append fails.
	ReadOnly bool
}

// Store keeps one log in a PostgreSQL database. It implements [audit.Store],
// [audit.Shared], [audit.Keyed] and [audit.Signing] and is safe for concurrent
// use.
type Store struct {
	db   *sqldb.DB
	pool *pgxpool.Pool
	opts Options
	log  int64 // id of the log's row

	timeout string // TurnTimeout as PostgreSQL's setting

	// turn holds one token, so that a process waits for its turn with one
	// connection, not with one for each Log.
	turn    chan struct{}
	holding atomic.Pointer[turn] // nil: no turn
}

// Open opens the log in the database at databaseURL (postgres://…, of version 13
// or later), brings the tables up to date and makes the log where it is new.
// opts may be nil.
func Open(ctx context.Context, databaseURL string, opts *Options) (*Store, error) {
	s := &Store{turn: make(chan struct{}, 1)}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.Log = cmp.Or(s.opts.Log, "default")
	if s.opts.TurnTimeout <= 0 {
		s.opts.TurnTimeout = 10 * time.Second
	}
	s.timeout = strconv.FormatInt(max(1, s.opts.TurnTimeout.Milliseconds()), 10)
	db, err := sqldb.Open(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	s.db, s.pool = db, db.Pool
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: %w", err), db.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if s.db.Dialect != sqldb.PostgreSQL {
		return errors.New("the URL is not one of PostgreSQL")
	}
	if s.pool.Config().MaxConns < 2 {
		return errors.New("pool_max_conns must be at least 2: one connection holds the turn, another reads")
	}
	if !s.opts.ReadOnly {
		if err := s.db.Migrate(ctx, "audit", migrations); err != nil {
			return err
		}
		_, err := s.pool.Exec(ctx, `INSERT INTO posai_audit_log (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, s.opts.Log)
		if err != nil {
			return err
		}
	}
	err := s.pool.QueryRow(ctx, `SELECT id FROM posai_audit_log WHERE name = $1`, s.opts.Log).Scan(&s.log)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoLog
	}
	return err
}

// Close closes the database. The log must be closed.
func (s *Store) Close() error { return s.db.Close() }

// Signer implements [audit.Signing]: the key in the database, which it makes
// where there is none.
func (s *Store) Signer() (note.Signer, error) {
	skey, _, err := s.keys(true)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, errors.New("sqlstore: the key in the database is malformed") // the error could show it
	}
	return signer, nil
}

// Verifiers implements [audit.Keyed]: the public key in the database.
func (s *Store) Verifiers() (note.Verifiers, error) {
	vkey, err := s.VerifierKey()
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: the public key in the database: %w", err)
	}
	return note.VerifierList(verifier), nil
}

// VerifierKey returns the public key that the store made, in the form of
// [note.NewVerifier]. Keep it elsewhere to verify the log independently of its
// database. Where the log's signer came from the caller, there is none, and it
// fails.
func (s *Store) VerifierKey() (string, error) {
	_, vkey, err := s.keys(false)
	return vkey, err
}

// keys returns the private and the public key. The interfaces that ask for them
// know no context.
func (s *Store) keys(create bool) (skey, vkey string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	column := "signer_key" // a reader may lack the right to see it
	if !create {
		column = "''"
	}
	get := func() error {
		var secret, public *string
		err := s.pool.QueryRow(ctx, `SELECT `+column+`, verifier_key FROM posai_audit_log WHERE id = $1`, s.log).Scan(&secret, &public)
		if err != nil {
			return fmt.Errorf("sqlstore: key: %w", err)
		}
		if secret == nil || public == nil {
			return errNoKey
		}
		skey, vkey = *secret, *public
		return nil
	}
	if err = get(); !errors.Is(err, errNoKey) || !create || s.opts.ReadOnly {
		return skey, vkey, err
	}
	origin := cmp.Or(s.opts.Origin, "audit.local/"+strings.ToLower(rand.Text()))
	if len(origin) > 200 {
		return "", "", errors.New("sqlstore: the origin is longer than 200 bytes")
	}
	newSecret, newPublic, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", fmt.Errorf("sqlstore: key: %w", err)
	}
	if _, err := note.NewVerifier(newPublic); err != nil {
		return "", "", errors.New("sqlstore: the origin is not a key name")
	}
	// Whoever is first makes it. A log that has entries but no key is somebody's
	// who signs with their own: it gets none.
	_, err = s.pool.Exec(ctx, `UPDATE posai_audit_log SET signer_key = $2, verifier_key = $3
		WHERE id = $1 AND signer_key IS NULL AND size = 0`, s.log, newSecret, newPublic)
	if err != nil {
		return "", "", fmt.Errorf("sqlstore: key: %w", err)
	}
	return skey, vkey, cmp.Or(get(), err)
}

var errNoKey = errors.New("sqlstore: the log has no key of its own")

var (
	_ audit.Store   = (*Store)(nil)
	_ audit.Shared  = (*Store)(nil)
	_ audit.Signing = (*Store)(nil)
	_ audit.Keyed   = (*Store)(nil)
)
