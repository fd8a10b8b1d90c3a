package evaluate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/checkoutupsell/internal/evaluate"
	"github.com/posai-go/posai/examples/internal/copurchase"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// baskets of a shop with sets that are bought together, popular odds and ends, and now
// and then a wholesale order of everything.
func baskets(n int) []evaluate.Basket { return market(5, n) }

func market(seed uint64, n int) []evaluate.Basket {
	rng := rand.New(rand.NewPCG(seed, 5))
	out := make([]evaluate.Basket, n)
	for i := range out {
		seen := map[string]bool{}
		add := func(item string) {
			if !seen[item] {
				seen[item] = true
				out[i].Items = append(out[i].Items, item)
			}
		}
		out[i].At = start.Add(time.Duration(i) * time.Hour)
		set := rng.IntN(40)
		for range 2 + rng.IntN(3) {
			add(fmt.Sprintf("set %d piece %d", set, rng.IntN(5)))
		}
		for range rng.IntN(4) {
			add(fmt.Sprint("odd ", int(rng.ExpFloat64()*6)))
		}
		if rng.IntN(20) == 0 {
			for range 60 {
				add(fmt.Sprintf("set %d piece %d", rng.IntN(40), rng.IntN(5)))
			}
		}
	}
	return out
}

func run(t *testing.T, all []evaluate.Basket) *evaluate.Report {
	t.Helper()
	r, err := evaluate.Run(t.Context(), all, evaluate.DefaultSplit(all))
	require.NoError(t, err)
	return r
}

func TestRun(t *testing.T) {
	all := baskets(3000)
	r := run(t, all)
	assert.Equal(t, 3000, r.Train+r.Tune+r.Test)
	assert.True(t, r.Beats())
	assert.Greater(t, r.Baseline.Basket10, 0.3, "the sets are found")
	assert.Greater(t, r.Popularity.Basket10, 0.0)
	var text bytes.Buffer
	r.Print(&text)
	assert.Contains(t, text.String(), "the baseline beats popularity, raw lift and cosine")
	assert.Contains(t, text.String(), "trained on "+strconv.Itoa(r.Train)+" baskets before "+r.Split.TuneFrom.Format("2006-01-02"))
	worse := *r
	worse.Baseline.Item2 = r.Cosine.Item2
	assert.False(t, worse.Beats(), "by every figure")
}

// TestBeatsAllThree: on shops of several seeds, and by every figure on the Online Retail
// data where POSAI_ONLINE_RETAIL names its file. Which piece of a set comes next is a
// coin toss in the shops here, so at 2 nobody can be better than the cosine; it must not
// be much worse.
func TestBeatsAllThree(t *testing.T) {
	worlds := map[string][]evaluate.Basket{}
	for seed := range uint64(3) {
		worlds[fmt.Sprint("seed ", seed)] = market(100+seed, 3000)
	}
	if name := os.Getenv("POSAI_ONLINE_RETAIL"); name != "" {
		f, err := onlineretail.Open(name)
		require.NoError(t, err)
		worlds["Online Retail"], err = evaluate.Baskets(onlineretail.Rows(f))
		require.NoError(t, errors.Join(err, f.Close()))
	}
	for name, all := range worlds {
		r := run(t, all)
		ours := r.Baseline
		for _, other := range []evaluate.Result{r.Popularity, r.Lift, r.Cosine} {
			slack := 0.0
			if name != "Online Retail" && other.Name == r.Cosine.Name {
				slack = 0.03
			}
			assert.Greater(t, ours.Basket2, other.Basket2-slack, "%s: %s at 2", name, other.Name)
			assert.Greater(t, ours.Basket10, other.Basket10, "%s: %s at 10", name, other.Name)
			assert.Greater(t, ours.Item2, other.Item2-slack, "%s: %s at 2, per product", name, other.Name)
			assert.Greater(t, ours.Item10, other.Item10, "%s: %s at 10, per product", name, other.Name)
			t.Logf("%s, per basket at 2 and at 10: %.3f %.3f, %s %.3f %.3f", name, ours.Basket2, ours.Basket10, other.Name, other.Basket2, other.Basket10)
		}
	}
}

// TestNothingLeaks makes the test baskets another world: what was chosen, and on how
// much, stays the same, and nothing of that world is foreseen.
func TestNothingLeaks(t *testing.T) {
	all := baskets(1500)
	split := evaluate.DefaultSplit(all)
	before := run(t, all)
	for i := range all {
		if !all[i].At.Before(split.TestFrom) {
			all[i].Items = []string{"new a", "new b", fmt.Sprint("new ", i)}
		}
	}
	after := run(t, all)
	assert.Equal(t, before.Weighting, after.Weighting)
	assert.Equal(t, before.Similarity, after.Similarity)
	assert.Equal(t, before.Support, after.Support)
	assert.Equal(t, before.LiftShrink, after.LiftShrink)
	for _, x := range []evaluate.Result{after.Popularity, after.Lift, after.Cosine, after.Baseline, after.Default} {
		assert.Zero(t, x.Basket10, x.Name)
		assert.Positive(t, x.Hidden)
	}
}

func TestMeasure(t *testing.T) {
	calls := 0
	rank := func(cart []string, n int) []copurchase.Scored {
		calls++
		assert.Equal(t, 10, n)
		out := []copurchase.Scored{{ID: "first"}, {ID: "second"}, {ID: "third"}}
		return slices.DeleteFunc(out, func(s copurchase.Scored) bool { return slices.Contains(cart, s.ID) })
	}
	one := func(items ...string) evaluate.Basket { return evaluate.Basket{Items: items} }
	got := evaluate.Measure(rank, []evaluate.Basket{one("first", "third"), one("alone"), one("x", "y", "z", "second")}, 20)
	assert.Equal(t, 6, calls, "of a single product nothing can be hidden")
	got.Each = 0
	// first of {third}: place 1; third of {first}: place 2; second of {x, y, z}: place 2.
	assert.Equal(t, evaluate.Rates{Basket2: (1 + 0.25) / 2, Basket10: (1 + 0.25) / 2, Item2: 3.0 / 6, Item10: 3.0 / 6, Baskets: 2, Hidden: 6}, got)

	got = evaluate.Measure(rank, []evaluate.Basket{one("third", "a", "b", "c", "d", "e")}, 3)
	assert.Equal(t, 3, got.Hidden)
	assert.InDelta(t, 1.0/3, got.Item10, 1e-12, "third is hidden and among the first ten")
	assert.Zero(t, got.Item2, "but not among the first two")
	assert.Zero(t, evaluate.Measure(rank, nil, 3).Hidden)
}

func rows(all ...onlineretail.Row) iter.Seq2[onlineretail.Row, error] {
	return func(yield func(onlineretail.Row, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestBaskets(t *testing.T) {
	row := func(invoice, article string, quantity int, hour int) onlineretail.Row {
		return onlineretail.Row{Invoice: invoice, Article: article, Quantity: quantity, Price: decimal.NewFromInt(2), At: start.Add(time.Duration(hour) * time.Hour)}
	}
	got, err := evaluate.Baskets(rows(
		row("2", "10001a", 1, 5), row("1", "10002", 1, 3), row("2", "10001A", 4, 5), row("2", "10003", 1, 5),
		row("1", "POST", 1, 3), row("C3", "10001A", -1, 6), row("4", "gift_0001_20", 1, 7),
	))
	require.NoError(t, err)
	assert.Equal(t, []evaluate.Basket{{At: start.Add(3 * time.Hour), Items: []string{"10002"}}, {At: start.Add(5 * time.Hour), Items: []string{"10001A", "10003"}}}, got)
	_, err = evaluate.Baskets(rows(row("1", "POST", 1, 3)))
	require.ErrorIs(t, err, onlineretail.ErrData)
}

func TestSplits(t *testing.T) {
	all := baskets(300)
	for name, split := range map[string]evaluate.Split{
		"nothing to train on": {TuneFrom: start.AddDate(-1, 0, 0), TestFrom: start.AddDate(0, 0, 2)},
		"nothing to test on":  {TuneFrom: start.AddDate(0, 0, 2), TestFrom: start.AddDate(1, 0, 0)},
		"nothing to tune on":  {TuneFrom: start.AddDate(0, 0, 2), TestFrom: start.AddDate(0, 0, 2)},
		"the wrong way round": {TuneFrom: start.AddDate(0, 0, 3), TestFrom: start.AddDate(0, 0, 2)},
		"ends before":         {TuneFrom: start.AddDate(0, 0, 2), TestFrom: start.AddDate(0, 0, 4), Until: start},
	} {
		_, err := evaluate.Run(t.Context(), all, split)
		assert.ErrorIs(t, err, evaluate.ErrSplit, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := evaluate.Run(ctx, all, evaluate.DefaultSplit(all))
	require.ErrorIs(t, err, context.Canceled)
}
