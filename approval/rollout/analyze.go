package rollout

import (
	"errors"
	"fmt"
	"math"
)

// Observation is one value of a metric.
type Observation struct {
	Unit   string
	Arm    Arm // Off is left out
	Metric string
	Value  float64

	// Location is the GID of the store. Where the plan has pairs it is required:
	// then the store is the unit, whatever Unit says, and the pair the stratum.
	Location string

	// Before is the same unit's value from before the plan, or, for
	// [AdjustCUPED], anything else that was known before and is related to
	// Value. Has says that there is one.
	Before float64
	Has    bool

	// Stratum is a group within which arms are compared, such as a matched pair
	// of stores. Empty: all are one group.
	Stratum string
}

// Estimate is the difference that the feature makes to one metric.
type Estimate struct {
	Metric string `json:"metric"`

	// Units in each arm that are compared, after averaging the observations of
	// each.
	Treatment int `json:"treatment"`
	Control   int `json:"control"`

	// LeftOut counts the units that are not: those without a value from before
	// where the adjustment needs one, and those of strata that have one arm
	// alone.
	LeftOut int `json:"left_out,omitzero"`

	// Strata is the number of strata within which units are compared: 1 where
	// there are none.
	Strata int `json:"strata"`

	// MeanTreatment and MeanControl are plain means over units.
	MeanTreatment float64 `json:"mean_treatment"`
	MeanControl   float64 `json:"mean_control"`

	// Effect is the difference of the means, adjusted as Adjustment says, and
	// compared within strata; Low and High bound it with 95 % confidence (normal
	// approximation, which is too narrow for less than about 20 pairs: go by P
	// there).
	Effect float64 `json:"effect"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`

	// P is the two-sided p-value of the permutation test: how often shuffled
	// arms differ as much.
	P float64 `json:"p"`

	// Adjustment is the one that was made, never [AdjustAuto], and VarianceRatio
	// is the variance that remained within strata, as a share of that without
	// it; above 1 the adjustment did harm.
	Adjustment    Adjustment `json:"adjustment"`
	VarianceRatio float64    `json:"variance_ratio"`
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

	// Adjust says what is made of the values from before. If empty, AdjustAuto.
	Adjust Adjustment
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
	if !o.Adjust.known() {
		return nil, fmt.Errorf("rollout: no adjustment is called %q", string(o.Adjust))
	}
	all := len(units)
	if units = o.Adjust.usable(units); len(units) == 0 && all > 0 {
		return &Estimate{Metric: metric, LeftOut: all}, fmt.Errorf("%w: of %d units", ErrNoPrePeriod, all)
	}
	units = bothArms(units)
	s := newStrata(units)
	c := &Estimate{Metric: metric, LeftOut: all - len(units), Strata: len(s.members)}
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

	var values []float64
	values, c.Adjustment, c.VarianceRatio = adjust(units, o.Adjust)
	var spread float64
	c.Effect, spread = s.effect(values, s.arms)
	if math.IsInf(spread, 0) {
		c.Effect = 0
		return c, fmt.Errorf("%w: no stratum has both arms", ErrTooFew)
	}
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
