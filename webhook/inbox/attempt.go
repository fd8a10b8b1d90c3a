package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Attempt is what the inbox knows of the delivery that it gives to the
// processing function, beyond the delivery itself.
type Attempt struct {
	// ID is the delivery's id in this inbox, see [Inbox.Get].
	ID int64

	// Resource is what the delivery is about.
	Resource Resource

	// Newest is the latest version of the resource that was processed under
	// this topic before. It is zero unless that is later than this delivery's,
	// which then is stale.
	Newest time.Time

	// Reconciled says that the delivery did not come from Shopify but was
	// found missing, see [Inbox.AcceptMissed].
	Reconciled bool

	run *run
}

// Stale reports whether a later state of the resource was processed before.
func (a Attempt) Stale() bool { return !a.Newest.IsZero() }

// run is one call of the processing function.
type run struct {
	mu    sync.Mutex
	hooks []func(context.Context, *sql.Tx) error
}

type attemptKey struct{}

// AttemptOf returns what the inbox knows of the delivery that ctx, a
// processing function's context, belongs to. It reports false for another
// context.
func AttemptOf(ctx context.Context) (Attempt, bool) {
	a, ok := ctx.Value(attemptKey{}).(Attempt)
	return a, ok
}

// AtCommit arranges for fn to run in the transaction that marks the delivery
// processed, if the processing function returns nil: what fn writes to the
// inbox's database is there exactly when the delivery is processed, so it
// happens once. If fn fails, the attempt has failed with its error. fn may run
// more than once, but only one of its runs is committed. It must be quick, and
// use nothing but its transaction. AtCommit reports false, and fn will not
// run, if ctx is not a processing function's.
func AtCommit(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) bool {
	a, ok := AttemptOf(ctx)
	if !ok {
		return false
	}
	a.run.mu.Lock()
	defer a.run.mu.Unlock()
	a.run.hooks = append(a.run.hooks, fn)
	return true
}

// attempt processes a claimed delivery.
func (b *Inbox) attempt(ctx context.Context, c *claim) verdict {
	if c.record.Replays == 0 {
		switch {
		case c.covered:
			return verdict{outcome: outcome{kind: Skipped, state: Done, attempts: c.record.Attempts, skipped: SkippedCovered}}
		case !c.newest.IsZero() && b.opts.Stale == SkipStale:
			return verdict{outcome: outcome{kind: Skipped, state: Done, attempts: c.record.Attempts, skipped: SkippedStale}}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.Timeout)
	defer cancel()
	d := c.record.Delivery
	d.Attempt = c.record.Attempts
	run := &run{}
	began := time.Now()
	err := b.call(context.WithValue(ctx, attemptKey{}, Attempt{
		ID: c.record.ID, Resource: c.record.Resource, Newest: c.newest, Reconciled: c.record.Reconciled, run: run,
	}), c, func(ctx context.Context) error { return b.process(ctx, d) })
	v := verdict{cause: err, elapsed: time.Since(began)}
	if err == nil {
		v.hooks = run.hooks
	}
	v.outcome = b.judge(ctx, c, err)
	return v
}

// call calls a function of the user's.
func (b *Inbox) call(ctx context.Context, c *claim, fn func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b.opts.Logger.ErrorContext(ctx, "inbox: the function panicked", "id", c.record.ID, "topic", c.record.Topic,
				"type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return fn(ctx)
}
