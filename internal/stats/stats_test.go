package stats_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/posai-go/posai/internal/stats"
)

// The table of Newcombe, Statistics in Medicine 17 (1998), method 3.
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		k, n      int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		low, high := stats.Wilson(tt.k, tt.n)
		assert.InDelta(t, tt.low, low, 5e-5, "%d of %d", tt.k, tt.n)
		assert.InDelta(t, tt.high, high, 5e-5, "%d of %d", tt.k, tt.n)
	}
	low, high := stats.Wilson(0, 0)
	assert.Equal(t, []float64{0, 1}, []float64{low, high}, "nothing is known")
	_, high = stats.Wilson(7, 7)
	assert.Equal(t, 1.0, high)
}

func TestFisher(t *testing.T) {
	// The lady tasting tea: Fisher, The Design of Experiments (1935).
	assert.InDelta(t, 0.4857142857, stats.Fisher(3, 4, 1, 4), 1e-9)
	assert.InDelta(t, 0.2428571429, stats.FisherGreater(3, 4, 1, 4), 1e-9)
	// Convictions of twins: the example of fisher.test in R.
	assert.InDelta(t, 0.0005367, stats.Fisher(2, 17, 10, 13), 5e-8)
	assert.InDelta(t, 0.0004652, stats.FisherGreater(10, 13, 2, 17), 5e-8)
	// Whales: the example of scipy.stats.fisher_exact.
	assert.InDelta(t, 0.03496503496503495, stats.Fisher(8, 10, 1, 6), 1e-12)
	assert.InDelta(t, 1, stats.Fisher(5, 10, 5, 10), 1e-12)
	assert.Equal(t, 1.0, stats.Fisher(0, 0, 3, 9), "nothing to compare")
	assert.Equal(t, 1.0, stats.FisherGreater(5, 4, 3, 9), "no proportion")
	p := stats.Fisher(400, 100_000, 300, 100_000)
	assert.InDelta(t, 0.00018, p, 0.00003, "large counts: near the normal test's 0.00016")
}

// The fifteen p-values of Benjamini and Hochberg (1995), section 3.2: at 5 %
// the first four are findings.
func TestAdjust(t *testing.T) {
	p := []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0}
	q := stats.Adjust(p)
	findings := 0
	for i := range q {
		if q[i] <= 0.05 {
			findings++
		}
	}
	assert.Equal(t, 4, findings)
	assert.InDelta(t, 0.0015, q[0], 1e-12)
	assert.InDelta(t, 0.0603, q[4], 1e-12)
	assert.InDelta(t, 15*0.0298/7, q[5], 1e-12, "never above a later one's")
	assert.InDelta(t, 1, q[14], 1e-12)
	assert.Equal(t, []float64{0.3, 0.03, 0.3}, round(stats.Adjust([]float64{0.3, 0.01, 0.25})), "in their order")
	assert.Empty(t, stats.Adjust(nil))
}

func round(values []float64) []float64 {
	for i := range values {
		values[i] = math.Round(values[i]*1e9) / 1e9
	}
	return values
}

// The example of f1_score in scikit-learn.
func TestMacroF1(t *testing.T) {
	want, got := []string{"0", "1", "2", "0", "1", "2"}, []string{"0", "2", "1", "0", "0", "1"}
	var cases []stats.Labeled
	for i := range want {
		cases = append(cases, stats.Labeled{Want: want[i], Got: got[i]})
	}
	classes := []string{"0", "1", "2"}
	assert.InDelta(t, 0.26666666, stats.MacroF1(cases, classes), 1e-8)
	f := stats.PerClass(cases, classes)
	assert.InDelta(t, 2.0/3, f[0].Precision, 1e-12)
	assert.InDelta(t, 1, f[0].Recall, 1e-12)
	assert.InDelta(t, 0.8, f[0].F1, 1e-12)
	assert.Zero(t, f[1].F1)
	assert.Equal(t, 2, f[2].Cases)
	assert.Zero(t, stats.MacroF1(nil, classes))
}

// The interval of a mean must be near the normal one.
func TestBootstrap(t *testing.T) {
	const n = 400
	mean := func(sample []int) float64 {
		hits := 0
		for _, i := range sample {
			if i%4 == 0 {
				hits++
			}
		}
		return float64(hits) / n
	}
	low, high := stats.Bootstrap(n, 1979, mean)
	half := 1.96 * math.Sqrt(0.25*0.75/n)
	assert.InDelta(t, 0.25-half, low, 0.01)
	assert.InDelta(t, 0.25+half, high, 0.01)
	again, _ := stats.Bootstrap(n, 1979, mean)
	assert.Equal(t, low, again, "the same each time")
}

func TestBinomial(t *testing.T) {
	assert.InDelta(t, 0.04138947, stats.Binomial(5, 20), 1e-8, "binom.test(5, 20) in R")
	assert.InDelta(t, 0.04138947, stats.Binomial(15, 20), 1e-8)
	assert.InDelta(t, 1.0/16, stats.Binomial(0, 5), 1e-12)
	assert.InDelta(t, 1, stats.Binomial(3, 6), 1e-12)
	assert.Equal(t, 1.0, stats.Binomial(0, 0), "nothing differs")
}

func TestSignFlip(t *testing.T) {
	// Darwin's maize, crossed against self-fertilized, in eighths of an inch:
	// Fisher (1935) counts 863 of 32,768 on one side.
	maize := []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}
	p, exact := stats.SignFlip(maize, 1)
	assert.True(t, exact)
	assert.InDelta(t, 2*863.0/32768, p, 1e-12)
	p, _ = stats.SignFlip(append(maize, 0, 0, 0, 0, 0), 1)
	assert.InDelta(t, 2*863.0/32768, p, 1e-12, "pairs that are equal change nothing")

	// At random it is near the exact value, and the same each time.
	signs := make([]float64, 40)
	for i := range signs {
		signs[i] = 1
		if i < 12 {
			signs[i] = -1
		}
	}
	p, exact = stats.SignFlip(signs, 7)
	assert.False(t, exact)
	assert.InDelta(t, stats.Binomial(12, 40), p, 0.003)
	again, _ := stats.SignFlip(signs, 7)
	assert.Equal(t, p, again)
	p, _ = stats.SignFlip(nil, 1)
	assert.Equal(t, 1.0, p)
	p, _ = stats.SignFlip(slices.Repeat([]float64{0.1}, 200), 1)
	assert.Positive(t, p, "never zero")
}
