package copurchase_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/copurchase"
)

var today = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func ExampleCounts() {
	counts := copurchase.NewCounts(today, copurchase.TunedWeighting)
	counts.Add(today, []string{"candle", "matches"})
	counts.Add(today, []string{"candle", "matches", "vase", "rug", "lamp"})
	counts.Add(today.AddDate(-1, 0, 0), []string{"candle", "rug"})
	for _, s := range counts.Ranker(copurchase.TunedSimilarity).Rank([]string{"candle"}, 2) {
		fmt.Printf("%s %.2f\n", s.ID, s.Score)
	}
	// Output:
	// matches 0.72
	// rug 0.16
}

// randomBaskets are of products that are not independent of one another.
func randomBaskets(n, products int) [][]string {
	rng := rand.New(rand.NewPCG(3, 9))
	out := make([][]string, n)
	for i := range out {
		group := rng.IntN(4)
		for p := range products {
			if rng.IntN(8) == 0 || p%4 == group && rng.IntN(3) == 0 {
				out[i] = append(out[i], fmt.Sprint("p", p))
			}
		}
	}
	return out
}

// TestRankerAgainstDefinition computes the similarities the long way.
func TestRankerAgainstDefinition(t *testing.T) {
	const products = 15
	baskets := randomBaskets(300, products)
	w := copurchase.Weighting{Size: 0.7, HalfLife: 30 * 24 * time.Hour}
	s := copurchase.Similarity{Cart: 0.6, Other: 0.3, Power: 1.5, Shrink: 0.4, AtLeast: 0.2}
	counts := copurchase.NewCounts(today, w)
	age := func(i int) time.Duration { return time.Duration(i) * 12 * time.Hour }
	for i, b := range baskets {
		counts.Add(today.Add(-age(i)), b)
	}
	n := func(ids ...string) (sum float64) {
		for i, b := range baskets {
			if !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(b, id) }) {
				sum += math.Pow(float64(len(b)), -0.7) * math.Pow(0.5, age(i).Hours()/24/30)
			}
		}
		return sum
	}
	cart := []string{"p0", "p5", "never sold", "p5", ""}
	got := counts.Ranker(s).Rank(cart, products)
	require.Greater(t, len(got), 8)
	for _, r := range got {
		want := 0.0
		for _, a := range []string{"p0", "p5"} {
			if both := n(a, r.ID); both >= 0.2 {
				want += math.Pow(both/(math.Pow(n(a), 0.6)*math.Pow(n(r.ID), 0.3))*both/(both+0.4), 1.5)
			}
		}
		assert.InDelta(t, want, r.Score, 1e-9, r.ID)
		assert.NotContains(t, cart, r.ID)
	}
	assert.True(t, slices.IsSortedFunc(got, func(a, b copurchase.Scored) int {
		if a.Score > b.Score {
			return -1
		}
		return 1
	}))
	assert.Equal(t, got[:3], counts.Ranker(s).Rank(cart, 3), "the first of more")
}

// TestPlainCosine is the same measure as [copurchase.Index] has.
func TestPlainCosine(t *testing.T) {
	var x copurchase.Index
	counts := copurchase.NewCounts(today, copurchase.Weighting{})
	for _, b := range randomBaskets(200, 12) {
		x.Add(b)
		counts.Add(today, b)
	}
	r := counts.Ranker(copurchase.Cosine)
	want, got := x.Similar([]string{"p1", "p2"}, 5), r.Rank([]string{"p1", "p2"}, 5)
	require.Len(t, got, 5)
	for i := range want {
		assert.Equal(t, want[i].ID, got[i].ID)
		assert.InDelta(t, want[i].Score, got[i].Score, 1e-12)
	}
	assert.Equal(t, x.Baskets(), r.Baskets())
	for i, p := range x.Popular([]string{"p1"}, 5) {
		assert.Equal(t, p.ID, r.Popular([]string{"p1"}, 5)[i].ID)
	}
}

func TestRankerEdges(t *testing.T) {
	empty := copurchase.NewCounts(today, copurchase.Weighting{}).Ranker(copurchase.Cosine)
	assert.Empty(t, empty.Rank([]string{"a"}, 3))
	assert.Empty(t, empty.Popular(nil, 3))

	counts := copurchase.NewCounts(today, copurchase.TunedWeighting)
	counts.Add(today.Add(time.Hour), []string{"a", "a", "", "b"}) // a clock ahead of ours
	counts.Add(today, nil)
	r := counts.Ranker(copurchase.TunedSimilarity)
	assert.Equal(t, 2, r.Baskets())
	require.Len(t, r.Rank([]string{"a"}, 3), 1)
	assert.Empty(t, r.Rank([]string{"a"}, 0))
	assert.Empty(t, r.Rank([]string{"a", "b"}, 3), "nothing of the cart")

	var wholesale []string
	for i := range 5 * copurchase.MaxCounted {
		wholesale = append(wholesale, fmt.Sprint("w", i))
	}
	counts.Add(today, wholesale)
	assert.Len(t, counts.Ranker(copurchase.TunedSimilarity).Rank([]string{"w0"}, 1000), copurchase.MaxCounted-1, "a long basket is cut")
	assert.Len(t, r.Rank([]string{"w0"}, 10), 0, "a ranker does not change")
}

func TestRankerConcurrent(t *testing.T) {
	counts := copurchase.NewCounts(today, copurchase.TunedWeighting)
	for _, b := range randomBaskets(200, 20) {
		counts.Add(today, b)
	}
	r := counts.Ranker(copurchase.TunedSimilarity)
	want := r.Rank([]string{"p1", "p7"}, 6)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				assert.Equal(t, want, r.Rank([]string{"p1", "p7"}, 6))
				r.Rank([]string{fmt.Sprint("p", i%20)}, 3)
			}
		})
	}
	wg.Wait()
}
