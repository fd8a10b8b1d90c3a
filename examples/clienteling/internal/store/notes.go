package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
)

// MaxNote is the longest note, in bytes.
const MaxNote = 2000

// ErrNote reports a note that cannot be kept.
var ErrNote = errors.New("store: a note has a kind, an author and a text of 1 to 2,000 bytes")

// AddNote keeps a note and returns it with what it lacked: an ID, the time. A note with
// an ID that is there already is kept once. Of a customer whom the book does not have
// it is [ErrNotFound].
func (s *Store) AddNote(ctx context.Context, n book.Note) (book.Note, error) {
	customer, err := n.Customer.Number()
	if err != nil || n.By == "" || n.Text == "" || len(n.Text) > MaxNote || !utf8.ValidString(n.Text) || len(n.By) > 200 || len(n.ID) > 128 {
		return n, ErrNote
	}
	switch n.Kind {
	case book.Preference, book.Service, book.Occasion, book.Promise:
	default:
		return n, ErrNote
	}
	if n.ID == "" {
		n.ID = rand.Text()
	}
	if n.At.IsZero() {
		n.At = s.now()
	}
	n.At, n.Due = n.At.UTC().Truncate(time.Second), n.Due.UTC()
	err = s.tx(ctx, func(t *tx) error {
		id, err := t.resolve(ctx, customer)
		if err != nil {
			return err
		}
		_, known, err := t.customer(ctx, id)
		if err != nil {
			return err
		}
		if !known {
			return ErrNotFound
		}
		n.Customer = GID(id)
		added, err := t.exec(ctx, `INSERT INTO clienteling_note (id, customer, at_us, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			n.ID, id, micros(n.At), bodyOf(n))
		if err != nil || added == 0 {
			return err
		}
		return t.changed(ctx, id)
	})
	return n, err
}

// notes returns a customer's notes, the latest first.
func (t *tx) notes(ctx context.Context, customer int64) (out []book.Note, err error) {
	err = t.s.each(ctx, t.Tx, func(r *sql.Rows) error {
		var body string
		if err := r.Scan(&body); err != nil {
			return err
		}
		var n book.Note
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			return err
		}
		n.Customer = GID(customer)
		out = append(out, n)
		return nil
	}, `SELECT body FROM clienteling_note WHERE customer = ? ORDER BY at_us DESC, id`, customer)
	return out, err
}
