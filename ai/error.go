package ai

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The classes of errors. Match them with [errors.Is]; details are in [*Error].
var (
	ErrAuth              = errors.New("ai: API key missing or not accepted")
	ErrPermission        = errors.New("ai: not permitted")
	ErrNotFound          = errors.New("ai: model or endpoint not found")
	ErrInvalidRequest    = errors.New("ai: invalid request")
	ErrUnsupportedSchema = errors.New("ai: JSON Schema not supported")
	ErrContextTooLong    = errors.New("ai: request exceeds the model's context")
	ErrRateLimited       = errors.New("ai: rate limited")
	ErrQuota             = errors.New("ai: quota exhausted") // final: waiting does not help
	ErrOverloaded        = errors.New("ai: provider overloaded")
	ErrUnavailable       = errors.New("ai: provider unavailable")
	ErrTimeout           = errors.New("ai: timed out")
	ErrTransport         = errors.New("ai: connection failed")
	ErrContentFiltered   = errors.New("ai: withheld by the content filter")
	ErrRefused           = errors.New("ai: refused by the model")
	ErrTruncated         = errors.New("ai: reply cut off")
	ErrEmptyReply        = errors.New("ai: empty reply")
	ErrMalformedReply    = errors.New("ai: malformed reply")
	ErrInvalidOutput     = errors.New("ai: output does not meet the schema or validation")
)

// The classes of errors that come from this package alone, not from a provider.
var (
	ErrBudget       = errors.New("ai: budget does not allow the call")  // see [Budget]
	ErrAccessDenied = errors.New("ai: caller may not use the feature")  // see [Access]
	ErrBlocked      = errors.New("ai: reply blocked by a guard")        // see [Guard]
	ErrLimit        = errors.New("ai: limit of the tool loop reached")  // see [Loop]
	ErrToolPending  = errors.New("ai: tool call waits for a decision")  // see [Gate]
	ErrNotRedacted  = errors.New("ai: content that cannot be redacted") // see [Redactor]
)

// An Error is a call that failed. Neither it nor its text holds anything of the
// prompt, the reply or the API key, not even the provider's error message, which
// may quote them.
type Error struct {
	// Class is one of the sentinels of this package, or [context.Canceled].
	// [errors.Is] matches it.
	Class error

	// Provider is the name from [Info], such as "openai".
	Provider string

	// Status is the HTTP status; zero if there was none.
	Status int

	// Code is the provider's machine-readable code, such as
	// "insufficient_quota"; empty if it gave none.
	Code string

	// RequestID is the provider's name for the request, for its support.
	RequestID string

	// RetryAfter is the wait that the provider asks for; zero if it asks none.
	// It is what the provider said, however long: cap it before use.
	RetryAfter time.Duration

	// Final: the provider says that the same call would fail again. The error is
	// not [Retryable] then, whatever its class.
	Final bool

	// Detail is a short fixed text of this module that says what was wrong.
	Detail string

	// Err is the cause if there is one that [errors.Is] and [errors.As] should
	// see. Its text is not part of this error's text.
	Err error
}

// Error names the provider, the class, and what else is known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("ai: ")
	if e.Provider != "" {
		b.WriteString(e.Provider + ": ")
	}
	switch {
	case e.Class != nil:
		b.WriteString(strings.TrimPrefix(e.Class.Error(), "ai: "))
	default:
		b.WriteString("failed")
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	var facts []string
	if e.Status != 0 {
		facts = append(facts, "HTTP "+strconv.Itoa(e.Status))
	}
	if e.Code != "" {
		facts = append(facts, "code "+e.Code)
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	if e.RetryAfter > 0 {
		facts = append(facts, "retry after "+e.RetryAfter.String())
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	return b.String()
}

// Unwrap returns the class and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Class != nil {
		errs = append(errs, e.Class)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// A PartialError is a stream that failed after it had delivered something. The
// text of the error holds nothing of the reply.
type PartialError struct {
	// Response is what had arrived: message and, if the provider had reported
	// it, usage. Tool calls may lack a part of their arguments.
	Response *Response

	// Err is what went wrong.
	Err error
}

// Error returns the text of Err with a note that part of the reply came.
func (e *PartialError) Error() string { return e.Err.Error() + " (after part of the reply)" }

// Unwrap returns Err.
func (e *PartialError) Unwrap() error { return e.Err }

// Retryable reports whether the same call may succeed when it is made again: the
// provider was rate limiting, overloaded, unavailable or slow, or the connection
// failed. It is false for a call that its own context ended, and for a stream
// that had already delivered something, since trying again would repeat it.
func Retryable(err error) bool {
	if _, partial := errors.AsType[*PartialError](err); partial {
		return false
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Final {
		return false
	}
	for _, class := range []error{ErrRateLimited, ErrOverloaded, ErrUnavailable, ErrTimeout, ErrTransport} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

// ContextError returns the [*Error] of a call that its context ended: of class
// [ErrTimeout] for [context.DeadlineExceeded], else [context.Canceled]. It is
// meant for adapters.
func ContextError(provider string, cause error) *Error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Class: ErrTimeout, Provider: provider, Err: context.DeadlineExceeded}
	}
	return &Error{Class: context.Canceled, Provider: provider}
}
