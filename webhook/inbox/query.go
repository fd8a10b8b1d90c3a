package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/posai-go/posai/webhook"
)

// Errors of [Inbox.Get], [Inbox.Replay] and [Inbox.Delete].
var (
	// ErrNotFound reports an id that no delivery has.
	ErrNotFound = errors.New("inbox: no such delivery")

	// ErrActive reports a delivery that is yet to be processed.
	ErrActive = errors.New("inbox: the delivery is yet to be processed")
)

// Record is a delivery and where it stands.
type Record struct {
	ID int64
	webhook.Delivery
	State State

	// Attempts counts the attempts so far, the present one included.
	Attempts int

	// LastError is the text of the last attempt's error. It may quote
	// customers' data.
	LastError string

	// FinishedAt is when the delivery was processed or died; else zero.
	FinishedAt time.Time

	// Resource is what the delivery is about, as [Options.Resource] said when
	// it arrived. Its Ordering is empty under [AnyOrder].
	Resource Resource

	// Skipped says why the delivery was marked processed without a call of the
	// function; empty if it was called.
	Skipped Skip

	// Reconciled says that the delivery came by [Inbox.AcceptMissed].
	Reconciled bool

	// Replays counts the calls of [Inbox.Replay].
	Replays int
}

// Skip is why a delivery was marked processed without a call.
type Skip string

const (
	// SkippedStale is a delivery whose resource had been processed in a later
	// state, see [SkipStale].
	SkippedStale Skip = "stale"

	// SkippedCovered is a delivery that came both from Shopify and by
	// [Inbox.AcceptMissed], and the other was processed.
	SkippedCovered Skip = "covered"
)

// record is a Record that scans itself.
type record struct{ Record }

const recordColumns = `id, topic, shop, webhook_id, event_id, api_version, name, triggered_at, received_at, body, state, attempts, last_error, finished_at,
	resource, version, ordering, skipped, reconciled, replays`

type scanner interface{ Scan(...any) error }

func (r *record) scan(row scanner, more ...any) error {
	var triggered, received, finished, version int64
	var reconciled int
	err := row.Scan(append([]any{
		&r.ID, &r.Topic, &r.Shop, &r.WebhookID, &r.EventID, &r.APIVersion, &r.Name,
		&triggered, &received, &r.Body, &r.State, &r.Attempts, &r.LastError, &finished,
		&r.Resource.ID, &version, &r.Resource.Ordering, &r.Skipped, &reconciled, &r.Replays,
	}, more...)...)
	r.Resource.Version, r.Reconciled = fromMicros(version), reconciled != 0
	r.TriggeredAt, r.ReceivedAt, r.FinishedAt = fromMicros(triggered), fromMicros(received), fromMicros(finished)
	return err
}

// Query says which deliveries are meant. The zero Query means all.
type Query struct {
	State     State  // if not empty, those in this state
	Topic     string // if not empty, those of this topic
	Shop      string // if not empty, those of this shop
	WebhookID string // if not empty, those with this webhook ID
	Resource  string // if not empty, those with this [Resource.ID]

	// Since and Until bound the time of arrival: from Since on, before Until.
	// If zero, there is no bound.
	Since, Until time.Time

	// Reverse makes List begin with the latest.
	Reverse bool

	// WithoutBodies makes List leave bodies out, which may be long.
	WithoutBodies bool

	// After makes List begin behind the delivery with this id. If zero, at the
	// beginning.
	After int64
}

// where returns the condition that the query stands for, and its arguments.
func (q Query) where() (condition string, args []any) {
	var b strings.Builder
	b.WriteString(`1 = 1`)
	add := func(sql string, arg any) {
		b.WriteString(` AND ` + sql)
		args = append(args, arg)
	}
	for _, c := range [...]struct{ column, value string }{
		{"state", string(q.State)}, {"topic", q.Topic}, {"shop", q.Shop}, {"webhook_id", q.WebhookID}, {"resource", q.Resource},
	} {
		if c.value != "" {
			add(c.column+` = ?`, c.value)
		}
	}
	if !q.Since.IsZero() {
		add(`received_at >= ?`, micros(q.Since))
	}
	if !q.Until.IsZero() {
		add(`received_at < ?`, micros(q.Until))
	}
	if q.After != 0 {
		add(map[bool]string{false: `id > ?`, true: `id < ?`}[q.Reverse], q.After)
	}
	return b.String(), args
}

// listPage is how many rows List reads at a time.
const listPage = 100

// List yields deliveries in the order of their arrival, or the reverse. An
// error is yielded once and ends it.
func (b *Inbox) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		q := q
		for {
			page, err := b.page(ctx, q)
			if err != nil {
				yield(Record{}, fmt.Errorf("inbox: list: %w", err))
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				q.After = r.ID
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// page reads rows to their end before it returns them: on SQLite the caller
// could not call anything else in between.
func (b *Inbox) page(ctx context.Context, q Query) ([]Record, error) {
	condition, args := q.where()
	order := map[bool]string{false: `id`, true: `id DESC`}[q.Reverse]
	columns := recordColumns
	if q.WithoutBodies {
		columns = strings.Replace(columns, `body`, `substr(body, 1, 0)`, 1)
	}
	rows, err := b.db.QueryContext(ctx, b.db.Rebind(`SELECT `+columns+` FROM posai_delivery WHERE `+condition+` ORDER BY `+order+` LIMIT ?`),
		append(args, listPage)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var page []Record
	for rows.Next() {
		var r record
		if err := r.scan(rows); err != nil {
			return nil, err
		}
		if q.WithoutBodies {
			r.Body = nil
		}
		page = append(page, r.Record)
	}
	return page, rows.Err()
}

// Get returns the delivery with this id, or [ErrNotFound].
func (b *Inbox) Get(ctx context.Context, id int64) (Record, error) {
	var r record
	err := r.scan(b.db.QueryRowContext(ctx, b.db.Rebind(`SELECT `+recordColumns+` FROM posai_delivery WHERE id = ?`), id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Record{}, ErrNotFound
	case err != nil:
		return Record{}, fmt.Errorf("inbox: get: %w", err)
	}
	return r.Record, nil
}
