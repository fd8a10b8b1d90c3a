package rollout

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Observation is one value of a metric.
type Observation struct {
	Unit   string
	Arm    Arm // Off is left out
	Metric string
	Value  float64

	// Before is the same unit's value from before the plan, or anything else
	// that was known before and is related to Value. Has says that there is
	// one.
	Before float64
	Has    bool

	// Stratum is a group within which arms are compared, such as a matched pair
	// of stores. Empty: all are one group.
	Stratum string
}

// Estimate is the difference that the feature makes to one metric.
type Estimate struct {
	Metric string `json:"metric"`

	// Units in each arm, after averaging the observations of each.
	Treatment int `json:"treatment"`
	Control   int `json:"control"`

	// MeanTreatment and MeanControl are plain means over units.
	MeanTreatment float64 `json:"mean_treatment"`
	MeanControl   float64 `json:"mean_control"`

	// Effect is the difference of the means, adjusted by the covariate where
	// all units have one, and compared within strata; Low and High bound it
	// with 95 % confidence (normal approximation).
	Effect float64 `json:"effect"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`

	// P is the two-sided p-value of the permutation test: how often shuffled
	// arms differ as much.
	P float64 `json:"p"`

	// Adjusted says that the covariate was used, and VarianceRatio is the
	// variance that remained, as a share of that without it.
	Adjusted      bool    `json:"adjusted"`
	VarianceRatio float64 `json:"variance_ratio"`
}

// ErrTooFew says that an arm has less than two units.
var ErrTooFew = errors.New("rollout: too few units to compare")

// CompareOptions are the optional settings of [Compare].
type CompareOptions struct {
	// Permutations is how many shuffles the test makes. If zero, 9,999. The
	// smallest p-value is one divided by one more than this.
	Permutations int

	// Seed makes the shuffles repeatable; the same seed gives the same p-value.
	Seed uint64

	// DifferenceInDifferences takes the covariate as it is (a coefficient of 1)
	// instead of estimating its coefficient.
	DifferenceInDifferences bool
}

// unit is what remains of a unit's observations.
type unit struct {
	stratum   int
	treated   bool
	y, x      float64
	n, before int
}

// Compare reports the difference that the feature makes to a metric. Units of
// which observations disagree about the arm are an error: then the assignment
// was not by unit.
func Compare(metric string, observations []Observation, opts *CompareOptions) (*Estimate, error) {
	var o CompareOptions
	if opts != nil {
		o = *opts
	}
	if o.Permutations <= 0 {
		o.Permutations = 9_999
	}
	units, err := collect(metric, observations)
	if err != nil {
		return nil, err
	}
	c := &Estimate{Metric: metric, VarianceRatio: 1}
	for _, u := range units {
		if u.treated {
			c.Treatment++
			c.MeanTreatment += u.y
		} else {
			c.Control++
			c.MeanControl += u.y
		}
	}
	if c.Treatment < 2 || c.Control < 2 {
		return c, fmt.Errorf("%w: %d with, %d without", ErrTooFew, c.Treatment, c.Control)
	}
	c.MeanTreatment /= float64(c.Treatment)
	c.MeanControl /= float64(c.Control)

	values, adjusted, ratio := adjust(units, o.DifferenceInDifferences)
	c.Adjusted, c.VarianceRatio = adjusted, ratio
	s := newStrata(units)
	var spread float64
	c.Effect, spread = s.effect(values, s.arms)
	c.Low, c.High = c.Effect-1.959964*spread, c.Effect+1.959964*spread
	c.P = s.permute(values, c.Effect, o)
	return c, nil
}

// collect averages the observations of each unit, in the order in which units
// come first.
func collect(metric string, observations []Observation) ([]unit, error) {
	index := map[string]int{}
	strata := map[string]int{}
	var units []unit
	for _, ob := range observations {
		if ob.Metric != metric || ob.Arm != Treatment && ob.Arm != Control {
			continue
		}
		if math.IsNaN(ob.Value) || math.IsInf(ob.Value, 0) || ob.Has && (math.IsNaN(ob.Before) || math.IsInf(ob.Before, 0)) {
			return nil, fmt.Errorf("rollout: metric %s of a unit is not a number", metric)
		}
		i, ok := index[ob.Unit]
		if !ok {
			st, known := strata[ob.Stratum]
			if !known {
				st = len(strata)
				strata[ob.Stratum] = st
			}
			i = len(units)
			index[ob.Unit] = i
			units = append(units, unit{stratum: st, treated: ob.Arm == Treatment})
		}
		u := &units[i]
		if u.treated != (ob.Arm == Treatment) || u.stratum != strata[ob.Stratum] {
			return nil, errors.New("rollout: observations of one unit are in different arms or strata")
		}
		u.y += ob.Value
		u.n++
		if ob.Has {
			u.x += ob.Before
			u.before++
		}
	}
	for i := range units {
		u := &units[i]
		u.y /= float64(u.n)
		if u.before > 0 {
			u.x /= float64(u.before)
		}
	}
	return units, nil
}

// adjust returns the values less what the covariate explains of them (CUPED).
// The coefficient is estimated over both arms, within strata, so that it knows
// nothing of the effect.
func adjust(units []unit, plain bool) (values []float64, adjusted bool, ratio float64) {
	values = make([]float64, len(units))
	for i, u := range units {
		values[i] = u.y
	}
	if slices.ContainsFunc(units, func(u unit) bool { return u.before == 0 }) {
		return values, false, 1
	}
	type mean struct{ x, y, n float64 }
	means := map[int]*mean{}
	for _, u := range units {
		m := means[u.stratum]
		if m == nil {
			m = &mean{}
			means[u.stratum] = m
		}
		m.x += u.x
		m.y += u.y
		m.n++
	}
	var xx, xy, yy float64
	for _, u := range units {
		m := means[u.stratum]
		dx, dy := u.x-m.x/m.n, u.y-m.y/m.n
		xx += dx * dx
		xy += dx * dy
		yy += dy * dy
	}
	theta := 1.0
	if !plain {
		if xx == 0 {
			return values, false, 1
		}
		theta = xy / xx
	}
	for i, u := range units {
		values[i] = u.y - theta*u.x
	}
	if yy == 0 {
		return values, true, 1
	}
	return values, true, (yy - 2*theta*xy + theta*theta*xx) / yy
}

// strata are the units by stratum.
type strata struct {
	members [][]int // indexes of units
	arms    []bool  // of each unit: treated
}

func newStrata(units []unit) *strata {
	s := &strata{arms: make([]bool, len(units))}
	for i, u := range units {
		for len(s.members) <= u.stratum {
			s.members = append(s.members, nil)
		}
		s.members[u.stratum] = append(s.members[u.stratum], i)
		s.arms[i] = u.treated
	}
	return s
}

// effect is the mean over strata of the difference of means, weighted by what
// each stratum can tell, with its standard error.
func (s *strata) effect(values []float64, arms []bool) (effect, spread float64) {
	var total, weights, variance float64
	for _, members := range s.members {
		var sum, square [2]float64
		var n [2]float64
		for _, i := range members {
			arm := 0
			if arms[i] {
				arm = 1
			}
			n[arm]++
			sum[arm] += values[i]
			square[arm] += values[i] * values[i]
		}
		if n[0] == 0 || n[1] == 0 {
			continue // it says nothing about the difference
		}
		w := n[0] * n[1] / (n[0] + n[1])
		total += w * (sum[1]/n[1] - sum[0]/n[0])
		weights += w
		for arm := range 2 {
			if n[arm] > 1 {
				v := (square[arm] - sum[arm]*sum[arm]/n[arm]) / (n[arm] - 1)
				variance += w * w * max(v, 0) / n[arm]
			}
		}
	}
	if weights == 0 {
		return 0, math.Inf(1)
	}
	return total / weights, math.Sqrt(variance) / weights
}

// permute returns the share of shuffles whose effect is at least as large,
// counting the real one.
func (s *strata) permute(values []float64, effect float64, o CompareOptions) float64 {
	random := rand.New(rand.NewPCG(o.Seed, 0x705a1))
	arms := slices.Clone(s.arms)
	const slack = 1e-12 // shuffles that give the same effect differ in the last bits
	limit := math.Abs(effect) * (1 - slack)
	as := 1
	for range o.Permutations {
		for _, members := range s.members {
			random.Shuffle(len(members), func(i, j int) {
				a, b := members[i], members[j]
				arms[a], arms[b] = arms[b], arms[a]
			})
		}
		if shuffled, _ := s.effect(values, arms); math.Abs(shuffled) >= limit {
			as++
		}
	}
	return float64(as) / float64(o.Permutations+1)
}
