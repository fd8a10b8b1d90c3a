package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
)

// SyncState is where a customer stands on the way to the CRM.
type SyncState string

// The states.
const (
	Moving    SyncState = ""          // on the way, or there
	Retrying  SyncState = "retry"     // it did not work, and is tried again
	Ambiguous SyncState = "ambiguous" // a person says which record of the CRM they are
	LeftOut   SyncState = "left out"  // a person said that they stay out
	Invalid   SyncState = "invalid"   // the CRM does not take them as they are
	Withheld  SyncState = "withheld"  // they opted out of sharing
)

// Choice is what a person said about a customer who may be a record of the CRM already.
type Choice string

// The choices.
const (
	ChoiceNone   Choice = ""         // nobody was asked
	ChoiceNew    Choice = "new"      // none of the CRM's
	ChoiceLinked Choice = "linked"   // one of the CRM's, which has their key by now
	ChoiceLeave  Choice = "left out" // keep them out
)

// Work is a customer whose state is on the way to the CRM.
type Work struct {
	Customer int64
	Changed  int64 // the count of changes that Entry has
	Sent     bool  // the CRM may have them
	Digest   string
	Attempts int
	Choice   Choice
	Entry    *book.Entry // nil if the book does not have them, but orders of theirs
}

// Settled is what became of a [Work].
type Settled struct {
	Customer int64
	// Changed is the count as of which it is settled; 0 if it is not.
	Changed int64
	State   SyncState
	// Digest of what the CRM has.
	Digest string
	// Sent says whether the CRM may have them.
	Sent bool
	// Problem is what people are told; for [Ambiguous] the candidates, until somebody is
	// asked.
	Problem string
	// Attempts so far, and when to try again; zero if now.
	Attempts int
	Due      time.Time
}

// changed counts a change of a customer and makes it due.
func (t *tx) changed(ctx context.Context, customer int64) error {
	if customer == 0 {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO clienteling_sync (customer, changed, acked, due_us, attempts, sent, digest, state, problem, choice, request)
		VALUES (?, 1, 0, ?, 0, 0, '', '', '', '', '')
		ON CONFLICT (customer) DO UPDATE SET changed = clienteling_sync.changed + 1,
			due_us = CASE WHEN clienteling_sync.state = 'retry' THEN clienteling_sync.due_us ELSE excluded.due_us END`, customer, micros(t.now))
	return err
}

// ChangeAll makes every customer due: what is told of them may depend on the day.
func (s *Store) ChangeAll(ctx context.Context) error {
	return s.tx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE clienteling_sync SET changed = changed + 1, due_us = ? WHERE EXISTS
			(SELECT 1 FROM clienteling_customer c WHERE c.id = clienteling_sync.customer)`, micros(t.now))
		return err
	})
}

// Due returns the customers that are due and have a higher number than after, by their
// numbers.
func (s *Store) Due(ctx context.Context, after int64, limit int) (out []Work, err error) {
	err = s.read(ctx, func(t *tx) error {
		out, err = t.due(ctx, after, limit)
		return err
	})
	return out, err
}

func (t *tx) due(ctx context.Context, after int64, limit int) ([]Work, error) {
	var out []Work
	err := t.s.each(ctx, t.Tx, func(r *sql.Rows) error {
		var w Work
		if err := r.Scan(&w.Customer, &w.Changed, &w.Sent, &w.Digest, &w.Attempts, &w.Choice); err != nil {
			return err
		}
		out = append(out, w)
		return nil
	}, `SELECT customer, changed, sent, digest, attempts, choice FROM clienteling_sync
		WHERE changed > acked AND due_us <= ? AND state NOT IN ('ambiguous', 'left out') AND customer > ? ORDER BY customer LIMIT ?`, micros(t.now), after, limit)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Entry, err = t.entry(ctx, out[i].Customer); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return out, nil
}

// Sending says, before it happens, that the CRM may have these customers from now on, in
// a state that is not known until it has answered.
func (s *Store) Sending(ctx context.Context, l *Lease, customers []int64) error {
	return s.tx(ctx, func(t *tx) error {
		if err := t.under(ctx, l); err != nil {
			return err
		}
		for len(customers) > 0 {
			part := customers[:min(len(customers), many)]
			customers = customers[len(part):]
			if _, err := t.exec(ctx, `UPDATE clienteling_sync SET sent = 1, digest = '' WHERE customer IN (`+marks(len(part))+`)`, list(part)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Settle keeps what became of customers. What changed meanwhile stays due, and of those
// who went meanwhile nothing is kept.
func (s *Store) Settle(ctx context.Context, l *Lease, settled []Settled) error {
	return s.tx(ctx, func(t *tx) error {
		if err := t.under(ctx, l); err != nil {
			return err
		}
		for _, o := range settled {
			_, err := t.exec(ctx, `UPDATE clienteling_sync SET acked = CASE WHEN ? > acked THEN ? ELSE acked END, state = ?, digest = ?, sent = ?, problem = ?, attempts = ?,
				due_us = CASE WHEN changed > ? AND ? > 0 THEN due_us ELSE ? END, request = ''
				WHERE customer = ?`,
				o.Changed, o.Changed, string(o.State), o.Digest, number(o.Sent), o.Problem, o.Attempts, o.Changed, o.Changed, micros(o.Due), o.Customer)
			if err != nil {
				return err
			}
			if !o.Sent {
				if _, err := t.exec(ctx, `UPDATE clienteling_sync SET choice = '' WHERE customer = ? AND choice <> 'left out' AND state = 'withheld'`, o.Customer); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Question is a customer about whom a person is, or is to be, asked.
type Question struct {
	Customer int64
	Attempts int
	// Candidates are the CRM's records, as [Settled].Problem had them. They are kept here
	// alone, until there is an answer or the customer goes.
	Candidates string
	Request    string // of who was asked
}

// Questions returns the customers who are [Ambiguous].
func (s *Store) Questions(ctx context.Context) (out []Question, err error) {
	err = s.read(ctx, func(t *tx) error {
		out = nil
		return s.each(ctx, t.Tx, func(r *sql.Rows) error {
			var q Question
			if err := r.Scan(&q.Customer, &q.Attempts, &q.Candidates, &q.Request); err != nil {
				return err
			}
			out = append(out, q)
			return nil
		}, `SELECT customer, attempts, problem, request FROM clienteling_sync WHERE state = 'ambiguous' ORDER BY customer LIMIT 1000`)
	})
	return out, err
}

// Question returns what is asked about a customer, and reports false if nothing is.
func (s *Store) Question(ctx context.Context, customer int64) (q Question, found bool, err error) {
	err = s.read(ctx, func(t *tx) error {
		q = Question{Customer: customer}
		found, err = t.row(ctx, `SELECT attempts, problem, request FROM clienteling_sync WHERE customer = ? AND state = 'ambiguous'`, []any{customer}, &q.Attempts, &q.Candidates, &q.Request)
		return err
	})
	return q, found, err
}

// Asked keeps the request in which a person is asked.
func (s *Store) Asked(ctx context.Context, customer int64, request string) error {
	return s.tx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE clienteling_sync SET request = ? WHERE customer = ? AND state = 'ambiguous'`, request, customer)
		return err
	})
}

// Linking says, before it happens, that a record of the CRM may be tied to a customer, who
// is to be forgotten there when they go or opt out. It reports false if the customer is gone.
func (s *Store) Linking(ctx context.Context, customer int64) (known bool, err error) {
	err = s.tx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE clienteling_sync SET sent = 1 WHERE customer = ?`, customer)
		known = n == 1
		return err
	})
	return known, err
}

// Choose keeps what a person said, by the request that they were asked in, and makes the
// customer due. It reports false if the customer is gone.
func (s *Store) Choose(ctx context.Context, customer int64, choice Choice, request string) (known bool, err error) {
	err = s.tx(ctx, func(t *tx) error {
		state := Moving
		if choice == ChoiceLeave {
			state = LeftOut
		}
		n, err := t.exec(ctx, `UPDATE clienteling_sync SET choice = ?, state = ?, request = ?, changed = changed + 1, due_us = ?, problem = '' WHERE customer = ?`,
			string(choice), string(state), request, micros(t.now), customer)
		known = n == 1
		return err
	})
	return known, err
}

// Chosen returns what a person said in a request, if they did.
func (s *Store) Chosen(ctx context.Context, customer int64, request string) (choice Choice, found bool, err error) {
	err = s.read(ctx, func(t *tx) error {
		found, err = t.row(ctx, `SELECT choice FROM clienteling_sync WHERE customer = ? AND request = ? AND choice <> ''`, []any{customer, request}, &choice)
		return err
	})
	return choice, found, err
}

// AskAgain makes a customer due whose question nobody answered.
func (s *Store) AskAgain(ctx context.Context, customer int64) error {
	return s.tx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE clienteling_sync SET state = '', request = '', problem = '', due_us = ? WHERE customer = ? AND state = 'ambiguous'`, micros(t.now), customer)
		return err
	})
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func scanNumber(out *[]int64) func(*sql.Rows) error {
	return func(r *sql.Rows) error {
		var id int64
		if err := r.Scan(&id); err != nil {
			return err
		}
		*out = append(*out, id)
		return nil
	}
}
