// Package store keeps a client book in a database: SQLite embedded in the process, or
// PostgreSQL shared by several. It holds what Shopify says of customers and their
// orders, the notes that associates wrote, and how far each customer's state has come on
// its way to the CRM.
//
// Everything that comes from the shop is guarded by the shop's own clock: a later state
// stays, whatever arrives after it, and who was deleted, merged away or erased is not
// brought back. So deliveries may come twice, late and in any order.
//
// # Personal data
//
// Names, addresses, phone numbers, what was bought and what was noted stand in the
// tables in plain text; who can read the database can read them. What is erased is
// overwritten on SQLite, and on PostgreSQL when the server gives the space anew. Of
// somebody who was erased only the number stays, so that a late delivery does not bring
// them back.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
)

// ErrNotFound reports a customer whom the book does not have.
var ErrNotFound = errors.New("store: no such customer")

// ErrOtherShop reports a database that holds another shop's book.
var ErrOtherShop = errors.New("store: the database holds the book of another shop")

// Store is a client book in a database. It is safe for concurrent use, in several
// processes on PostgreSQL.
type Store struct {
	db   *sqldb.DB
	shop string
	now  func() time.Time
}

// Open opens the book of a shop, by its domain, in the database at url and creates the
// tables if they are missing. Close it in the end.
func Open(ctx context.Context, url, shop string) (_ *Store, err error) {
	s := &Store{shop: shop, now: time.Now}
	if s.db, err = sqldb.Open(ctx, url); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.db.Close())
		}
	}()
	if err := s.db.Migrate(ctx, "clienteling", migrations); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if s.db.Dialect == sqldb.SQLite {
		// This process owns the file: whoever had a lease is no more.
		if _, err := s.db.ExecContext(ctx, `UPDATE clienteling_lease SET until_us = 0`); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
	}
	if err := s.SetMarkOnce(ctx, "shop", shop); err != nil {
		return nil, err
	}
	have, err := s.Mark(ctx, "shop")
	if err != nil {
		return nil, err
	}
	if have != shop {
		return nil, ErrOtherShop
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Key is a customer's external id in a CRM.
func (s *Store) Key(customer int64) string { return fmt.Sprintf("%s/%d", s.shop, customer) }

// PurchaseKey is an order's external id in a CRM.
func (s *Store) PurchaseKey(order int64) string { return fmt.Sprintf("%s/o/%d", s.shop, order) }

// tx is a transaction with the store's dialect.
type tx struct {
	*sql.Tx
	s   *Store
	now time.Time
}

// tx runs fn in a transaction. One writes at a time, on PostgreSQL as on SQLite: what is
// there is compared before it is replaced, and each write takes a moment.
func (s *Store) tx(ctx context.Context, fn func(*tx) error) error {
	err := s.db.Tx(ctx, func(t *sql.Tx) error {
		if s.db.Dialect == sqldb.PostgreSQL {
			if _, err := t.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('clienteling'))`); err != nil {
				return err
			}
		}
		return fn(&tx{t, s, s.now()})
	})
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrLeaseLost) {
		return fmt.Errorf("store: %w", err)
	}
	return err
}

// read is tx for what only reads: it waits for nobody who writes.
func (s *Store) read(ctx context.Context, fn func(*tx) error) (err error) {
	level := sql.LevelDefault
	if s.db.Dialect == sqldb.PostgreSQL {
		level = sql.LevelRepeatableRead // one state, over several statements
	}
	t, err := s.db.Reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: level})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() { _ = t.Rollback() }() // nothing was written
	if err = fn(&tx{t, s, s.now()}); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("store: %w", err)
	}
	return err
}

func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.ExecContext(ctx, t.s.db.Rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row scans one row, and reports whether there is one.
func (t *tx) row(ctx context.Context, query string, args []any, into ...any) (bool, error) {
	err := t.QueryRowContext(ctx, t.s.db.Rebind(query), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// queryer is a transaction or the database.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls scan for every row.
func (s *Store) each(ctx context.Context, q queryer, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := q.QueryContext(ctx, s.db.Rebind(query), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// marks is "?, ?, ?" for n values.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// list makes arguments of numbers.
func list(ids []int64) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// version is a time as it is compared: Shopify's webhooks have whole seconds.
func version(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// Mark returns what was kept under a name, or "".
func (s *Store) Mark(ctx context.Context, name string) (value string, err error) {
	err = s.read(ctx, func(t *tx) error {
		_, err := t.row(ctx, `SELECT value FROM clienteling_mark WHERE name = ?`, []any{name}, &value)
		return err
	})
	return value, err
}

// SetMark keeps a value under a name; "" removes it.
func (s *Store) SetMark(ctx context.Context, name, value string) error {
	return s.tx(ctx, func(t *tx) error {
		if value == "" {
			_, err := t.exec(ctx, `DELETE FROM clienteling_mark WHERE name = ?`, name)
			return err
		}
		_, err := t.exec(ctx, `INSERT INTO clienteling_mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
}

// SetMarkOnce is SetMark where nothing is kept yet.
func (s *Store) SetMarkOnce(ctx context.Context, name, value string) error {
	return s.tx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO clienteling_mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, value)
		return err
	})
}
