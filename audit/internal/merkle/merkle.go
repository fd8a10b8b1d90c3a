// Package merkle has what RFC 6962 (https://www.rfc-editor.org/rfc/rfc6962) trees
// need beyond golang.org/x/mod/sumdb/tlog: growing without the whole tree, and
// the tiles of C2SP (https://c2sp.org/tlog-tiles).
package merkle

import (
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Frontier is the right edge of a tree: what it takes to add leaves and to know
// the root. It holds at most 63 hashes, whatever the tree's size. The zero
// Frontier is that of the empty tree.
type Frontier struct {
	Size int64
	edge []tlog.Hash // one complete subtree for each bit of Size, the largest first
}

// NewFrontier returns the frontier of a tree with the hashes of its
// [EdgeIndexes]. It returns false if they are not as many.
func NewFrontier(size int64, edge []tlog.Hash) (Frontier, bool) {
	return Frontier{size, slices.Clone(edge)}, len(edge) == bits.OnesCount64(uint64(size))
}

// EdgeIndexes returns the indexes, as by [tlog.StoredHashIndex], of the complete
// subtrees that make up a tree, the largest first.
func EdgeIndexes(size int64) []int64 {
	var indexes []int64
	for begin, level := int64(0), 62; level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, begin>>level))
			begin += 1 << level
		}
	}
	return indexes
}

// Clone returns a copy that does not change with f.
func (f Frontier) Clone() Frontier { return Frontier{f.Size, slices.Clone(f.edge)} }

// Add appends a leaf to the tree and its hashes to stored: the leaf and the
// subtrees that it completes, in the order of [tlog.StoredHashIndex].
func (f *Frontier) Add(leaf tlog.Hash, stored []tlog.Hash) []tlog.Hash {
	stored = append(stored, leaf)
	for bit := f.Size; bit&1 == 1; bit >>= 1 {
		last := len(f.edge) - 1
		leaf = tlog.NodeHash(f.edge[last], leaf)
		f.edge = f.edge[:last]
		stored = append(stored, leaf)
	}
	f.edge = append(f.edge, leaf)
	f.Size++
	return stored
}

// Grow appends n leaves whose hashes were added elsewhere already: stored is what
// [Frontier.Add] appended for them.
func (f *Frontier) Grow(n int64, stored []tlog.Hash) {
	for range n {
		last := len(f.edge)
		bits := bits.TrailingZeros64(uint64(f.Size + 1)) // subtrees that the leaf completes
		f.edge = append(f.edge[:last-bits], stored[bits])
		stored = stored[bits+1:]
		f.Size++
	}
}

// Root returns the tree hash.
func (f Frontier) Root() tlog.Hash {
	if f.Size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing
		return empty
	}
	h := f.edge[len(f.edge)-1]
	for _, left := range slices.Backward(f.edge[:len(f.edge)-1]) {
		h = tlog.NodeHash(left, h)
	}
	return h
}

// Combine returns the hash of the complete subtree over hashes, whose number is a
// power of two.
func Combine(hashes []tlog.Hash) tlog.Hash {
	level := slices.Clone(hashes)
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}
