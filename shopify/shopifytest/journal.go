package shopifytest

import (
	"sync"
	"time"
)

// journalSize is how many requests a shop remembers.
const journalSize = 10_000

// A JournalEntry is one request to the GraphQL APIs or the REST API, as the shop saw it. Tokens
// and query texts are not in it.
type JournalEntry struct {
	// API is "admin", "storefront" or "rest".
	API string
	// RequestID is the value of the X-Request-Id header of the answer.
	RequestID string
	// Time is when the request arrived.
	Time time.Time
	// Version is the API version that the client asked for.
	Version string
	// Operation is the operation's name; empty if it has none or was not readable. Of a REST request, the method
	// and the path, such as "GET orders.json".
	Operation string
	// Mutation tells a mutation from a query.
	Mutation bool
	// RootFields are the names of the root fields in the order of the document.
	RootFields []string
	// Variables are the request's variables: a copy.
	Variables map[string]any
	// Status is the HTTP status of the answer; 0 if the connection was cut.
	Status int
	// Codes are the values of extensions.code of the answer's top-level errors,
	// whether or not the answer arrived.
	Codes []string
	// RequestedCost and ActualCost are in points; 0 if not known or not run.
	RequestedCost, ActualCost int
	// Effect tells that the shop carried a mutation out, or one of several, even if the answer was lost. It is false
	// where a [Fault] or an idempotency key answered in its place. What a mutation refused in its user errors still
	// counts as carried out, and so does one that was Improvised though nothing was written: to the client it has
	// happened.
	Effect bool
	// Improvised tells that a mutation, or one of several, was answered with made-up values and wrote nothing:
	// see [Options.Improvise].
	Improvised bool
	// Faulted tells that an injected [Fault] hit the request.
	Faulted bool
}

// journal remembers the latest requests. Safe for concurrent use.
type journal struct {
	mu      sync.Mutex
	entries []JournalEntry
}

func (j *journal) add(e JournalEntry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.entries) >= journalSize {
		j.entries = append(j.entries[:0], j.entries[journalSize/10:]...)
	}
	j.entries = append(j.entries, e)
}

// all returns deep copies, oldest first.
func (j *journal) all() []JournalEntry {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]JournalEntry, len(j.entries))
	for i, e := range j.entries {
		e.Variables, _ = copyJSON(e.Variables).(map[string]any)
		e.RootFields = append([]string(nil), e.RootFields...)
		e.Codes = append([]string(nil), e.Codes...)
		out[i] = e
	}
	return out
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

// copyJSON returns a deep copy of a JSON value.
func copyJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[k] = copyJSON(x)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = copyJSON(x)
		}
		return l
	}
	return v
}
