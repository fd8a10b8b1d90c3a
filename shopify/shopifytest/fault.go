package shopifytest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Fault is something that goes wrong on purpose in the GraphQL APIs or at the token
// endpoint. Which requests it hits, and how often, is told by the first five fields;
// what happens to them by the others. Delay may be combined with any; of Cut, Status,
// Throttle, InternalError, Code without Path, and LoseResponse the first that is set counts.
// Path and UserError may be combined with LoseResponse.
type Fault struct {
	// Grant is the grant type of the requests to the token endpoint to hit, such as
	// "refresh_token", or "*" for any. If empty, the fault is one of the GraphQL APIs.
	Grant string `json:"grant,omitempty"`

	// Operation is the name of the operation to hit, such as "OrderForFollowUp".
	// If empty, any.
	Operation string `json:"operation,omitempty"`

	// Field is the name of a root field to hit, such as "tagsAdd". If empty, any.
	Field string `json:"field,omitempty"`

	// Skip is how many matching requests pass unharmed first.
	Skip int `json:"skip,omitempty"`

	// Times is how many matching requests are hit. If zero, one; if negative, all.
	Times int `json:"times,omitempty"`

	// Delay is how long the answer takes longer. The request takes effect before,
	// so that a client that gives up cannot know. It ends early when the client
	// does give up.
	Delay time.Duration `json:"-"`

	// Cut closes the connection without handling the request and without an answer.
	Cut bool `json:"cut,omitempty"`

	// Status answers with this HTTP status instead of handling the request: 423
	// (locked shop), 429, 430, 402 (frozen shop), 500, 502, 503, 504 and so on.
	Status int `json:"status,omitempty"`

	// RetryAfter is the value of the Retry-After header of an answer with Status,
	// in seconds, such as "2.0". If empty, there is no such header.
	RetryAfter string `json:"retry_after,omitempty"`

	// Throttle answers as if the bucket were empty: THROTTLED, with HTTP status 200.
	Throttle bool `json:"throttle,omitempty"`

	// InternalError answers with INTERNAL_SERVER_ERROR and "data": null, HTTP
	// status 200, instead of handling the request.
	InternalError bool `json:"internal_error,omitempty"`

	// Code answers with one error with this extensions.code, such as "RESOURCE_NOT_FOUND" or
	// "MAX_COST_EXCEEDED", and "data": null, HTTP status 200, instead of handling the request. With Path it
	// is the code of the error there.
	Code string `json:"code,omitempty"`

	// Message is the message of the error with Code or Path. If empty, Shopify's for INTERNAL_SERVER_ERROR and
	// ACCESS_DENIED, else the code.
	Message string `json:"message,omitempty"`

	// Path is the place in the answer of a field that fails while everything else is handled: response keys with
	// dots between, such as "order.customer" or, in all elements of a list, "orders.nodes.customer"; one alone
	// is hit by its position, "orders.nodes.0.customer". The answer has the other data, the error and the cost.
	// The code is Code or, if that is empty, INTERNAL_SERVER_ERROR; ACCESS_DENIED comes with requiredAccess. A
	// root field of a mutation is not carried out then, while a field below it fails after the effect. A request
	// that does not select the field uses the fault up and is answered as usual.
	Path string `json:"path,omitempty"`

	// UserError answers a mutation with this user error instead of carrying it out: root fields named Field or,
	// if that is empty, all. Idempotency keys stay unused.
	UserError *UserError `json:"user_error,omitempty"`

	// LoseResponse handles the request, with all its effects, and then closes the
	// connection without an answer.
	LoseResponse bool `json:"lose_response,omitempty"`

	// OAuthError answers at the token endpoint with this error, such as
	// "invalid_grant", and Status or, if that is zero, 400.
	OAuthError string `json:"oauth_error,omitempty"`

	// OmitExpiry answers at the token endpoint without saying how long the tokens live,
	// which Shopify has been seen to do.
	OmitExpiry bool `json:"omit_expiry,omitempty"`
}

// A UserError is one entry of a mutation's userErrors.
type UserError struct {
	// Field is the path of the input that is to blame. If nil, it is null.
	Field []string `json:"field"`
	// Message is for people. If empty, Code.
	Message string `json:"message"`
	// Code is one of the mutation's codes, such as "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" of those that take
	// @idempotent. If empty, null. The errors of some mutations have no code.
	Code string `json:"code"`
}

// fails reports that the request is not to be handled.
func (f Fault) fails() bool {
	return f.Cut || f.Status != 0 || f.Throttle || f.InternalError || f.Code != "" && f.Path == ""
}

// faults are those which are waiting for their requests. Safe for concurrent use.
type faults struct {
	mu   sync.Mutex
	list []*armedFault
}

type armedFault struct {
	Fault
	id         string
	skip, left int // left < 0: without end
}

// add arms the fault. The function returned disarms it.
func (fs *faults) add(f Fault) (id string, remove func()) {
	armed := &armedFault{Fault: f, id: randomHex(8), skip: max(f.Skip, 0), left: f.Times}
	if armed.left == 0 {
		armed.left = 1
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append(fs.list, armed)
	return armed.id, func() { fs.remove(func(f *armedFault) bool { return f == armed }) }
}

// remove disarms the faults for which which is true and returns how many those were.
func (fs *faults) remove(which func(*armedFault) bool) int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	before := len(fs.list)
	fs.list = slices.DeleteFunc(fs.list, which)
	return before - len(fs.list)
}

// armed are those that are waiting, oldest first.
func (fs *faults) armed() []armedFault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := make([]armedFault, len(fs.list))
	for i, f := range fs.list {
		out[i] = *f
	}
	return out
}

// take returns the oldest fault that hits the request, and counts it.
func (fs *faults) take(operation string, fields []string) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if f.Operation != "" && f.Operation != operation || f.Field != "" && !slices.Contains(fields, f.Field) {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		if f.left > 0 {
			f.left--
		}
		if f.left == 0 {
			fs.list = slices.Delete(fs.list, i, i+1)
		}
		return f.Fault, true
	}
	return Fault{}, false
}

// statusText is the body's message of an HTTP error.
func statusText(status int) string {
	switch status {
	case http.StatusPaymentRequired:
		return "Unavailable Shop"
	case http.StatusLocked:
		return "Locked"
	case http.StatusTooManyRequests:
		return "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
	case 430:
		return "Shopify Security Rejection"
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Error"
}
