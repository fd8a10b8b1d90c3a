package inbox

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/webhook"
)

const (
	// settleTimeout bounds the writing of an attempt's outcome.
	settleTimeout = 30 * time.Second

	maxError = 1000 // bytes of an error's text that are kept
)

// outcome is what an attempt comes to.
type outcome struct {
	kind     EventKind
	state    State
	attempts int   // to be counted
	next     error // for the alarm
	skipped  Skip
}

// verdict is the outcome of an attempt and what goes with it.
type verdict struct {
	outcome
	cause   error
	elapsed time.Duration
	hooks   []func(context.Context, *sql.Tx) error
}

func (b *Inbox) judge(ctx context.Context, c *claim, err error) outcome {
	attempt := c.record.Attempts
	if err == nil {
		return outcome{kind: Processed, state: Done, attempts: attempt}
	}
	if _, ok := errors.AsType[*webhook.GiveUpError](err); ok {
		return outcome{kind: Died, state: Dead, attempts: attempt}
	}
	if later, ok := errors.AsType[*webhook.LaterError](err); ok {
		return outcome{kind: Retried, state: Pending, attempts: attempt - 1, next: alarm.Later(later.After)}
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return outcome{kind: Retried, state: Pending, attempts: attempt - 1, next: ctx.Err()} // interrupted by Stop
	}
	if attempt >= b.opts.MaxAttempts {
		return outcome{kind: Died, state: Dead, attempts: attempt}
	}
	return outcome{kind: Retried, state: Pending, attempts: attempt, next: err}
}

// settle writes what came of an attempt, and returns what the alarm is to do.
// It tries for a while: as long as it is not written, the row looks as if it
// was still being worked on.
func (b *Inbox) settle(ctx context.Context, c *claim, v verdict) error {
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	for {
		err := b.write(writing, c, v)
		failed, isHook := errors.AsType[*hookError](err)
		switch {
		case err == nil:
			b.report(ctx, c, v)
			return v.next
		case isHook:
			v = verdict{outcome: b.judge(ctx, c, failed.cause), cause: failed.cause, elapsed: v.elapsed}
			continue
		case errors.Is(err, errLostClaim):
			// Whoever has it shares our alarm: it must not end with us.
			b.opts.Logger.WarnContext(ctx, "inbox: lost the claim", "id", c.record.ID)
			return alarm.Later(occupied)
		case writing.Err() != nil:
			b.opts.Logger.ErrorContext(ctx, "inbox: settle failed", "id", c.record.ID, "error", err.Error())
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-writing.Done():
		}
	}
}

func (b *Inbox) report(ctx context.Context, c *claim, v verdict) {
	if v.kind != Processed && v.kind != Skipped {
		b.opts.Logger.WarnContext(ctx, "inbox: "+string(v.kind), "id", c.record.ID, "topic", c.record.Topic, "shop", c.record.Shop,
			"webhook_id", c.record.WebhookID, "attempt", c.record.Attempts)
	}
	d := c.record.Delivery
	d.Attempt = c.record.Attempts
	b.observe(Event{Kind: v.kind, Delivery: d, Elapsed: v.elapsed, Err: v.cause})
}

const settleRow = `UPDATE posai_delivery SET state = ?, attempts = ?, finished_at = ?, last_error = ?, skipped = ?, worker = ''
	WHERE id = ? AND state = 'processing' AND claim = ?`

// write writes a verdict once.
func (b *Inbox) write(ctx context.Context, c *claim, v verdict) error {
	var finished int64
	if v.state == Done || v.state == Dead {
		finished = micros(time.Now())
	}
	args := []any{v.state, v.attempts, finished, errorText(v.cause), v.skipped, c.record.ID, c.number}
	if b.db.Dialect == sqldb.PostgreSQL && len(v.hooks) == 0 && c.record.Resource.Ordering == "" {
		return b.update(ctx, b.db, settleRow, args...)
	}
	lost := false
	err := b.step(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if c.record.Resource.Ordering != "" {
			if _, err := b.lockOrdering(ctx, tx, c.record.ID); err != nil {
				return err
			}
		}
		err := b.update(ctx, tx, settleRow, args...)
		if lost = errors.Is(err, errLostClaim); lost {
			return nil // that is no reason to take others' steps back
		}
		if err != nil {
			return err
		}
		for _, hook := range v.hooks {
			if err := b.call(ctx, c, func(ctx context.Context) error { return hook(ctx, tx) }); err != nil {
				return &hookError{err}
			}
		}
		return b.wakeNext(ctx, tx, c.record.Shop, c.record.Resource.Ordering, c.record.ID)
	})
	if err == nil && lost {
		err = errLostClaim
	}
	return err
}

// hookError is the error of a function given to [AtCommit].
type hookError struct{ cause error }

func (e *hookError) Error() string { return e.cause.Error() }
func (e *hookError) Unwrap() error { return e.cause }

// step is a part of a transaction.
type step func(ctx context.Context, tx *sql.Tx) error

// step runs fn in a transaction: on SQLite, which has one writer, together
// with the steps of others that wait for it. fn may be run again.
func (b *Inbox) step(ctx context.Context, fn step) error {
	if b.db.Dialect == sqldb.SQLite {
		_, err := b.steps.addFirmly(ctx, fn)
		return err
	}
	return b.db.Tx(ctx, func(tx *sql.Tx) error { return fn(ctx, tx) })
}

// runSteps commits steps together.
func (b *Inbox) runSteps(ctx context.Context, take func() []step) (done []struct{}, err error) {
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		fns := take()
		done = make([]struct{}, len(fns))
		for _, fn := range fns {
			if err := fn(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// execer is a *sql.DB or *sql.Tx.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// update runs a statement that must hit a row.
func (b *Inbox) update(ctx context.Context, ex execer, query string, args ...any) error {
	res, err := ex.ExecContext(ctx, b.db.Rebind(query), args...)
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

// errorText is the text of an error as a row can hold it.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	s = strings.ToValidUTF8(s[:min(len(s), maxError)], "")
	return strings.ReplaceAll(s, "\x00", "")
}
