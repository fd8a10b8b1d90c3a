package rollout_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/rollout"
)

func observe(unit string, arm rollout.Arm, value float64) rollout.Observation {
	return rollout.Observation{Unit: unit, Arm: arm, Metric: "basket", Value: value}
}

// sample gives the values of both arms as observations.
func sample(treatment, control []float64) (list []rollout.Observation) {
	for i, v := range treatment {
		list = append(list, observe("t"+strconv.Itoa(i), rollout.Treatment, v))
	}
	for i, v := range control {
		list = append(list, observe("c"+strconv.Itoa(i), rollout.Control, v))
	}
	return list
}

// exactP enumerates all ways to choose the treated ones.
func exactP(treatment, control []float64) float64 {
	all := append(append([]float64{}, treatment...), control...)
	n, k := len(all), len(treatment)
	total := 0.0
	for _, v := range all {
		total += v
	}
	effect := func(sum float64) float64 { return sum/float64(k) - (total-sum)/float64(n-k) }
	sum := 0.0
	for _, v := range treatment {
		sum += v
	}
	limit := math.Abs(effect(sum)) - 1e-9
	as, count := 0, 0
	for mask := range 1 << n {
		bits, s := 0, 0.0
		for i := range n {
			if mask>>i&1 == 1 {
				bits++
				s += all[i]
			}
		}
		if bits != k {
			continue
		}
		count++
		if math.Abs(effect(s)) >= limit {
			as++
		}
	}
	return float64(as) / float64(count)
}

func TestCompareAgainstEnumeration(t *testing.T) {
	for name, test := range map[string]struct{ treatment, control []float64 }{
		// Fisher's classic of mean differences: 8 and 7 values.
		"apart":   {[]float64{10, 12, 14, 15, 18, 21, 22, 25}, []float64{3, 5, 6, 7, 9, 11, 13}},
		"alike":   {[]float64{1, 5, 9, 2, 8}, []float64{2, 6, 4, 7, 5, 3}},
		"skewed":  {[]float64{1, 1, 1, 100, 2, 3}, []float64{1, 2, 1, 2, 1, 3, 2}},
		"no less": {[]float64{4, 4, 4}, []float64{4, 4, 4}},
	} {
		c, err := rollout.Compare("basket", sample(test.treatment, test.control), &rollout.CompareOptions{Permutations: 40_000})
		require.NoError(t, err, name)
		assert.InDelta(t, exactP(test.treatment, test.control), c.P, 0.01, name)
		assert.InDelta(t, c.MeanTreatment-c.MeanControl, c.Effect, 1e-9, name)
		assert.Equal(t, rollout.AdjustNone, c.Adjustment)
	}
	// Welch's interval without the t quantile, computed by hand: means 17.125
	// and 54/7, sums of squares 192.875 and 73.428571.
	c, err := rollout.Compare("basket", sample([]float64{10, 12, 14, 15, 18, 21, 22, 25}, []float64{3, 5, 6, 7, 9, 11, 13}), nil)
	require.NoError(t, err)
	assert.InDelta(t, 17.125-54.0/7, c.Effect, 1e-9)
	assert.InDelta(t, 1.959964*math.Sqrt(192.875/7/8+73.428571429/6/7), c.High-c.Effect, 1e-6)
}

func TestUnitsAreCompared(t *testing.T) {
	// One unit with many observations counts once.
	list := sample([]float64{10, 12}, []float64{1, 3})
	for range 50 {
		list = append(list, observe("t0", rollout.Treatment, 10), observe("off", rollout.Off, 1000))
	}
	list = append(list, rollout.Observation{Unit: "t0", Arm: rollout.Treatment, Metric: "other", Value: 7})
	c, err := rollout.Compare("basket", list, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, c.Treatment)
	assert.InDelta(t, 11, c.MeanTreatment, 1e-9)
	assert.InDelta(t, 9, c.Effect, 1e-9)

	_, err = rollout.Compare("basket", append(list, observe("t0", rollout.Control, 1)), nil)
	require.ErrorContains(t, err, "different arms")
	_, err = rollout.Compare("basket", append(list, observe("t9", rollout.Treatment, math.NaN())), nil)
	require.Error(t, err)
	_, err = rollout.Compare("basket", sample([]float64{1}, []float64{1, 2}), nil)
	require.ErrorIs(t, err, rollout.ErrTooFew)
}

// world draws units whose value is mostly known before.
func world(random *rand.Rand, n int, effect float64) (list []rollout.Observation) {
	for i := range n {
		before := 50 + 20*random.NormFloat64()
		ob := rollout.Observation{Unit: strconv.Itoa(i), Arm: rollout.Control, Metric: "basket", Before: before, Has: true}
		ob.Value = 10 + 0.8*before + 5*random.NormFloat64()
		if random.Float64() < 0.5 {
			ob.Arm = rollout.Treatment
			ob.Value += effect
		}
		list = append(list, ob)
	}
	return list
}

func TestCovariateSharpens(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	list := world(random, 400, 3)
	with, err := rollout.Compare("basket", list, nil)
	require.NoError(t, err)
	assert.Equal(t, rollout.AdjustCUPED, with.Adjustment)
	// 25 of the 0.64·400+25 that the variance is.
	assert.InDelta(t, 25.0/281, with.VarianceRatio, 0.02)
	assert.InDelta(t, 3, with.Effect, 1)
	assert.Less(t, with.P, 0.001)

	did, err := rollout.Compare("basket", list, &rollout.CompareOptions{Adjust: rollout.AdjustDiD})
	require.NoError(t, err)
	// With a coefficient of 1: 0.04·400+25.
	assert.InDelta(t, 41.0/281, did.VarianceRatio, 0.05)
	assert.Equal(t, rollout.AdjustDiD, did.Adjustment)

	for i := range list {
		list[i].Has = false
	}
	without, err := rollout.Compare("basket", list, nil)
	require.NoError(t, err)
	assert.Equal(t, rollout.AdjustNone, without.Adjustment)
	assert.Greater(t, without.High-without.Low, 2.5*(with.High-with.Low))

	list[0].Has = true
	some, err := rollout.Compare("basket", list, nil)
	require.NoError(t, err)
	assert.Equal(t, rollout.AdjustNone, some.Adjustment, "only where all units have one")

	for _, how := range []rollout.Adjustment{rollout.AdjustCUPED, rollout.AdjustDiD} {
		opts := &rollout.CompareOptions{Adjust: how, Permutations: 99}
		c, err := rollout.Compare("basket", list, opts)
		require.ErrorIs(t, err, rollout.ErrTooFew, how)
		assert.Equal(t, 399, c.LeftOut, how)
		list[0].Has = false
		c, err = rollout.Compare("basket", list, opts)
		require.ErrorIs(t, err, rollout.ErrNoPrePeriod, how)
		assert.Equal(t, 400, c.LeftOut, how)
		for i := range list {
			list[i].Has = i >= 100
		}
		c, err = rollout.Compare("basket", list, opts)
		require.NoError(t, err, how)
		assert.Equal(t, how, c.Adjustment)
		assert.Equal(t, []int{300, 100}, []int{c.Treatment + c.Control, c.LeftOut}, how)
		for i := range list {
			list[i].Has = i == 0
		}
	}
	_, err = rollout.Compare("basket", list, &rollout.CompareOptions{Adjust: "magic"})
	require.ErrorContains(t, err, "magic")
}

func TestPairsAreComparedWithin(t *testing.T) {
	// Stores differ by hundreds, the effect is 5 in each pair.
	var list []rollout.Observation
	random := rand.New(rand.NewPCG(2, 2))
	for i := range 12 {
		level := 1000 * random.Float64()
		for _, arm := range []rollout.Arm{rollout.Treatment, rollout.Control} {
			ob := observe(string(arm)+strconv.Itoa(i), arm, level+random.NormFloat64())
			if arm == rollout.Treatment {
				ob.Value += 5
			}
			ob.Stratum = strconv.Itoa(i)
			list = append(list, ob)
		}
	}
	within, err := rollout.Compare("basket", list, nil)
	require.NoError(t, err)
	assert.InDelta(t, 5, within.Effect, 1)
	assert.Less(t, within.P, 0.002, "1 of 2^11 at best")
	assert.Equal(t, 12, within.Strata)
	assert.Greater(t, within.High, within.Effect, "pairs differ among themselves")
	assert.InDelta(t, 5, (within.Low+within.High)/2, 1)
	// As of the differences: a standard deviation of √2, over √12 pairs.
	assert.InDelta(t, 1.96*math.Sqrt2/math.Sqrt(12), within.High-within.Effect, 0.4)
	lonely := observe("lonely", rollout.Treatment, 1e6)
	lonely.Stratum = "no partner"
	more, err := rollout.Compare("basket", append(slices.Clone(list), lonely), nil)
	require.NoError(t, err)
	assert.Equal(t, 1, more.LeftOut)
	assert.InDelta(t, within.MeanTreatment, more.MeanTreatment, 1e-9)
	for i := range list {
		list[i].Stratum = ""
	}
	across, err := rollout.Compare("basket", list, nil)
	require.NoError(t, err)
	assert.Greater(t, across.P, 0.5)
}
