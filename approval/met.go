package approval

import "slices"

// Most needs are one list of places: roles, people, alternatives of these,
// quorums and sums of them. They are judged on the stack; what has alternatives
// of several people each goes through ways.

// maxStack is how many people are judged on the stack.
const maxStack = 16

// places returns how many places there are in n, and whether that is all there
// is to it.
func (n *Need) places() (count int, ok bool) {
	switch {
	case n.single():
		return 1, true
	case n.Quorum != nil && n.Quorum.N >= 1 && n.Quorum.N <= maxPlaces:
		one, ok := n.Quorum.Of.places()
		return n.Quorum.N * one, ok && n.Quorum.N*one <= maxPlaces
	case len(n.All) > 0:
		for i := range n.All {
			one, ok := n.All[i].places()
			if count += one; !ok || count > maxPlaces {
				return 0, false
			}
		}
		return count, true
	}
	return 0, false
}

// place returns the i-th place. There are no pointers kept to it, so that n
// stays on the caller's stack.
func (n *Need) place(i int) *Need {
	switch {
	case n.Quorum != nil:
		one, _ := n.Quorum.Of.places()
		return n.Quorum.Of.place(i % one)
	case len(n.All) > 0:
		for j := range n.All {
			one, _ := n.All[j].places()
			if i < one {
				return n.All[j].place(i)
			}
			i -= one
		}
	}
	return n
}

// single reports whether one person meets n.
func (n *Need) single() bool {
	if n.Role != "" || n.Person != "" {
		return true
	}
	if len(n.Any) == 0 || n.Quorum != nil || n.All != nil {
		return false
	}
	for i := range n.Any {
		if !n.Any[i].single() {
			return false
		}
	}
	return true
}

// admitsOne reports whether who meets n, which is single.
func (n *Need) admitsOne(who *Principal) bool {
	switch {
	case n.Role != "":
		return who.HasRole(n.Role)
	case n.Person != "":
		return who.ID == n.Person || slices.Contains(who.ActsFor, n.Person)
	}
	for i := range n.Any {
		if n.Any[i].admitsOne(who) {
			return true
		}
	}
	return false
}

// seatedOnStack is the number of places that people fill, of how many, if n and
// people are simple enough.
func (n *Need) seatedOnStack(people []Principal) (filled, of int, ok bool) {
	of, ok = n.places()
	if !ok || len(people) > maxStack {
		return 0, 0, false
	}
	var seat [maxStack]int // place of each person, from 1
	for i := range of {
		var tried [maxStack]bool
		if n.sit(people, i, &seat, &tried) {
			filled++
		}
	}
	return filled, of, true
}

// sit finds somebody for a place, moving others if that helps: a maximum
// bipartite matching, by augmenting paths.
func (n *Need) sit(people []Principal, i int, seat *[maxStack]int, tried *[maxStack]bool) bool {
	place := n.place(i)
	for j := range people {
		if tried[j] || repeated(people, j) || !place.admitsOne(&people[j]) {
			continue
		}
		tried[j] = true
		if seat[j] == 0 || n.sit(people, seat[j]-1, seat, tried) {
			seat[j] = i + 1
			return true
		}
	}
	return false
}

// repeated reports whether somebody before counts as the same person: the list
// has them twice, or somebody acted for them.
func repeated(people []Principal, j int) bool {
	id := people[j].ID
	if id == "" {
		return true
	}
	for k := range j {
		if people[k].ID != "" && (people[k].ID == id || slices.Contains(people[k].ActsFor, id)) && !repeated(people, k) {
			return true
		}
	}
	return false
}
