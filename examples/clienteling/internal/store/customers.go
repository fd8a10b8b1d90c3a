package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

// Result is what became of a state that was put into the store.
type Result int

// The results.
const (
	// Stored: it is what the store has now.
	Stored Result = iota + 1
	// Same: the store had it already.
	Same
	// Older: the store has a later state.
	Older
	// Conflict: the store has another state with the same version. Only the shop knows
	// which of them came later: read it, and put what was read as [Read].
	Conflict
	// Gone: the customer was deleted, merged into another or erased.
	Gone
)

// Source is where a state comes from.
type Source int

const (
	// Told is a state that was on its way, such as a delivery or a row of a file.
	Told Source = iota
	// Read is a state that the shop was just asked for. Of two with the same version it
	// is the valid one. States of one customer, or order, that were read are put one
	// after the other.
	Read
)

// PutCustomer keeps a customer's state. Consents have times of their own, and stay
// where the store knows a later one of the same address or number.
func (s *Store) PutCustomer(ctx context.Context, c book.Customer, from Source) (result Result, err error) {
	id, err := c.ID.Number()
	if err != nil {
		return 0, err
	}
	err = s.tx(ctx, func(t *tx) error {
		result, err = t.putCustomer(ctx, id, c, from)
		return err
	})
	return result, err
}

// PutCustomers puts many as [Told], in one transaction, and returns those in conflict.
func (s *Store) PutCustomers(ctx context.Context, customers []book.Customer) (stored int, conflicts []int64, err error) {
	err = s.tx(ctx, func(t *tx) error {
		stored, conflicts = 0, nil
		for _, c := range customers {
			id, err := c.ID.Number()
			if err != nil {
				return err
			}
			switch result, err := t.putCustomer(ctx, id, c, Told); {
			case err != nil:
				return err
			case result == Stored:
				stored++
			case result == Conflict:
				conflicts = append(conflicts, id)
			}
		}
		return nil
	})
	return stored, conflicts, err
}

func (t *tx) putCustomer(ctx context.Context, id int64, c book.Customer, from Source) (Result, error) {
	if _, gone, err := t.gone(ctx, id); err != nil || gone {
		return Gone, err
	}
	normalize(&c)
	have, known, err := t.customer(ctx, id)
	if err != nil {
		return 0, err
	}
	if known {
		v, w := version(c.UpdatedAt), version(have.UpdatedAt)
		if v < w {
			return Older, nil
		}
		c.EmailConsent = laterConsent(c.EmailConsent, have.EmailConsent, c.Email == have.Email)
		c.SMSConsent = laterConsent(c.SMSConsent, have.SMSConsent, c.Phone == have.Phone)
		switch {
		case bodyOf(c) == bodyOf(have):
			return Same, nil
		case v == w && from == Told:
			return Conflict, nil
		}
	}
	if err := t.writeCustomer(ctx, id, c); err != nil {
		return 0, err
	}
	return Stored, t.changed(ctx, id)
}

// laterConsent is the consent that counts. One that was given for another address does
// not count for this one.
func laterConsent(told, have book.Consent, sameAddress bool) book.Consent {
	if sameAddress && version(have.At) > version(told.At) {
		return have
	}
	return told
}

// SetConsent keeps a consent that was given or taken back for an address or number, and
// reports whether the customer is in the book. of returns the right one of the two and
// what the customer's address or number is; a consent for another one counts for nothing.
func (s *Store) SetConsent(ctx context.Context, id int64, address string, consent book.Consent, of func(*book.Customer) (*book.Consent, string)) (known bool, err error) {
	err = s.tx(ctx, func(t *tx) error {
		c, ok, err := t.customer(ctx, id)
		if known = ok; err != nil || !ok {
			return err
		}
		have, reached := of(&c)
		if normal(address) != reached {
			return nil
		}
		consent.At = consent.At.UTC()
		if version(consent.At) < version(have.At) || *have == consent {
			return nil
		}
		if version(consent.At) == version(have.At) && have.State == "UNSUBSCRIBED" {
			return nil // of two at once, the one that forbids
		}
		*have = consent
		if err := t.writeCustomer(ctx, id, c); err != nil {
			return err
		}
		return t.changed(ctx, id)
	})
	return known, err
}

func (t *tx) customer(ctx context.Context, id int64) (c book.Customer, known bool, err error) {
	var body string
	known, err = t.row(ctx, `SELECT body FROM clienteling_customer WHERE id = ?`, []any{id}, &body)
	if err != nil || !known {
		return c, known, err
	}
	return c, true, json.Unmarshal([]byte(body), &c)
}

func (t *tx) writeCustomer(ctx context.Context, id int64, c book.Customer) error {
	_, err := t.exec(ctx, `INSERT INTO clienteling_customer (id, body) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body`, id, bodyOf(c))
	if err != nil {
		return err
	}
	return t.index(ctx, id, &c)
}

// normalize gives a customer the one form in which the same state is the same text.
func normalize(c *book.Customer) {
	c.Email, c.Phone = normal(c.Email), normal(c.Phone)
	c.Since, c.UpdatedAt = c.Since.UTC(), c.UpdatedAt.UTC()
	c.EmailConsent.At, c.SMSConsent.At = c.EmailConsent.At.UTC(), c.SMSConsent.At.UTC()
	if len(c.Tags) == 0 {
		c.Tags = nil
	}
}

// normal is an address, or a number, as the book has it.
func normal(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

func bodyOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: a %T does not marshal: %v", v, err)) // it is texts, times and numbers
	}
	return string(b)
}

// Missing returns the customers of the book who are not among those who are there.
func (s *Store) Missing(ctx context.Context, there map[int64]bool) (out []int64, err error) {
	err = s.read(ctx, func(t *tx) error {
		out, err = t.numbers(ctx, `SELECT id FROM clienteling_customer ORDER BY id`)
		out = slices.DeleteFunc(out, func(id int64) bool { return there[id] })
		return err
	})
	return out, err
}

// gone says whether a customer is gone, and how.
func (t *tx) gone(ctx context.Context, id int64) (how string, gone bool, err error) {
	gone, err = t.row(ctx, `SELECT how FROM clienteling_gone WHERE customer = ?`, []any{id}, &how)
	return how, gone, err
}

// GID is the id of a customer by number.
func GID(customer int64) shopify.GID { return shopify.NewGID("Customer", customer) }
