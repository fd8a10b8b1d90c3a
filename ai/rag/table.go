package rag

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// The structures of this file and of paged.go and postings.go are persistent: whoever
// holds an old version may go on reading it while a new one is made. What a
// transaction copies carries its generation, so that it copies each part once.

// seed makes hashes that nobody outside can predict. It lasts as long as the process,
// so hashes are never stored.
var seed = maphash.MakeSeed()

func hashString(s string) uint64 { return maphash.String(seed, s) }

// leafSize is the number of entries at which a leaf is split.
const leafSize = 64

// A table is a persistent multimap from hashes, by extendible hashing
// (Fagin et al., 1979). Whoever looks up must compare the keys themselves. The zero
// value is empty.
type table[E any] struct {
	dir []*leaf[E] // 1<<bits, by the highest bits of the hash
	gen uint64     // of dir
	n   int
}

// A leaf holds entries in the order of their hashes.
type leaf[E any] struct {
	gen   uint64
	depth int // how many bits all its hashes share
	keys  []uint64
	vals  []E
}

func (t *table[E]) slot(h uint64) int {
	return int(h >> (64 - bits.TrailingZeros(uint(len(t.dir)))))
}

// find returns the entries of a hash. The caller must not change them.
func (t *table[E]) find(h uint64) []E {
	if len(t.dir) == 0 {
		return nil
	}
	l := t.dir[t.slot(h)]
	i, ok := slices.BinarySearch(l.keys, h)
	if !ok {
		return nil
	}
	j := i + 1
	for j < len(l.keys) && l.keys[j] == h {
		j++
	}
	return l.vals[i:j]
}

// own returns the leaf of a hash, made this generation's.
func (t *table[E]) own(gen, h uint64) *leaf[E] {
	switch {
	case len(t.dir) == 0:
		t.dir, t.gen = []*leaf[E]{{gen: gen}}, gen
	case t.gen != gen:
		t.dir, t.gen = slices.Clone(t.dir), gen
	}
	i := t.slot(h)
	l := t.dir[i]
	if l.gen != gen {
		l = &leaf[E]{gen: gen, depth: l.depth, keys: clone(l.keys), vals: clone(l.vals)}
		t.replace(i, l)
	}
	return l
}

// replace puts a leaf in all the places of the one at i.
func (t *table[E]) replace(i int, l *leaf[E]) {
	span := len(t.dir) >> l.depth
	first := i / span * span
	for j := first; j < first+span; j++ {
		t.dir[j] = l
	}
}

// add adds an entry.
func (t *table[E]) add(gen, h uint64, e E) {
	l := t.own(gen, h)
	for len(l.keys) >= leafSize && t.split(gen, h, l) {
		l = t.own(gen, h)
	}
	i, _ := slices.BinarySearch(l.keys, h)
	for i < len(l.keys) && l.keys[i] == h {
		i++
	}
	l.keys = insert(l.keys, i, h)
	l.vals = insert(l.vals, i, e)
	t.n++
}

// split makes two leaves of one, or returns false if that would not help.
func (t *table[E]) split(gen, h uint64, l *leaf[E]) bool {
	if l.keys[0] == l.keys[len(l.keys)-1] {
		return false
	}
	if len(t.dir) == 1<<l.depth {
		if len(t.dir) > t.n {
			return false // many equal hashes
		}
		dir := make([]*leaf[E], 2*len(t.dir))
		for i, l := range t.dir {
			dir[2*i], dir[2*i+1] = l, l
		}
		t.dir = dir
	}
	at, _ := slices.BinarySearchFunc(l.keys, 0, func(k uint64, _ int) int {
		return int(k>>(63-l.depth)&1) - 1
	})
	low := &leaf[E]{gen: gen, depth: l.depth + 1, keys: clone(l.keys[:at]), vals: clone(l.vals[:at])}
	high := &leaf[E]{gen: gen, depth: l.depth + 1, keys: clone(l.keys[at:]), vals: clone(l.vals[at:])}
	span := len(t.dir) >> l.depth
	first := t.slot(h) / span * span
	for j := range span {
		if j < span/2 {
			t.dir[first+j] = low
		} else {
			t.dir[first+j] = high
		}
	}
	return true
}

// update lets fn change the first entry of a hash that matches, and reports whether
// there is one.
func (t *table[E]) update(gen, h uint64, match func(E) bool, fn func(*E)) bool {
	at := slices.IndexFunc(t.find(h), match)
	if at < 0 {
		return false
	}
	l := t.own(gen, h)
	i, _ := slices.BinarySearch(l.keys, h)
	fn(&l.vals[i+at])
	return true
}

// remove removes the first entry of a hash that matches.
func (t *table[E]) remove(gen, h uint64, match func(E) bool) {
	at := slices.IndexFunc(t.find(h), match)
	if at < 0 {
		return
	}
	l := t.own(gen, h)
	i, _ := slices.BinarySearch(l.keys, h)
	l.keys = slices.Delete(l.keys, i+at, i+at+1)
	l.vals = slices.Delete(l.vals, i+at, i+at+1)
	t.n--
}

// leaves calls yield for each leaf, once.
func (t *table[E]) leaves(yield func(*leaf[E]) bool) {
	for i := 0; i < len(t.dir); {
		l := t.dir[i]
		if !yield(l) {
			return
		}
		i += len(t.dir) >> l.depth
	}
}

// clone copies with room for a few more.
func clone[E any](s []E) []E {
	return append(make([]E, 0, len(s)+4), s...)
}

// insert is slices.Insert with growth by an eighth: there are very many small slices.
func insert[E any](s []E, i int, e E) []E {
	if len(s) == cap(s) {
		s = append(make([]E, 0, len(s)+len(s)/8+4), s...)
	}
	return slices.Insert(s, i, e)
}
