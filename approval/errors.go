package approval

import (
	"errors"
	"fmt"
	"time"
)

// What a caller may branch on with errors.Is.
var (
	// ErrNotFound: there is no such request, or no such setting in [Controls].
	ErrNotFound = errors.New("approval: not found")

	// ErrKeyReused: a proposal has the key of another one with other arguments.
	// The error is a [*KeyReusedError].
	ErrKeyReused = errors.New("approval: the key was used with other arguments")

	// ErrInvalid: the input makes no sense. The error is an [*InvalidError].
	ErrInvalid = errors.New("approval: invalid")

	// ErrStale: the decision is about something other than the present
	// revision of the request. The error is a [*StaleError].
	ErrStale = errors.New("approval: the request is not what was shown")

	// ErrDecided: the decision came too late. The error is a [*DecidedError].
	ErrDecided = errors.New("approval: already decided")

	// ErrExpired: the time for a decision ran out. The error is an
	// [*ExpiredError].
	ErrExpired = errors.New("approval: expired")

	// ErrForbidden: this principal may not do this. The error is a
	// [*ForbiddenError].
	ErrForbidden = errors.New("approval: forbidden")

	// ErrUnrecorded: the audit log did not take an entry. What needs the entry
	// does not happen before the log has it; the queue keeps trying. Asking
	// again with the same key, or reading the request, settles what became of
	// it. The error wraps the log's.
	ErrUnrecorded = errors.New("approval: not recorded in the audit log")

	// ErrConflict: somebody else changed the record in between. Stores return
	// it; the queue tries again.
	ErrConflict = errors.New("approval: the record was changed by somebody else")
)

// InvalidError says what is wrong with an input. It matches [ErrInvalid].
type InvalidError struct {
	Field  string // of the input, such as "proposer.id" or the name of a form field; empty for all of it
	Reason string // for people
	Err    error  // what an action's own method returned, or nil
}

func (e *InvalidError) Error() string {
	if e.Field == "" {
		return "approval: invalid: " + e.Reason
	}
	return fmt.Sprintf("approval: invalid %s: %s", e.Field, e.Reason)
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the error of the action's method.
func (e *InvalidError) Unwrap() error { return e.Err }

func invalid(field, reason string) error { return &InvalidError{Field: field, Reason: reason} }

// KeyReusedError holds the request that was proposed with the same shop, kind and
// key first, and with other arguments. It matches [ErrKeyReused].
type KeyReusedError struct {
	Request *Request // as it is now
}

func (e *KeyReusedError) Error() string {
	return "approval: the key was used with other arguments, by request " + e.Request.ID
}

// Is reports whether target is [ErrKeyReused].
func (e *KeyReusedError) Is(target error) bool { return target == ErrKeyReused }

// StaleError says what a decision should have been about. It matches
// [ErrStale].
type StaleError struct {
	Revision int    // the present one
	Digest   string // of the present revision
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("approval: the request is not what was shown: it is at revision %d", e.Revision)
}

// Is reports whether target is [ErrStale].
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// DecidedError says who decided before, what and when. It matches
// [ErrDecided].
type DecidedError struct {
	State State // of the request now

	// Decision is the one that settled it. Where the policy did, By is the
	// system principal "policy" and Reason the policy's.
	Decision Decision
}

func (e *DecidedError) Error() string {
	return fmt.Sprintf("approval: already decided: %s by %s at %s, now %s",
		e.Decision.Verdict, e.Decision.By.ID, e.Decision.At.UTC().Format(time.RFC3339), e.State)
}

// Is reports whether target is [ErrDecided].
func (e *DecidedError) Is(target error) bool { return target == ErrDecided }

// ExpiredError says when the time for a decision ran out. It matches
// [ErrExpired].
type ExpiredError struct{ ExpiresAt time.Time }

func (e *ExpiredError) Error() string {
	return "approval: expired at " + e.ExpiresAt.UTC().Format(time.RFC3339)
}

// Is reports whether target is [ErrExpired].
func (e *ExpiredError) Is(target error) bool { return target == ErrExpired }

// Why says on what ground somebody may not decide.
type Why string

// The grounds of a [*ForbiddenError].
const (
	WhyNotHuman Why = "not_human" // an AI or a system never decides
	WhyProposer Why = "proposer"  // the proposer never decides
	WhyLocation Why = "location"  // the request is of another location
	WhyRole     Why = "role"      // nobody with these roles is asked
	WhyFilled   Why = "filled"    // the person's part is done, by them or by somebody else
	WhyPolicy   Why = "policy"    // the policy denies the edited action
)

// ForbiddenError says why somebody may not decide. It matches [ErrForbidden].
type ForbiddenError struct {
	Why    Why
	Reason string // a sentence for people
}

func (e *ForbiddenError) Error() string { return "approval: forbidden: " + e.Reason }

// Is reports whether target is [ErrForbidden].
func (e *ForbiddenError) Is(target error) bool { return target == ErrForbidden }
