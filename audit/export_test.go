package audit

import "golang.org/x/mod/sumdb/tlog"

// Tree gives the tests of published vectors the tree without entries.
type Tree struct{ tree }

// Add appends a leaf of any content.
func (t *Tree) Add(leaf []byte) error { return t.add(tlog.RecordHash(leaf)) }

// Root returns the root of the first size leaves.
func (t *Tree) Root(size int64) (tlog.Hash, error) { return t.root(size) }

// ParseLeaf reads a leaf.
func ParseLeaf(leaf []byte) (*Entry, []tlog.Hash, error) { return parseLeaf(leaf) }

// AppendLeaf makes a leaf.
func AppendLeaf(entry []byte, sealed ...tlog.Hash) []byte { return appendLeaf(nil, entry, sealed) }
