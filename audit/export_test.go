package audit

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit/internal/merkle"
)

// Tree gives the tests of published vectors the tree without entries.
type Tree struct {
	merkle.Frontier
	hashes []tlog.Hash
	roots  []tlog.Hash
}

// Add appends a leaf of any content.
func (t *Tree) Add(leaf []byte) {
	t.roots = append(t.roots, t.Frontier.Root())
	t.hashes = t.Frontier.Add(tlog.RecordHash(leaf), t.hashes)
}

// Root returns the root of the first size leaves.
func (t *Tree) Root(size int64) tlog.Hash {
	if size == t.Size {
		return t.Frontier.Root()
	}
	return t.roots[size]
}

// ReadHashes implements [tlog.HashReader].
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = t.hashes[index]
	}
	return out, nil
}

// SplitLeaf reads a leaf and the hashes of its sealed parts.
func SplitLeaf(leaf []byte) (*Entry, []tlog.Hash, error) { return parseLeaf(leaf) }

// AppendLeaf makes a leaf.
func AppendLeaf(entry []byte, sealed ...tlog.Hash) []byte { return appendLeaf(nil, entry, sealed) }

// SealPart and UnsealPart are the cipher of sealed parts.
var (
	SealPart   = sealPart
	UnsealPart = unsealPart
)
