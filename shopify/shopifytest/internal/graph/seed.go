package graph

import (
	"hash/fnv"
	"slices"
)

// seedKey holds the identity of a generated object that has no id.
const seedKey = "__seed"

// seedOf returns the identity of a thing by its name.
func seedOf(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// mix combines two identities; the steps are those of SplitMix64.
func mix(a, b uint64) uint64 {
	z := a ^ (b + 0x9e3779b97f4a7c15 + a<<6 + a>>2)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// identity tells one object from another: by its id, by what it was generated
// from, or by its place.
func identity(obj Object, parent uint64, s *selection) uint64 {
	if seed, ok := obj[seedKey].(uint64); ok {
		return seed
	}
	if id := obj.ID(); id != "" {
		return seedOf(id)
	}
	return mix(parent, seedOf(s.name()))
}

// pagingArguments choose a part of a list, they do not make another one.
var pagingArguments = []string{"first", "last", "after", "before", "reverse"}

// fieldSeed is the identity of a field's generated value.
func fieldSeed(parent uint64, field string, args map[string]any) uint64 {
	seed := mix(parent, seedOf(field))
	for _, name := range slices.Sorted(mapKeys(args)) {
		if !slices.Contains(pagingArguments, name) {
			seed = mix(seed, seedOf(name, quote(args[name])))
		}
	}
	return seed
}
