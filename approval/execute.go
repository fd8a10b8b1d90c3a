package approval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/audit"
)

// execution is one worker's turn at one request. Between two stores of the
// record, whatever this process knows may die with it; the stored record always
// says what another worker has to assume.
type execution struct {
	q    *Queue
	k    *kind
	rec  *Record
	work string // who works
	a    Action
}

// advance executes an approved request, or goes on with an execution that
// somebody left unfinished.
func (q *Queue) advance(ctx context.Context, rec *Record, w Wake) (time.Duration, error) {
	k := q.kind(rec.Request.Kind)
	if k == nil {
		q.opts.Logger.WarnContext(ctx, "approval: approved, but no executor is registered here", "kind", rec.Request.Kind, "request", w.RequestID)
		return againUnknown, nil
	}
	if !q.running.enter(w.RequestID) {
		return againElsewhere, nil // the one that runs may have read the switches before this wake-up
	}
	defer q.running.leave(w.RequestID)
	// It may have changed before this turn began.
	rec, err := q.store.Get(ctx, w.RequestID)
	if err != nil {
		return 0, err
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return 0, err
	}
	x := &execution{q: q, k: k, rec: rec, work: w.Worker}
	switch rec.Request.State {
	case Approved:
	case Executing:
		// A claim of this worker is one that it left, see running.
		if rec.Claim.Worker != w.Worker {
			alive, err := q.store.Alive(ctx, rec.Claim.Worker)
			if err != nil || alive {
				return againElsewhere, err
			}
		}
	default:
		_, err := q.flush(ctx, rec)
		return 0, err
	}
	if left := x.notBefore(now); left > 0 {
		return left, nil
	}
	// What was decided has to be in the log before anything is done about it.
	if err := q.record(ctx, rec); err != nil {
		return 0, err
	}
	rec.Outbox = nil
	if rec.Request.State == Executing {
		if err := x.left(now); err != nil {
			return 0, err
		}
	}
	return x.run(ctx, now)
}

// notBefore returns how long the next attempt or read-back has to wait. A wait
// that is longer than any that is set, because the store's clock was set back,
// is measured by this process.
func (x *execution) notBefore(now time.Time) time.Duration {
	e := x.rec.Request.Execution
	if e == nil || !e.NextAt.After(now) {
		return 0
	}
	longest := x.q.backoff(max(e.Attempt, e.Looks, 1))
	if !e.UnknownSince.IsZero() {
		longest = max(longest, x.k.settle)
	}
	left := e.NextAt.Sub(now)
	if left > 2*longest { // backoffs may have a random part
		left = x.q.waits.left(x.rec.Request.ID, e.NextAt, longest)
	}
	return left
}

// left notes that a worker ended in the middle of an execution: it may have
// called the outside.
func (x *execution) left(now time.Time) error {
	e := x.rec.Request.Execution
	if !e.UnknownSince.IsZero() {
		return nil
	}
	e.UnknownSince, e.Looks = now, 0
	return x.rec.emit(effectEntry(x.rec, x.rec.step("unknown"), audit.KindFailed, "unknown", now))
}

// run claims the request and brings it as far as it gets.
func (x *execution) run(ctx context.Context, now time.Time) (time.Duration, error) {
	r := &x.rec.Request
	if err := x.load(); err != nil {
		// Not what was approved, or not understood by this program.
		if r.Execution == nil || r.Execution.UnknownSince.IsZero() {
			return x.fail(ctx, now, err)
		}
		return x.uncertain(ctx, now, err)
	}
	x.rec.Claim = Claim{Worker: x.work, Fence: x.rec.Claim.Fence + 1}
	if e := r.Execution; e != nil && e.Attempt > 0 && (x.k.find != nil || !e.UnknownSince.IsZero()) {
		// Before a second attempt: did it happen?
		r.State = Executing
		if err := x.store(ctx); err != nil {
			return 0, err
		}
		return x.reconcile(ctx, now)
	}
	return x.attempt(ctx, now)
}

// load decodes the action and makes sure that it is what was approved.
func (x *execution) load() error {
	r := &x.rec.Request
	if err := r.intact(); err != nil {
		return err
	}
	return guard(func() (err error) {
		if x.a, err = x.k.decode(r.Args); err != nil {
			return errors.New("the action does not fit this version of the program")
		}
		args, _, err := encodeAction(x.k, x.a)
		if err != nil || !bytes.Equal(args, r.Args) {
			return errors.New("the action does not fit this version of the program")
		}
		return x.a.Validate()
	})
}

// attempt calls the executor.
func (x *execution) attempt(ctx context.Context, now time.Time) (time.Duration, error) {
	r := &x.rec.Request
	if stop, err := x.q.stopped(ctx, r); stop != nil || err != nil {
		if err != nil {
			return 0, err
		}
		return x.halted(ctx, now, stop)
	}
	if r.Execution == nil {
		r.Execution = &ExecutionRecord{IdempotencyKey: idempotencyKey(r.ID)}
	}
	e := r.Execution
	before := *e
	e.Attempt++
	e.StartedAt, e.UnknownSince, e.NextAt, e.Looks = now, time.Time{}, time.Time{}, 0
	changed := r.State != Executing
	r.State = Executing
	if changed {
		r.ChangedAt = now
	}
	started := effectEntry(x.rec, fmt.Sprintf("started/%d", e.Attempt), audit.KindStarted, "", now)
	if err := x.rec.emit(started); err != nil {
		return 0, err
	}
	if err := x.store(ctx); err != nil {
		return 0, err
	}
	x.q.changed(&x.rec.Request)
	if err := x.q.record(ctx, x.rec); err != nil {
		// Nothing was called yet: as if this attempt had never been.
		r := &x.rec.Request
		*r.Execution = before
		r.State = Approved
		x.rec.Outbox = x.rec.Outbox[:len(x.rec.Outbox)-1]
		return 0, errors.Join(err, x.store(ctx))
	}
	x.rec.Outbox = nil
	var result any
	watched, end := x.q.watch(ctx, r)
	err := x.call(watched, func(ctx context.Context, e Execution) (err error) {
		result, err = x.k.execute(ctx, e, x.a)
		return err
	})
	end()
	return x.after(ctx, result, err)
}

// halted gives up or waits, as the switch says. Nothing is under way.
func (x *execution) halted(ctx context.Context, now time.Time, stop *StoppedError) (time.Duration, error) {
	r := &x.rec.Request
	if stop.Switch.Mode == Kill {
		return x.fail(ctx, now, stop)
	}
	wait := stoppedFor(&stop.Switch, now)
	if r.State == Approved {
		return wait, nil
	}
	r.State, r.Execution.NextAt = Approved, now
	return wait, x.commit(ctx)
}

// call runs fn, which calls the outside, and classifies its error.
func (x *execution) call(ctx context.Context, fn func(context.Context, Execution) error) error {
	ctx, cancel := context.WithTimeout(ctx, x.q.opts.ExecutionTimeout)
	defer cancel()
	copied, err := cloneRecord(x.rec)
	if err != nil {
		return Permanent(err)
	}
	r := &copied.Request
	e := Execution{
		RequestID: r.ID, IdempotencyKey: r.Execution.IdempotencyKey, Attempt: r.Execution.Attempt,
		Fence: x.rec.Claim.Fence, Request: r,
	}
	panicked := true
	err = guard(func() error {
		err := fn(ctx, e)
		panicked = false
		return err
	})
	switch {
	case err == nil:
		return nil
	case panicked:
		return Unknown(err)
	}
	return &classError{err: err, class: classify(err)}
}

// after stores what an attempt brought.
func (x *execution) after(ctx context.Context, result any, failure error) (time.Duration, error) {
	now, err := x.q.settledNow(ctx)
	if err != nil {
		return 0, err
	}
	if failure == nil {
		return x.succeed(ctx, now, result, "executed")
	}
	e := x.rec.Request.Execution
	e.Error = cut(failure.Error(), maxError)
	switch class := classify(failure); {
	case class == classUnknown:
		e.UnknownSince = now
		if err := x.rec.emit(effectEntry(x.rec, x.rec.step("unknown"), audit.KindFailed, "unknown", now)); err != nil {
			return 0, err
		}
		if x.k.find == nil {
			return x.uncertain(ctx, now, failure)
		}
		if err := x.store(ctx); err != nil {
			return 0, err
		}
		return x.reconcile(ctx, now)
	case class == classPermanent || e.Attempt >= x.q.opts.MaxAttempts:
		return x.fail(ctx, now, failure)
	}
	wait := x.q.backoff(e.Attempt)
	e.NextAt = now.Add(wait)
	x.q.waits.left(x.rec.Request.ID, e.NextAt, wait) // begins now
	x.rec.Request.State = Approved
	err = x.commit(ctx, effectEntry(x.rec, x.rec.step("failed"), audit.KindFailed, "will be tried again", now))
	return wait, err
}

// cloneRecord returns a deep copy.
func cloneRecord(rec *Record) (*Record, error) {
	data, err := rec.Encode()
	if err != nil {
		return nil, err
	}
	return DecodeRecord(data)
}

func (q *Queue) backoff(attempt int) time.Duration {
	return max(q.opts.Backoff(attempt), time.Millisecond)
}
