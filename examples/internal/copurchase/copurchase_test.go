package copurchase_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/copurchase"
)

func ExampleIndex() {
	var x copurchase.Index
	x.Add([]string{"candle", "matches"})
	x.Add([]string{"candle", "matches", "vase"})
	x.Add([]string{"vase"})
	for _, s := range x.Similar([]string{"candle"}, 2) {
		fmt.Printf("%s %.2f\n", s.ID, s.Score)
	}
	// Output:
	// matches 1.00
	// vase 0.50
}

// TestSimilarAgainstDefinition compares with the cosine of the 0/1 purchase
// vectors, computed the long way.
func TestSimilarAgainstDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	const products = 12
	baskets := make([][]string, 200)
	var x copurchase.Index
	for i := range baskets {
		for p := range products {
			if rng.IntN(4) == 0 {
				baskets[i] = append(baskets[i], fmt.Sprint("p", p))
			}
		}
		x.Add(baskets[i])
	}
	vector := func(id string) []float64 {
		v := make([]float64, len(baskets))
		for i, b := range baskets {
			for _, p := range b {
				if p == id {
					v[i] = 1
				}
			}
		}
		return v
	}
	cosine := func(a, b []float64) float64 {
		var dot, aa, bb float64
		for i := range a {
			dot += a[i] * b[i]
			aa += a[i] * a[i]
			bb += b[i] * b[i]
		}
		return dot / math.Sqrt(aa*bb)
	}
	got := x.Similar([]string{"p0", "p1"}, products)
	require.Len(t, got, products-2)
	for _, s := range got {
		want := cosine(vector("p0"), vector(s.ID)) + cosine(vector("p1"), vector(s.ID))
		assert.InDelta(t, want, s.Score, 1e-12, s.ID)
	}
}

func TestIndexEdges(t *testing.T) {
	var x copurchase.Index
	assert.Empty(t, x.Similar([]string{"a"}, 3), "an empty index knows nothing")
	assert.Empty(t, x.Popular(nil, 3))

	x.Add(nil)
	x.Add([]string{"a", "a", "", "b"})
	assert.Equal(t, 2, x.Baskets())
	assert.Equal(t, []copurchase.Scored{{ID: "b", Score: 1}}, x.Similar([]string{"a"}, 3), "repeats count once, blanks not at all")
	assert.Equal(t, []copurchase.Scored{{ID: "b", Score: 0.5}}, x.Popular([]string{"a"}, 3))
	assert.Empty(t, x.Similar([]string{"a"}, 0))

	var wholesale []string
	for i := range 5 * copurchase.MaxBasket {
		wholesale = append(wholesale, fmt.Sprint("w", i))
	}
	x.Add(wholesale)
	assert.Len(t, x.Similar([]string{"w0"}, 1000), copurchase.MaxBasket-1, "a long basket is cut")
}

func TestIndexConcurrent(t *testing.T) {
	var x copurchase.Index
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				x.Add([]string{"a", "b"})
				x.Similar([]string{"a"}, 1)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 800, x.Baskets())
}
