package rollout_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/rollout"
)

// chance is a market of stores: levels that differ by a lot, a trend that all
// have in common, weeks that differ, and no effect.
type chance struct {
	*rand.Rand
	trend float64
}

func (c chance) stores(p *rollout.Plan, effect, apart float64) (list []rollout.Observation) {
	for _, pair := range p.Pairs {
		level := math.Exp(3 + 0.6*c.NormFloat64()) // skewed, as sales are
		treated, control := p.Split(pair)
		for _, store := range []string{treated, control} {
			here := level + 4*c.NormFloat64()
			ob := rollout.Observation{Location: store, Metric: "basket", Arm: rollout.Control, Has: true}
			if store == treated {
				ob.Arm = rollout.Treatment
				here += apart
			}
			ob.Before = here + 6*c.NormFloat64()
			ob.Value = here + c.trend + 6*c.NormFloat64()
			if store == treated {
				ob.Value += effect
			}
			list = append(list, ob)
		}
	}
	return list
}

// TestNoFalseAlarms: where there is no effect, one in twenty looks like one,
// whichever way it is looked at.
func TestNoFalseAlarms(t *testing.T) {
	const n = 1000
	for name, draw := range map[string]func(*rand.Rand, int) (*rollout.Estimate, error){
		"units, CUPED": func(random *rand.Rand, i int) (*rollout.Estimate, error) {
			list := world(random, 60, 0)
			for i := range list {
				list[i].Value = math.Exp(list[i].Value / 40) // skewed, as baskets are
			}
			return rollout.Compare("basket", list, &rollout.CompareOptions{Permutations: 999, Seed: uint64(i)})
		},
		"units, differences in differences": func(random *rand.Rand, i int) (*rollout.Estimate, error) {
			return rollout.Compare("basket", world(random, 60, 0), &rollout.CompareOptions{Permutations: 999, Seed: uint64(i), Adjust: rollout.AdjustDiD})
		},
		"pairs": func(random *rand.Rand, i int) (*rollout.Estimate, error) {
			p := plan(inPairs(15), func(p *rollout.Plan) { p.Salt = strconv.Itoa(i) })
			return p.Compare("basket", chance{random, 10}.stores(&p, 0, 0), &rollout.CompareOptions{Permutations: 999, Seed: uint64(i), Adjust: rollout.AdjustNone})
		},
		"pairs, CUPED": func(random *rand.Rand, i int) (*rollout.Estimate, error) {
			p := plan(inPairs(15), func(p *rollout.Plan) { p.Salt = strconv.Itoa(i) })
			return p.Compare("basket", chance{random, 10}.stores(&p, 0, 0), &rollout.CompareOptions{Permutations: 999, Seed: uint64(i)})
		},
		"pairs, differences in differences, unlike before": func(random *rand.Rand, i int) (*rollout.Estimate, error) {
			p := plan(inPairs(15), func(p *rollout.Plan) { p.Salt = strconv.Itoa(i) })
			return p.Compare("basket", chance{random, 10}.stores(&p, 0, 12), &rollout.CompareOptions{Permutations: 999, Seed: uint64(i), Adjust: rollout.AdjustDiD})
		},
	} {
		t.Run(name, func(t *testing.T) {
			alarms := 0
			random := rand.New(rand.NewPCG(3, 3))
			for i := range n {
				c, err := draw(random, i)
				require.NoError(t, err)
				if c.P <= 0.05 {
					alarms++
				}
			}
			t.Logf("%d of %d A/A tests at p <= 0.05", alarms, n)
			assert.InDelta(t, 0.05, float64(alarms)/n, 0.015)
		})
	}
}

// TestDifferencesInDifferencesAreUnbiased: stores that somebody picked because
// they were larger, in a market that grows. The naive difference takes what they
// were before for an effect, CUPED the part of it that its coefficient leaves,
// and a look at the treated stores alone the trend.
func TestDifferencesInDifferencesAreUnbiased(t *testing.T) {
	const effect, apart, trend, runs = 3.0, 12.0, 10.0, 300
	random := rand.New(rand.NewPCG(8, 8))
	mean, covered := map[rollout.Adjustment]float64{}, 0
	growth := 0.0
	for i := range runs {
		p := plan(inPairs(40), func(p *rollout.Plan) { p.Salt = strconv.Itoa(i) })
		list := chance{random, trend}.stores(&p, effect, apart)
		for _, how := range []rollout.Adjustment{rollout.AdjustNone, rollout.AdjustCUPED, rollout.AdjustDiD} {
			c, err := p.Compare("basket", list, &rollout.CompareOptions{Permutations: 1, Adjust: how})
			require.NoError(t, err)
			require.Equal(t, how, c.Adjustment)
			mean[how] += c.Effect / runs
			if how == rollout.AdjustDiD && c.Low <= effect && effect <= c.High {
				covered++
			}
		}
		for _, ob := range list {
			if ob.Arm == rollout.Treatment {
				growth += (ob.Value - ob.Before) / float64(runs*len(p.Pairs))
			}
		}
	}
	t.Logf("an effect of %v: naive %.2f, CUPED %.2f, differences in differences %.2f; before and after %.2f; interval holds it in %d of %d", effect, mean[rollout.AdjustNone], mean[rollout.AdjustCUPED], mean[rollout.AdjustDiD], growth, covered, runs)
	assert.InDelta(t, effect, mean[rollout.AdjustDiD], 0.3)
	assert.InDelta(t, effect+apart, mean[rollout.AdjustNone], 0.3)
	assert.Greater(t, mean[rollout.AdjustCUPED], effect+1)
	assert.InDelta(t, effect+trend, growth, 0.3)
	assert.InDelta(t, 0.95, float64(covered)/runs, 0.04)
}
