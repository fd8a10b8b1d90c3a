// Package index finds entries of a log's archive in a SQLite file. The file holds
// nothing that is not in the archive: it can be deleted and is built anew.
//
// What entries are found by, such as the ID of an order, is kept as 64 bits of a
// SHA-256. Two of them may fall together, so what is found has to be compared with
// what was sought.
package index

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/posai-go/posai/audit"
)

// version is of the tables; a file of another version is built anew.
const version = 2

// group is the number of entries that share a row for what many entries have in
// common, such as a kind: such a row leads to all of the group.
const group = 256

// Index is an open index. It is safe for concurrent use.
type Index struct {
	db *sql.DB
}

// Open opens or creates the index at path.
func Open(ctx context.Context, path string, readOnly bool) (*Index, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	query := url.Values{"_pragma": {
		"busy_timeout(10000)",
		"cache_size(-16384)", // KiB
		"temp_store(MEMORY)",
	}}
	if readOnly {
		query.Set("mode", "ro")
	} else {
		// A lost commit is made up for from the archive: what must not happen is a
		// damaged file, and WAL rules that out without a sync for each commit.
		query["_pragma"] = append(query["_pragma"], "journal_mode(WAL)", "synchronous(NORMAL)")
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	x := &Index{db}
	if !readOnly {
		err = x.create(ctx)
	}
	if err == nil {
		err = x.check(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("index: %w", err), db.Close())
	}
	return x, nil
}

func (x *Index) create(ctx context.Context) error {
	_, err := x.db.ExecContext(ctx, fmt.Sprintf(`
		CREATE TABLE IF NOT EXISTS state (version INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL);
		CREATE TABLE IF NOT EXISTS entry (key INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (key, at)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS span (first INTEGER PRIMARY KEY, size INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL);
		INSERT INTO state SELECT %d, 0, x'' WHERE NOT EXISTS (SELECT * FROM state);`, version))
	return err
}

func (x *Index) check(ctx context.Context) error {
	var v int
	if err := x.db.QueryRowContext(ctx, `SELECT version FROM state`).Scan(&v); err != nil {
		return err
	}
	if v != version {
		return fmt.Errorf("version %d, want %d", v, version)
	}
	return nil
}

// Close closes the file.
func (x *Index) Close() error { return x.db.Close() }

// State returns the number of entries that the index covers, from the first on,
// and the root of the tree over them that Add was given.
func (x *Index) State(ctx context.Context) (size int64, root []byte, err error) {
	err = x.db.QueryRowContext(ctx, `SELECT size, root FROM state`).Scan(&size, &root)
	if err != nil {
		err = fmt.Errorf("index: %w", err)
	}
	return size, root, err
}

type row struct {
	key int64
	at  int64
}

// Add files the entries that follow those that are covered, in one transaction.
// The root is that of the tree with them.
func (x *Index) Add(ctx context.Context, first int64, entries []*audit.Entry, root []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("index: add: %w", err)
		}
	}()
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	result, err := tx.ExecContext(ctx, `UPDATE state SET size = ?, root = ? WHERE size = ?`, first+int64(len(entries)), root, first)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return cmp.Or(err, errors.New("the entries do not follow"))
	}
	var rows []row
	since, until := int64(1)<<62, -int64(1)<<62
	for i, e := range entries {
		at := first + int64(i)
		for _, key := range keysOf(e) {
			rows = append(rows, row{key, at})
		}
		for _, key := range commonKeysOf(e) {
			rows = append(rows, row{key, at / group * group})
		}
		since, until = min(since, e.Time.UnixMicro()), max(until, e.Time.UnixMicro())
	}
	if len(entries) > 0 {
		if _, err := tx.ExecContext(ctx, `INSERT INTO span VALUES (?, ?, ?, ?)`, first, len(entries), since, until); err != nil {
			return err
		}
	}
	// In the order of the table, neighbors share pages.
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at)) })
	if err := insert(ctx, tx, slices.Compact(rows)); err != nil {
		return err
	}
	return tx.Commit()
}

// insert writes many rows with each statement, as calling the engine costs more
// than the row.
func insert(ctx context.Context, tx *sql.Tx, rows []row) error {
	const most = 250
	many, err := tx.PrepareContext(ctx, insertSQL(most))
	if err != nil {
		return err
	}
	defer func() { _ = many.Close() }() // the transaction's end closes it too
	args := make([]any, 0, 2*most)
	for part := range slices.Chunk(rows, most) {
		args = args[:0]
		for _, r := range part {
			args = append(args, r.key, r.at)
		}
		if len(part) == most {
			_, err = many.ExecContext(ctx, args...)
		} else {
			_, err = tx.ExecContext(ctx, insertSQL(len(part)), args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func insertSQL(n int) string {
	return `INSERT OR IGNORE INTO entry VALUES ` + strings.TrimSuffix(strings.Repeat("(?,?),", n), ",")
}

// The kinds of keys.
const (
	keyID = iota + 1
	keySubject
	keyCorrelation
	keyActor
	keyKind
	keyAction
	keyRequest
	keyTrace
)

func hash(kind byte, value string) int64 {
	b := make([]byte, 0, 128)
	b = append(append(b, kind), value...)
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// keysOf returns what an entry is found by.
func keysOf(e *audit.Entry) []int64 {
	keys := make([]int64, 0, 10)
	add := func(kind byte, value string) {
		if value != "" {
			keys = append(keys, hash(kind, value))
		}
	}
	add(keyID, e.ID)
	for _, s := range e.Subjects {
		add(keySubject, s.ID)
	}
	for _, p := range e.Sealed {
		for _, of := range p.Of {
			add(keySubject, of)
		}
	}
	add(keyCorrelation, e.Correlation)
	add(keyTrace, e.TraceID)
	if e.Effect != nil {
		add(keyRequest, e.Effect.RequestID)
	}
	return keys
}

// commonKeysOf returns what an entry is found by together with many others.
func commonKeysOf(e *audit.Entry) [3]int64 {
	return [3]int64{hash(keyActor, e.Actor.ID), hash(keyKind, string(e.Kind)), hash(keyAction, e.Action)}
}

// common reports whether a kind of key leads to groups.
func common(kind byte) bool { return kind == keyActor || kind == keyKind || kind == keyAction }

// selective is from how many entries on a key is not worth narrowing by if there
// is another.
const selective = 1000

// pick returns the key of the query that narrows the search most and to how many
// entries one of its rows leads, 0 where there is none.
func (x *Index) pick(ctx context.Context, q *audit.Query) (key int64, size int64, err error) {
	fewest := int64(selective*group + 1)
	for _, k := range []struct {
		kind  byte
		value string
	}{
		// The first ones narrow most, as a rule.
		{keyID, q.ID},
		{keyRequest, q.RequestID},
		{keyTrace, q.TraceID},
		{keyCorrelation, q.Correlation},
		{keySubject, q.Subject.ID},
		{keyActor, q.Actor},
		{keyAction, q.Action},
		{keyKind, string(q.Kind)},
	} {
		if k.value == "" {
			continue
		}
		h := hash(k.kind, k.value)
		if k.kind == keyID {
			return h, 1, nil
		}
		n, leads := int64(0), int64(1)
		if common(k.kind) {
			leads = group
		}
		err := x.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM entry WHERE key = ? LIMIT ?)`, h, selective).Scan(&n)
		if err != nil {
			return 0, 0, err
		}
		if n*leads < fewest {
			key, size, fewest = h, leads, n*leads
		}
	}
	return key, size, nil
}

// Search yields the indexes below before among which all entries of the query
// are, in the order that it asks for.
func (x *Index) Search(ctx context.Context, q audit.Query, before int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		if q.Before > 0 {
			before = min(before, q.Before)
		}
		if err := x.search(ctx, &q, before, yield); err != nil {
			yield(0, fmt.Errorf("index: search: %w", err))
		}
	}
}

// page is how many indexes are read at a time: no statement stays open while
// the caller works.
const page = 1000

func (x *Index) search(ctx context.Context, q *audit.Query, before int64, yield func(int64, error) bool) error {
	key, size, err := x.pick(ctx, q)
	if err != nil {
		return err
	}
	if size == 0 {
		return x.spans(ctx, q, before, yield)
	}
	query := `SELECT at FROM entry WHERE key = ? AND at >= ? AND at < ? ORDER BY at LIMIT ?`
	if q.Descending {
		query = strings.Replace(query, "ORDER BY at", "ORDER BY at DESC", 1)
	}
	low, high := q.First/size*size, before
	for low < high {
		at, err := x.read(ctx, query, key, low, high)
		if err != nil {
			return err
		}
		for _, first := range at {
			if !each(span{first, size}, q, before, yield) {
				return nil
			}
		}
		if len(at) < page {
			return nil
		}
		if q.Descending {
			high = at[len(at)-1]
		} else {
			low = at[len(at)-1] + 1
		}
	}
	return nil
}

// each yields the indexes of a span that the query admits, and reports whether to
// go on.
func each(s span, q *audit.Query, before int64, yield func(int64, error) bool) bool {
	low, high := max(s.first, q.First), min(s.first+s.size, before)
	for i := range max(0, high-low) {
		if q.Descending {
			i = high - low - 1 - i
		}
		if !yield(low+i, nil) {
			return false
		}
	}
	return true
}

// read returns one page.
func (x *Index) read(ctx context.Context, query string, key, low, high int64) (at []int64, err error) {
	rows, err := x.db.QueryContext(ctx, query, key, low, high, page)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		at = append(at, n)
	}
	return at, rows.Err()
}

// spans yields all indexes but those of spans that lie outside of the time that
// the query asks for.
func (x *Index) spans(ctx context.Context, q *audit.Query, before int64, yield func(int64, error) bool) error {
	since, until := -int64(1)<<62, int64(1)<<62
	if !q.Since.IsZero() {
		since = q.Since.UnixMicro()
	}
	if !q.Until.IsZero() {
		until = q.Until.UnixMicro()
	}
	spans, err := x.readSpans(ctx, since, until, q.First, before)
	if err != nil {
		return err
	}
	if q.Descending {
		slices.Reverse(spans)
	}
	for _, s := range spans {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !each(s, q, before, yield) {
			return nil
		}
	}
	return nil
}

type span struct{ first, size int64 }

func (x *Index) readSpans(ctx context.Context, since, until, first, before int64) (spans []span, err error) {
	rows, err := x.db.QueryContext(ctx, `SELECT first, size FROM span WHERE until >= ? AND since <= ? AND first + size > ? AND first < ? ORDER BY first`,
		since, until, first, before)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s span
		if err := rows.Scan(&s.first, &s.size); err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, rows.Err()
}
