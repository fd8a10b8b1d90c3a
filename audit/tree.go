package audit

import (
	"context"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// frontier is the right edge of an RFC 6962 Merkle tree: what it takes to add
// leaves and to know the root. It holds at most 63 hashes, whatever the tree's
// size. The zero frontier is that of the empty tree.
type frontier struct {
	size int64
	edge []tlog.Hash // one complete subtree for each bit of size, the largest first
}

func (f frontier) clone() frontier { return frontier{f.size, slices.Clone(f.edge)} }

// add appends a leaf to the tree and its hashes to stored: the leaf and the
// subtrees that it completes, in the order of [tlog.StoredHashIndex].
func (f *frontier) add(leaf tlog.Hash, stored []tlog.Hash) []tlog.Hash {
	stored = append(stored, leaf)
	for bit := f.size; bit&1 == 1; bit >>= 1 {
		last := len(f.edge) - 1
		leaf = tlog.NodeHash(f.edge[last], leaf)
		f.edge = f.edge[:last]
		stored = append(stored, leaf)
	}
	f.edge = append(f.edge, leaf)
	f.size++
	return stored
}

// root returns the tree hash.
func (f frontier) root() tlog.Hash {
	if f.size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing
		return empty
	}
	h := f.edge[len(f.edge)-1]
	for _, left := range slices.Backward(f.edge[:len(f.edge)-1]) {
		h = tlog.NodeHash(left, h)
	}
	return h
}

// loadFrontier reads the right edge of the tree of the given size.
func loadFrontier(ctx context.Context, r Reader, size int64) (frontier, error) {
	if size == 0 {
		return frontier{}, nil
	}
	var indexes []int64
	for begin, level := int64(0), 62; level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, begin>>level))
			begin += 1 << level
		}
	}
	edge, err := r.Hashes(ctx, indexes)
	if err == nil && len(edge) != bits.OnesCount64(uint64(size)) {
		err = &CorruptError{Index: -1, Reason: "hashes of the tree are missing"}
	}
	return frontier{size, edge}, err
}

// hashReader is the store's hashes for the functions of package tlog.
func hashReader(ctx context.Context, r Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return r.Hashes(ctx, indexes) })
}
