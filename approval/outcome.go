package approval

import "errors"

// Permanent marks an executor's error: nothing happened, and trying again is
// pointless. The request becomes [Failed].
func Permanent(err error) error { return &classError{err: err, class: classPermanent} }

// Retry marks an executor's error: nothing happened, for certain, and it may be
// tried again after a while. Such are a refusal that says so, and a connection
// that could not be made. What went wrong after the request was on its way is not
// (a reset, an end of the stream, a timeout), nor is the failure of a later
// call of several.
func Retry(err error) error { return &classError{err: err, class: classRetry} }

// Unknown marks an executor's error: it is not known whether it happened,
// because the answer got lost. The queue asks [Executor].Find, and makes the
// request [Uncertain] if that cannot tell. An error without a mark counts as
// such.
func Unknown(err error) error { return &classError{err: err, class: classUnknown} }

// ErrNoReadBack is what [Executor].Find returns for an action that cannot be
// read back. The queue then goes on as if there were no Find.
var ErrNoReadBack = errors.New("approval: cannot be read back")

type errorClass int

const (
	classUnknown   errorClass = iota // may have happened
	classRetry                       // did not happen, may be tried again
	classPermanent                   // did not happen, need not be tried again
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

// classify says what an executor's error means. Nothing is guessed from errors of
// networks: one that could not connect may come from the second of two calls.
func classify(err error) errorClass {
	if marked, ok := errors.AsType[*classError](err); ok {
		return marked.class
	}
	return classUnknown
}
