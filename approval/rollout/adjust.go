package rollout

import (
	"errors"
	"slices"
)

// Adjustment says what is made of values from before the plan.
type Adjustment string

// The adjustments.
const (
	// AdjustAuto is AdjustCUPED where all units have a value from before, else
	// AdjustNone.
	AdjustAuto Adjustment = ""

	// AdjustNone compares what is measured now.
	AdjustNone Adjustment = "none"

	// AdjustCUPED subtracts what the value from before explains, which makes the
	// estimate sharper. The arms have to be alike before, as random ones are.
	// See https://doi.org/10.1145/2433396.2433413.
	AdjustCUPED Adjustment = "cuped"

	// AdjustDiD, differences in differences, compares how much each unit changed
	// since before. The arms may differ before, as hand-picked stores do, if
	// without the feature both would have changed alike. The value from before
	// is the same metric over an earlier time.
	AdjustDiD Adjustment = "difference_in_differences"
)

// ErrNoPrePeriod says that an adjustment needs values from before the plan, and
// no unit has one.
var ErrNoPrePeriod = errors.New("rollout: no values from before")

func (a Adjustment) known() bool {
	return slices.Contains([]Adjustment{AdjustAuto, AdjustNone, AdjustCUPED, AdjustDiD}, a)
}

// needs reports whether a unit without a value from before cannot be used.
// Whether there is one was settled before the plan, so leaving the unit out
// favors neither arm.
func (a Adjustment) needs() bool { return a == AdjustCUPED || a == AdjustDiD }

func (a Adjustment) usable(units []unit) []unit {
	if !a.needs() {
		return units
	}
	return slices.DeleteFunc(units, func(u unit) bool { return u.before == 0 })
}

// words say it to people.
func (a Adjustment) words() string {
	switch a {
	case AdjustCUPED:
		return "CUPED"
	case AdjustDiD:
		return "differences in differences"
	}
	return "difference of means"
}

// adjust returns the values less what the values from before explain of them,
// and which adjustment that was. The coefficient of CUPED is estimated over both
// arms, within strata, so that it knows nothing of the arms and the permutation
// test stays exact.
func adjust(units []unit, how Adjustment) (values []float64, made Adjustment, ratio float64) {
	values = make([]float64, len(units))
	for i, u := range units {
		values[i] = u.y
	}
	if how == AdjustNone || slices.ContainsFunc(units, func(u unit) bool { return u.before == 0 }) {
		return values, AdjustNone, 1
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
	theta, made := 1.0, AdjustDiD
	if how != AdjustDiD {
		if xx == 0 {
			return values, AdjustNone, 1
		}
		theta, made = xy/xx, AdjustCUPED
	}
	for i, u := range units {
		values[i] = u.y - theta*u.x
	}
	if yy == 0 {
		return values, made, 1
	}
	return values, made, (yy - 2*theta*xy + theta*theta*xx) / yy
}
