package rollout

import (
	"math"
	"math/rand/v2"
	"slices"
)

// strata are the units by stratum.
type strata struct {
	members [][]int // indexes of units
	arms    []bool  // of each unit: treated

	singles [][2]float64 // scratch of effect
}

func newStrata(units []unit) *strata {
	s := &strata{arms: make([]bool, len(units))}
	place := map[int]int{}
	for i, u := range units {
		at, ok := place[u.stratum]
		if !ok {
			at = len(s.members)
			place[u.stratum] = at
			s.members = append(s.members, nil)
		}
		s.members[at] = append(s.members[at], i)
		s.arms[i] = u.treated
	}
	return s
}

// bothArms leaves out the units of strata that have one arm alone: they say
// nothing about the difference. If all do, all are kept, for their counts.
func bothArms(units []unit) []unit {
	both := map[int][2]bool{}
	whole := false
	for _, u := range units {
		b := both[u.stratum]
		if u.treated {
			b[1] = true
		} else {
			b[0] = true
		}
		both[u.stratum] = b
		whole = whole || b == [2]bool{true, true}
	}
	if !whole {
		return units
	}
	return slices.DeleteFunc(units, func(u unit) bool { return both[u.stratum] != [2]bool{true, true} })
}

// effect is the mean over strata of the difference of means, weighted by what
// each stratum can tell, with its standard error. A stratum that has a single
// unit in an arm, such as a pair, has no variance of its own: how much such
// strata differ among themselves stands for it, or, should it be the only one,
// how much units of the others do. There are others then: [Compare] takes two
// units in each arm.
func (s *strata) effect(values []float64, arms []bool) (effect, spread float64) {
	var total, weights, variance, singleWeights, singleTotal, squares, freedom float64
	singles := s.singles[:0]
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
			continue
		}
		w, d := n[0]*n[1]/(n[0]+n[1]), sum[1]/n[1]-sum[0]/n[0]
		total += w * d
		weights += w
		if n[0] == 1 || n[1] == 1 {
			singles = append(singles, [2]float64{w, d})
			singleWeights += w
			singleTotal += w * d
			continue
		}
		for arm := range 2 {
			v := max(square[arm]-sum[arm]*sum[arm]/n[arm], 0)
			variance += w * w * v / (n[arm] - 1) / n[arm]
			squares, freedom = squares+v, freedom+n[arm]-1
		}
	}
	s.singles = singles
	if weights == 0 {
		return 0, math.Inf(1)
	}
	switch k := float64(len(singles)); k {
	case 1: // w² (1/n0 + 1/n1) is w
		variance += singles[0][0] * squares / freedom
	default:
		for _, x := range singles {
			off := x[1] - singleTotal/singleWeights
			variance += k / (k - 1) * x[0] * x[0] * off * off
		}
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
