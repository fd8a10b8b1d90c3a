package audit

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit/internal/merkle"
)

// Receipt returns the receipt of the entry with the given index against the
// current checkpoint.
func (l *Log) Receipt(ctx context.Context, index int64) (*Receipt, error) {
	// Checkpoint and tree are of one moment, else they do not match.
	head := l.now()
	leaf, path, err := l.proven(ctx, head, index)
	if err != nil {
		return nil, err
	}
	return &Receipt{Index: index, Leaf: leaf.Data, Path: path, Checkpoint: bytes.Clone(head.signed)}, nil
}

// ReceiptFor returns the receipt of the entry against a given checkpoint of this
// log that covers it, such as one that witnesses have cosigned. A checkpoint
// that is not of this log fails with [ErrCheckpoint]; an entry that it does not
// cover, and a checkpoint beyond the end of the log, with [ErrNotFound].
func (l *Log) ReceiptFor(ctx context.Context, index int64, checkpoint []byte) (*Receipt, error) {
	c, err := ParseCheckpoint(checkpoint, l.verifiers)
	if err != nil {
		return nil, err
	}
	root, err := l.Root(ctx, c.Size)
	if err != nil {
		return nil, err
	}
	if c.Origin != l.Origin() || c.Root != root {
		return nil, fmt.Errorf("%w: not of this log", ErrCheckpoint)
	}
	leaf, path, err := l.proven(ctx, head{Frontier: merkle.Frontier{Size: c.Size}, root: c.Root}, index)
	if err != nil {
		return nil, err
	}
	return &Receipt{Index: index, Leaf: leaf.Data, Path: path, Checkpoint: bytes.Clone(checkpoint)}, nil
}

// Consistency returns the proof that the log of the given newer size begins
// with the log of the older size; see [tlog.CheckTree]. Sizes are in entries,
// 1 ≤ older ≤ newer ≤ [Log.Size].
func (l *Log) Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	if size := l.Size(); newer > size {
		return nil, fmt.Errorf("%w: size %d of %d", ErrNotFound, newer, size)
	}
	proof, err := tlog.ProveTree(newer, older, hashReader(ctx, l.reader))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return proof, nil
}

// Root returns the tree hash over the first size entries, 0 ≤ size ≤
// [Log.Size]. For the present size it is the one that was signed; an earlier
// one comes from the store's hashes, and [Log.Consistency] ties it to that.
func (l *Log) Root(ctx context.Context, size int64) (tlog.Hash, error) {
	head := l.now()
	if size < 0 || size > head.Size {
		return tlog.Hash{}, fmt.Errorf("%w: size %d of %d", ErrNotFound, size, head.Size)
	}
	if size == head.Size {
		return head.root, nil
	}
	f, err := loadFrontier(ctx, l.reader, size)
	return f.Root(), err
}
