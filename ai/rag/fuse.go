package rag

import (
	"cmp"
	"slices"
	"strings"
)

// FusionConstant is the k of reciprocal rank fusion, 1/(k+rank), as in Cormack, Clarke and
// Büttcher (2009).
const FusionConstant = 60

// FusionDepth returns how many of the best of each list are fused for a query of k hits.
func FusionDepth(k int) int { return max(100, 2*k) }

// A Fused is an element of fused lists.
type Fused struct {
	ID    string
	Score float64 // 1 for the first of all lists
	Ranks []int   // in each list; zero is not in it
}

// Fuse joins ranked lists of IDs by reciprocal rank fusion. It is deterministic: equal
// scores are ordered by ID. Each list may have an ID once.
func Fuse(lists ...[]string) []Fused {
	at := map[string]int{}
	var all []Fused
	for i, list := range lists {
		for rank, id := range list {
			j, ok := at[id]
			if !ok {
				j = len(all)
				at[id] = j
				all = append(all, Fused{ID: id, Ranks: make([]int, len(lists))})
			}
			all[j].Ranks[i] = rank + 1
		}
	}
	for j := range all {
		for _, rank := range all[j].Ranks {
			if rank > 0 {
				all[j].Score += (FusionConstant + 1) / float64(FusionConstant+rank) / float64(len(lists))
			}
		}
	}
	slices.SortFunc(all, func(a, b Fused) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID))
	})
	return all
}
