package audit

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
)

// Trail yields the records that the query selects, in the order of the log, up
// to what was durable when the iteration began. Each is read from the store and
// checked against the tree; a [*CorruptError] ends the iteration, as does any
// other error.
func (l *Log) Trail(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l.mu.RLock()
		size := l.index.size
		candidates, narrowed := l.index.candidates(&q)
		l.mu.RUnlock()
		n := size
		if narrowed {
			n = int64(len(candidates))
		}
		found := 0
		for i := range n {
			if narrowed {
				i = candidates[i]
			}
			if i < q.First {
				continue
			}
			r, err := l.At(ctx, i)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !q.match(r) {
				continue
			}
			if !yield(r, nil) {
				return
			}
			if found++; found == q.Limit {
				return
			}
		}
	}
}

// At returns the record with the given index, or [ErrNotFound]. What the store
// gives is checked against the tree, else [ErrCorrupt].
func (l *Log) At(ctx context.Context, index int64) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	l.mu.RLock()
	size, tree := l.index.size, l.index.tree
	l.mu.RUnlock()
	if index < 0 || index >= size {
		return Record{}, fmt.Errorf("%w: index %d of %d", ErrNotFound, index, size)
	}
	leaf, err := l.reader.Leaf(ctx, index)
	if err != nil {
		return Record{}, err
	}
	hash := tlog.RecordHash(leaf)
	if hash != tree.leaf(index) {
		return Record{}, &CorruptError{Index: index, Reason: "not the entry that was written"}
	}
	e, _, err := parseLeaf(leaf)
	if err != nil {
		return Record{}, &CorruptError{Index: index, Reason: bare(err)}
	}
	return Record{Index: index, Entry: *e, LeafHash: hash}, nil
}

// Get returns the record of the entry with the given ID, or [ErrNotFound].
func (l *Log) Get(ctx context.Context, id string) (Record, error) {
	l.mu.RLock()
	index, ok := l.index.id[id]
	l.mu.RUnlock()
	if !ok {
		return Record{}, ErrNotFound
	}
	return l.At(ctx, index)
}
