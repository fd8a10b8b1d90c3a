package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/posai-go/posai/internal/alarm"
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
}

// record is a Record that scans itself.
type record struct{ Record }

const recordColumns = `id, topic, shop, webhook_id, event_id, api_version, name, triggered_at, received_at, body, state, attempts, last_error, finished_at`

type scanner interface{ Scan(...any) error }

func (r *record) scan(row scanner, more ...any) error {
	var triggered, received, finished int64
	err := row.Scan(append([]any{
		&r.ID, &r.Topic, &r.Shop, &r.WebhookID, &r.EventID, &r.APIVersion, &r.Name,
		&triggered, &received, &r.Body, &r.State, &r.Attempts, &r.LastError, &finished,
	}, more...)...)
	r.TriggeredAt, r.ReceivedAt, r.FinishedAt = fromMicros(triggered), fromMicros(received), fromMicros(finished)
	return err
}

// Stats are numbers of an inbox.
type Stats struct {
	// How many deliveries are in each state. Processed ones are counted until
	// they are deleted.
	Pending, Processing, Processed, Dead int

	// Lag is the age of the oldest delivery that is pending or processing;
	// zero if there is none.
	Lag time.Duration
}

// Stats counts the deliveries.
func (b *Inbox) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	var oldest int64
	// The counts come from the index on the states; only what is yet to be
	// processed is looked at itself.
	err := b.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM posai_delivery WHERE state = 'pending'),
		(SELECT count(*) FROM posai_delivery WHERE state = 'processing'),
		(SELECT count(*) FROM posai_delivery WHERE state = 'processed'),
		(SELECT count(*) FROM posai_delivery WHERE state = 'dead'),
		(SELECT COALESCE(min(received_at), 0) FROM posai_delivery WHERE state IN ('pending', 'processing'))`,
	).Scan(&s.Pending, &s.Processing, &s.Processed, &s.Dead, &oldest)
	if err != nil {
		return Stats{}, fmt.Errorf("inbox: stats: %w", err)
	}
	if oldest != 0 {
		s.Lag = max(time.Since(fromMicros(oldest)), 0)
	}
	return s, nil
}

// Query says which deliveries [Inbox.List] yields. The zero Query means all.
type Query struct {
	State State  // if not empty, those in this state
	Topic string // if not empty, those of this topic
	Shop  string // if not empty, those of this shop
}

// listPage is how many rows List reads at a time.
const listPage = 100

// List yields deliveries in the order of their arrival. An error is yielded
// once and ends it.
func (b *Inbox) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var last int64
		for {
			page, err := b.page(ctx, q, last)
			if err != nil {
				yield(Record{}, fmt.Errorf("inbox: list: %w", err))
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				last = r.ID
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// page reads rows to their end before it returns them: on SQLite the caller
// could not call anything else in between.
func (b *Inbox) page(ctx context.Context, q Query, after int64) ([]Record, error) {
	rows, err := b.db.QueryContext(ctx, b.db.Rebind(`SELECT `+recordColumns+` FROM posai_delivery
		WHERE id > ? AND (? = '' OR state = ?) AND (? = '' OR topic = ?) AND (? = '' OR shop = ?) ORDER BY id LIMIT ?`),
		after, q.State, q.State, q.Topic, q.Topic, q.Shop, q.Shop, listPage)
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

// Replay processes a dead or processed delivery anew, as if it had just
// arrived. Otherwise it fails with [ErrActive] or [ErrNotFound].
func (b *Inbox) Replay(ctx context.Context, id int64) error {
	return b.finished(ctx, "replay", id, func(tx *sql.Tx) error {
		err := b.update(ctx, tx, `UPDATE posai_delivery SET state = 'pending', attempts = 0, finished_at = 0, last_error = '' WHERE id = ?`, id)
		if err != nil {
			return err
		}
		return b.clock.SetTx(ctx, tx, alarm.Call{Task: taskProcess, Ref: strconv.FormatInt(id, 10)}, time.Time{})
	})
}

// Delete removes a dead or processed delivery, body and all. Otherwise it
// fails with [ErrActive] or [ErrNotFound].
func (b *Inbox) Delete(ctx context.Context, id int64) error {
	return b.finished(ctx, "delete", id, func(tx *sql.Tx) error {
		return b.update(ctx, tx, `DELETE FROM posai_delivery WHERE id = ?`, id)
	})
}

// finished runs fn in a transaction in which the delivery is dead or
// processed.
func (b *Inbox) finished(ctx context.Context, what string, id int64, fn func(*sql.Tx) error) error {
	err := b.db.Tx(ctx, func(tx *sql.Tx) error {
		// An update that changes nothing locks the row on both dialects.
		res, err := tx.ExecContext(ctx, b.db.Rebind(`UPDATE posai_delivery SET state = state WHERE id = ? AND state IN ('processed', 'dead')`), id)
		if err != nil {
			return err
		}
		switch n, err := res.RowsAffected(); {
		case err != nil:
			return err
		case n == 1:
			return fn(tx)
		}
		var exists bool
		if err := tx.QueryRowContext(ctx, b.db.Rebind(`SELECT EXISTS (SELECT 1 FROM posai_delivery WHERE id = ?)`), id).Scan(&exists); err != nil {
			return err
		}
		if exists {
			return ErrActive
		}
		return ErrNotFound
	})
	if err != nil && !errors.Is(err, ErrActive) && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("inbox: %s: %w", what, err)
	}
	return err
}
