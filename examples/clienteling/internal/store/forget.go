package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// Forget is a customer whom the CRM is to forget.
type Forget struct {
	Key      string
	Attempts int
	// Erasure is what is reported once it is done; nil if nobody waits for it.
	Erasure *Erasure

	// The row as it was read: it is not done with if it was asked for again since.
	due int64
	job string
}

// forget makes the CRM's forgetting due. An erasure that waits for it stays.
func (t *tx) forget(ctx context.Context, customer int64, job *Erasure) error {
	text := ""
	if job != nil {
		text = bodyOf(job)
	}
	_, err := t.exec(ctx, `INSERT INTO clienteling_forget (crm_key, due_us, attempts, problem, job) VALUES (?, ?, 0, '', ?)
		ON CONFLICT (crm_key) DO UPDATE SET due_us = excluded.due_us, job = CASE WHEN excluded.job = '' THEN clienteling_forget.job ELSE excluded.job END`,
		t.s.Key(customer), micros(t.now), text)
	return err
}

// ForgetAgain has the CRM forget somebody who is gone once more: a record of it may have
// been tied to them since it did.
func (s *Store) ForgetAgain(ctx context.Context, customer int64) error {
	return s.tx(ctx, func(t *tx) error { return t.forget(ctx, customer, nil) })
}

// Forgets returns whom the CRM is to forget and who is due. The erasure of the whole
// shop comes alone, when it is the last.
func (s *Store) Forgets(ctx context.Context, limit int) (out []Forget, err error) {
	err = s.read(ctx, func(t *tx) error {
		out = nil
		return s.each(ctx, t.Tx, func(r *sql.Rows) error {
			var f Forget
			if err := r.Scan(&f.Key, &f.Attempts, &f.due, &f.job); err != nil {
				return err
			}
			if f.job != "" {
				if err := json.Unmarshal([]byte(f.job), &f.Erasure); err != nil {
					return err
				}
			}
			out = append(out, f)
			return nil
		}, `SELECT crm_key, attempts, due_us, job FROM clienteling_forget WHERE due_us <= ? AND (crm_key <> ? OR 1 = (SELECT count(*) FROM clienteling_forget))
			ORDER BY due_us, crm_key LIMIT ?`, micros(t.now), s.Key(0), limit)
	})
	return out, err
}

// Forgotten says that the CRM has forgotten a customer and that it was reported. Who was
// to be forgotten again meanwhile, or by an erasure that was not there yet, stays due.
func (s *Store) Forgotten(ctx context.Context, l *Lease, f Forget) error {
	return s.tx(ctx, func(t *tx) error {
		if err := t.under(ctx, l); err != nil {
			return err
		}
		_, err := t.exec(ctx, `DELETE FROM clienteling_forget WHERE crm_key = ? AND due_us = ? AND job = ?`, f.Key, f.due, f.job)
		return err
	})
}

// ForgetLater says that it did not work, why, and when to try again.
func (s *Store) ForgetLater(ctx context.Context, l *Lease, f Forget, problem string, due time.Time) error {
	return s.tx(ctx, func(t *tx) error {
		if err := t.under(ctx, l); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE clienteling_forget SET attempts = ?, problem = ?, due_us = ? WHERE crm_key = ?`, f.Attempts+1, problem, micros(due), f.Key)
		return err
	})
}

// Counts are figures of the book and its way to the CRM.
type Counts struct {
	Customers, Orders, Notes int
	Pending                  int // changed and not yet in the CRM, questions and those left out aside
	Retrying                 int
	Questions, LeftOut       int
	Invalid, Withheld        int
	Forgetting               int
	Oldest                   time.Duration // since when the one that waits longest is due; 0 if none waits
}

// Counts counts.
func (s *Store) Counts(ctx context.Context) (c Counts, err error) {
	err = s.read(ctx, func(t *tx) error {
		var oldest sql.NullInt64
		for _, q := range []struct {
			query string
			into  any
		}{
			{`SELECT count(*) FROM clienteling_customer`, &c.Customers},
			{`SELECT count(*) FROM clienteling_order WHERE customer <> 0`, &c.Orders},
			{`SELECT count(*) FROM clienteling_note`, &c.Notes},
			{`SELECT count(*) FROM clienteling_sync WHERE changed > acked AND state NOT IN ('ambiguous', 'left out')`, &c.Pending},
			{`SELECT count(*) FROM clienteling_sync WHERE state = 'retry'`, &c.Retrying},
			{`SELECT count(*) FROM clienteling_sync WHERE state = 'ambiguous'`, &c.Questions},
			{`SELECT count(*) FROM clienteling_sync WHERE state = 'left out'`, &c.LeftOut},
			{`SELECT count(*) FROM clienteling_sync WHERE state = 'invalid'`, &c.Invalid},
			{`SELECT count(*) FROM clienteling_sync WHERE state = 'withheld'`, &c.Withheld},
			{`SELECT count(*) FROM clienteling_forget`, &c.Forgetting},
			{`SELECT min(due_us) FROM clienteling_sync WHERE changed > acked AND state NOT IN ('ambiguous', 'left out')`, &oldest},
		} {
			if _, err := t.row(ctx, q.query, nil, q.into); err != nil {
				return err
			}
		}
		if oldest.Valid {
			c.Oldest = max(t.now.Sub(fromMicros(oldest.Int64)), 0)
		}
		return nil
	})
	return c, err
}

// Problem is a customer whom the CRM does not take.
type Problem struct {
	Customer int64
	State    SyncState
	Text     string
}

// Problems returns the customers that the CRM does not take as they are, and those whose
// last attempt failed.
func (s *Store) Problems(ctx context.Context, limit int) (out []Problem, err error) {
	err = s.read(ctx, func(t *tx) error {
		out = nil
		return s.each(ctx, t.Tx, func(r *sql.Rows) error {
			var p Problem
			if err := r.Scan(&p.Customer, &p.State, &p.Text); err != nil {
				return err
			}
			out = append(out, p)
			return nil
		}, `SELECT customer, state, problem FROM clienteling_sync WHERE state IN ('invalid', 'retry') ORDER BY state, customer LIMIT ?`, limit)
	})
	return out, err
}
