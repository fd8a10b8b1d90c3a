package shopify

import (
	"encoding/json"
	"strings"
	"time"
)

// Info is what an answer says besides its data, and what the call took. See
// [CallOptions.Info].
type Info struct {
	// Operation is what was understood of the document.
	Operation Operation
	// RequestID is what Shopify's support asks for (X-Request-Id).
	RequestID string
	// APIVersion is the version that answered. Shopify answers with an older
	// one than was asked for, silently, when that is not known, and with a
	// newer one when it is not supported anymore. Empty if it was not said.
	APIVersion string
	// DeprecatedReason is set when the call uses something deprecated.
	DeprecatedReason string
	// Status is the HTTP status; 0 if no answer came.
	Status int
	// Cost is the query cost of the last attempt; its numbers are 0 when the
	// answer held none.
	Cost Cost
	// Attempts is how many times the request was sent.
	Attempts int
	// Throttled is how many of them Shopify refused for lack of points.
	Throttled int
	// Waited is the time spent waiting: for query-cost points, and between
	// attempts.
	Waited time.Duration
	// WaitedForPoints is the part of it that was for points.
	WaitedForPoints time.Duration
	// Search is what Shopify did not understand of search filters; see
	// [SearchError].
	Search []SearchWarning
}

// Cost is the query cost of one operation and the state of the shop's bucket,
// in points.
// Source: https://shopify.dev/docs/api/usage/limits
type Cost struct {
	Requested float64  `json:"requestedQueryCost"`
	Actual    float64  `json:"actualQueryCost"` // 0 when the operation did not run
	Throttle  Throttle `json:"throttleStatus"`
}

// Throttle is the state of a shop's bucket of points.
type Throttle struct {
	MaximumAvailable   float64 `json:"maximumAvailable"`
	CurrentlyAvailable float64 `json:"currentlyAvailable"`
	RestoreRate        float64 `json:"restoreRate"` // points per second
}

// SearchWarning is Shopify's remark on a search filter (a connection's "query"
// argument) that it did not understand.
type SearchWarning struct {
	Path     string // of the connection in the response: "orders"
	Query    string // as sent; may hold customers' data
	Warnings json.RawMessage
}

// SearchError says that Shopify did not understand a search filter. It ignores
// what it does not understand, so that the answer holds too much, or nothing.
// The client makes it an error, unless [Options.AllowSearchWarnings] is set.
type SearchError struct {
	Operation string
	Warnings  []SearchWarning
}

// Error describes the failure without the filter's text.
func (e *SearchError) Error() string {
	s := "shopify: "
	if e.Operation != "" {
		s += e.Operation + ": "
	}
	paths := make([]string, 0, len(e.Warnings))
	for _, w := range e.Warnings {
		paths = append(paths, w.Path)
	}
	return s + "search filter not understood: " + (*redactor)(nil).clean(strings.Join(paths, ", "))
}
