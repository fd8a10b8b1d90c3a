// Package scope compares access scopes.
package scope

import (
	"cmp"
	"slices"
	"strings"
)

// Grants reports whether the granted scopes include the wanted one, where a
// write scope includes the read scope of the same name, and an unprefixed scope
// ("orders") is met by either.
func Grants(granted []string, want string) bool {
	return slices.ContainsFunc(granted, func(have string) bool {
		if have == want {
			return true
		}
		if write, ok := strings.CutPrefix(have, "write_"); ok && (want == "read_"+write || want == write) {
			return true
		}
		if read, ok := strings.CutPrefix(have, "read_"); ok && want == read {
			return true
		}
		write, ok := strings.CutPrefix(have, "unauthenticated_write_")
		return ok && want == "unauthenticated_read_"+write
	})
}

// Allows reports whether of each list one scope is granted.
func Allows(granted []string, lists [][]string) bool {
	return !slices.ContainsFunc(lists, func(list []string) bool { return !Any(granted, list) })
}

// Any reports whether one scope of the list is granted.
func Any(granted, list []string) bool {
	return slices.ContainsFunc(list, func(want string) bool { return Grants(granted, want) })
}

// Reduce sorts lists of alternatives, of each of which one scope is needed, and
// drops those that others include: who has write_orders needs no "read_orders or
// read_marketplace_orders" besides.
func Reduce(lists [][]string) [][]string {
	lists = slices.SortedFunc(slices.Values(lists), func(a, b []string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b))
	})
	lists = slices.CompactFunc(lists, slices.Equal)
	covers := func(a, b []string) bool { // each scope of a satisfies b
		return !slices.ContainsFunc(a, func(s string) bool { return !Any([]string{s}, b) })
	}
	var out [][]string
	for i, list := range lists {
		redundant := false
		for j, other := range lists {
			redundant = redundant || i != j && covers(other, list) && (!covers(list, other) || j < i)
		}
		if !redundant {
			out = append(out, slices.Clone(list))
		}
	}
	return out
}
