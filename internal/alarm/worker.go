package alarm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
)

// args is the one job kind of all rooms: River's leader, which may be any
// room's client, discards stuck jobs of kinds that it does not know.
type args struct {
	Task string `json:"task"`
	Ref  string `json:"ref"`
}

// Kind returns River's name for an alarm.
func (args) Kind() string { return "posai_alarm" }

// Later is what a handler returns to be called again after d, without that
// counting as an attempt.
func Later(d time.Duration) error { return &laterError{after: max(d, 0)} }

// GiveUp is what a handler returns to never be called again, because of err.
func GiveUp(err error) error { return &giveUpError{cause: err} }

type laterError struct{ after time.Duration }

func (e *laterError) Error() string { return "alarm: again in " + e.after.String() }

type giveUpError struct{ cause error }

func (e *giveUpError) Error() string { return fmt.Sprintf("alarm: gave up: %v", e.cause) }
func (e *giveUpError) Unwrap() error { return e.cause }

// What River gets to store and log in place of a handler's error.
var (
	errFailed = errors.New("the handler failed")
	errGaveUp = errors.New("the handler gave up")
)

type worker struct {
	river.WorkerDefaults[args]
	clock *Clock
}

// Work makes the call and translates its outcome into River's.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	live, release := w.clock.health.bind(ctx)
	defer release()
	err := w.call(live, Call{
		Task: job.Args.Task, Ref: job.Args.Ref, Attempt: job.Attempt,
		Last: job.Attempt >= job.MaxAttempts, Worker: w.clock.id,
	})
	if err == nil {
		return nil
	}
	if later, ok := errors.AsType[*laterError](err); ok {
		return river.JobSnooze(later.after)
	}
	if _, ok := errors.AsType[*giveUpError](err); ok {
		return river.JobCancel(errGaveUp)
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		// Interrupted by Stop: River then makes the job available again and
		// does not count the attempt.
		return context.Canceled
	}
	return errFailed
}

func (w *worker) call(ctx context.Context, call Call) (err error) {
	defer func() {
		if v := recover(); v != nil {
			// The value may quote data; its type and the stack do not.
			w.clock.opts.Logger.ErrorContext(ctx, "alarm: handler panicked",
				"queue", w.clock.queue, "task", call.Task, "ref", call.Ref, "attempt", call.Attempt,
				"type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = errFailed
		}
	}()
	return w.clock.handle(ctx, call)
}

// NextRetry tells River when to make the next attempt.
func (w *worker) NextRetry(job *river.Job[args]) time.Time {
	// River rejects a time that has passed by the time it looks.
	return time.Now().Add(max(w.clock.opts.Backoff(job.Attempt), 0) + 10*time.Millisecond)
}

func backoff(attempt int) time.Duration {
	const longest = 10 * time.Minute
	d := longest
	if attempt < 10 {
		d = min(time.Second<<max(attempt-1, 0), longest)
	}
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}
