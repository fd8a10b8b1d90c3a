package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/webhook"
)

const (
	// occupied is the wait before looking again at a delivery that another
	// worker has.
	occupied = 5 * time.Second

	// overdue is how long after its time is up a claim is void even if its
	// worker lives: the end of the attempt could then not be written.
	overdue = 5 * time.Minute

	// settleTimeout bounds the writing of an attempt's outcome.
	settleTimeout = 30 * time.Second

	maxError = 1000 // bytes of an error's text that are kept
)

// errWorkerDied is kept as the error of an attempt whose process ended in the
// middle.
var errWorkerDied = errors.New("the process ended during the attempt")

// claim is the right to work on a delivery.
type claim struct {
	id       int64
	number   int64
	delivery webhook.Delivery
}

// work is called by the alarm for a row.
func (b *Inbox) work(ctx context.Context, call alarm.Call) error {
	id, err := strconv.ParseInt(call.Ref, 10, 64)
	if err != nil {
		return alarm.GiveUp(err)
	}
	c, next, err := b.claim(ctx, id, call.Worker)
	if err != nil {
		b.opts.Logger.ErrorContext(ctx, "inbox: claim failed", "id", id, "error", err.Error())
		return err
	}
	if c == nil {
		return next
	}
	began := time.Now()
	err = b.call(ctx, c)
	return b.settle(ctx, c, err, time.Since(began))
}

// claim takes the row for this worker. Without a claim there is nothing to do
// but to return next to the alarm.
func (b *Inbox) claim(ctx context.Context, id int64, worker string) (c *claim, next, err error) {
	var died *webhook.Delivery
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		c, next, died = nil, nil, nil
		var (
			r       record
			holder  string
			since   int64
			query   = `SELECT ` + recordColumns + `, claim, worker, claimed_at FROM posai_delivery WHERE id = ?`
			number  int64
			already = func() bool { return r.State == Done || r.State == Dead }
		)
		if b.db.Dialect == sqldb.PostgreSQL {
			query += ` FOR UPDATE`
		}
		err := r.scan(tx.QueryRowContext(ctx, b.db.Rebind(query), id), &number, &holder, &since)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		case already():
			return nil
		}
		if r.State == Processing && holder != worker {
			alive, err := b.clock.Alive(ctx, tx, holder)
			if err != nil {
				return err
			}
			if alive && time.Since(fromMicros(since)) < b.opts.Timeout+overdue {
				next = alarm.Later(occupied)
				return nil
			}
		}
		if r.Attempts >= b.opts.MaxAttempts {
			// Only a dying process leaves a row like this.
			died = &r.Delivery
			return b.update(ctx, tx, `UPDATE posai_delivery SET state = 'dead', finished_at = ?, last_error = ? WHERE id = ?`,
				micros(time.Now()), errWorkerDied.Error(), id)
		}
		c = &claim{id: id, number: number + 1, delivery: r.Delivery}
		c.delivery.Attempt = r.Attempts + 1
		return b.update(ctx, tx, `UPDATE posai_delivery SET state = 'processing', attempts = attempts + 1, claim = ?, worker = ?, claimed_at = ? WHERE id = ?`,
			c.number, worker, micros(time.Now()), id)
	})
	if err != nil {
		return nil, nil, err
	}
	if died != nil {
		b.opts.Observe(Event{Kind: Died, Delivery: *died, Err: errWorkerDied})
	}
	return c, next, nil
}

// update runs a statement that must hit a row.
func (b *Inbox) update(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	res, err := tx.ExecContext(ctx, b.db.Rebind(query), args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = errLostClaim
	}
	return err
}

// errLostClaim reports a row that is no longer ours.
var errLostClaim = errors.New("inbox: another worker has the delivery")

func (b *Inbox) call(ctx context.Context, c *claim) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b.opts.Logger.ErrorContext(ctx, "inbox: the function panicked", "id", c.id, "topic", c.delivery.Topic,
				"type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return b.process(ctx, c.delivery)
}

// outcome is what an attempt comes to.
type outcome struct {
	kind     EventKind
	state    State
	attempts int   // to be counted
	next     error // for the alarm
}

func (b *Inbox) judge(ctx context.Context, c *claim, err error) outcome {
	attempt := c.delivery.Attempt
	if err == nil {
		return outcome{Processed, Done, attempt, nil}
	}
	if _, ok := errors.AsType[*webhook.GiveUpError](err); ok {
		return outcome{Died, Dead, attempt, nil}
	}
	if later, ok := errors.AsType[*webhook.LaterError](err); ok {
		return outcome{Retried, Pending, attempt - 1, alarm.Later(later.After)}
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return outcome{Retried, Pending, attempt - 1, ctx.Err()} // interrupted by Stop
	}
	if attempt >= b.opts.MaxAttempts {
		return outcome{Died, Dead, attempt, nil}
	}
	return outcome{Retried, Pending, attempt, err}
}

// settle writes what came of an attempt, and returns what the alarm is to do.
// It tries for a while: as long as it is not written, the row looks as if it
// was still being worked on.
func (b *Inbox) settle(ctx context.Context, c *claim, cause error, elapsed time.Duration) error {
	o := b.judge(ctx, c, cause)
	var finished int64
	if o.state == Done || o.state == Dead {
		finished = micros(time.Now())
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	for {
		err := b.db.Tx(writing, func(tx *sql.Tx) error {
			return b.update(writing, tx, `UPDATE posai_delivery SET state = ?, attempts = ?, finished_at = ?, last_error = ?, worker = ''
				WHERE id = ? AND state = 'processing' AND claim = ?`, o.state, o.attempts, finished, errorText(cause), c.id, c.number)
		})
		switch {
		case err == nil:
			if o.kind != Processed {
				b.opts.Logger.WarnContext(ctx, "inbox: "+string(o.kind), "id", c.id, "topic", c.delivery.Topic, "shop", c.delivery.Shop,
					"webhook_id", c.delivery.WebhookID, "attempt", c.delivery.Attempt)
			}
			b.opts.Observe(Event{Kind: o.kind, Delivery: c.delivery, Elapsed: elapsed, Err: cause})
			return o.next
		case errors.Is(err, errLostClaim):
			// Whoever has it shares our alarm: it must not end with us.
			b.opts.Logger.WarnContext(ctx, "inbox: lost the claim", "id", c.id)
			return alarm.Later(occupied)
		case writing.Err() != nil:
			b.opts.Logger.ErrorContext(ctx, "inbox: settle failed", "id", c.id, "error", err.Error())
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-writing.Done():
		}
	}
}

// errorText is the text of an error as a row can hold it.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	s = strings.ToValidUTF8(s[:min(len(s), maxError)], "")
	return strings.ReplaceAll(s, "\x00", "")
}
