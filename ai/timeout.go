package ai

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Timeout returns middleware that ends a call after d, a stream's last event
// included, with an error of class [ErrTimeout]. Unlike the end of the caller's
// own context this one is [Retryable], so that inside of [Retry] it limits one
// attempt, and outside of it all of them together. It panics if d is not
// positive.
func Timeout(d time.Duration) Middleware {
	if d <= 0 {
		panic("ai: Timeout must be positive")
	}
	return func(m Model) Model { return &timeLimiter{Model: m, limit: d} }
}

type timeLimiter struct {
	Model
	limit time.Duration
}

func (t *timeLimiter) Generate(ctx context.Context, req *Request) (*Response, error) {
	limited, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	resp, err := t.Model.Generate(limited, req)
	return resp, t.explain(ctx, limited, err)
}

func (t *timeLimiter) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		limited, cancel := context.WithTimeout(ctx, t.limit)
		defer cancel()
		for ev, err := range t.Model.Stream(limited, req) {
			if !yield(ev, t.explain(ctx, limited, err)) || err != nil {
				return
			}
		}
	}
}

// explain replaces the error of a call that the limit ended.
func (t *timeLimiter) explain(ctx, limited context.Context, err error) error {
	if err == nil || ctx.Err() != nil || !errors.Is(limited.Err(), context.DeadlineExceeded) ||
		!errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	late := &Error{Class: ErrTimeout, Provider: t.Info().Provider, Detail: "no reply within " + t.limit.String()}
	if partial, ok := errors.AsType[*PartialError](err); ok {
		return &PartialError{Response: partial.Response, Err: late}
	}
	return late
}
