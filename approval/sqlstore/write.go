package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
)

// statements are the writes of the store. On PostgreSQL each is one statement,
// alarms included, so that it takes one round trip; on SQLite, where there are
// no round trips, it takes several.
type statements struct {
	insert, update string // of the request
	updateText     string // update, of a request whose text may have changed

	// On SQLite alone.
	text, subjects string // of a new request; the subjects are JSON
	newText        string
	alarms         string // of a request, from JSON
}

const (
	insertRequest = `INSERT INTO posai_approval_request
		(id, shop, kind, idempotency_key, location, state, created_at, version, data, proposer, unrecorded)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10) ON CONFLICT (shop, kind, idempotency_key) DO NOTHING`
	updateRequest = `UPDATE posai_approval_request SET state = $1, version = $2, data = $3, unrecorded = $4`
	whichRequest  = ` WHERE id = $5 AND version = $6`
)

func newStatements(db *sqldb.DB, clock *alarm.Clock) statements {
	if db.Dialect == sqldb.SQLite {
		numbered := strings.NewReplacer(`$`, `?`)
		update := numbered.Replace(updateRequest + whichRequest)
		return statements{
			insert: numbered.Replace(insertRequest), update: update, updateText: update,
			text:    `INSERT INTO posai_approval_text (request_id, created_at, search) VALUES (?, ?, ?)`,
			newText: `UPDATE posai_approval_text SET search = ?1 WHERE request_id = ?2 AND search <> ?1`,
			subjects: `INSERT INTO posai_approval_subject (type, id, created_at, request_id)
				SELECT COALESCE(value ->> 'type', ''), COALESCE(value ->> 'id', ''), ?1, ?2 FROM json_each(?3) WHERE TRUE ON CONFLICT DO NOTHING`,
			alarms: clock.SetSQL(`SELECT '` + task + `', ?1, value FROM json_each(?2)`),
		}
	}
	update := func(text string) string {
		// Whoever finds another version learns at once whether there is any.
		return `WITH written AS (` + updateRequest + `, changed_by = pg_current_xact_id()` + whichRequest + ` RETURNING id), ` + text + `
			alarms AS (` + clock.SetSQL(`SELECT '`+task+`'::text, written.id, due FROM written, unnest($7::bigint[]) AS due`) + `)
			SELECT count(*), EXISTS (SELECT 1 FROM posai_approval_request WHERE id = $5) FROM written`
	}
	return statements{
		insert: `WITH written AS (` + insertRequest + ` RETURNING id, created_at),
			texts AS (INSERT INTO posai_approval_text (request_id, created_at, search) SELECT id, created_at, $11 FROM written),
			subjects AS (INSERT INTO posai_approval_subject (type, id, created_at, request_id)
				SELECT s.type, s.id, written.created_at, written.id FROM written, unnest($12::text[], $13::text[]) AS s (type, id) ON CONFLICT DO NOTHING),
			alarms AS (` + clock.SetSQL(`SELECT '`+task+`'::text, written.id, due FROM written, unnest($14::bigint[]) AS due`) + `)
			SELECT count(*), FALSE FROM written`,
		update:     update(``),
		updateText: update(`texts AS (UPDATE posai_approval_text t SET search = $8 FROM written WHERE t.request_id = written.id AND t.search <> $8),`),
	}
}

// dues are the times of alarms as SQL takes them: nil is at once, rather than
// when River next looks at what was due.
func dues(wake []time.Time) []*int64 {
	list := make([]*int64, len(wake))
	for i, t := range wake {
		if t.After(time.Now()) {
			due := t.UnixMicro()
			list[i] = &due
		}
	}
	return list
}

// Insert implements [approval.Store].
func (s *Store) Insert(ctx context.Context, r *approval.Record, wake ...time.Time) (stored *approval.Record, inserted bool, err error) {
	copied := *r
	copied.Version = 1
	data, err := copied.Encode()
	if err != nil {
		return nil, false, fmt.Errorf("sqlstore: %w", err)
	}
	q := &r.Request
	inserted, _, err = s.apply(ctx, change{q, true, dues(wake), s.sql.insert, []any{
		q.ID, q.Shop, q.Kind, q.Key, q.Location, string(q.State), q.CreatedAt.UnixMicro(), string(data), q.Proposer.ID, len(r.Outbox),
	}})
	if err != nil {
		return nil, false, fmt.Errorf("sqlstore: insert: %w", err)
	}
	if !inserted {
		// The other one may have been committed after this statement began, so
		// look in a transaction of its own.
		stored, err = s.one(ctx, `shop = ? AND kind = ? AND idempotency_key = ?`, q.Shop, q.Kind, q.Key)
		return stored, false, err
	}
	stored, err = approval.DecodeRecord(data)
	return stored, true, err
}

// InsertWith implements [approval.Store].
func (s *Store) InsertWith(ctx context.Context, r *approval.Record, docs []approval.Document, wake ...time.Time) (stored *approval.Record, inserted bool, err error) {
	if len(docs) == 0 {
		return s.Insert(ctx, r, wake...)
	}
	within := func(tx *sql.Tx) (err error) {
		view := s.in(tx)
		// First the request: who is second for its key waits here, and then has
		// nothing to write.
		stored, inserted, err = view.Insert(ctx, r, wake...)
		if err != nil || !inserted {
			return err
		}
		for _, d := range docs {
			if _, err := view.SetDocument(ctx, d); err != nil {
				return err
			}
		}
		return nil
	}
	if s.tx != nil {
		err = savepoint(ctx, s.tx, within)
	} else {
		err = s.db.Tx(ctx, within)
	}
	if err != nil {
		return nil, false, err
	}
	return stored, inserted, nil
}

// savepoint runs fn in a transaction of the caller's, so that if it fails nothing
// of it remains, also where it fails because ctx has ended: the transaction may go on.
func savepoint(ctx context.Context, tx *sql.Tx, fn func(*sql.Tx) error) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT posai_insert`); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	failed := fn(tx)
	ctx = context.WithoutCancel(ctx)
	if failed != nil {
		if _, err := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT posai_insert`); err != nil {
			return errors.Join(failed, fmt.Errorf("sqlstore: %w", err))
		}
	}
	if _, err := tx.ExecContext(ctx, `RELEASE SAVEPOINT posai_insert`); err != nil && failed == nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return failed
}

// Update implements [approval.Store].
func (s *Store) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	copied := *r
	copied.Version++
	data, err := copied.Encode()
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	q := &r.Request
	query := s.sql.update
	if len(q.Edits) > 0 {
		query = s.sql.updateText
	}
	updated, found, err := s.apply(ctx, change{q, false, dues(wake), query, []any{
		string(q.State), copied.Version, string(data), len(r.Outbox), q.ID, r.Version,
	}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("sqlstore: update: %w", err)
	case updated:
		return &copied, nil // which the caller may change without touching what is stored
	case found:
		return nil, approval.ErrConflict
	}
	return nil, approval.ErrNotFound
}

// change is an insert or an update of a request.
type change struct {
	request *approval.Request
	isNew   bool
	due     []*int64 // of its alarms
	query   string
	args    []any
}

// rings reports whether an alarm of it rings at once.
func (c change) rings() bool { return slices.Contains(c.due, nil) }

// apply makes a change and, if it did, sets its alarms. It reports whether it
// did and, of an update, whether there is such a request.
func (s *Store) apply(ctx context.Context, c change) (applied, found bool, err error) {
	if s.db.Dialect == sqldb.PostgreSQL {
		return s.applyPostgres(ctx, c)
	}
	within := func(ctx context.Context, tx *sql.Tx) (err error) {
		applied, found, err = s.applySQLite(ctx, tx, c)
		return err
	}
	if s.tx != nil {
		err = savepoint(ctx, s.tx, func(tx *sql.Tx) error { return within(ctx, tx) })
	} else {
		err = s.db.Together(ctx, within)
	}
	return applied, found, err
}

func (s *Store) applyPostgres(ctx context.Context, c change) (applied, found bool, err error) {
	args := c.args
	switch {
	case c.isNew:
		var types, ids []string
		for _, subject := range c.request.Subjects {
			types, ids = append(types, subject.Type), append(ids, subject.ID)
		}
		args = append(args, c.request.SearchText(), types, ids, c.due)
	case c.query == s.sql.updateText:
		args = append(args, c.due, c.request.SearchText())
	default:
		args = append(args, c.due)
	}
	var n int
	if err := s.writer().QueryRowContext(ctx, c.query, args...).Scan(&n, &found); err != nil {
		return false, false, err
	}
	switch {
	case n == 0 || !c.rings():
		return n == 1, found, nil
	case s.tx != nil:
		return true, true, s.clock.RingTx(ctx, s.tx)
	}
	s.clock.Ring()
	return true, true, nil
}

func (s *Store) applySQLite(ctx context.Context, tx *sql.Tx, c change) (applied, found bool, err error) {
	done, err := tx.ExecContext(ctx, c.query, c.args...)
	if err != nil {
		return false, false, err
	}
	n, err := done.RowsAffected()
	switch {
	case err != nil:
		return false, false, err
	case n == 0 && !c.isNew:
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM posai_approval_request WHERE id = ?)`, c.request.ID).Scan(&found)
		return false, found, err
	case n == 0:
		return false, false, nil
	}
	switch r := c.request; {
	case c.isNew:
		_, err = tx.ExecContext(ctx, s.sql.text, r.ID, r.CreatedAt.UnixMicro(), r.SearchText())
	case len(r.Edits) > 0:
		_, err = tx.ExecContext(ctx, s.sql.newText, r.SearchText(), r.ID)
	}
	if err != nil {
		return false, false, err
	}
	if c.isNew && len(c.request.Subjects) > 0 {
		if err := execJSON(ctx, tx, s.sql.subjects, c.request.Subjects, c.request.CreatedAt.UnixMicro(), c.request.ID); err != nil {
			return false, false, err
		}
	}
	if len(c.due) > 0 {
		if err := execJSON(ctx, tx, s.sql.alarms, c.due, c.request.ID); err != nil {
			return false, false, err
		}
	}
	if c.rings() {
		err = s.clock.RingTx(ctx, tx)
	}
	return true, true, err
}

// execJSON runs a query whose last argument is a list as JSON.
func execJSON(ctx context.Context, tx *sql.Tx, query string, list any, args ...any) error {
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, query, append(args, string(data))...)
	return err
}
