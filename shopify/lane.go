package shopify

import "context"

// Lane says who waits for query-cost points first.
type Lane uint8

const (
	// Interactive is for calls that a person waits for, such as a cashier. It
	// is the default.
	Interactive Lane = iota
	// Background is for work that nobody waits for: it lets interactive calls
	// pass, and leaves a part of the bucket to them.
	Background
)

// String returns the name, "interactive".
func (l Lane) String() string {
	if l == Background {
		return "background"
	}
	return "interactive"
}

type laneKey struct{}

// WithLane returns a context whose calls use this lane instead of
// [Options.Lane].
func WithLane(ctx context.Context, lane Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}
