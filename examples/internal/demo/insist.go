package demo

import (
	"context"
	"errors"
	"time"
)

// Insist asks a service until its answer is in time, which it need not be on a busy
// machine, and returns how long the first answer took. It gives up after 100.
func Insist[A any](ctx context.Context, ask func() (A, time.Duration, error), inTime func(A) bool) (a A, first time.Duration, err error) {
	for n := range 100 {
		var took time.Duration
		if a, took, err = ask(); err != nil {
			return a, first, err
		}
		if n == 0 {
			first = took
		}
		if inTime(a) {
			return a, first, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return a, first, ctx.Err()
		}
	}
	return a, first, errors.New("demo: never answered in time")
}
