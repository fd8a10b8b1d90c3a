package stats

import (
	"math/rand/v2"
	"slices"
)

// resamples is how often Bootstrap draws.
const resamples = 2000

// Bootstrap returns the 95 % percentile interval of a figure of n cases: it is
// computed over 2,000 samples of n cases, drawn with replacement. The same input
// gives the same interval. The figure is given the indexes of a sample.
//
// Source: Efron, Annals of Statistics 7 (1979)
func Bootstrap(n int, seed uint64, figure func(sample []int) float64) (low, high float64) {
	if n == 0 {
		return 0, 0
	}
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	sample, values := make([]int, n), make([]float64, resamples)
	for r := range values {
		for i := range sample {
			sample[i] = random.IntN(n)
		}
		values[r] = figure(sample)
	}
	slices.Sort(values)
	return values[resamples*25/1000], values[resamples*975/1000-1]
}
