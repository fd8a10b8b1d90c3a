package sqlstore

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/posai-go/posai/audit"
)

// pageIndexes is how many results of a search are read at once.
const pageIndexes = 1000

// terms returns what the entry is found by: the letter of a field and its value.
func terms(e *audit.Entry) []string {
	var out []string
	add := func(kind, value string) {
		if term := kind + value; value != "" && !slices.Contains(out, term) {
			out = append(out, term)
		}
	}
	add("k", string(e.Kind))
	add("n", e.Action)
	add("p", e.Shop)
	add("c", e.Correlation)
	add("a", e.Actor.ID)
	add("t", e.TraceID)
	if e.Effect != nil {
		add("r", e.Effect.RequestID)
	}
	for _, s := range e.Subjects {
		add("s", s.ID)
	}
	for _, p := range e.Sealed {
		for _, of := range p.Of {
			add("s", of)
		}
	}
	return out
}

// wanted returns the terms of a query, those first of which there are probably
// the fewest.
func wanted(q *audit.Query) []string {
	var out []string
	for _, t := range [][2]string{
		{"t", q.TraceID},
		{"r", q.RequestID},
		{"c", q.Correlation},
		{"s", q.Subject.ID},
		{"a", q.Actor},
		{"n", q.Action},
		{"k", string(q.Kind)},
		{"p", q.Shop},
	} {
		if t[1] != "" {
			out = append(out, t[0]+t[1])
		}
	}
	return out
}

// Search implements [audit.Searcher].
func (s *Store) Search(ctx context.Context, q audit.Query) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		low, high := max(q.First, 0), int64(math.MaxInt64)
		if q.Before > 0 {
			high = q.Before
		}
		for low < high {
			page, err := s.searchPage(ctx, &q, low, high)
			if err != nil {
				yield(0, fmt.Errorf("sqlstore: search: %w", err))
				return
			}
			for _, index := range page {
				if !yield(index, nil) {
					return
				}
			}
			if len(page) < pageIndexes {
				return
			}
			if last := page[len(page)-1]; q.Descending {
				high = last
			} else {
				low = last + 1
			}
		}
	}
}

// searchPage returns the next results from low up to, not including, high.
func (s *Store) searchPage(ctx context.Context, q *audit.Query, low, high int64) ([]int64, error) {
	args := []any{s.log, low, high}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	var b strings.Builder
	with := wanted(q)
	if len(with) > 0 && q.ID == "" {
		b.WriteString(`SELECT x.index FROM posai_audit_term x WHERE x.log = $1 AND x.index >= $2 AND x.index < $3 AND x.term = ` + arg(with[0]))
		for _, term := range with[1:] {
			b.WriteString(` AND EXISTS (SELECT FROM posai_audit_term y WHERE y.log = $1 AND y.index = x.index AND y.term = ` + arg(term) + `)`)
		}
		if !q.Since.IsZero() || !q.Until.IsZero() {
			b.WriteString(` AND EXISTS (SELECT FROM posai_audit_leaf l WHERE l.log = $1 AND l.index = x.index` + s.during(q, "l.", arg) + `)`)
		}
	} else {
		b.WriteString(`SELECT x.index FROM posai_audit_leaf x WHERE x.log = $1 AND x.index >= $2 AND x.index < $3` + s.during(q, "x.", arg))
		if q.ID != "" {
			b.WriteString(` AND x.id = ` + arg(q.ID))
		}
	}
	b.WriteString(` ORDER BY x.index`)
	if q.Descending {
		b.WriteString(` DESC`)
	}
	b.WriteString(` LIMIT ` + arg(pageIndexes))
	found, err := s.pool.Query(ctx, b.String(), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowTo[int64])
}

func (s *Store) during(q *audit.Query, column string, arg func(any) string) string {
	var out string
	if !q.Since.IsZero() {
		out += ` AND ` + column + `at >= ` + arg(q.Since)
	}
	if !q.Until.IsZero() {
		out += ` AND ` + column + `at < ` + arg(q.Until)
	}
	return out
}

// Known implements [audit.Shared].
func (s *Store) Known(ctx context.Context, ids []string) (map[string]bool, error) {
	found, err := s.pool.Query(ctx, `SELECT id FROM posai_audit_leaf WHERE log = $1 AND id = ANY($2)`, s.log, ids)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: search: %w", err)
	}
	known := make(map[string]bool)
	var id string
	if _, err := pgx.ForEachRow(found, []any{&id}, func() error {
		known[id] = true
		return nil
	}); err != nil {
		return nil, fmt.Errorf("sqlstore: search: %w", err)
	}
	return known, nil
}
