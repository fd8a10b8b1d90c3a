package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is an RFC 6962 Merkle tree in memory: the hashes of all complete
// subtrees, 64 bytes for each leaf. The zero tree is empty. A copy of a tree
// stays valid while the original grows.
type tree struct {
	size   int64
	hashes []tlog.Hash
}

// ReadHashes implements [tlog.HashReader].
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("audit: hash %d outside of the tree", index)
		}
		out[i] = t.hashes[index]
	}
	return out, nil
}

// add appends a leaf.
func (t *tree) add(leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		return err
	}
	t.hashes = append(t.hashes, hashes...)
	t.size++
	return nil
}

// leaf returns the hash of the leaf with the given index, which must exist.
func (t *tree) leaf(index int64) tlog.Hash { return t.hashes[tlog.StoredHashIndex(0, index)] }

// root returns the tree hash of the first size leaves.
func (t *tree) root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, t) }
