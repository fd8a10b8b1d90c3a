package shopify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Errors to branch on with [errors.Is]. [ResponseError], [ThrottledError],
// [OutcomeUnknownError], [UserErrors] and [SearchError] carry the details.
var (
	// ErrInvalid: a value from outside has not the shape it must have. Nothing
	// was sent.
	ErrInvalid = errors.New("invalid")
	// ErrThrottled: the bucket of query-cost points is empty, and waiting was
	// not possible or not enough. The operation did not run.
	ErrThrottled = errors.New("throttled")
	// ErrOutcomeUnknown: a mutation may have taken effect, and no usable answer
	// says what became of it. The answer was lost, or Shopify failed before it
	// was complete, or it does not fit the Go type, or it was withheld
	// ([ErrWithheld]). Read back before you send it again. Look at it before the
	// other errors, since the error says also what went wrong: one that matches
	// [ErrServer], [ErrAccessDenied] or [ErrUnauthorized] too is no refusal.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrUnauthorized: the access token is missing, wrong or expired (401).
	ErrUnauthorized = errors.New("unauthorized")
	// ErrAccessDenied: an access scope or an approval is missing. The response
	// may hold the rest of the data.
	ErrAccessDenied = errors.New("access denied")
	// ErrNotFound: Shopify says that a resource, or the shop (404), is not there.
	// Most queries answer null instead and are no error.
	ErrNotFound = errors.New("not found")
	// ErrShopUnavailable: the shop cannot be used. [ErrShopFrozen],
	// [ErrShopLocked] and [ErrRejected] say why. Repeating does not help.
	ErrShopUnavailable = errors.New("shop unavailable")
	// ErrShopFrozen: the merchant owes Shopify money (402).
	ErrShopFrozen = errors.New("shop frozen")
	// ErrShopLocked: Shopify locked the shop, after too many requests or for
	// fraud (423).
	ErrShopLocked = errors.New("shop locked")
	// ErrRejected: Shopify takes the request for an attack (430).
	ErrRejected = errors.New("rejected for security reasons")
	// ErrMaxCost: one operation costs more than Shopify allows (1,000 points).
	ErrMaxCost = errors.New("query cost too high")
	// ErrBadRequest: Shopify does not understand the operation or its input.
	ErrBadRequest = errors.New("bad request")
	// ErrStale: a value that a write was made conditional on is another one by
	// now (changeFromQuantity of inventory, compareDigest of metafields). Read,
	// decide, and write again.
	ErrStale = errors.New("stale")
	// ErrKeyMismatch: the idempotency key was used before with other input: a
	// bug of the program.
	ErrKeyMismatch = errors.New("idempotency key used for something else")
	// ErrKeyFailed: an earlier attempt with the same idempotency key failed. A
	// new attempt needs a new key.
	ErrKeyFailed = errors.New("earlier attempt with this idempotency key failed")
	// ErrKeyBusy: another request with the same idempotency key was still
	// running after all retries.
	ErrKeyBusy = errors.New("another request with this idempotency key is running")
	// ErrServer: Shopify failed (5xx or INTERNAL_SERVER_ERROR). That of a mutation
	// matches [ErrOutcomeUnknown] too, unless it surely did not run: never call a
	// mutation again on ErrServer alone.
	ErrServer = errors.New("server error")
	// ErrTooLarge: the response is longer than [Options.MaxResponse].
	ErrTooLarge = errors.New("response too large")
)

// ResponseError is an answer that says the operation failed, wholly or in
// part. What data there was is in the response of the call.
// Source: https://shopify.dev/docs/api/admin-graphql#status-and-error-codes
type ResponseError struct {
	Operation string // name of the operation, may be empty
	Status    int    // HTTP status; GraphQL errors come with 200
	// RequestID is what Shopify's support asks for (X-Request-Id).
	RequestID string
	// Errors are the GraphQL errors; none if the answer held only a status or
	// a plain text.
	Errors []GraphQLError
	// Message is the plain text that some answers carry instead of Errors.
	Message string

	secrets *redactor
}

// GraphQLError is one top-level error of a response.
type GraphQLError struct {
	// Message is Shopify's text. It may repeat parts of the input: do not log
	// it where customers' data must not go.
	Message string
	// Code is extensions.code: THROTTLED, ACCESS_DENIED, MAX_COST_EXCEEDED,
	// INTERNAL_SERVER_ERROR, BAD_REQUEST, INVALID_VARIABLE, undefinedField …
	// Empty if there is none.
	Code string
	// Path is the path of the field in the response, joined by dots
	// ("orders.edges.0.node"); empty for errors of the whole operation.
	Path string
	// RequiredAccess names the missing access of ACCESS_DENIED, in prose.
	RequiredAccess string
	// Cost and MaxCost are what MAX_COST_EXCEEDED says, in points.
	Cost, MaxCost float64
	// Problems are what INVALID_VARIABLE says is wrong.
	Problems []VariableProblem
	// Extensions is the whole object as it came, or nil.
	Extensions json.RawMessage
}

// VariableProblem is one thing that is wrong with a variable.
type VariableProblem struct {
	Path        string // in the variable, joined by dots: "lineItems.0.quantity"
	Explanation string
}

// Error describes the failure. Values of the request's variables that Shopify
// repeats in its messages are left out.
func (e *ResponseError) Error() string {
	var b strings.Builder
	b.WriteString("shopify: ")
	if e.Operation != "" {
		b.WriteString(e.Operation + ": ")
	}
	switch {
	case len(e.Errors) > 0:
		for i, g := range e.Errors {
			if i == maxListed {
				fmt.Fprintf(&b, "; and %d more", len(e.Errors)-i)
				break
			}
			if i > 0 {
				b.WriteString("; ")
			}
			if g.Path != "" {
				b.WriteString(e.secrets.clean(g.Path) + ": ")
			}
			b.WriteString(e.secrets.clean(g.Message))
			if g.Code != "" {
				b.WriteString(" (" + e.secrets.clean(g.Code) + ")")
			}
		}
	case e.Message != "":
		b.WriteString(e.secrets.clean(e.Message))
	case e.Status == statusRejected:
		b.WriteString("rejected for security reasons")
	default:
		b.WriteString(http.StatusText(e.Status))
	}
	if e.Status != http.StatusOK {
		fmt.Fprintf(&b, " [HTTP %d]", e.Status)
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.secrets.clean(e.RequestID) + "]")
	}
	return b.String()
}

// statusRejected is Shopify's own.
// Source: https://shopify.dev/docs/api/usage/response-codes
const statusRejected = 430

// maxListed is how many errors a message lists.
const maxListed = 5

// Is joins the error with the sentinels of this package.
func (e *ResponseError) Is(target error) bool {
	switch target {
	case ErrThrottled:
		return e.Status == http.StatusTooManyRequests || e.has("THROTTLED")
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrAccessDenied:
		return e.Status == http.StatusForbidden || e.has("ACCESS_DENIED")
	case ErrNotFound:
		return e.Status == http.StatusNotFound || e.has("NOT_FOUND", "RESOURCE_NOT_FOUND")
	case ErrShopUnavailable:
		return e.Status == http.StatusPaymentRequired || e.Status == http.StatusLocked || e.Status == statusRejected
	case ErrShopFrozen:
		return e.Status == http.StatusPaymentRequired
	case ErrShopLocked:
		return e.Status == http.StatusLocked
	case ErrRejected:
		return e.Status == statusRejected
	case ErrMaxCost:
		return e.has("MAX_COST_EXCEEDED")
	case ErrServer:
		return e.Status >= 500 || e.has("INTERNAL_SERVER_ERROR")
	case ErrBadRequest:
		return e.badRequest()
	}
	return false
}

// badRequest: codes of input and document validation, of which there are many
// in lowerCamelCase; they never come with data.
func (e *ResponseError) badRequest() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotAcceptable, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	for _, g := range e.Errors {
		switch g.Code {
		case "BAD_REQUEST", "INVALID_FIELD_ARGUMENTS", "INVALID_VARIABLE", "MAX_INPUT_SIZE_EXCEEDED":
			return true
		}
		if c := g.Code; c != "" && 'a' <= c[0] && c[0] <= 'z' {
			return true
		}
	}
	return false
}

func (e *ResponseError) has(codes ...string) bool {
	for _, g := range e.Errors {
		if slices.Contains(codes, g.Code) {
			return true
		}
	}
	return false
}

// ThrottledError says that an operation did not run because it would have had
// to wait too long for query-cost points. It matches [ErrThrottled], and
// [context.DeadlineExceeded] if the context's deadline was the reason.
type ThrottledError struct {
	Operation string
	// Wait is how long it would have had to wait, as far as known.
	Wait time.Duration
	// Cost is the cost in points that was asked for, or expected.
	Cost float64

	cause error // context.DeadlineExceeded, a ResponseError, or nil
}

// Error describes the failure.
func (e *ThrottledError) Error() string {
	s := "shopify: "
	if e.Operation != "" {
		s += e.Operation + ": "
	}
	s += fmt.Sprintf("throttled: %g query-cost points need a wait of %s", e.Cost, e.Wait.Round(time.Millisecond))
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Is reports whether target is [ErrThrottled].
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// Unwrap returns the cause.
func (e *ThrottledError) Unwrap() error { return e.cause }

// OutcomeUnknownError says that a mutation may have taken effect, or has in part,
// and that no usable answer tells. It matches [ErrOutcomeUnknown] and wraps what
// went wrong. What it holds is what it takes to read back what became of it. If
// there was an answer, the response of the call has what could be read of it.
type OutcomeUnknownError struct {
	Operation string
	// Mutations are the root fields, by their names in the schema:
	// ["draftOrderCreate"].
	Mutations []string
	// Safety tells what to do: a repeatable operation may be called again with
	// the same arguments (and the same idempotency key), an unsafe one must be
	// read back first.
	Safety Safety
	// Key is the idempotency key, if there was one.
	Key string
	// IDs are the GIDs in the variables, each once: what the mutation was to
	// change, or what its effect is attached to.
	IDs []GID
	// Variables are the variables as they were sent. They may hold customers'
	// data; Error leaves them out.
	Variables json.RawMessage
	// Attempts is how many times the request was sent, FirstSent and LastSent
	// when: an effect is not older than FirstSent, by this machine's clock.
	Attempts            int
	FirstSent, LastSent time.Time
	// RequestID is Shopify's X-Request-Id of the last answer, if one came.
	RequestID string
	Err       error
}

// Error describes the failure.
func (e *OutcomeUnknownError) Error() string {
	s := "shopify: "
	if e.Operation != "" {
		s += e.Operation + ": "
	}
	return s + "outcome unknown: " + strings.TrimPrefix(e.Err.Error(), s)
}

// Is reports whether target is [ErrOutcomeUnknown].
func (e *OutcomeUnknownError) Is(target error) bool { return target == ErrOutcomeUnknown }

// Unwrap returns what went wrong.
func (e *OutcomeUnknownError) Unwrap() error { return e.Err }

// transportError is a request that failed below HTTP. Its text leaves out the
// URL, which names the shop.
type transportError struct {
	operation string
	err       error
}

func (e *transportError) Error() string {
	s := "shopify: "
	if e.operation != "" {
		s += e.operation + ": "
	}
	return s + e.err.Error()
}

func (e *transportError) Unwrap() error { return e.err }
