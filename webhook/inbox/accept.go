package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/webhook"
)

// taskProcess is the task of the inbox's alarms; their ref is a row's id.
const taskProcess = "process"

// arrival is a delivery and what is kept beside it.
type arrival struct {
	webhook.Delivery
	resource   Resource
	reconciled bool
}

func (b *Inbox) arrival(d webhook.Delivery) arrival {
	a := arrival{Delivery: d, resource: b.opts.Resource(d)}
	r := &a.resource
	if r.Version.IsZero() {
		r.Version = d.TriggeredAt
	}
	if r.Ordering == "" {
		r.Ordering = r.ID
	}
	if b.opts.Order == AnyOrder {
		r.Ordering = ""
	}
	return a
}

// Accept makes d durable. It returns at the latest when ctx ends; then the
// delivery may or may not have been kept, and the sender's repetition will
// tell. Deliveries that arrive at the same time are committed together.
func (b *Inbox) Accept(ctx context.Context, d webhook.Delivery) (duplicate bool, err error) {
	if d.Shop == "" || d.Topic == "" {
		return false, errors.New("inbox: a delivery needs a shop and a topic")
	}
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = time.Now()
	}
	return b.accept(ctx, b.arrival(d))
}

func (b *Inbox) accept(ctx context.Context, a arrival) (duplicate bool, err error) {
	began := time.Now()
	duplicate, err = b.arrivals.add(ctx, a)
	if err != nil {
		return false, fmt.Errorf("inbox: accept: %w", err)
	}
	kind := Received
	if duplicate {
		kind = Duplicate
	}
	b.observe(Event{Kind: kind, Delivery: a.Delivery, Elapsed: time.Since(began)})
	return duplicate, nil
}

// dedupe is what makes a delivery the only one of its kind.
type dedupe struct{ shop, key string }

// insertAll keeps deliveries and sets their alarms in one transaction, and
// tells which of them were there before.
func (b *Inbox) insertAll(ctx context.Context, take func() []arrival) (duplicate []bool, err error) {
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		as := take()
		if len(as) == 0 {
			return nil
		}
		duplicate = make([]bool, len(as))
		first := make(map[dedupe]int, len(as))
		args := make([]any, 0, arrivalColumns*len(as))
		for i, a := range as {
			k := dedupe{a.Shop, a.Key()}
			if _, again := first[k]; again {
				duplicate[i] = true
				continue
			}
			first[k] = i
			args = a.appendColumns(args, k)
		}
		ids, err := b.insert(ctx, tx, b.inserts.get(len(first), b.db.Rebind), args)
		if err != nil {
			return err
		}
		for k, i := range first {
			_, isNew := ids[k]
			duplicate[i] = !isNew
		}
		calls := make([]alarm.Call, 0, len(ids))
		for _, id := range slices.Sorted(maps.Values(ids)) {
			calls = append(calls, callFor(id))
		}
		return b.clock.SetAllTx(ctx, tx, calls, time.Time{})
	})
	return duplicate, err
}

// insert runs an insert and returns the ids of the rows that it made.
func (b *Inbox) insert(ctx context.Context, tx *sql.Tx, query string, args []any) (map[dedupe]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	ids := make(map[dedupe]int64)
	for rows.Next() {
		var id int64
		var k dedupe
		if err := rows.Scan(&id, &k.shop, &k.key); err != nil {
			return nil, err
		}
		ids[k] = id
	}
	return ids, errors.Join(rows.Err(), rows.Close())
}

func (a *arrival) appendColumns(args []any, k dedupe) []any {
	body, reconciled := a.Body, 0
	if body == nil {
		body = []byte{}
	}
	if a.reconciled {
		reconciled = 1
	}
	return append(args, k.shop, k.key, a.Topic, a.WebhookID, a.EventID, a.APIVersion, a.Name, micros(a.TriggeredAt), micros(a.ReceivedAt), body,
		a.resource.ID, micros(a.resource.Version), a.resource.Ordering, reconciled)
}

func callFor(id int64) alarm.Call {
	return alarm.Call{Task: taskProcess, Ref: strconv.FormatInt(id, 10)}
}

// inserts are the statements that insert 1, 2, … rows. They are made once:
// the driver prepares what it has seen before.
type inserts [maxBatch]string

const arrivalColumns = 14

func (s *inserts) get(rows int, rebind func(string) string) string {
	if s[rows-1] == "" { // one batch at a time asks
		const row = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` // arrivalColumns
		s[rows-1] = rebind(`INSERT INTO posai_delivery (shop, dedupe, topic, webhook_id, event_id, api_version, name, triggered_at, received_at, body,
			resource, version, ordering, reconciled) VALUES ` + row + strings.Repeat(`, `+row, rows-1) +
			` ON CONFLICT (shop, dedupe) DO NOTHING RETURNING id, shop, dedupe`)
	}
	return s[rows-1]
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
