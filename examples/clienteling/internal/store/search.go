package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
)

// The bounds of a search.
const (
	maxQuery = 200 // bytes that count
	maxHits  = 50
)

// Hit is a customer who was found.
type Hit struct {
	book.Customer
	LastOrder time.Time // zero if there is none
}

// Search returns customers of whom every word of the query begins a part of the name,
// the e-mail address or the phone number, without regard to case and accents, or who
// made the order of that name, the latest buyer first. A word of fewer than two
// characters finds nothing.
func (s *Store) Search(ctx context.Context, query string, limit int) (out []Hit, err error) {
	if len(query) > maxQuery {
		query = query[:maxQuery]
	}
	terms := wordsOf(query)
	if phone := digits(query); len(phone) >= 4 && len(phone) >= len(strings.Map(unlessSpace, query))/2 && !strings.Contains(query, "@") {
		terms = []string{"+" + strings.TrimLeft(phone, "0")} // one number, however it is written
	}
	if limit <= 0 || limit > maxHits {
		limit = maxHits
	}
	var matches []string
	var args []any
	for _, term := range terms {
		if len([]rune(term)) < 2 {
			matches = nil
			break
		}
		matches = append(matches, `SELECT customer FROM clienteling_word WHERE word >= ? AND word < ?`)
		args = append(args, term, term+"\U0010FFFF")
	}
	err = s.read(ctx, func(t *tx) error {
		out, err = t.hits(ctx, limit, []string{`SELECT customer FROM clienteling_order WHERE name = ?`}, nameOf(query))
		if err == nil && len(out) == 0 && len(matches) > 0 {
			out, err = t.hits(ctx, limit, matches, args...)
		}
		return err
	})
	return out, err
}

// hits returns the customers that all of the queries find, the latest buyer first.
func (t *tx) hits(ctx context.Context, limit int, queries []string, args ...any) (out []Hit, err error) {
	err = t.s.each(ctx, t.Tx, func(r *sql.Rows) error {
		var h Hit
		var body string
		var last int64
		if err := r.Scan(&body, &last); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &h.Customer); err != nil {
			return err
		}
		h.LastOrder = fromMicros(last)
		out = append(out, h)
		return nil
	}, `SELECT c.body, (SELECT coalesce(max(o.at_us), 0) FROM clienteling_order o WHERE o.customer = c.id) AS last FROM clienteling_customer c
		WHERE c.id IN (`+strings.Join(queries, `) AND c.id IN (`)+`) ORDER BY last DESC, c.id LIMIT ?`, append(args, limit)...)
	return out, err
}

// index keeps the words that a customer is found by.
func (t *tx) index(ctx context.Context, id int64, c *book.Customer) error {
	if _, err := t.exec(ctx, `DELETE FROM clienteling_word WHERE customer = ?`, id); err != nil {
		return err
	}
	words := append(wordsOf(c.FirstName), wordsOf(c.LastName)...)
	if c.Email != "" {
		words = append(words, fold(c.Email))
	}
	if n := digits(c.Phone); n != "" {
		words = append(words, "+"+n)
		// Without the country's code, which has one to three digits, as people write it.
		for skip := 1; skip <= 3 && skip < len(n)-3; skip++ {
			words = append(words, "+"+n[skip:])
		}
	}
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		if _, err := t.exec(ctx, `INSERT INTO clienteling_word (word, customer) VALUES (?, ?)`, w, id); err != nil {
			return err
		}
	}
	return nil
}

// wordsOf splits a text into folded words. An e-mail address is one.
func wordsOf(text string) []string {
	return strings.FieldsFunc(fold(text), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`,;()"'`, r)
	})
}

// fold removes case and accents.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == 0 || r == unicode.ReplacementChar {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(strings.ToValidUTF8(text, "")))
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

func unlessSpace(r rune) rune {
	if unicode.IsSpace(r) {
		return -1
	}
	return r
}

// nameOf is an order's name as both databases can hold it.
func nameOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(text), ""))
}
