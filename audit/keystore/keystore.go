// Package keystore keeps the keys of an audit log's vault in SQLite or
// PostgreSQL, and forgets them for good.
//
//	keys, err := keystore.Open(ctx, "sqlite:/var/lib/posai/keys.db")
//	if err != nil {
//		return err
//	}
//	defer keys.Close()
//	vault, err := audit.NewVault(keys, master, nil)
//
// # What remains of a destroyed key
//
// The store holds keys only as the master key wrapped them. On SQLite a destroyed
// row is overwritten in the file (secure_delete), and the write-ahead log, which
// held it too, is emptied before Destroy returns.
//
// On PostgreSQL Destroy rewrites the table, so that no page of it holds the row any
// more, and asks for a checkpoint where it may. The server's
// write-ahead log, its archive, replicas and backups keep the wrapped row for
// as long as they are kept, on SQLite backups do. Against someone who has these
// and the master key, only their expiry helps: keep them no longer than an erasure
// may take.
package keystore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/internal/sqldb"
)

// ErrLocked reports that another process owns the SQLite file.
var ErrLocked = sqldb.ErrLocked

// Store is an [audit.KeyStore] in a database. It is safe for concurrent use.
type Store struct{ db *sqldb.DB }

var migrations = []sqldb.Migration{{
	Name: "keys",
	SQLite: `CREATE TABLE posai_audit_key (
		lookup text PRIMARY KEY,
		pseudonym text NOT NULL UNIQUE,
		grouped text NOT NULL,
		wrapped blob NOT NULL
	);
	CREATE INDEX posai_audit_key_grouped ON posai_audit_key (grouped) WHERE grouped <> '';`,
	PostgreSQL: `CREATE TABLE posai_audit_key (
		lookup text PRIMARY KEY,
		pseudonym text NOT NULL UNIQUE,
		grouped text NOT NULL,
		wrapped bytea NOT NULL
	);
	CREATE INDEX posai_audit_key_grouped ON posai_audit_key (grouped) WHERE grouped <> '';`,
}}

// Open opens the key store in the database at url, a "sqlite:" or "postgres:" URL,
// and creates its table if needed. Let a SQLite file hold nothing else: keeping
// it apart from the log keeps backups of the two apart.
func Open(ctx context.Context, url string) (*Store, error) {
	db, err := sqldb.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, "audit/keystore", migrations); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db}, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

const columns = `lookup, pseudonym, grouped, wrapped`

// Put implements [audit.KeyStore].
func (s *Store) Put(ctx context.Context, k audit.Key) (audit.Key, error) {
	_, err := s.db.ExecContext(ctx, s.db.Rebind(`INSERT INTO posai_audit_key (`+columns+`) VALUES (?, ?, ?, ?) ON CONFLICT (lookup) DO NOTHING`),
		k.Lookup, k.Pseudonym, k.Group, k.Wrapped)
	if err != nil {
		return audit.Key{}, fmt.Errorf("keystore: put: %w", err)
	}
	return s.get(ctx, `lookup = ?`, k.Lookup)
}

// Get implements [audit.KeyStore].
func (s *Store) Get(ctx context.Context, name string) (audit.Key, error) {
	return s.get(ctx, `lookup = ? OR pseudonym = ?`, name, name)
}

func (s *Store) get(ctx context.Context, where string, args ...any) (k audit.Key, err error) {
	row := s.db.QueryRowContext(ctx, s.db.Rebind(`SELECT `+columns+` FROM posai_audit_key WHERE `+where), args...)
	err = row.Scan(&k.Lookup, &k.Pseudonym, &k.Group, &k.Wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return k, fmt.Errorf("keystore: %w", audit.ErrNotFound)
	}
	if err != nil {
		return k, fmt.Errorf("keystore: get: %w", err)
	}
	return k, nil
}

// Destroy implements [audit.KeyStore]. It cleans the medium also where there is
// nothing to remove, since an earlier call may have failed in between.
func (s *Store) Destroy(ctx context.Context, lookup string) (int, error) {
	result, err := s.db.ExecContext(ctx, s.db.Rebind(`DELETE FROM posai_audit_key WHERE lookup = ? OR (grouped = ? AND grouped <> '')`), lookup, lookup)
	if err != nil {
		return 0, fmt.Errorf("keystore: destroy: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("keystore: destroy: %w", err)
	}
	if s.db.Dialect == sqldb.PostgreSQL {
		return int(n), s.cleanPostgreSQL(ctx)
	}
	if err := s.db.EmptyWAL(ctx); err != nil {
		return int(n), fmt.Errorf("keystore: destroy: %w", err)
	}
	return int(n), nil
}

// cleanPostgreSQL gives the table new files. The server empties the old ones when
// the transaction ends. VACUUM (FULL) would copy the row along as long as a
// transaction is open that began before its deletion, and be it one of the server's
// own; a change of a column's type copies what is there now alone
// (https://www.postgresql.org/docs/current/mvcc-caveats.html).
func (s *Store) cleanPostgreSQL(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, `ALTER TABLE posai_audit_key ALTER COLUMN wrapped TYPE bytea USING wrapped || ''::bytea`); err != nil {
		return fmt.Errorf("keystore: rewrite the table: %w", err)
	}
	_, err := s.db.ExecContext(ctx, `CHECKPOINT`)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42501" { // insufficient_privilege
		return nil
	}
	if err != nil {
		return fmt.Errorf("keystore: checkpoint: %w", err)
	}
	return nil
}
