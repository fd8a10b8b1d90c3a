package copurchase

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// MaxCounted is how many distinct products of one basket [Counts] counts. The rest of a
// longer one, a wholesale order of hundreds, is left out.
const MaxCounted = 100

// Weighting says how much a past basket counts. The zero Weighting counts each once.
type Weighting struct {
	// Size makes large baskets count less: one of k products counts k to the power
	// of -Size. Two things bought alone together belong together; two of sixty may
	// have nothing to do with one another. Zero is all the same, one is that each
	// basket spreads one vote over its products.
	Size float64
	// HalfLife is after how much time a basket counts half: ranges change. Zero is
	// never.
	HalfLife time.Duration
}

// Similarity turns weighted counts into how well product b goes with product a of a
// cart:
//
//	s(a, b) = (n(a and b) / (n(a)^Cart · n(b)^Other) · n(a and b) / (n(a and b) + Shrink))^Power
//
// Cart and Other one half, Power one and Shrink zero is the cosine; Cart and Other one
// is the lift, up to a factor that changes no order.
type Similarity struct {
	Cart  float64 // exponent of the count of the cart's product
	Other float64 // exponent of the count of the product that may be recommended; less favors the popular
	// Power above one lets one strong tie outweigh several weak ones.
	Power float64
	// Shrink is how much weight of baskets a pair needs to be believed half.
	Shrink float64
	// AtLeast is the weight below which a pair is not looked at.
	AtLeast float64
}

// The plain measures that others are compared with.
var (
	Cosine = Similarity{Cart: 0.5, Other: 0.5, Power: 1}
	Lift   = Similarity{Cart: 1, Other: 1, Power: 1}
)

// Tuned is the setting that did best on Online Retail, on a month of baskets that came
// after those it was trained on and before those that it is reported for. See
// examples/checkoutupsell -eval.
var (
	TunedWeighting  = Weighting{Size: 0.5, HalfLife: 60 * 24 * time.Hour}
	TunedSimilarity = Similarity{Cart: 0.6, Other: 0.4, Power: 2, Shrink: 0.2}
)

// Counts counts past baskets, weighted. It is not safe for concurrent use.
type Counts struct {
	now     time.Time
	weights Weighting
	index   map[string]int32
	ids     []string
	single  []float64
	pairs   []map[int32]float64
	baskets int
}

// NewCounts returns empty counts as of now.
func NewCounts(now time.Time, w Weighting) *Counts {
	return &Counts{now: now, weights: w, index: map[string]int32{}}
}

// Add counts a basket of product ids, which was bought at the given time. Repeated ids
// count once.
func (c *Counts) Add(at time.Time, basket []string) {
	items := make([]int32, 0, min(len(basket), MaxCounted))
	for _, id := range basket {
		if len(items) == MaxCounted {
			break
		}
		if i := c.number(id); id != "" && !slices.Contains(items, i) {
			items = append(items, i)
		}
	}
	c.baskets++
	if len(items) == 0 {
		return
	}
	weight := math.Pow(float64(len(items)), -c.weights.Size)
	if c.weights.HalfLife > 0 {
		weight *= math.Exp2(-max(0, c.now.Sub(at)).Seconds() / c.weights.HalfLife.Seconds())
	}
	for _, a := range items {
		c.single[a] += weight
		for _, b := range items {
			if a != b {
				c.pairs[a][b] += weight
			}
		}
	}
}

func (c *Counts) number(id string) int32 {
	i, ok := c.index[id]
	if !ok && id != "" {
		i = int32(len(c.ids))
		c.index[id] = i
		c.ids = append(c.ids, id)
		c.single = append(c.single, 0)
		c.pairs = append(c.pairs, map[int32]float64{})
	}
	return i
}

// Ranker returns what the counts say under a similarity. Later additions do not change
// it.
func (c *Counts) Ranker(s Similarity) *Ranker {
	r := &Ranker{ids: slices.Clone(c.ids), index: make(map[string]int32, len(c.ids)), single: slices.Clone(c.single), ties: make([][]tie, len(c.ids)), baskets: c.baskets}
	cart, other := make([]float64, len(c.ids)), make([]float64, len(c.ids))
	for i, n := range c.single {
		r.index[c.ids[i]] = int32(i)
		cart[i], other[i] = math.Pow(n, s.Cart), math.Pow(n, s.Other)
	}
	// The counts are symmetric. Going through them by the other product leaves each
	// row in order, and the order of the sums is part of the result.
	for b, row := range c.pairs {
		for a, n := range row {
			if n <= 0 || n < s.AtLeast {
				continue
			}
			v := n / (cart[a] * other[b]) * n / (n + s.Shrink)
			if s.Power != 1 {
				v = math.Pow(v, s.Power)
			}
			if v > 0 {
				r.ties[a] = append(r.ties[a], tie{int32(b), v})
			}
		}
	}
	r.scratch.New = func() any { return &scratch{score: make([]float64, len(c.ids)), in: make([]bool, len(c.ids))} }
	return r
}

// Ranker ranks products for a cart. It does not change, and is safe for concurrent use.
type Ranker struct {
	ids     []string
	index   map[string]int32
	single  []float64 // weight of the baskets that have the product
	ties    [][]tie   // of each product, when it is in the cart
	baskets int
	scratch sync.Pool // of *scratch
}

type tie struct {
	to    int32
	score float64
}

// scratch is what a ranking needs while it is made.
type scratch struct {
	score   []float64
	in      []bool
	touched []int32
}

// Baskets returns how many baskets were counted.
func (r *Ranker) Baskets() int { return r.baskets }

// Rank returns the n products that go best with a cart, best first, without the
// cart's own. The score is the sum of the similarities to the cart's products. Equal
// scores are ordered by popularity, then by id: the answer is deterministic.
func (r *Ranker) Rank(cart []string, n int) []Scored {
	if n <= 0 {
		return nil
	}
	w := r.scratch.Get().(*scratch)
	defer r.scratch.Put(w)
	own := make([]int32, 0, min(len(cart), MaxCounted))
	for _, id := range cart {
		if i, ok := r.index[id]; ok && !w.in[i] && len(own) < MaxCounted {
			w.in[i] = true
			own = append(own, i)
		}
	}
	for _, a := range own {
		for _, t := range r.ties[a] {
			if w.score[t.to] == 0 {
				w.touched = append(w.touched, t.to)
			}
			w.score[t.to] += t.score
		}
	}
	best := make([]int32, 0, n+1)
	for _, b := range w.touched {
		if !w.in[b] {
			best = r.place(best, b, n, w.score)
		}
	}
	out := make([]Scored, len(best))
	for i, b := range best {
		out[i] = Scored{ID: r.ids[b], Score: w.score[b]}
	}
	for _, b := range w.touched {
		w.score[b] = 0
	}
	w.touched = w.touched[:0]
	for _, a := range own {
		w.in[a] = false
	}
	return out
}

// Popular returns the n products with the most weight of baskets, best first, without
// those of the given cart. The score is that weight.
func (r *Ranker) Popular(cart []string, n int) []Scored {
	best := make([]int32, 0, n+1)
	own := make(map[int32]bool, len(cart))
	for _, id := range cart {
		if i, ok := r.index[id]; ok {
			own[i] = true
		}
	}
	for i := range int32(len(r.ids)) {
		if !own[i] {
			best = r.place(best, i, n, r.single)
		}
	}
	out := make([]Scored, len(best))
	for i, b := range best {
		out[i] = Scored{ID: r.ids[b], Score: r.single[b]}
	}
	return out
}

// place puts b where it belongs among the best n.
func (r *Ranker) place(best []int32, b int32, n int, score []float64) []int32 {
	if len(best) == n && (score[b] < score[best[n-1]] || r.order(b, best[n-1], score) >= 0) {
		return best
	}
	at, _ := slices.BinarySearchFunc(best, b, func(have, b int32) int { return r.order(have, b, score) })
	best = slices.Insert(best, at, b)
	return best[:min(len(best), n)]
}

// order is negative where a comes before b.
func (r *Ranker) order(a, b int32, score []float64) int {
	return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(r.single[b], r.single[a]), cmp.Compare(r.ids[a], r.ids[b]))
}
