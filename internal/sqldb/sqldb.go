// Package sqldb opens the database of a room from one URL: SQLite embedded in
// the process, or a PostgreSQL server, with the same code above it.
//
//	db, err := sqldb.Open(ctx, "sqlite:///var/lib/posai/posai.db")
//	if err != nil { … }
//	defer db.Close()
//	err = db.Migrate(ctx, "inbox", migrations)
//	err = db.Tx(ctx, func(tx *sql.Tx) error { … })
//
// # SQLite
//
// One process owns the file, through a lock on a file beside it, and within
// the process there is one connection that writes, shared by everybody who
// opens the same file. So writers never meet SQLITE_BUSY: they queue. The price
// is a rule: a query on the [DB] while the same goroutine holds a transaction
// or unread rows waits for itself. Pass the transaction on, and read rows to
// their end before calling anything else; or read through [DB].Reads, which
// waits for nobody and sees what is committed.
//
// A commit is durable when it returns (WAL with synchronous=FULL), and deleted
// content is overwritten (secure_delete).
//
// # Errors
//
// [ErrLocked] when another process owns the SQLite file, [ErrURL] when the URL
// is not one of the two kinds. No error holds the password of a URL.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrURL reports a database URL that is neither a SQLite file nor a
// PostgreSQL server. The URL itself is left out: it may hold a password.
var ErrURL = errors.New("sqldb: not a database URL: want sqlite:///path or postgres://…")

// ErrLocked reports that another process owns the SQLite file.
var ErrLocked = errors.New("sqldb: another process has the database open")

// Dialect is the kind of a database.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	PostgreSQL
)

// String returns the name of the dialect.
func (d Dialect) String() string {
	if d == PostgreSQL {
		return "PostgreSQL"
	}
	return "SQLite"
}

// DB is an open database. It is safe for concurrent use; on SQLite see the
// package's rule on transactions.
type DB struct {
	*sql.DB

	// Dialect is the kind of the database.
	Dialect Dialect

	// Reads is for queries that need not wait for who writes: on SQLite a few
	// connections that only read what is committed, on PostgreSQL DB itself.
	Reads *sql.DB

	// Pool is the pool below DB on PostgreSQL, for what database/sql cannot
	// do (LISTEN). It is nil on SQLite.
	Pool *pgxpool.Pool

	core  *core
	close func() error
}

// core is what all handles on one open database share.
type core struct {
	boot string // random; names this opening of the database

	schema sync.Mutex // held by Exclusively

	mu    sync.Mutex
	hooks map[*sql.Tx][]func()     // run after the transaction's commit
	locks map[string]chan struct{} // held; closed when they are freed

	group group // of Together
}

// Open opens the database at url and checks that it answers:
//
//   - sqlite:///abs/path.db or sqlite:rel/path.db: a SQLite file, created with
//     mode 0600 if it is missing; its folder must exist.
//   - postgres://… (or postgresql://…): a PostgreSQL server, with the
//     parameters of https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool#ParseConfig.
//     If pool_max_conns is not given, 16.
//
// Opening a SQLite file again within the process shares the connection; the
// last Close closes it.
func Open(ctx context.Context, url string) (*DB, error) {
	scheme, rest, ok := strings.Cut(url, ":")
	switch {
	case ok && scheme == "sqlite":
		path, ok := sqlitePath(rest)
		if !ok {
			return nil, ErrURL
		}
		return openSQLite(ctx, path)
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return openPostgres(ctx, url)
	}
	return nil, ErrURL
}

// Boot names this opening of the database: a random string that no other
// process and no later opening has.
func (db *DB) Boot() string { return db.core.boot }

// Close gives the handle back. Only the first call has an effect.
func (db *DB) Close() error { return db.close() }

// Tx runs fn in a transaction and commits it. If fn fails or panics, or the
// commit fails, nothing of it remains. On SQLite the transaction holds the
// write lock from its start.
func (db *DB) Tx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqldb: begin: %w", err)
	}
	db.core.open(tx)
	defer db.core.forget(tx)
	defer func() { _ = tx.Rollback() }() // no effect after a commit

	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			err = ctx.Err() // it ended, and database/sql was quicker to roll back
		}
		return fmt.Errorf("sqldb: commit: %w", err)
	}
	for _, hook := range db.core.take(tx) {
		hook()
	}
	return nil
}

// AfterCommit arranges for fn to run right after tx is committed, on the
// goroutine that commits, so fn must be quick. It reports false, and fn will
// not run, if tx was not started by [DB.Tx] or [DB.Together] of this database.
func (db *DB) AfterCommit(tx *sql.Tx, fn func()) bool {
	db.core.mu.Lock()
	defer db.core.mu.Unlock()
	hooks, ok := db.core.hooks[tx]
	if ok {
		db.core.hooks[tx] = append(hooks, fn)
	}
	return ok
}

func (c *core) open(tx *sql.Tx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks[tx] = nil
}

func (c *core) take(tx *sql.Tx) []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hooks[tx]
}

// truncate forgets all hooks but the first n.
func (c *core) truncate(tx *sql.Tx, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks[tx] = c.hooks[tx][:n]
}

func (c *core) forget(tx *sql.Tx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.hooks, tx)
}

// Rebind rewrites the placeholders "?" of a query as "$1", "$2", … on
// PostgreSQL, leaving those inside quotes alone. On SQLite it returns the
// query as it is.
func (db *DB) Rebind(query string) string {
	if db.Dialect == SQLite {
		return query
	}
	return rebind(query)
}

func rebind(query string) string {
	var b strings.Builder
	b.Grow(len(query) + 16)
	var quote byte
	n := 0
	for i := range len(query) {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
