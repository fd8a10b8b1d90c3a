package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

// Order is what the store keeps of an order: numbers where the book has names, so that
// the same state is the same row whichever way it came.
type Order struct {
	ID        int64         `json:"-"`
	Customer  int64         `json:"-"` // 0 if it has none
	UpdatedAt time.Time     `json:"-"`
	At        time.Time     `json:"at"`
	Name      string        `json:"name"`
	Channel   book.Channel  `json:"channel"`
	Location  int64         `json:"location,omitzero"`
	Note      string        `json:"note,omitzero"`
	Lines     []Line        `json:"lines"`
	Total     shopify.Money `json:"total"`
	Refunded  shopify.Money `json:"refunded"`
	Canceled  bool          `json:"canceled,omitzero"`
}

// Line is a line of an [Order].
type Line struct {
	Product  int64         `json:"product,omitzero"`
	Variant  int64         `json:"variant,omitzero"`
	Title    string        `json:"title"`
	Vendor   string        `json:"vendor,omitzero"`
	Quantity int           `json:"quantity"`
	Returned int           `json:"returned,omitzero"`
	Paid     shopify.Money `json:"paid"`
	GiftCard bool          `json:"gift_card,omitzero"`
	Gift     bool          `json:"gift,omitzero"`
}

// PutOrder keeps an order's state. Of an order without a customer only its version is
// kept, so that a late delivery does not tie it to one again. An order may come before
// its customer. One of a customer who was merged belongs to whom they live on as.
func (s *Store) PutOrder(ctx context.Context, o Order, from Source) (result Result, err error) {
	err = s.tx(ctx, func(t *tx) error {
		result, err = t.putOrder(ctx, o, from)
		return err
	})
	return result, err
}

// PutOrders puts many as [Told], in one transaction, and returns those in conflict.
func (s *Store) PutOrders(ctx context.Context, orders []Order) (stored int, conflicts []int64, err error) {
	err = s.tx(ctx, func(t *tx) error {
		stored, conflicts = 0, nil
		for _, o := range orders {
			switch result, err := t.putOrder(ctx, o, Told); {
			case err != nil:
				return err
			case result == Stored:
				stored++
			case result == Conflict:
				conflicts = append(conflicts, o.ID)
			}
		}
		return nil
	})
	return stored, conflicts, err
}

func (t *tx) putOrder(ctx context.Context, o Order, from Source) (Result, error) {
	owner, err := t.resolve(ctx, o.Customer)
	if err != nil {
		return 0, err
	}
	o.Customer, o.At = owner, o.At.UTC()
	body, name := "", ""
	if owner != 0 {
		body, name = bodyOf(o), nameOf(o.Name)
	}
	var have struct {
		customer, version int64
		body              string
	}
	known, err := t.row(ctx, `SELECT customer, version, body FROM clienteling_order WHERE id = ?`, []any{o.ID}, &have.customer, &have.version, &have.body)
	if err != nil {
		return 0, err
	}
	v := version(o.UpdatedAt)
	switch {
	case !known:
	case v < have.version:
		return Older, nil
	case have.customer == owner && have.body == body:
		if v == have.version {
			return Same, nil
		}
	case v == have.version && from == Told:
		return Conflict, nil
	}
	_, err = t.exec(ctx, `INSERT INTO clienteling_order (id, customer, version, at_us, name, body) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, version = excluded.version, at_us = excluded.at_us, name = excluded.name, body = excluded.body`,
		o.ID, owner, v, micros(o.At), name, body)
	if err != nil || known && have.customer == owner && have.body == body {
		return Stored, err
	}
	for _, customer := range []int64{have.customer, owner} {
		if err := t.changed(ctx, customer); err != nil {
			return 0, err
		}
	}
	return Stored, nil
}

// DeleteOrder forgets an order for good: it was deleted in the shop.
func (s *Store) DeleteOrder(ctx context.Context, id int64) error {
	return s.tx(ctx, func(t *tx) error {
		var customer int64
		known, err := t.row(ctx, `SELECT customer FROM clienteling_order WHERE id = ?`, []any{id}, &customer)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO clienteling_order (id, customer, version, at_us, name, body) VALUES (?, 0, ?, 0, '', '')
			ON CONFLICT (id) DO UPDATE SET customer = 0, version = excluded.version, at_us = 0, name = '', body = ''`, id, int64(math.MaxInt64)); err != nil || !known {
			return err
		}
		return t.changed(ctx, customer)
	})
}

// resolve returns who a customer is: themself, whom they were merged into, or 0 for who
// was erased. Who was deleted keeps their orders for a while, since a merge may explain
// it later.
func (t *tx) resolve(ctx context.Context, id int64) (int64, error) {
	for range 32 { // chains are cut short as they are made
		var how string
		var into int64
		gone, err := t.row(ctx, `SELECT how, into_customer FROM clienteling_gone WHERE customer = ?`, []any{id}, &how, &into)
		switch {
		case err != nil || !gone || how == deleted:
			return id, err
		case how == erased:
			return 0, nil
		}
		id = into
	}
	return 0, nil
}

// Entry returns what the book has about a customer, or [ErrNotFound]. A customer who
// was merged is who they live on as.
func (s *Store) Entry(ctx context.Context, customer int64) (e *book.Entry, err error) {
	err = s.read(ctx, func(t *tx) error {
		e, err = t.entry(ctx, customer)
		return err
	})
	return e, err
}

// Knows reports whether [Store.Entry] would find a customer.
func (s *Store) Knows(ctx context.Context, customer int64) (known bool, err error) {
	err = s.read(ctx, func(t *tx) error {
		id, err := t.resolve(ctx, customer)
		if err != nil {
			return err
		}
		_, known, err = t.customer(ctx, id)
		return err
	})
	return known, err
}

func (t *tx) entry(ctx context.Context, customer int64) (*book.Entry, error) {
	id, err := t.resolve(ctx, customer)
	if err != nil {
		return nil, err
	}
	c, known, err := t.customer(ctx, id)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, ErrNotFound
	}
	e := &book.Entry{Customer: c}
	orders, err := t.orders(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.Orders, err = t.complete(ctx, orders); err != nil {
		return nil, err
	}
	e.Notes, err = t.notes(ctx, id)
	return e, err
}

// orders returns a customer's orders, the latest first.
func (t *tx) orders(ctx context.Context, customer int64) (out []Order, err error) {
	err = t.s.each(ctx, t.Tx, func(r *sql.Rows) error {
		o := Order{Customer: customer}
		var version int64
		var body string
		if err := r.Scan(&o.ID, &version, &body); err != nil {
			return err
		}
		o.UpdatedAt = time.Unix(version, 0).UTC()
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			return err
		}
		out = append(out, o)
		return nil
	}, `SELECT id, version, body FROM clienteling_order WHERE customer = ? ORDER BY at_us DESC, id DESC`, customer)
	return out, err
}

// Orders returns the rows of a customer's orders, the latest first, as they are kept.
func (s *Store) Orders(ctx context.Context, customer int64) (out []Order, err error) {
	err = s.read(ctx, func(t *tx) error {
		out, err = t.orders(ctx, customer)
		return err
	})
	return out, err
}

// complete adds what is known of variants and locations.
func (t *tx) complete(ctx context.Context, orders []Order) ([]book.Order, error) {
	var ids, places []int64
	for _, o := range orders {
		places = append(places, o.Location)
		for _, l := range o.Lines {
			ids = append(ids, l.Variant)
		}
	}
	variants, err := t.variants(ctx, ids)
	if err != nil {
		return nil, err
	}
	names, err := t.locations(ctx, places)
	if err != nil {
		return nil, err
	}
	var out []book.Order
	for _, o := range orders {
		b := book.Order{
			ID: shopify.NewGID("Order", o.ID), Customer: GID(o.Customer), Name: o.Name, At: o.At, Channel: o.Channel, Location: names[o.Location],
			Note: o.Note, Total: o.Total, Refunded: o.Refunded, Canceled: o.Canceled, UpdatedAt: o.UpdatedAt,
		}
		for _, l := range o.Lines {
			line := book.Line{Title: l.Title, Vendor: l.Vendor, Quantity: l.Quantity, Returned: l.Returned, Paid: l.Paid, GiftCard: l.GiftCard, Gift: l.Gift}
			if l.Product != 0 {
				line.Product = shopify.NewGID("Product", l.Product)
			}
			if l.Variant != 0 {
				line.Variant = shopify.NewGID("ProductVariant", l.Variant)
				line.Category, line.Options = variants[l.Variant].Category, variants[l.Variant].Options
			}
			b.Lines = append(b.Lines, line)
		}
		out = append(out, b)
	}
	return out, nil
}

// distinct sorts numbers and drops zeros and repetitions.
func distinct(ids []int64) []int64 {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id int64) bool { return id == 0 })
}

// Entries yields everybody in the book, in no particular order.
func (s *Store) Entries(ctx context.Context) iter.Seq2[*book.Entry, error] {
	return func(yield func(*book.Entry, error) bool) {
		for after := int64(math.MinInt64); ; {
			var page []*book.Entry
			err := s.read(ctx, func(t *tx) error {
				ids, err := t.numbers(ctx, `SELECT id FROM clienteling_customer WHERE id > ? ORDER BY id LIMIT 200`, after)
				if err != nil {
					return err
				}
				for _, id := range ids {
					e, err := t.entry(ctx, id)
					if err != nil {
						return err
					}
					page, after = append(page, e), id
				}
				return nil
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}
