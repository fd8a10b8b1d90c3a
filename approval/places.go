package approval

import "slices"

// place is a seat that one person can fill: whoever has one of the roles or is
// one of the people.
type place struct{ roles, persons []string }

func (p place) admits(who Principal) bool {
	if slices.ContainsFunc(p.roles, who.HasRole) {
		return true
	}
	return slices.Contains(p.persons, who.ID) || slices.ContainsFunc(who.ActsFor, func(id string) bool { return slices.Contains(p.persons, id) })
}

// ways returns the different ways to meet the need, each a list of places to be
// filled by different people. It returns nil if there are too many, if one
// takes too many people, or if the need is not valid.
func (n Need) ways() [][]place {
	switch {
	case n.Role != "":
		return [][]place{{{roles: []string{n.Role}}}}
	case n.Person != "":
		return [][]place{{{persons: []string{n.Person}}}}
	case n.Quorum != nil:
		one := n.Quorum.Of.ways()
		if n.Quorum.N < 1 || n.Quorum.N > maxPlaces || one == nil {
			return nil
		}
		all := [][]place{{}}
		for range n.Quorum.N {
			if all = combine(all, one); all == nil {
				return nil
			}
		}
		return all
	case len(n.All) > 0:
		all := [][]place{{}}
		for _, m := range n.All {
			if all = combine(all, m.ways()); all == nil {
				return nil
			}
		}
		return all
	case len(n.Any) > 0:
		return n.anyWays()
	}
	return nil
}

// anyWays joins alternatives of one person each into one place, so that "2 of
// (a or b)" stays one way.
func (n Need) anyWays() [][]place {
	var single place
	var list [][]place
	for _, m := range n.Any {
		ways := m.ways()
		if ways == nil {
			return nil
		}
		for _, way := range ways {
			if len(way) == 1 {
				single.roles = append(single.roles, way[0].roles...)
				single.persons = append(single.persons, way[0].persons...)
			} else {
				list = append(list, way)
			}
		}
	}
	if single.roles != nil || single.persons != nil {
		list = append(list, []place{single})
	}
	if len(list) > maxAlternatives {
		return nil
	}
	return list
}

func combine(a, b [][]place) [][]place {
	if len(a)*len(b) > maxAlternatives {
		return nil
	}
	var list [][]place
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxPlaces {
				return nil
			}
			list = append(list, append(append([]place(nil), x...), y...))
		}
	}
	return list
}

// Met reports whether the approvals of these people meet the need. Who is in
// the list twice counts once.
func (n Need) Met(approvers []Principal) bool {
	if filled, of, ok := n.seatedOnStack(approvers); ok {
		return filled == of
	}
	approvers = distinct(approvers)
	for _, way := range n.ways() {
		if seated(way, approvers) == len(way) {
			return true
		}
	}
	return false
}

// helps reports whether who fills a place that the others leave open.
func (n Need) helps(others []Principal, who Principal) bool {
	others = distinct(others)
	with := distinct(append(others[:len(others):len(others)], who))
	if len(with) == len(others) {
		return false
	}
	for _, way := range n.ways() {
		if seated(way, with) > seated(way, others) {
			return true
		}
	}
	return false
}

// admits reports whether who could fill a place, open or not, and in what
// role; the role is empty for somebody who is asked by name.
func (n Need) admits(who Principal) (role string, ok bool) {
	for _, way := range n.ways() {
		for _, p := range way {
			if !p.admits(who) {
				continue
			}
			for _, role := range p.roles {
				if who.HasRole(role) {
					return role, true
				}
			}
			ok = true
		}
	}
	return "", ok
}

// distinct leaves out who is in the list already, or was acted for.
func distinct(people []Principal) []Principal {
	seen := make(map[string]bool, len(people))
	var list []Principal
	for _, p := range people {
		if p.ID != "" && !seen[p.ID] {
			seen[p.ID] = true
			for _, id := range p.ActsFor {
				seen[id] = true
			}
			list = append(list, p)
		}
	}
	return list
}

// seated returns how many places can be filled at once, each by another
// person: a maximum bipartite matching, by augmenting paths.
func seated(places []place, people []Principal) int {
	seat := make([]int, len(people)) // place of each person, -1 for none
	for i := range seat {
		seat[i] = -1
	}
	count := 0
	for i := range places {
		tried := make([]bool, len(people))
		if fill(i, places, people, seat, tried) {
			count++
		}
	}
	return count
}

func fill(i int, places []place, people []Principal, seat []int, tried []bool) bool {
	for j, who := range people {
		if tried[j] || !places[i].admits(who) {
			continue
		}
		tried[j] = true
		if seat[j] < 0 || fill(seat[j], places, people, seat, tried) {
			seat[j] = i
			return true
		}
	}
	return false
}
