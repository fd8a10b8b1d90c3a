package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
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
	Orders      []int64   `json:"orders,omitempty"` // those named, and all that the book had of the customer
	WebhookID   string    `json:"webhook_id"`
	TriggeredAt time.Time `json:"triggered_at"`
}

// of is the same erasure of another customer, who turned out to be the same person.
func (e Erasure) of(customer int64) Erasure {
	e.Customer, e.Orders, e.WebhookID = customer, nil, fmt.Sprintf("%s/%d", e.WebhookID, customer)
	return e
}

// Delete removes a customer, whom the CRM is to forget.
func (s *Store) Delete(ctx context.Context, customer int64) error {
	return s.tx(ctx, func(t *tx) error {
		if _, gone, err := t.gone(ctx, customer); err != nil || gone {
			return err
		}
		if err := t.bury(ctx, customer, deleted, 0, ""); err != nil {
			return err
		}
		return t.forget(ctx, customer, nil)
	})
}

// Merge makes what the book has of one customer another's, whom they live on as. Where the
// other was erased, so is this one.
func (s *Store) Merge(ctx context.Context, kept, gone int64) error {
	if kept == gone {
		return nil
	}
	erasing := false
	err := s.tx(ctx, func(t *tx) error {
		how, is, err := t.gone(ctx, gone)
		if erasing = how == erased; err != nil || is && how != deleted {
			return err
		}
		owner, err := t.resolve(ctx, kept)
		if err != nil || owner == gone {
			return err
		}
		if owner == 0 {
			erasing = true
			job, err := t.erasure(ctx, kept)
			if err != nil {
				return err
			}
			return t.erase(ctx, job.of(gone))
		}
		for _, table := range []string{"clienteling_order", "clienteling_note"} {
			if _, err := t.exec(ctx, `UPDATE `+table+` SET customer = ? WHERE customer = ?`, owner, gone); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `UPDATE clienteling_gone SET into_customer = ? WHERE into_customer = ?`, owner, gone); err != nil {
			return err
		}
		if err := t.bury(ctx, gone, merged, owner, ""); err != nil {
			return err
		}
		if err := t.forget(ctx, gone, nil); err != nil {
			return err
		}
		return t.changed(ctx, owner)
	})
	if err != nil || !erasing {
		return err
	}
	return s.clean(ctx)
}

// MergedInto returns who was merged into a customer: who they were before, too.
func (s *Store) MergedInto(ctx context.Context, customer int64) (out []int64, err error) {
	err = s.read(ctx, func(t *tx) error {
		out, err = t.mergedInto(ctx, customer)
		return err
	})
	return out, err
}

func (t *tx) mergedInto(ctx context.Context, customer int64) ([]int64, error) {
	return t.numbers(ctx, `SELECT customer FROM clienteling_gone WHERE into_customer = ? ORDER BY customer`, customer)
}

// Erase removes a customer, and who was merged into them, with all that the book has of
// them and of the orders named, whom the CRM is to forget. Each of them is an erasure of
// their own, which [Store.Forgets] gives and which is to be reported before
// [Store.Forgotten]. After an error, Erase again.
func (s *Store) Erase(ctx context.Context, job Erasure) error {
	if err := s.tx(ctx, func(t *tx) error { return t.erase(ctx, job) }); err != nil {
		return err
	}
	return s.clean(ctx)
}

func (t *tx) erase(ctx context.Context, job Erasure) error {
	before, err := t.mergedInto(ctx, job.Customer)
	if err != nil {
		return err
	}
	for _, id := range before {
		if err := t.eraseOne(ctx, job.of(id)); err != nil {
			return err
		}
	}
	return t.eraseOne(ctx, job)
}

func (t *tx) eraseOne(ctx context.Context, job Erasure) error {
	// Which orders were theirs is known only before the first attempt.
	earlier, err := t.erasure(ctx, job.Customer)
	if err != nil {
		return err
	}
	theirs, err := t.numbers(ctx, `SELECT id FROM clienteling_order WHERE customer = ?`, job.Customer)
	if err != nil {
		return err
	}
	for _, order := range job.Orders {
		if _, err := t.exec(ctx, `UPDATE clienteling_order SET customer = 0, at_us = 0, name = '', body = '' WHERE id = ?`, order); err != nil {
			return err
		}
	}
	if err := t.wipe(ctx, job.Customer); err != nil {
		return err
	}
	job.Orders = distinct(slices.Concat(job.Orders, earlier.Orders, theirs))
	if err := t.bury(ctx, job.Customer, erased, 0, bodyOf(job)); err != nil {
		return err
	}
	return t.forget(ctx, job.Customer, &job)
}

// erasure is that by which somebody was erased; zero if they were not.
func (t *tx) erasure(ctx context.Context, customer int64) (job Erasure, err error) {
	var text string
	known, err := t.row(ctx, `SELECT job FROM clienteling_gone WHERE customer = ? AND job <> ''`, []any{customer}, &text)
	if err != nil || !known {
		return job, err
	}
	return job, json.Unmarshal([]byte(text), &job)
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
func (t *tx) bury(ctx context.Context, id int64, how string, into int64, job string) error {
	for _, query := range []string{
		`DELETE FROM clienteling_customer WHERE id = ?`, `DELETE FROM clienteling_word WHERE customer = ?`, `DELETE FROM clienteling_sync WHERE customer = ?`,
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `INSERT INTO clienteling_gone (customer, how, into_customer, at_us, job) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (customer) DO UPDATE SET how = excluded.how, into_customer = excluded.into_customer, at_us = excluded.at_us, job = excluded.job`,
		id, how, into, micros(t.now), job)
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

// clean empties SQLite's write-ahead log, which would keep what was deleted.
func (s *Store) clean(ctx context.Context) error {
	if err := s.db.EmptyWAL(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
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
