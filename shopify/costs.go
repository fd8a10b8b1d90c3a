package shopify

import "crypto/sha256"

const (
	// unknownCost is what an operation is expected to cost, at least, before its
	// first answer, in points. Most cost less; what is too much comes back with
	// the answer.
	unknownCost = 100
	// maxCosts bounds how many costs are remembered.
	maxCosts = 4096
	// maxDigits bounds a number that the cost may depend on.
	maxDigits = 8
	// maxPoints bounds what an answer may claim; the largest plan has 40,000.
	maxPoints = 1e9
)

// costKey is what the cost of a call depends on: the operation, and how long its
// pages are, as far as variables say. Other numbers, such as quantities, are
// none of it.
type costKey struct{ operation, numbers string }

// costName is what the costs of an operation are remembered under: its name, or
// else what takes less memory than its document.
func costName(name, document string) string {
	if name != "" {
		return name
	}
	sum := sha256.Sum256([]byte(document))
	return string(sum[:])
}

// costBook remembers what operations cost.
type costBook struct {
	exact recent[costKey]
	most  recent[string] // by operation alone
}

// expect returns the points that a call will probably request.
func (c *costBook) expect(key costKey) float64 {
	if cost, ok := c.exact.get(key); ok {
		return cost
	}
	most, _ := c.most.get(key.operation)
	return max(unknownCost, most)
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
	known, _ := c.exact.get(key)
	c.exact.set(key, max(requested, known-(known-requested)/8))
	known, _ = c.most.get(key.operation)
	c.most.set(key.operation, max(requested, known))
	return requested > max(known, unknownCost) || c.expect(key) != before
}

// recent keeps the numbers that were used last, up to maxCosts of them and half
// of these surely: when the younger half is full, the older one is dropped.
type recent[K comparable] struct{ young, old map[K]float64 }

func (r *recent[K]) get(key K) (float64, bool) {
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	if ok {
		r.set(key, v)
	}
	return v, ok
}

func (r *recent[K]) set(key K, v float64) {
	if _, ok := r.young[key]; !ok && len(r.young) >= maxCosts/2 {
		r.old, r.young = r.young, nil
	}
	if r.young == nil {
		r.young = make(map[K]float64)
	}
	r.young[key] = v
}
