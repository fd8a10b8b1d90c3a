package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const maxPairs = 500

// name is the same whichever store of the pair comes first.
func (pair Pair) name() string {
	return min(pair.Stores[0], pair.Stores[1]) + "/" + max(pair.Stores[0], pair.Stores[1])
}

// Split says which store of a pair gets the feature, and which is its control:
// a fair coin for each pair, thrown by the plan's name and salt.
func (p *Plan) Split(pair Pair) (treated, control string) {
	a, b := min(pair.Stores[0], pair.Stores[1]), max(pair.Stores[0], pair.Stores[1])
	if p.point("pair/"+pair.name()) < 0.5 {
		return b, a
	}
	return a, b
}

// pairOf returns the index of the pair that a store belongs to, or -1.
func (p *Plan) pairOf(location string) int {
	return slices.IndexFunc(p.Pairs, func(pair Pair) bool { return slices.Contains(pair.Stores[:], location) })
}

// assignStore is the assignment of a plan with pairs: both stores of a pair come
// in together, one into each arm. A store without a partner gets the feature
// by the stage's share, and is not compared.
func (p *Plan) assignStore(st *Stage, location string) Arm {
	i := p.pairOf(location)
	if location == "" || i < 0 && p.point("store/"+location) >= st.Share {
		return Off
	}
	if i < 0 {
		return Treatment
	}
	if p.point("share/"+p.Pairs[i].name()) >= st.Share {
		return Off
	}
	if treated, _ := p.Split(p.Pairs[i]); treated != location {
		return Control
	}
	return Treatment
}

// pairing names the pairs, in whatever order they are.
func (p *Plan) pairing() string {
	if len(p.Pairs) == 0 {
		return ""
	}
	names := make([]string, len(p.Pairs))
	for i, pair := range p.Pairs {
		names[i] = pair.name()
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (p *Plan) checkPairs() error {
	if len(p.Pairs) == 0 {
		return nil
	}
	if len(p.Pairs) > maxPairs {
		return fmt.Errorf("at most %d pairs", maxPairs)
	}
	if p.Holdout != 0 {
		return errors.New("with pairs, the other store of each is the control group: the holdout is 0")
	}
	seen := map[string]bool{}
	for _, pair := range p.Pairs {
		for _, s := range pair.Stores {
			if s == "" || len(s) > 256 || seen[s] {
				return errors.New("each pair needs two stores, each with an ID, and a store has one partner")
			}
			seen[s] = true
		}
		if math.IsNaN(pair.Distance) || math.IsInf(pair.Distance, 0) {
			return errors.New("the distance of a pair is no number")
		}
	}
	for i, st := range p.Stages {
		for _, pair := range p.Pairs {
			if len(st.Locations) > 0 && slices.Contains(st.Locations, pair.Stores[0]) != slices.Contains(st.Locations, pair.Stores[1]) {
				return fmt.Errorf("stage %d reaches one store of a pair without the other", i+1)
			}
		}
	}
	g := p.Primary
	if g == (Goal{}) {
		return nil
	}
	if g.MinUnits > len(p.Pairs) {
		return fmt.Errorf("the goal needs %d stores in each arm, there are %d pairs", g.MinUnits, len(p.Pairs))
	}
	// Shuffled within k pairs, arms can fall in 2^k ways, each as extreme as its
	// mirror image.
	if least := math.Pow(2, float64(1-len(p.Pairs))); g.MaxP > 0 && g.MaxP < least {
		return fmt.Errorf("%d pairs cannot show a p-value of %g: %.2g is the least", len(p.Pairs), g.MaxP, least)
	}
	return nil
}

// Compare is [Compare] under the plan: where it has pairs, stores are compared,
// each with its partner. Observations of stores without a partner are left out.
func (p *Plan) Compare(metric string, observations []Observation, opts *CompareOptions) (*Estimate, error) {
	if len(p.Pairs) == 0 {
		return Compare(metric, observations, opts)
	}
	stores, err := p.byStore(metric, observations)
	if err != nil {
		return nil, err
	}
	return Compare(metric, slices.DeleteFunc(stores, func(ob Observation) bool { return ob.Stratum == "" }), opts)
}

// byStore returns the observations of a metric with the store as the unit, and
// its pair as the stratum.
func (p *Plan) byStore(metric string, observations []Observation) ([]Observation, error) {
	if len(p.Pairs) == 0 {
		return observations, nil
	}
	pairs := map[string]int{}
	treated := map[string]bool{}
	for i, pair := range p.Pairs {
		t, c := p.Split(pair)
		pairs[t], pairs[c], treated[t] = i, i, true
	}
	var list []Observation
	for _, ob := range observations {
		if ob.Metric != metric || ob.Arm != Treatment && ob.Arm != Control {
			continue
		}
		if ob.Location == "" {
			return nil, errors.New("rollout: an observation without the location of its store, which the plan's pairs need")
		}
		ob.Unit, ob.Stratum = ob.Location, ""
		if i, ok := pairs[ob.Location]; ok {
			if treated[ob.Location] != (ob.Arm == Treatment) {
				return nil, errors.New("rollout: an observation is not in the arm of its store")
			}
			ob.Stratum = "pair/" + strconv.Itoa(i)
		}
		list = append(list, ob)
	}
	return list, nil
}
