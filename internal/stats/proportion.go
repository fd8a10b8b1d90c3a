package stats

import "math"

// z95 is the 97.5 % quantile of the normal distribution.
const z95 = 1.959963984540054

// Wilson returns the 95 % interval of a proportion of which k of n were seen, by
// Wilson's score method. With n = 0 it is everything, from 0 to 1.
//
// Source: Wilson, Journal of the American Statistical Association 22 (1927);
// https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
func Wilson(k, n int) (low, high float64) {
	if n <= 0 || k < 0 || k > n {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z95*z95/(2*m)) / (1 + z95*z95/m)
	half := z95 / (1 + z95*z95/m) * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	low, high = max(mid-half, 0), min(mid+half, 1)
	if k == 0 {
		low = 0 // exactly, whatever was lost in rounding
	}
	if k == n {
		high = 1
	}
	return low, high
}

// Fisher returns the p-value of Fisher's exact test that the proportions k1 of n1
// and k2 of n2 are of the same thing: the sum of the probabilities of all tables
// with the same margins that are at most as probable as this one. It is 1 where
// there is nothing to compare.
//
// Source: https://en.wikipedia.org/wiki/Fisher%27s_exact_test
func Fisher(k1, n1, k2, n2 int) float64 {
	h, ok := newHypergeometric(k1, n1, k2, n2)
	if !ok {
		return 1
	}
	seen, sum := h.probability(k1), 0.0
	for k := h.least; k <= h.most; k++ {
		// Tables of the same probability are not always computed the same.
		if p := h.probability(k); p <= seen*(1+1e-7) {
			sum += p
		}
	}
	return min(sum, 1)
}

// FisherGreater is the one-sided test: a small p-value says that the first
// proportion is greater.
func FisherGreater(k1, n1, k2, n2 int) float64 {
	h, ok := newHypergeometric(k1, n1, k2, n2)
	if !ok {
		return 1
	}
	sum := 0.0
	for k := k1; k <= h.most; k++ {
		sum += h.probability(k)
	}
	return min(sum, 1)
}

// hypergeometric is the distribution of the first count, given both sizes and the
// sum of the counts.
type hypergeometric struct {
	n1, n2, k   int
	least, most int
}

func newHypergeometric(k1, n1, k2, n2 int) (hypergeometric, bool) {
	if k1 < 0 || k2 < 0 || k1 > n1 || k2 > n2 || n1 == 0 || n2 == 0 {
		return hypergeometric{}, false
	}
	k := k1 + k2
	return hypergeometric{n1: n1, n2: n2, k: k, least: max(0, k-n2), most: min(k, n1)}, true
}

func (h hypergeometric) probability(k int) float64 {
	return math.Exp(logChoose(h.n1, k) + logChoose(h.n2, h.k-k) - logChoose(h.n1+h.n2, h.k))
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
