package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
)

// Migration is one step of a room's schema. Steps are only ever appended: a
// step that was released is never edited.
type Migration struct {
	// Name says in a few words what the step does.
	Name string

	// SQL is run on both dialects. It may hold several statements.
	SQL string

	// SQLite and PostgreSQL, where not empty, are run instead of SQL.
	SQLite, PostgreSQL string
}

func (m Migration) sql(d Dialect) string {
	if d == SQLite {
		return cmp.Or(m.SQLite, m.SQL)
	}
	return cmp.Or(m.PostgreSQL, m.SQL)
}

// schemaLock is the advisory lock under which PostgreSQL schemas change. Any
// constant will do; this one spells "posai" in hexadecimal.
const schemaLock int64 = 0x706f736169

// Migrate brings the tables of a room up to the last of steps: those that were
// not run yet are run in order, all in one transaction, and remembered.
// Processes that start at once wait for one another. A database that is ahead
// of steps, because a newer program used it, is refused.
func (db *DB) Migrate(ctx context.Context, room string, steps []Migration) error {
	return db.Tx(ctx, func(tx *sql.Tx) error {
		if db.Dialect == PostgreSQL {
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, schemaLock); err != nil {
				return fmt.Errorf("sqldb: migrate %s: %w", room, err)
			}
		}
		_, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS posai_schema (
			room text NOT NULL, version integer NOT NULL, name text NOT NULL,
			applied_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (room, version))`)
		if err != nil {
			return fmt.Errorf("sqldb: migrate %s: %w", room, err)
		}
		var version int
		err = tx.QueryRowContext(ctx, db.Rebind(`SELECT COALESCE(MAX(version), 0) FROM posai_schema WHERE room = ?`), room).Scan(&version)
		if err != nil {
			return fmt.Errorf("sqldb: migrate %s: %w", room, err)
		}
		if version > len(steps) {
			return fmt.Errorf("sqldb: migrate %s: the database is at version %d, this program knows %d", room, version, len(steps))
		}
		for i, step := range steps[version:] {
			if _, err := tx.ExecContext(ctx, step.sql(db.Dialect)); err != nil {
				return fmt.Errorf("sqldb: migrate %s: %s: %w", room, step.Name, err)
			}
			_, err := tx.ExecContext(ctx, db.Rebind(`INSERT INTO posai_schema (room, version, name) VALUES (?, ?, ?)`), room, version+i+1, step.Name)
			if err != nil {
				return fmt.Errorf("sqldb: migrate %s: %w", room, err)
			}
		}
		return nil
	})
}

// Exclusively runs fn while nobody else, in this process or another, runs
// Exclusively on the database. It is for schema changes that cannot be one
// transaction. fn must not call Exclusively or Migrate.
func (db *DB) Exclusively(ctx context.Context, fn func(context.Context) error) error {
	db.core.schema.Lock()
	defer db.core.schema.Unlock()
	if db.Dialect == SQLite {
		return fn(ctx) // this process owns the file
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqldb: lock: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, schemaLock); err != nil {
		return fmt.Errorf("sqldb: lock: %w", err)
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, schemaLock)
	}()
	return fn(ctx)
}
