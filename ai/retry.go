package ai

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"time"
)

// RetryOptions are the options of [Retry]. The zero value is the default.
type RetryOptions struct {
	// Attempts is how often the model is called at most, the first call included.
	// If zero, 3; if negative, 1.
	Attempts int

	// MinWait is the wait before the second call; it doubles from call to call,
	// with random jitter of up to a half taken off. If zero, 500 ms.
	MinWait time.Duration

	// MaxWait is the longest wait. A provider that asks for a longer one is not
	// waited for: its error is returned at once. If zero, 30 s.
	MaxWait time.Duration
}

// Retry returns middleware that calls the model again after an error that is
// [Retryable]. A wait that the provider asks for is kept. If the context's
// deadline comes before the end of the wait, the error is returned at once. A
// stream is tried again as long as it has delivered nothing.
func Retry(opts *RetryOptions) Middleware {
	var o RetryOptions
	if opts != nil {
		o = *opts
	}
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	if o.MinWait <= 0 {
		o.MinWait = 500 * time.Millisecond
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 30 * time.Second
	}
	return func(m Model) Model { return &retrier{Model: m, opts: o} }
}

type retrier struct {
	Model
	opts RetryOptions
}

func (r *retrier) Generate(ctx context.Context, req *Request) (*Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := r.Model.Generate(ctx, req)
		if err == nil || !r.wait(ctx, attempt, err) {
			return resp, err
		}
	}
}

func (r *retrier) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for attempt := 1; ; attempt++ {
			done, err := r.streamOnce(ctx, req, yield)
			if done {
				return
			}
			if !r.wait(ctx, attempt, err) {
				yield(nil, err)
				return
			}
		}
	}
}

// streamOnce passes one stream on. If it fails before its first event, the error
// is returned instead of passed on, and done is false.
func (r *retrier) streamOnce(ctx context.Context, req *Request, yield func(Event, error) bool) (done bool, err error) {
	delivered := false
	for ev, err := range r.Model.Stream(ctx, req) {
		if err != nil && !delivered {
			return false, err
		}
		delivered = true
		if !yield(ev, err) || err != nil {
			return true, nil
		}
	}
	return true, nil
}

// wait waits before the next attempt. It returns false if there is to be none.
func (r *retrier) wait(ctx context.Context, attempt int, err error) bool {
	if attempt >= r.opts.Attempts || !Retryable(err) {
		return false
	}
	wait := r.opts.MinWait << min(attempt-1, 20)
	if wait <= 0 || wait > r.opts.MaxWait {
		wait = r.opts.MaxWait
	}
	wait -= rand.N(wait/2 + 1)
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	if wait > r.opts.MaxWait {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
