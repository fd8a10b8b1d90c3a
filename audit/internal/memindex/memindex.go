// Package memindex holds in memory what finds the entries of a stretch of a log
// and what proves them: for the newest entries of a store, or for a small log as
// a whole.
package memindex

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// Index covers the entries from First up to Size. It is not safe for concurrent
// use.
type Index struct {
	first, size int64
	hashes      []tlog.Hash // of the tree, from the one of the first leaf on
	base        int64       // index of hashes[0] in the tree's numbering
	keys        map[key][]int64
}

// key is one thing that entries are found by.
type key struct {
	kind  byte
	value string
}

// New returns an empty index for the entries from first on.
func New(first int64) *Index {
	return &Index{first: first, size: first, base: tlog.StoredHashIndex(0, first), keys: map[key][]int64{}}
}

// First returns the first entry's index.
func (x *Index) First() int64 { return x.first }

// Size returns the last entry's index plus one.
func (x *Index) Size() int64 { return x.size }

// Add files the entries that follow, and the hashes that they add to the tree.
func (x *Index) Add(entries []*audit.Entry, hashes []tlog.Hash) {
	for _, e := range entries {
		at := x.size
		x.size++
		x.note('i', e.ID, at)
		x.note('c', e.Correlation, at)
		x.note('a', e.Actor.ID, at)
		x.note('t', e.TraceID, at)
		if e.Effect != nil {
			x.note('r', e.Effect.RequestID, at)
		}
		for _, s := range e.Subjects {
			x.note('s', s.ID, at)
		}
		for _, p := range e.Sealed {
			for _, of := range p.Of {
				x.note('s', of, at)
			}
		}
	}
	x.hashes = append(x.hashes, hashes...)
}

func (x *Index) note(kind byte, value string, at int64) {
	if value == "" {
		return
	}
	k := key{kind, value}
	if of := x.keys[k]; len(of) == 0 || of[len(of)-1] != at {
		x.keys[k] = append(of, at)
	}
}

// Hash returns the hash with the given index in the tree's numbering.
func (x *Index) Hash(index int64) (tlog.Hash, error) {
	if index < x.base || index >= x.base+int64(len(x.hashes)) {
		return tlog.Hash{}, fmt.Errorf("%w: hash %d of the tree", audit.ErrNotFound, index)
	}
	return x.hashes[index-x.base], nil
}

// Holds reports whether the hash with the given index is among those of the
// entries covered, or would be of later ones.
func (x *Index) Holds(index int64) bool { return index >= x.base }

// Hashes is [Index.Hash] for several.
func (x *Index) Hashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		var err error
		if out[i], err = x.Hash(index); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Search returns the indexes among which every entry of the query is, in the
// order that the query asks for. The slice is the caller's.
func (x *Index) Search(q *audit.Query) []int64 {
	low, high := max(q.First, x.first), x.size
	if q.Before > 0 {
		high = min(high, q.Before)
	}
	var out []int64
	if list, narrowed := x.candidates(q); narrowed {
		from, _ := slices.BinarySearch(list, low)
		to, _ := slices.BinarySearch(list, high)
		if from < to {
			out = slices.Clone(list[from:to])
		}
	} else {
		for i := low; i < high; i++ {
			out = append(out, i)
		}
	}
	if q.Descending {
		slices.Reverse(out)
	}
	return out
}

// candidates returns the shortest list that holds all, and false where no list
// does.
func (x *Index) candidates(q *audit.Query) (list []int64, ok bool) {
	for _, k := range []key{
		{'i', q.ID}, {'c', q.Correlation}, {'a', q.Actor}, {'t', q.TraceID}, {'r', q.RequestID}, {'s', q.Subject.ID},
	} {
		if k.value == "" {
			continue
		}
		if of := x.keys[k]; !ok || len(of) < len(list) {
			list, ok = of, true
		}
	}
	return list, ok
}
