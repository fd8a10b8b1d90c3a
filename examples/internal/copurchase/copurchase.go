// Package copurchase says which products are bought together.
//
// An [Index] counts, over past baskets, how often each product and each pair
// of products was bought, and answers with the cosine similarity of two
// products' purchase vectors:
//
//	cos(a, b) = n(a and b) / sqrt(n(a) · n(b))
//
// That is item-to-item collaborative filtering as described by Linden, Smith
// and York, "Amazon.com Recommendations" (IEEE Internet Computing, 2003). It
// needs no model, no training and no customer's data, and is the baseline
// that a model has to beat.
//
// An Index is safe for concurrent use.
package copurchase

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// MaxBasket is how many distinct products of one basket are counted; the rest
// of a longer basket (a wholesale order, say) is left out, because the number
// of pairs grows with its square.
const MaxBasket = 50

// Scored is a product and its score.
type Scored struct {
	ID string
	// Score is the sum of the cosine similarities to the products of the
	// basket: 0 for never bought together, at most the basket's size.
	Score float64
}

// Index counts baskets. The zero value is an empty index, ready to use.
type Index struct {
	mu      sync.RWMutex
	baskets int
	count   map[string]int
	pairs   map[string]map[string]int
}

// Add counts one basket of product ids. Repeated ids count once.
func (x *Index) Add(basket []string) {
	items := distinct(basket)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.count == nil {
		x.count = make(map[string]int)
		x.pairs = make(map[string]map[string]int)
	}
	x.baskets++
	for i, a := range items {
		x.count[a]++
		for _, b := range items[i+1:] {
			x.pair(a, b)
			x.pair(b, a)
		}
	}
}

func (x *Index) pair(a, b string) {
	m := x.pairs[a]
	if m == nil {
		m = make(map[string]int)
		x.pairs[a] = m
	}
	m[b]++
}

// Baskets returns how many baskets were added.
func (x *Index) Baskets() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.baskets
}

// Similar returns the n products that go best with a basket, best first,
// without the basket's own. Equal scores are ordered by popularity, then by
// id, so that the answer is deterministic.
func (x *Index) Similar(basket []string, n int) []Scored {
	items := distinct(basket)
	x.mu.RLock()
	defer x.mu.RUnlock()
	scores := make(map[string]float64)
	for _, a := range items {
		for b, together := range x.pairs[a] {
			if !slices.Contains(items, b) {
				scores[b] += float64(together) / math.Sqrt(float64(x.count[a])*float64(x.count[b]))
			}
		}
	}
	return x.top(scores, n)
}

// Popular returns the n products that are in most baskets, best first, without
// those of the given basket. The score is the share of baskets, 0 to 1. It is
// what is left to recommend when nothing was ever bought together with a
// basket.
func (x *Index) Popular(basket []string, n int) []Scored {
	items := distinct(basket)
	x.mu.RLock()
	defer x.mu.RUnlock()
	scores := make(map[string]float64)
	for id, c := range x.count {
		if !slices.Contains(items, id) {
			scores[id] = float64(c) / float64(x.baskets)
		}
	}
	return x.top(scores, n)
}

func (x *Index) top(scores map[string]float64, n int) []Scored {
	out := make([]Scored, 0, len(scores))
	for id, s := range scores {
		out = append(out, Scored{ID: id, Score: s})
	}
	slices.SortFunc(out, func(a, b Scored) int {
		return cmp.Or(
			cmp.Compare(b.Score, a.Score),
			cmp.Compare(x.count[b.ID], x.count[a.ID]),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return out[:min(n, len(out))]
}

func distinct(basket []string) []string {
	items := make([]string, 0, min(len(basket), MaxBasket))
	for _, id := range basket {
		if len(items) == MaxBasket {
			break
		}
		if id != "" && !slices.Contains(items, id) {
			items = append(items, id)
		}
	}
	return items
}
