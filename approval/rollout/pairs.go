package rollout

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// Store is a store with what it is known by, such as sales, footfall and return
// rate of the past year.
type Store struct {
	Location string    // GID
	Traits   []float64 // the same in the same order for all stores
}

// Pair is two stores that are alike. One gets the feature, the other does not;
// [Plan.Split] says which.
type Pair struct {
	Stores [2]string `json:"stores"` // GIDs of locations

	// Distance is between their standardized traits, for people to see how good
	// the match is. Nothing else depends on it.
	Distance float64 `json:"distance,omitzero"`
}

// MatchPairs makes pairs of stores that are as alike as possible: with few
// stores, chance alone would leave the groups unlike. Put them into the plan;
// its hash decides which of each gets the feature. Traits are standardized, so
// that each counts the same. Nearest pairs are taken first, and then exchanged
// among pairs as long as that brings the stores closer together. With an odd
// number the store that fits worst stays out.
func MatchPairs(stores []Store) ([]Pair, error) {
	if len(stores) < 2 {
		return nil, errors.New("rollout: pairs need two stores")
	}
	stores = slices.Clone(stores)
	slices.SortFunc(stores, func(a, b Store) int { return cmp.Compare(a.Location, b.Location) })
	for i, s := range stores {
		if s.Location == "" || i > 0 && s.Location == stores[i-1].Location {
			return nil, errors.New("rollout: a store without a location of its own")
		}
		if len(s.Traits) == 0 || len(s.Traits) != len(stores[0].Traits) || slices.ContainsFunc(s.Traits, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			return nil, errors.New("rollout: stores need the same traits, all of them numbers")
		}
	}
	d := distances(stores)
	matched := improve(d, nearestFirst(d))
	pairs := make([]Pair, len(matched))
	for i, m := range matched {
		pairs[i] = Pair{Stores: [2]string{stores[m[0]].Location, stores[m[1]].Location}, Distance: d[m[0]][m[1]]}
	}
	return pairs, nil
}

// distances are Euclidean, between traits of mean 0 and variance 1.
func distances(stores []Store) [][]float64 {
	n := len(stores)
	scaled := make([][]float64, n)
	for i := range scaled {
		scaled[i] = slices.Clone(stores[i].Traits)
	}
	for t := range stores[0].Traits {
		var mean, square float64
		for i := range scaled {
			mean += scaled[i][t] / float64(n)
		}
		for i := range scaled {
			square += (scaled[i][t] - mean) * (scaled[i][t] - mean) / float64(n)
		}
		deviation := math.Sqrt(square)
		for i := range scaled {
			if deviation > 0 {
				scaled[i][t] = (scaled[i][t] - mean) / deviation
			} else {
				scaled[i][t] = 0
			}
		}
	}
	d := make([][]float64, n)
	for i := range d {
		d[i] = make([]float64, n)
		for j := range d[i] {
			for t := range scaled[i] {
				d[i][j] += (scaled[i][t] - scaled[j][t]) * (scaled[i][t] - scaled[j][t])
			}
			d[i][j] = math.Sqrt(d[i][j])
		}
	}
	return d
}

func nearestFirst(d [][]float64) [][2]int {
	type edge struct {
		i, j int
	}
	var edges []edge
	for i := range d {
		for j := range i {
			edges = append(edges, edge{j, i})
		}
	}
	slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(d[a.i][a.j], d[b.i][b.j]) })
	taken := make([]bool, len(d))
	var pairs [][2]int
	for _, e := range edges {
		if !taken[e.i] && !taken[e.j] {
			taken[e.i], taken[e.j] = true, true
			pairs = append(pairs, [2]int{e.i, e.j})
		}
	}
	return pairs
}

// improve exchanges partners between two pairs as long as that makes the sum of
// the distances smaller.
func improve(d [][]float64, pairs [][2]int) [][2]int {
	for again := true; again; {
		again = false
		for i := range pairs {
			for j := range i {
				a, b := pairs[i], pairs[j]
				now := d[a[0]][a[1]] + d[b[0]][b[1]]
				if s := d[a[0]][b[0]] + d[a[1]][b[1]]; s < now-1e-9 {
					pairs[i], pairs[j], again = [2]int{a[0], b[0]}, [2]int{a[1], b[1]}, true
				} else if s := d[a[0]][b[1]] + d[a[1]][b[0]]; s < now-1e-9 {
					pairs[i], pairs[j], again = [2]int{a[0], b[1]}, [2]int{a[1], b[0]}, true
				}
			}
		}
	}
	return pairs
}
