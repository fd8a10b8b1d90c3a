package approval

import (
	"context"
	"errors"
	"time"

	"github.com/posai-go/posai/audit"
)

// reconcile finds out whether an earlier attempt had its effect, before
// another one is made.
func (x *execution) reconcile(ctx context.Context, now time.Time) (time.Duration, error) {
	r := &x.rec.Request
	e := r.Execution
	if x.k.find == nil {
		if !e.UnknownSince.IsZero() {
			return x.uncertain(ctx, now, nil)
		}
		return x.attempt(ctx, now)
	}
	var result any
	var found bool
	err := x.call(ctx, func(ctx context.Context, e Execution) (err error) {
		result, found, err = x.k.find(ctx, e, x.a)
		return err
	})
	now, timeErr := x.q.settledNow(ctx)
	if timeErr != nil {
		return 0, timeErr
	}
	switch {
	case errors.Is(err, ErrNoReadBack) && !e.UnknownSince.IsZero() && !r.toldToTryAgain():
		return x.uncertain(ctx, now, nil)
	case errors.Is(err, ErrNoReadBack):
		return x.attempt(ctx, now)
	case err != nil && r.toldToTryAgain():
		return x.attempt(ctx, now) // somebody looked with their own eyes
	case err != nil:
		return x.cannotTell(ctx, now, err)
	case found:
		return x.succeed(ctx, now, result, "found")
	}
	if !e.UnknownSince.IsZero() {
		// The call may still be under way on the other side. How long ago it was
		// is not for the store's clock to say, which may have been set forward.
		if left := x.q.waits.left(r.ID, e.UnknownSince, x.k.settle); left > 0 {
			e.NextAt = now.Add(left)
			return left, x.commit(ctx)
		}
	}
	if e.Attempt >= x.q.opts.MaxAttempts && !r.toldToTryAgain() {
		return x.fail(ctx, now, nil)
	}
	return x.attempt(ctx, now)
}

// toldToTryAgain reports whether a person said, after the last attempt, that it
// did not happen.
func (r *Request) toldToTryAgain() bool {
	return r.Resolution != nil && r.Resolution.Outcome == TryAgain && r.Resolution.At.After(r.Execution.StartedAt)
}

// cannotTell notes that the read-back failed. After several times a person has
// to look.
func (x *execution) cannotTell(ctx context.Context, now time.Time, err error) (time.Duration, error) {
	e := x.rec.Request.Execution
	e.Error = cut(err.Error(), maxError)
	if e.UnknownSince.IsZero() {
		e.UnknownSince = now
	}
	if e.Looks++; e.Looks >= x.q.opts.MaxAttempts {
		return x.uncertain(ctx, now, err)
	}
	wait := x.q.backoff(e.Looks)
	e.NextAt = now.Add(wait)
	return wait, x.commit(ctx)
}

// succeed stores that it happened.
func (x *execution) succeed(ctx context.Context, now time.Time, result any, outcome string) (time.Duration, error) {
	r := &x.rec.Request
	e := r.Execution
	r.State, r.ChangedAt = Executed, now
	e.FinishedAt, e.UnknownSince, e.NextAt, e.Error = now, time.Time{}, time.Time{}, ""
	var reason string
	if e.Result, reason = encodeResult(result); reason != "" {
		e.Error = reason // it happened all the same
	}
	kind := audit.KindEffect
	if x.k.undoes {
		kind = audit.KindCompensated
	}
	entry := effectEntry(x.rec, x.rec.step("effect"), kind, outcome, now)
	entry.Effect.IDs = effectIDs(result)
	return 0, x.commit(ctx, entry)
}

// fail stores that it did not happen and will not.
func (x *execution) fail(ctx context.Context, now time.Time, cause error) (time.Duration, error) {
	r := &x.rec.Request
	if r.Execution == nil {
		r.Execution = &ExecutionRecord{IdempotencyKey: idempotencyKey(r.ID)}
	}
	e := r.Execution
	r.State, r.ChangedAt = Failed, now
	e.FinishedAt, e.UnknownSince, e.NextAt = now, time.Time{}, time.Time{}
	if cause != nil {
		e.Error = cut(cause.Error(), maxError)
	}
	return 0, x.commit(ctx, effectEntry(x.rec, x.rec.step("failed"), audit.KindFailed, "failed", now))
}

// uncertain stores that a person has to look.
func (x *execution) uncertain(ctx context.Context, now time.Time, cause error) (time.Duration, error) {
	r := &x.rec.Request
	r.State, r.ChangedAt = Uncertain, now
	r.Execution.NextAt = time.Time{}
	if cause != nil {
		r.Execution.Error = cut(cause.Error(), maxError)
	}
	return 0, x.commit(ctx, effectEntry(x.rec, x.rec.step("uncertain"), audit.KindFailed, "uncertain", now))
}
