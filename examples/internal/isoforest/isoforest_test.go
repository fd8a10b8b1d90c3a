package isoforest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/isoforest"
)

func Example() {
	random := rand.New(rand.NewPCG(1, 1))
	data := make([][]float64, 1000) // baskets: pieces, price
	for i := range data {
		data[i] = []float64{1 + float64(random.IntN(5)), 20 + 5*random.NormFloat64()}
	}
	data[7], data[70], data[700] = []float64{30, 25}, []float64{3, 95}, []float64{60, 4} // nobody says which
	forest, err := isoforest.Fit(data, &isoforest.Options{Sample: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("ordinary %.1f, forty pieces %.1f, because of feature %d\n",
		forest.Score([]float64{3, 21}), forest.Score([]float64{40, 21}), forest.Explain([]float64{40, 21})[0].Feature)
	// Output: ordinary 0.4, forty pieces 0.8, because of feature 0
}

// exact is E(h(x)) in one dimension, computed instead of sampled: the first
// split falls between two neighbors with a probability that is their distance.
// points are sorted; i is the one that is isolated.
func exact(points []float64, i, depth int) float64 {
	if len(points) == 1 {
		return 0
	}
	if depth == 0 {
		return averagePath(len(points))
	}
	sum, span := 0.0, points[len(points)-1]-points[0]
	for k := 1; k < len(points); k++ {
		p := (points[k] - points[k-1]) / span
		if i < k {
			sum += p * (1 + exact(points[:k], i, depth-1))
		} else {
			sum += p * (1 + exact(points[k:], i-k, depth-1))
		}
	}
	return sum
}

// averagePath is c(n) as in the paper, equation 1.
func averagePath(n int) float64 {
	if n == 2 {
		return 1
	}
	return 2*(math.Log(float64(n-1))+0.5772156649) - 2*float64(n-1)/float64(n)
}

func TestScoresThatCanBeComputed(t *testing.T) {
	for _, points := range [][]float64{
		{0, 1, 10},
		{0, 1, 2, 3, 4, 5, 6, 7},
		{-3, 0, 0.1, 0.2, 0.25, 0.3, 9},
		{1, 2, 4, 8, 16, 32, 64, 128, 256},
	} {
		var data [][]float64
		for _, p := range points {
			data = append(data, []float64{p})
		}
		forest, err := isoforest.Fit(data, &isoforest.Options{Trees: 20_000})
		require.NoError(t, err)
		depth := int(math.Ceil(math.Log2(float64(len(points)))))
		for i := range points {
			want := exact(points, i, depth)
			require.InDelta(t, want, forest.PathLength(data[i]), 0.03, "%v of %v", points[i], points)
			require.InDelta(t, math.Exp2(-want/averagePath(len(points))), forest.Score(data[i]), 0.01)
		}
	}
}

// The paper's figure 1: of 135 points of a Gaussian, a point in the middle
// takes about 12.8 splits, one at the edge about 4.0.
func TestPathLengthsOfThePaper(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	data := make([][]float64, 135)
	for i := range data {
		data[i] = []float64{random.NormFloat64(), random.NormFloat64()}
	}
	data[0], data[1] = []float64{0, 0}, []float64{3.5, 3}
	forest, err := isoforest.Fit(data, &isoforest.Options{Trees: 1000, Sample: 135})
	require.NoError(t, err)
	assert.InDelta(t, 4.02, forest.PathLength(data[1]), 1.2)
	// Trees end at depth 8 here; c(n) stands in for what is below.
	assert.InDelta(t, 12.82, forest.PathLength(data[0]), 2.5)
	assert.Greater(t, forest.Score(data[1]), 0.65)
	assert.Less(t, forest.Score(data[0]), 0.45)
}

// The example in scikit-learn's own test: two points beside six.
func TestTwoBesideSix(t *testing.T) {
	data := [][]float64{{-2, -1}, {-1, -1}, {-1, -2}, {1, 1}, {1, 2}, {2, 1}, {7, 4}, {-5, 9}}
	forest, err := isoforest.Fit(data, nil)
	require.NoError(t, err)
	for _, ordinary := range data[:6] {
		for _, odd := range data[6:] {
			assert.Greater(t, forest.Score(odd), forest.Score(ordinary))
		}
	}
	assert.Equal(t, 2, forest.Features())
}

// Where nothing stands out all scores are about 0.5, as the paper says.
func TestNothingStandsOut(t *testing.T) {
	data := make([][]float64, 4096)
	for i := range data {
		data[i] = []float64{float64(i % 64), float64(i / 64)}
	}
	forest, err := isoforest.Fit(data, nil)
	require.NoError(t, err)
	sum := 0.0
	for _, x := range data {
		sum += forest.Score(x)
	}
	assert.InDelta(t, 0.47, sum/float64(len(data)), 0.05)
}

// auc is the probability that an anomaly scores above an ordinary point.
func auc(f *isoforest.Forest, anomalies, ordinary [][]float64) float64 {
	wins := 0.0
	for _, a := range anomalies {
		for _, o := range ordinary {
			switch sa, so := f.Score(a), f.Score(o); {
			case sa > so:
				wins++
			case sa == so:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(anomalies)*len(ordinary))
}

// The synthetic set of the paper's section on swamping and masking: an
// anomaly cluster close to a large normal one is found with a small sample.
func TestSmallSampleFindsTheCluster(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	var ordinary, anomalies [][]float64
	for range 4000 {
		ordinary = append(ordinary, []float64{random.NormFloat64(), random.NormFloat64()})
	}
	for range 40 {
		anomalies = append(anomalies, []float64{4.5 + 0.2*random.NormFloat64(), 4.5 + 0.2*random.NormFloat64()})
	}
	all := append(append([][]float64{}, ordinary...), anomalies...)
	forest, err := isoforest.Fit(all, nil)
	require.NoError(t, err)
	assert.Greater(t, auc(forest, anomalies, ordinary), 0.98)
}

func TestDeterministicAndIndependentOfTheCaller(t *testing.T) {
	data := [][]float64{{1, 5}, {2, 5}, {3, 5}, {4, 5}, {50, 5}}
	a, err := isoforest.Fit(data, &isoforest.Options{Seed: 4})
	require.NoError(t, err)
	b, err := isoforest.Fit(data, &isoforest.Options{Seed: 4})
	require.NoError(t, err)
	score := a.Score([]float64{50, 5})
	assert.Equal(t, score, b.Score([]float64{50, 5}))
	data[4][0] = 1
	assert.Equal(t, score, a.Score([]float64{50, 5}), "it keeps nothing of the caller's")
	assert.Equal(t, a.Score([]float64{3, 5}), a.Score([]float64{math.NaN(), 5}), "what is missing counts as the median")
	assert.Equal(t, []isoforest.Contribution{{Feature: 0, Drop: a.Score([]float64{50, 5}) - a.Score([]float64{3, 5})}}, a.Explain([]float64{50, 5}))
	assert.Panics(t, func() { a.Score([]float64{1}) })
}

func TestConstantDataAndBadData(t *testing.T) {
	forest, err := isoforest.Fit([][]float64{{1}, {1}, {1}}, nil)
	require.NoError(t, err)
	assert.InDelta(t, 0.5, forest.Score([]float64{1}), 1e-9, "nothing can be split")
	for name, bad := range map[string][][]float64{
		"none":        nil,
		"one":         {{1}},
		"no features": {{}, {}},
		"ragged":      {{1}, {1, 2}},
		"not finite":  {{1}, {math.Inf(1)}},
	} {
		_, err := isoforest.Fit(bad, nil)
		require.ErrorIs(t, err, isoforest.ErrData, name)
	}
	_, err = isoforest.Fit([][]float64{{1}, {2}}, &isoforest.Options{Trees: -1})
	require.ErrorIs(t, err, isoforest.ErrData)
}

func BenchmarkScore(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	data := make([][]float64, 2000)
	for i := range data {
		for range 16 {
			data[i] = append(data[i], random.NormFloat64())
		}
	}
	forest, err := isoforest.Fit(data, nil)
	require.NoError(b, err)
	for b.Loop() {
		_ = forest.Score(data[0])
	}
}
