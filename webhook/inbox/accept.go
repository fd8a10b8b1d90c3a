package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/webhook"
)

// taskProcess is the task of the inbox's alarms; their ref is a row's id.
const taskProcess = "process"

// Accept makes d durable. It returns at the latest when ctx ends; then the
// delivery may or may not have been kept, and the sender's repetition will
// tell. Deliveries that arrive at the same time are committed together.
func (b *Inbox) Accept(ctx context.Context, d webhook.Delivery) (duplicate bool, err error) {
	if d.Shop == "" || d.Topic == "" {
		return false, errors.New("inbox: a delivery needs a shop and a topic")
	}
	began := time.Now()
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = began
	}
	duplicate, err = b.batcher.add(ctx, d)
	if err != nil {
		return false, fmt.Errorf("inbox: accept: %w", err)
	}
	kind := Received
	if duplicate {
		kind = Duplicate
	}
	b.opts.Observe(Event{Kind: kind, Delivery: d, Elapsed: time.Since(began)})
	return duplicate, nil
}

// insert keeps deliveries and sets their alarms in one transaction, and tells
// which of them were there before.
func (b *Inbox) insert(ctx context.Context, ds []webhook.Delivery) (duplicate []bool, err error) {
	type key struct{ shop, dedupe string }
	duplicate = make([]bool, len(ds))
	first := make(map[key]int, len(ds))
	var args []any
	for i, d := range ds {
		k := key{d.Shop, d.Key()}
		if _, again := first[k]; again {
			duplicate[i] = true
			continue
		}
		first[k] = i
		body := d.Body
		if body == nil {
			body = []byte{}
		}
		args = append(args, k.shop, k.dedupe, d.Topic, d.WebhookID, d.EventID, d.APIVersion, d.Name, micros(d.TriggeredAt), micros(d.ReceivedAt), body)
	}
	const row = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	query := b.db.Rebind(`INSERT INTO posai_delivery (shop, dedupe, topic, webhook_id, event_id, api_version, name, triggered_at, received_at, body) VALUES ` +
		row + strings.Repeat(`, `+row, len(first)-1) + ` ON CONFLICT (shop, dedupe) DO NOTHING RETURNING id, shop, dedupe`)
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		var calls []alarm.Call
		inserted := make(map[key]bool, len(first))
		for rows.Next() {
			var id int64
			var k key
			if err := rows.Scan(&id, &k.shop, &k.dedupe); err != nil {
				return err
			}
			inserted[k] = true
			calls = append(calls, alarm.Call{Task: taskProcess, Ref: strconv.FormatInt(id, 10)})
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for k, i := range first {
			duplicate[i] = !inserted[k]
		}
		return b.clock.SetAllTx(ctx, tx, calls, time.Time{})
	})
	return duplicate, err
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
