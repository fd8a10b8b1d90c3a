package stats

import (
	"cmp"
	"slices"
)

// Adjust returns the p-values as q-values, in their order: calling all those a
// finding whose q-value is at most q keeps the expected share of false findings
// at q, however many tests were made (Benjamini and Hochberg).
//
// Source: Benjamini, Hochberg, Journal of the Royal Statistical Society B 57
// (1995); https://en.wikipedia.org/wiki/False_discovery_rate
func Adjust(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	q := make([]float64, len(p))
	least := 1.0
	for rank := len(order); rank >= 1; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(p))/float64(rank))
		q[i] = least
	}
	return q
}
