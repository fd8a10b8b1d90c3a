package store

import (
	"context"
	"errors"
	"time"
)

// ErrLeaseLost reports that another process took over what a lease was for.
var ErrLeaseLost = errors.New("store: another process has taken over")

// Lease says that this process alone does something, for a while. What is written under
// it is refused once another process has it.
type Lease struct {
	Name  string
	token int64
}

// Acquire takes a lease that nobody has, or reports that somebody has it.
func (s *Store) Acquire(ctx context.Context, name string, d time.Duration) (l *Lease, ok bool, err error) {
	err = s.tx(ctx, func(t *tx) error {
		// Where the row is missing, two who come at once wait for each other here.
		if _, err := t.exec(ctx, `INSERT INTO clienteling_lease (name, token, until_us) VALUES (?, 0, 0) ON CONFLICT (name) DO NOTHING`, name); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE clienteling_lease SET token = token + 1, until_us = ? WHERE name = ? AND until_us <= ?`, micros(t.now.Add(d)), name, micros(t.now))
		if ok = n == 1; err != nil || !ok {
			return err
		}
		l = &Lease{Name: name}
		_, err = t.row(ctx, `SELECT token FROM clienteling_lease WHERE name = ?`, []any{name}, &l.token)
		return err
	})
	return l, ok, err
}

// Renew prolongs a lease, or returns [ErrLeaseLost].
func (s *Store) Renew(ctx context.Context, l *Lease, d time.Duration) error {
	return s.tx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE clienteling_lease SET until_us = ? WHERE name = ? AND token = ?`, micros(t.now.Add(d)), l.Name, l.token)
		if err == nil && n == 0 {
			return ErrLeaseLost
		}
		return err
	})
}

// Release gives a lease back.
func (s *Store) Release(ctx context.Context, l *Lease) error {
	return s.tx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE clienteling_lease SET until_us = 0 WHERE name = ? AND token = ?`, l.Name, l.token)
		return err
	})
}

// under checks within a transaction that the lease still holds, and keeps it from
// changing hands before the transaction's end.
func (t *tx) under(ctx context.Context, l *Lease) error {
	n, err := t.exec(ctx, `UPDATE clienteling_lease SET name = name WHERE name = ? AND token = ?`, l.Name, l.token)
	if err == nil && n == 0 {
		return ErrLeaseLost
	}
	return err
}

func (t *tx) numbers(ctx context.Context, query string, args ...any) (out []int64, err error) {
	err = t.s.each(ctx, t.Tx, scanNumber(&out), query, args...)
	return out, err
}
