package ai

import (
	"context"
	"errors"
	"time"
)

// An Outcome is a value that a model made, or else a baseline.
type Outcome[T any] struct {
	Value T

	// Baseline: the value was made without a model. Mark it as such wherever it is
	// shown or recorded.
	Baseline bool

	// Err is why the model's value is not used; nil if it is.
	Err error
}

// OrBaseline asks a model, by a function such as a call of [Extract], and if that
// fails or takes longer than limit, takes the value of baseline: a deterministic
// function that does the job without a model. It fails only if the baseline does, or
// if ctx itself has ended. It panics if limit is not positive.
//
// The context of ask ends at the limit; that of baseline is ctx.
func OrBaseline[T any](
	ctx context.Context, limit time.Duration, ask, baseline func(context.Context) (T, error),
) (Outcome[T], error) {
	if limit <= 0 {
		panic("ai: the limit of OrBaseline must be positive")
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	value, err := ask(limited)
	if err == nil {
		return Outcome[T]{Value: value}, nil
	}
	if ctx.Err() != nil {
		return Outcome[T]{Err: err}, ctx.Err()
	}
	value, failed := baseline(ctx)
	if failed != nil {
		return Outcome[T]{Err: err}, errors.Join(failed, err)
	}
	return Outcome[T]{Value: value, Baseline: true, Err: err}, nil
}
