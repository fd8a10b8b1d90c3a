package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
)

func TestMatchPairs(t *testing.T) {
	// Sales in thousands, return rate: pairs of alike stores in a shuffled list.
	stores := []rollout.Store{
		{"a1", []float64{100, 0.05}},
		{"b1", []float64{900, 0.06}},
		{"c1", []float64{100, 0.20}},
		{"b2", []float64{880, 0.07}},
		{"a2", []float64{110, 0.06}},
		{"c2", []float64{120, 0.19}},
		{"odd", []float64{5000, 0.90}},
	}
	pairs, err := rollout.MatchPairs(stores)
	require.NoError(t, err)
	require.Len(t, pairs, 3)
	for _, pair := range pairs {
		assert.Equal(t, pair.Stores[0][0], pair.Stores[1][0], "alike stores are together: %v", pair)
		assert.Positive(t, pair.Distance)
	}
	again, err := rollout.MatchPairs([]rollout.Store{stores[6], stores[5], stores[0], stores[3], stores[1], stores[4], stores[2]})
	require.NoError(t, err)
	assert.ElementsMatch(t, pairs, again, "whatever the order")

	// Taking the nearest first would leave the far ends to each other.
	line := []rollout.Store{{"1", []float64{0}}, {"2", []float64{10}}, {"3", []float64{19}}, {"4", []float64{29}}}
	pairs, err = rollout.MatchPairs(line)
	require.NoError(t, err)
	for _, pair := range pairs {
		assert.Contains(t, [][2]string{{"1", "2"}, {"2", "1"}, {"3", "4"}, {"4", "3"}}, pair.Stores)
	}
	for name, stores := range map[string][]rollout.Store{
		"one store":   line[:1],
		"twice":       {line[0], line[0]},
		"no traits":   {{Location: "1"}, {Location: "2"}},
		"other trait": {{"1", []float64{1}}, {"2", []float64{1, 2}}},
	} {
		_, err := rollout.MatchPairs(stores)
		assert.Error(t, err, name)
	}
}

func pair(a, b string) rollout.Pair { return rollout.Pair{Stores: [2]string{a, b}} }

// chain is n pairs of stores.
func chain(n int) (pairs []rollout.Pair) {
	for i := range n {
		pairs = append(pairs, pair(fmt.Sprintf("store-%d-a", i), fmt.Sprintf("store-%d-b", i)))
	}
	return pairs
}

// inPairs makes a plan one of stores: half of the pairs first, then all stores.
func inPairs(n int) func(*rollout.Plan) {
	return func(p *rollout.Plan) {
		p.Holdout, p.Pairs = 0, chain(n)
		p.Stages = []rollout.Stage{{Name: "half", Share: 0.5}, {Name: "all", Share: 1}}
	}
}

func TestPairsAreAssigned(t *testing.T) {
	p := plan(inPairs(400))
	require.NoError(t, p.Validate())
	at := func(p *rollout.Plan, stage int, location string) rollout.Arm {
		arm := p.Assign(stage, rollout.Subject{Unit: "customer-1", Location: location})
		require.Equal(t, arm, p.Assign(stage, rollout.Subject{Unit: "customer-2", Location: location}), "whoever comes in")
		require.Equal(t, arm, p.Assign(stage, rollout.Subject{Location: location}))
		return arm
	}
	in, first := 0, 0
	for _, pair := range p.Pairs {
		a, b := at(&p, 1, pair.Stores[0]), at(&p, 1, pair.Stores[1])
		require.ElementsMatch(t, []rollout.Arm{rollout.Treatment, rollout.Control}, []rollout.Arm{a, b}, "one of each")
		treated, control := p.Split(pair)
		assert.Equal(t, rollout.Treatment, at(&p, 1, treated))
		assert.Equal(t, rollout.Control, at(&p, 1, control))
		if a == rollout.Treatment {
			first++
		}
		half := []rollout.Arm{at(&p, 0, pair.Stores[0]), at(&p, 0, pair.Stores[1])}
		if half[0] == rollout.Off {
			assert.Equal(t, rollout.Off, half[1], "together")
			continue
		}
		in++
		assert.Equal(t, []rollout.Arm{a, b}, half, "who has it keeps it")
	}
	assert.InDelta(t, 200, in, 40, "half of the pairs")
	assert.InDelta(t, 200, first, 40, "a fair coin")

	// The file's order changes nothing, another salt does.
	turned, salted := p, plan(inPairs(400), func(p *rollout.Plan) { p.Salt = "x" })
	turned.Pairs = slices.Clone(p.Pairs)
	slices.Reverse(turned.Pairs)
	differ := 0
	for i := range turned.Pairs {
		turned.Pairs[i] = pair(turned.Pairs[i].Stores[1], turned.Pairs[i].Stores[0])
		store := turned.Pairs[i].Stores[0]
		require.Equal(t, at(&p, 0, store), at(&turned, 0, store))
		require.Equal(t, at(&p, 1, store), at(&turned, 1, store))
		if at(&p, 1, store) != at(&salted, 1, store) {
			differ++
		}
	}
	assert.InDelta(t, 200, differ, 40)

	// A store without a partner gets it by the share; it is nobody's control.
	alone := 0
	for i := range 400 {
		store := "alone-" + strconv.Itoa(i)
		assert.Equal(t, rollout.Treatment, at(&p, 1, store))
		if at(&p, 0, store) == rollout.Treatment {
			alone++
		}
	}
	assert.InDelta(t, 200, alone, 40)
	assert.Equal(t, rollout.Off, at(&p, 1, ""))
	near := plan(inPairs(2), func(p *rollout.Plan) {
		p.Stages[0] = rollout.Stage{Name: "near", Locations: p.Pairs[0].Stores[:], Share: 1}
	})
	require.NoError(t, near.Validate())
	assert.NotEqual(t, rollout.Off, at(&near, 0, "store-0-a"))
	assert.Equal(t, rollout.Off, at(&near, 0, "store-1-a"))

	var read rollout.Plan
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, p, read, "pairs are data")
}

func TestPairsRefused(t *testing.T) {
	goal := rollout.Goal{Metric: "basket", MinUnits: 2, MaxP: 0.05}
	for name, change := range map[string]func(*rollout.Plan){
		"a holdout beside":   func(p *rollout.Plan) { p.Holdout = 0.1 },
		"no store":           func(p *rollout.Plan) { p.Pairs[0].Stores[1] = "" },
		"a store twice":      func(p *rollout.Plan) { p.Pairs[0].Stores[1] = p.Pairs[1].Stores[0] },
		"its own partner":    func(p *rollout.Plan) { p.Pairs[0].Stores[1] = p.Pairs[0].Stores[0] },
		"half a pair":        func(p *rollout.Plan) { p.Stages[0].Locations = p.Pairs[0].Stores[:1] },
		"too many":           func(p *rollout.Plan) { p.Pairs = chain(501) },
		"too few for a goal": func(p *rollout.Plan) { p.Primary = goal; p.Primary.MinUnits = 7 },
		"too few for p":      func(p *rollout.Plan) { p.Primary = goal; p.Pairs = chain(5) },
	} {
		p := plan(inPairs(6), change)
		assert.ErrorIs(t, p.Validate(), rollout.ErrInvalid, name)
	}
	p := plan(inPairs(6), func(p *rollout.Plan) { p.Primary = goal })
	require.NoError(t, p.Validate(), "1 of 2^5 is below 0.05")
}

func TestPairsDoNotChangeWhileTheyRun(t *testing.T) {
	f := newFixture(t, inPairs(6))
	turned := f.again(t, inPairs(6), func(p *rollout.Plan) { p.Version = "2"; slices.Reverse(p.Pairs); p.Pairs[0].Distance = 1 })
	require.NoError(t, turned.Begin(t.Context()), "the same pairs")
	for name, change := range map[string]func(*rollout.Plan){"one more": inPairs(7), "others": func(p *rollout.Plan) {
		p.Pairs[0].Stores[1], p.Pairs[1].Stores[1] = p.Pairs[1].Stores[1], p.Pairs[0].Stores[1]
	}, "none": func(p *rollout.Plan) { p.Pairs = nil }} {
		require.ErrorIs(t, f.again(t, inPairs(6), change).Begin(t.Context()), rollout.ErrReassigned, name)
	}
}

// TestPairsAndChangesReachTheGate: the gate of a plan of stores goes by how much
// each changed, beside its partner.
func TestPairsAndChangesReachTheGate(t *testing.T) {
	change := func(p *rollout.Plan) {
		inPairs(12)(p)
		p.Stages[0].Share = 1
		p.Primary = rollout.Goal{Metric: "basket", MinUnits: 10, MaxP: 0.05, Adjust: rollout.AdjustDiD}
		p.Guardrails = []rollout.Guardrail{{Metric: "basket", Max: 500, MinUnits: 10}}
	}
	f := newFixture(t, change)
	before, lift := true, 0.0
	source := func(_ context.Context, p *rollout.Plan, _ time.Time) iter.Seq2[rollout.Observation, error] {
		return func(yield func(rollout.Observation, error) bool) {
			for i, pair := range append(p.Pairs, pair("alone-a", "alone-b")) {
				treated, control := p.Split(pair)
				for _, store := range []string{treated, control} {
					for k := range 5 { // customers, some of whom shop in both
						ob := rollout.Observation{Unit: "customer-" + strconv.Itoa(k), Location: store, Metric: "basket", Arm: p.Assign(0, rollout.Subject{Location: store})}
						// The treated stores are the larger ones, and all of them grow.
						ob.Before = float64(20 + 10*i)
						ob.Value = ob.Before + 5 + float64((7*i+3*k)%5)/10
						if store == treated {
							ob.Before, ob.Value = ob.Before+8, ob.Value+8+lift
						}
						ob.Has = before
						if !yield(ob, nil) {
							return
						}
					}
				}
			}
		}
	}
	r, err := rollout.New(plan(change), f.state, f.log, source)
	require.NoError(t, err)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	rep, err := r.Report(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 0, rep.Primary.Effect, 0.2, "they were larger before")
	assert.Equal(t, []int{12, 12, 12}, []int{rep.Primary.Treatment, rep.Primary.Control, rep.Primary.Strata})
	assert.Equal(t, 14, rep.Guardrails[0].Units, "stores without a partner count there")
	assert.Contains(t, rep.Fields()[0].Value, "by differences in differences within 12 groups")
	lift = 2
	rep, err = r.Report(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 2, rep.Primary.Effect, 0.2)
	assert.LessOrEqual(t, rep.Primary.P, 0.001)
	before = false
	_, err = r.Promote(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrGate)
	require.ErrorContains(t, err, "24 more have no value from before")

	p := plan(change)
	_, err = p.Compare("basket", []rollout.Observation{{Unit: "x", Arm: rollout.Treatment, Metric: "basket"}}, nil)
	require.ErrorContains(t, err, "location")
	treated, _ := p.Split(p.Pairs[0])
	_, err = p.Compare("basket", []rollout.Observation{{Location: treated, Arm: rollout.Control, Metric: "basket"}}, nil)
	require.ErrorContains(t, err, "arm of its store")
}
