package shopify

const (
	// unknownCost is what an operation is expected to cost, at least, before its
	// first answer, in points. Most cost less; what is too much comes back with
	// the answer.
	unknownCost = 100
	// maxCosts bounds how many costs are remembered.
	maxCosts = 4096
	// maxPoints bounds what an answer may claim; the largest plan has 40,000.
	maxPoints = 1e9
)

// costKey is what the cost of a call depends on: the operation, and its numbers,
// of which some say how long a page is.
type costKey struct{ operation, numbers string }

// costBook remembers what operations cost.
type costBook struct {
	exact map[costKey]float64
	most  map[string]float64 // by operation alone
}

// expect returns the points that a call will probably request.
func (c *costBook) expect(key costKey) float64 {
	if cost, ok := c.exact[key]; ok {
		return cost
	}
	return max(unknownCost, c.most[key.operation])
}

// learn notes what a call requested. The cost may vary with what the key does
// not say, such as the length of a list: then the book stays near the highest,
// and forgets it over the next calls.
//
// It reports whether anything is expected now that was not before.
func (c *costBook) learn(key costKey, requested float64) (changed bool) {
	if !(requested > 0 && requested <= maxPoints) {
		return false
	}
	before := c.expect(key)
	if c.exact == nil {
		c.exact, c.most = make(map[costKey]float64), make(map[string]float64)
	}
	if known, ok := c.exact[key]; ok || len(c.exact) < maxCosts {
		c.exact[key] = max(requested, known-(known-requested)/8)
	}
	if known, ok := c.most[key.operation]; ok || len(c.most) < maxCosts {
		c.most[key.operation] = max(requested, known)
		changed = requested > max(known, unknownCost)
	}
	return changed || c.expect(key) != before
}
