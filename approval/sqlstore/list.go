package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/sqldb"
)

// List implements [approval.Store].
func (s *Store) List(ctx context.Context, f approval.Filter) ([]*approval.Record, error) {
	query, args, err := s.listQuery(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: list: %w", err)
	}
	var list []*approval.Record
	err = each(ctx, s.reader(), query, args, func(rows *sql.Rows) error {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return err
		}
		r, err := approval.DecodeRecord(data)
		list = append(list, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqlstore: list: %w", err)
	}
	return list, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls row for every row of a query.
func each(ctx context.Context, db querier, query string, args []any, row func(*sql.Rows) error) (err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// The states in which few requests are at any time, and those in which they end
// up.
var (
	openStates  = []approval.State{approval.Recording, approval.Pending, approval.Approved, approval.Executing, approval.Uncertain}
	finalStates = []approval.State{approval.Rejected, approval.Denied, approval.Expired, approval.Executed, approval.Failed}
)

// source is from where a list is read.
type source int

const (
	byState source = iota // the requests of few states
	byTime                // a range of an index by time, of all or of one shop, location, …
	byText                // the texts by time, and their requests
	byID                  // the requests that the index of words gave
)

// builder makes a list's query. Whatever decides on the plan stands in the text,
// since PostgreSQL plans the same text once for all values.
type builder struct {
	*Store
	from  source
	where []string
	args  []any
}

func (b *builder) and(condition string, args ...any) {
	b.where = append(b.where, condition)
	b.args = append(b.args, args...)
}

// column is a column of the request in a condition that must not decide from
// where the list is read: SQLite, which knows nothing of how many rows there
// are, takes the unary plus as a hint (https://www.sqlite.org/optoverview.html).
func (b *builder) column(name string, decides bool) string {
	if !decides && b.db.Dialect == sqldb.SQLite {
		return `+r.` + name
	}
	return `r.` + name
}

func (s *Store) listQuery(ctx context.Context, f approval.Filter) (query string, args []any, err error) {
	b := &builder{Store: s, from: byTime}
	words := f.Words()
	rare := len(f.States) > 0 && !slices.ContainsFunc(f.States, func(state approval.State) bool { return !slices.Contains(openStates, state) })
	single := len(f.States) == 1 && f.Shop == "" && f.Location == "" && len(f.Locations) == 0 && f.Kind == "" && f.Proposer == "" && f.Subject.Type == "" && len(words) == 0
	switch {
	case rare || single:
		b.from = byState
	case len(words) > 0:
		b.from = byText
		ids, all, err := s.probe(ctx, words)
		if err != nil {
			return "", nil, err
		}
		if all {
			b.from = byID
			b.ids(ids)
		}
	}
	b.states(f.States)
	b.equals(f)
	b.subject(f)
	created, id := b.column("created_at", true), b.column("id", true)
	if b.from == byText {
		created, id = `t.created_at`, `t.request_id`
	}
	if !f.Since.IsZero() {
		b.and(created+` >= ?`, f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		b.and(created+` < ?`, f.Until.UnixMicro())
	}
	if len(words) > 0 {
		condition, patterns := like(words)
		b.and(condition, patterns...)
	}
	compare, order := `>`, ``
	if f.Newest {
		compare, order = `<`, ` DESC`
	}
	if f.After != "" {
		b.and(`(`+created+`, `+id+`) `+compare+` (SELECT created_at, id FROM posai_approval_request WHERE id = ?)`, f.After)
	}
	table := `posai_approval_request r`
	switch {
	case b.from == byText:
		// SQLite reads the left side of a CROSS JOIN first.
		table = `posai_approval_text t CROSS JOIN posai_approval_request r`
		b.and(`r.id = t.request_id`)
	case len(words) > 0:
		table += ` CROSS JOIN posai_approval_text t`
		b.and(`t.request_id = r.id`)
	}
	query = `SELECT r.data FROM ` + table + ` WHERE ` + strings.Join(b.where, ` AND `) +
		` ORDER BY ` + created + order + `, ` + id + order + ` LIMIT ` + strconv.Itoa(max(cmp.Or(f.Limit, 100), 0))
	return s.db.Rebind(query), b.args, nil
}

// states narrows the list to states, or to all but those that nobody may see.
func (b *builder) states(states []approval.State) {
	column := b.column("state", b.from == byState)
	if len(states) == 0 {
		b.and(column + ` <> '` + string(approval.Recording) + `'`)
		return
	}
	var list []string
	for _, state := range states {
		if slices.Contains(openStates, state) || slices.Contains(finalStates, state) {
			list = append(list, `'`+string(state)+`'`)
		}
	}
	if len(list) == 0 {
		b.and(`1 = 0`)
		return
	}
	slices.Sort(list)
	b.and(column + ` IN (` + strings.Join(slices.Compact(list), `, `) + `)`)
}

func (b *builder) equals(f approval.Filter) {
	decides := b.from == byTime
	for _, c := range []struct{ column, value string }{
		{"shop", f.Shop}, {"kind", f.Kind}, {"location", f.Location}, {"idempotency_key", f.Key}, {"proposer", f.Proposer},
	} {
		if c.value != "" {
			b.and(b.column(c.column, decides)+` = ?`, c.value)
		}
	}
	switch len(f.Locations) {
	case 0:
	case 1:
		b.and(b.column("location", decides && f.Location == "")+` = ?`, f.Locations[0])
	default:
		// Read by time and narrowed: the index of locations has the order of time
		// within each location alone.
		args := make([]any, len(f.Locations))
		for i, l := range f.Locations {
			args[i] = l
		}
		b.and(b.column("location", false)+` IN (?`+strings.Repeat(`, ?`, len(args)-1)+`)`, args...)
	}
}

func (b *builder) subject(f approval.Filter) {
	switch {
	case f.Subject.Type == "":
	case f.Subject.ID != "":
		b.and(`r.id IN (SELECT request_id FROM posai_approval_subject WHERE type = ? AND id = ?)`, f.Subject.Type, f.Subject.ID)
	default: // most may have one of the type
		plus := ""
		if b.db.Dialect == sqldb.SQLite {
			plus = `+` // not by the index that begins with it
		}
		b.and(`EXISTS (SELECT 1 FROM posai_approval_subject s WHERE s.request_id = r.id AND `+plus+`s.type = ?)`, f.Subject.Type)
	}
}
