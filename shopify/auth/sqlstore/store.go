package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
)

// room is the name of the tables' schema version in the database.
const room = "shopify_auth"

// pageSize is how many rows are read at once.
const pageSize = 200

// Options are the optional settings of a [Store]. Zero fields are the defaults.
type Options struct {
	// Timeout is the longest that one statement may take, beside the context's
	// deadline. If zero, 10 s. It does not limit the change of an Update.
	Timeout time.Duration
}

// Store is an [auth.Store] in a database. Safe for concurrent use.
type Store struct {
	db      *sqldb.DB
	sealer  *sealer
	timeout time.Duration
}

var _ auth.Store = (*Store)(nil)

// Open opens the database at url and creates the table if it is missing:
//
//   - sqlite:///abs/path.db or sqlite:rel/path.db is a SQLite file, owned by one
//     process, whose folder must exist.
//   - postgres://… is a PostgreSQL server. Each token that is being fetched holds a
//     connection: see pool_max_conns, by default 16.
//
// The first key seals, all of them open. Nil options are the defaults. Close the
// store when it is no longer used. Errors of the keys match [shopify.ErrInvalid].
func Open(ctx context.Context, url string, keys []Key, opts *Options) (*Store, error) {
	s := &Store{timeout: 10 * time.Second}
	if opts != nil && opts.Timeout > 0 {
		s.timeout = opts.Timeout
	}
	var err error
	if s.sealer, err = newSealer(keys); err != nil {
		return nil, err
	}
	if s.db, err = sqldb.Open(ctx, url); err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	if err := s.db.Migrate(ctx, room, migrations); err != nil {
		_ = s.db.Close()
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

var migrations = []sqldb.Migration{{
	Name:       "tokens",
	SQLite:     tokensTable("BLOB"),
	PostgreSQL: tokensTable("BYTEA"),
}, {
	Name:       "used once",
	SQLite:     onceTable("BLOB"),
	PostgreSQL: onceTable("BYTEA"),
}}

func tokensTable(bytes string) string {
	return `
CREATE TABLE shopify_auth_tokens (
	shop TEXT NOT NULL,
	access TEXT NOT NULL,
	account BIGINT NOT NULL,
	granted_us BIGINT NOT NULL,
	refresh_ends_us BIGINT NOT NULL,
	key_id TEXT NOT NULL,
	sealed ` + bytes + ` NOT NULL,
	PRIMARY KEY (shop, access, account)
);
CREATE INDEX shopify_auth_refresh_ends ON shopify_auth_tokens (refresh_ends_us, shop) WHERE refresh_ends_us > 0;
`
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Load implements [auth.Store].
func (s *Store) Load(ctx context.Context, key auth.Key) (*auth.Token, error) {
	t, err := s.load(ctx, s.db.Reads, key)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	return t, nil
}

func (s *Store) load(ctx context.Context, q querier, key auth.Key) (*auth.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var id string
	var sealed []byte
	err := q.QueryRowContext(ctx, s.db.Rebind(`SELECT key_id, sealed FROM shopify_auth_tokens WHERE shop = ? AND access = ? AND account = ?`),
		string(key.Shop), string(key.Access), key.Account).Scan(&id, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, auth.ErrNoToken
	}
	if err != nil {
		return nil, err
	}
	return s.sealer.open(key, id, sealed)
}

func (s *Store) save(ctx context.Context, q querier, t *auth.Token) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	id, sealed, err := s.sealer.seal(t)
	if err != nil {
		return err
	}
	var ends int64
	if t.Access == auth.Offline && t.RefreshToken != "" && !t.RefreshExpires.IsZero() {
		ends = t.RefreshExpires.UnixMicro()
	}
	_, err = q.ExecContext(ctx, s.db.Rebind(
		`INSERT INTO shopify_auth_tokens (shop, access, account, granted_us, refresh_ends_us, key_id, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)
		 ON CONFLICT (shop, access, account) DO UPDATE SET granted_us = excluded.granted_us, refresh_ends_us = excluded.refresh_ends_us,
		 key_id = excluded.key_id, sealed = excluded.sealed`),
		string(t.Shop), string(t.Access), t.Account, t.Granted.UnixMicro(), ends, id, sealed)
	return err
}

// Update implements [auth.Store].
func (s *Store) Update(ctx context.Context, key auth.Key, change func(context.Context, *auth.Token) (*auth.Token, error)) error {
	return s.alone(ctx, key.Shop, func(q querier) error {
		current, err := s.load(ctx, q, key)
		if err != nil && !errors.Is(err, auth.ErrNoToken) {
			return wrap(ctx, err)
		}
		next, err := change(ctx, current)
		if err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		next = next.Clone()
		next.Key = key
		// The token is there: what it takes to keep it may take longer than the caller
		// wanted to wait.
		return wrap(ctx, s.save(context.WithoutCancel(ctx), q, next))
	})
}

// Delete implements [auth.Store].
func (s *Store) Delete(ctx context.Context, shop shopify.Domain, grantedBefore time.Time) error {
	return s.alone(ctx, shop, func(q querier) error {
		statement, args := `DELETE FROM shopify_auth_tokens WHERE shop = ?`, []any{string(shop)}
		if !grantedBefore.IsZero() {
			statement, args = statement+` AND granted_us < ?`, append(args, grantedBefore.UnixMicro())
		}
		_, err := q.ExecContext(ctx, s.db.Rebind(statement), args...)
		return wrap(ctx, err)
	})
}

// alone runs fn while nobody else, in all processes, is here with the same shop. On
// PostgreSQL it is one transaction; on SQLite fn is not to be one, which would keep
// everybody from the file.
func (s *Store) alone(ctx context.Context, shop shopify.Domain, fn func(q querier) error) error {
	if s.db.Dialect == sqldb.SQLite {
		unlock, err := s.db.Lock(ctx, room+" "+string(shop))
		if err != nil {
			return wrap(ctx, err)
		}
		defer unlock()
		return fn(s.db)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return wrap(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	// The transaction outlives the context, which would roll it back under a token that
	// has just come; the wait for the lock, and fn, obey it.
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	tx, err := conn.BeginTx(long, nil)
	if err != nil {
		return wrap(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, room+" "+string(shop)); err != nil {
		return wrap(ctx, err)
	}
	if err := fn(tx); err != nil {
		return err
	}
	timer := time.AfterFunc(s.timeout, cancel)
	defer timer.Stop()
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}

// Expiring implements [auth.Store]. It reads page by page, so that nothing stays open
// while the caller works.
func (s *Store) Expiring(ctx context.Context, before time.Time) iter.Seq2[auth.Key, error] {
	return func(yield func(auth.Key, error) bool) {
		var after int64
		var afterShop string
		for {
			page, last, err := s.expiring(ctx, before.UnixMicro(), after, afterShop)
			if err != nil {
				yield(auth.Key{}, wrap(ctx, err))
				return
			}
			for _, key := range page {
				if !yield(key, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after, afterShop = last, string(page[len(page)-1].Shop)
		}
	}
}

func (s *Store) expiring(ctx context.Context, before, after int64, afterShop string) (page []auth.Key, last int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	rows, err := s.db.Reads.QueryContext(ctx, s.db.Rebind(
		`SELECT shop, refresh_ends_us FROM shopify_auth_tokens
		 WHERE refresh_ends_us > 0 AND refresh_ends_us < ? AND (refresh_ends_us > ? OR refresh_ends_us = ? AND shop > ?)
		 ORDER BY refresh_ends_us, shop LIMIT ?`), before, after, after, afterShop, pageSize)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var shop string
		if err := rows.Scan(&shop, &last); err != nil {
			return nil, 0, err
		}
		page = append(page, auth.Key{Shop: shopify.Domain(shop), Access: auth.Offline})
	}
	return page, last, rows.Err()
}

// Reseal seals every token under the first key that another key sealed, and returns how
// many. It goes along with programs that use the store. The error matches [ErrKey] or
// [ErrSealed] if one does not open; the others are done all the same.
func (s *Store) Reseal(ctx context.Context) (int, error) {
	var after auth.Key
	var failed error
	n := 0
	for {
		page, err := s.sealedOtherwise(ctx, after)
		if err != nil {
			return n, wrap(ctx, err)
		}
		for _, row := range page {
			t, err := s.sealer.open(row.key, row.id, row.sealed)
			if err != nil {
				failed = err
				continue
			}
			id, sealed, err := s.sealer.seal(t)
			if err != nil {
				return n, err
			}
			// Unless somebody stored another token meanwhile.
			res, err := s.db.ExecContext(ctx, s.db.Rebind(
				`UPDATE shopify_auth_tokens SET key_id = ?, sealed = ? WHERE shop = ? AND access = ? AND account = ? AND sealed = ?`),
				id, sealed, string(row.key.Shop), string(row.key.Access), row.key.Account, row.sealed)
			if err != nil {
				return n, wrap(ctx, err)
			}
			if changed, err := res.RowsAffected(); err == nil {
				n += int(changed)
			}
		}
		if len(page) < pageSize {
			return n, failed
		}
		after = page[len(page)-1].key
	}
}

type row struct {
	key    auth.Key
	id     string
	sealed []byte
}

func (s *Store) sealedOtherwise(ctx context.Context, after auth.Key) ([]row, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	rows, err := s.db.Reads.QueryContext(ctx, s.db.Rebind(
		`SELECT shop, access, account, key_id, sealed FROM shopify_auth_tokens
		 WHERE key_id <> ? AND (shop > ? OR shop = ? AND (access > ? OR access = ? AND account > ?)) ORDER BY shop, access, account LIMIT ?`),
		s.sealer.first, string(after.Shop), string(after.Shop), string(after.Access), string(after.Access), after.Account, pageSize)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var page []row
	for rows.Next() {
		var r row
		var shop, access string
		if err := rows.Scan(&shop, &access, &r.key.Account, &r.id, &r.sealed); err != nil {
			return nil, err
		}
		r.key.Shop, r.key.Access = shopify.Domain(shop), auth.Access(access)
		page = append(page, r)
	}
	return page, rows.Err()
}

// wrap names the package. A context that ended is the reason, whatever the driver makes
// of it.
func wrap(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, auth.ErrNoToken), errors.Is(err, ErrKey), errors.Is(err, ErrSealed):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("sqlstore: %w", ctx.Err())
	}
	return fmt.Errorf("sqlstore: %w", err)
}
