package approval

import (
	"context"
	"errors"
)

// Permanent marks an executor's error: nothing happened, and trying again is
// pointless. The request becomes [Failed].
func Permanent(err error) error { return &classError{err: err, class: classPermanent} }

// Unknown marks an executor's error: it is not known whether it happened,
// because the answer got lost. The queue asks [Executor].Find, and makes the
// request [Uncertain] if that cannot tell.
func Unknown(err error) error { return &classError{err: err, class: classUnknown} }

// ErrNoReadBack is what [Executor].Find returns for an action that cannot be
// read back. The queue then goes on as if there were no Find.
var ErrNoReadBack = errors.New("approval: cannot be read back")

type errorClass int

const (
	classRetry     errorClass = iota // did not happen, may be tried again
	classPermanent                   // did not happen, need not be tried again
	classUnknown                     // may have happened
)

type classError struct {
	err   error
	class errorClass
}

func (e *classError) Error() string {
	if e.err == nil {
		return "unspecified error"
	}
	return e.err.Error()
}

func (e *classError) Unwrap() error { return e.err }

// classify says what an executor's error means. A call that was cut short, by
// its context or by a timeout of its own, may have arrived.
func classify(ctx context.Context, err error) errorClass {
	if marked, ok := errors.AsType[*classError](err); ok {
		return marked.class
	}
	if ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return classUnknown
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return classUnknown
	}
	return classRetry
}
