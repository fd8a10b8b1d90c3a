package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
)

// How somebody is gone.
const (
	deleted = "deleted"
	merged  = "merged"
	erased  = "erased"
)

// Keep is how long the orders and notes of a customer who was deleted are kept out of
// sight: Shopify deletes nobody with orders but by a merge, whose delivery may come later.
const Keep = 72 * time.Hour

// Erasure is what a customer's erasure is reported as, once the CRM has forgotten them.
// It holds numbers alone.
type Erasure struct {
	Topic       string    `json:"topic"`
	ShopID      int64     `json:"shop_id"`
	Customer    int64     `json:"customer,omitzero"`
	Orders      []int64   `json:"orders,omitempty"`
	WebhookID   string    `json:"webhook_id"`
	TriggeredAt time.Time `json:"triggered_at"`
}

// Delete removes a customer, whom the CRM is to forget.
func (s *Store) Delete(ctx context.Context, customer int64) error {
	return s.tx(ctx, func(t *tx) error {
		if _, gone, err := t.gone(ctx, customer); err != nil || gone {
			return err
		}
		if err := t.bury(ctx, customer, deleted, 0); err != nil {
			return err
		}
		return t.forget(ctx, customer, nil)
	})
}

// Merge makes what the book has of one customer another's, whom they live on as.
func (s *Store) Merge(ctx context.Context, kept, gone int64) error {
	if kept == gone {
		return nil
	}
	return s.tx(ctx, func(t *tx) error {
		if how, is, err := t.gone(ctx, gone); err != nil || is && how != deleted {
			return err
		}
		owner, err := t.resolve(ctx, kept)
		if err != nil || owner == gone {
			return err
		}
		// Where the other was erased, so is this one.
		if owner == 0 {
			if err := t.wipe(ctx, gone); err != nil {
				return err
			}
		}
		for _, table := range []string{"clienteling_order", "clienteling_note"} {
			if _, err := t.exec(ctx, `UPDATE `+table+` SET customer = ? WHERE customer = ?`, owner, gone); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `UPDATE clienteling_gone SET into_customer = ? WHERE into_customer = ?`, owner, gone); err != nil {
			return err
		}
		how, into := merged, owner
		if owner == 0 {
			how, into = erased, 0
		}
		if err := t.bury(ctx, gone, how, into); err != nil {
			return err
		}
		if err := t.forget(ctx, gone, nil); err != nil {
			return err
		}
		return t.changed(ctx, owner)
	})
}

// Erase removes a customer with all that the book has of them and of the orders named,
// whom the CRM is to forget. The job is reported to [Store.Forgotten] once it has.
func (s *Store) Erase(ctx context.Context, job Erasure) error {
	err := s.tx(ctx, func(t *tx) error {
		ids := []int64{job.Customer}
		// Who was merged into them was them.
		more, err := t.numbers(ctx, `SELECT customer FROM clienteling_gone WHERE into_customer = ?`, job.Customer)
		if err != nil {
			return err
		}
		for _, id := range append(ids, more...) {
			if err := t.wipe(ctx, id); err != nil {
				return err
			}
			if err := t.bury(ctx, id, erased, 0); err != nil {
				return err
			}
			if id != job.Customer {
				if err := t.forget(ctx, id, nil); err != nil {
					return err
				}
			}
		}
		for _, order := range job.Orders {
			if _, err := t.exec(ctx, `UPDATE clienteling_order SET customer = 0, at_us = 0, name = '', body = '' WHERE id = ?`, order); err != nil {
				return err
			}
		}
		return t.forget(ctx, job.Customer, &job)
	})
	if err != nil {
		return err
	}
	return s.clean(ctx)
}

// EraseAll removes the shop's whole book, whom the CRM is to forget.
func (s *Store) EraseAll(ctx context.Context, job Erasure) error {
	err := s.tx(ctx, func(t *tx) error {
		ids, err := t.numbers(ctx, `SELECT customer FROM clienteling_sync WHERE sent = 1`)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := t.forget(ctx, id, nil); err != nil {
				return err
			}
		}
		for _, table := range []string{"customer", "word", "order", "note", "gone", "variant", "location", "sync"} {
			if _, err := t.exec(ctx, `DELETE FROM clienteling_`+table); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `DELETE FROM clienteling_mark WHERE name <> 'shop'`); err != nil {
			return err
		}
		return t.forget(ctx, 0, &job) // it has nobody, and is due once all others are done
	})
	if err != nil {
		return err
	}
	return s.clean(ctx)
}

// Purge removes what was kept of customers who were deleted before [Keep].
func (s *Store) Purge(ctx context.Context) error {
	return s.tx(ctx, func(t *tx) error {
		ids, err := t.numbers(ctx, `SELECT customer FROM clienteling_gone WHERE how = ? AND at_us < ? AND (
			EXISTS (SELECT 1 FROM clienteling_order o WHERE o.customer = clienteling_gone.customer) OR
			EXISTS (SELECT 1 FROM clienteling_note n WHERE n.customer = clienteling_gone.customer))`, deleted, micros(t.now.Add(-Keep)))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := t.wipe(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// bury removes the customer's own row and remembers that they are gone.
func (t *tx) bury(ctx context.Context, id int64, how string, into int64) error {
	for _, query := range []string{
		`DELETE FROM clienteling_customer WHERE id = ?`, `DELETE FROM clienteling_word WHERE customer = ?`, `DELETE FROM clienteling_sync WHERE customer = ?`,
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `INSERT INTO clienteling_gone (customer, how, into_customer, at_us) VALUES (?, ?, ?, ?)
		ON CONFLICT (customer) DO UPDATE SET how = excluded.how, into_customer = excluded.into_customer, at_us = excluded.at_us`, id, how, into, micros(t.now))
	return err
}

// wipe removes a customer's orders, but for their versions, and notes.
func (t *tx) wipe(ctx context.Context, id int64) error {
	if _, err := t.exec(ctx, `UPDATE clienteling_order SET customer = 0, at_us = 0, name = '', body = '' WHERE customer = ?`, id); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM clienteling_note WHERE customer = ?`, id)
	return err
}

// clean moves SQLite's write-ahead log into the file, where zeros stand for what was
// deleted, and empties it.
func (s *Store) clean(ctx context.Context) error {
	if s.db.Dialect != sqldb.SQLite {
		return nil
	}
	var busy, log, done int
	if err := s.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &done); err != nil {
		return errors.Join(errors.New("store: checkpoint"), err)
	}
	return nil // busy: a reader is at work; the next checkpoint does it
}

func jobOf(text string) (*Erasure, error) {
	if text == "" {
		return nil, nil
	}
	var job Erasure
	return &job, json.Unmarshal([]byte(text), &job)
}

// Erased reports whether somebody was erased.
func (s *Store) Erased(ctx context.Context, customer int64) (is bool, err error) {
	err = s.read(ctx, func(t *tx) error {
		how, _, err := t.gone(ctx, customer)
		is = how == erased
		return err
	})
	return is, err
}
