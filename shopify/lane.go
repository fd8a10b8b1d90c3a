package shopify

// Lane says who waits for query-cost points first. The zero value stands for
// the default where one is given.
type Lane uint8

const (
	// Interactive is for calls that a person waits for, such as a cashier. It
	// is the default.
	Interactive Lane = iota + 1
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
