package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Trail yields the records that the query selects, in the order of the log, up
// to what was durable when the iteration began. Each is read from the store and
// checked against the tree; a [*CorruptError] ends the iteration, as does any
// other error.
//
// With a vault, a query for a person finds the entries under their pseudonym too.
func (l *Log) Trail(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		head := l.now()
		if q.Before <= 0 || q.Before > head.Size {
			q.Before = head.Size
		}
		if head.Size == 0 {
			return
		}
		queries, err := l.spread(ctx, q)
		if err != nil {
			yield(Record{}, err)
			return
		}
		found := 0
		for index, err := range l.search(ctx, queries) {
			var r Record
			if err == nil {
				r, err = l.at(ctx, head, index)
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !slices.ContainsFunc(queries, func(q Query) bool { return q.Match(r) }) {
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

// spread returns the queries whose results are those of q: for a person who has
// a pseudonym, one for that too.
func (l *Log) spread(ctx context.Context, q Query) ([]Query, error) {
	queries := []Query{q}
	if l.vault == nil || q.Subject.ID == "" || q.Subject.Type == "" || isPseudonym(q.Subject.ID) {
		return queries, nil
	}
	row, err := l.vault.find(ctx, q.Subject)
	if errors.Is(err, ErrNotFound) {
		return queries, nil
	}
	if err != nil {
		return nil, err
	}
	q.Subject = Subject{ID: row.Pseudonym}
	return append(queries, q), nil
}

// search yields what any of the queries finds, each once, in order.
func (l *Log) search(ctx context.Context, queries []Query) iter.Seq2[int64, error] {
	if len(queries) == 1 {
		return l.reader.Search(ctx, queries[0])
	}
	return func(yield func(int64, error) bool) {
		first, stopFirst := iter.Pull2(l.reader.Search(ctx, queries[0]))
		defer stopFirst()
		second, stopSecond := iter.Pull2(l.reader.Search(ctx, queries[1]))
		defer stopSecond()
		a, errA, okA := first()
		b, errB, okB := second()
		for okA || okB {
			takeA := okA && (!okB || (a < b) != queries[0].Descending || a == b)
			takeB := okB && (!okA || a == b || !takeA)
			at, err := a, errA
			if !takeA {
				at, err = b, errB
			}
			if !yield(at, err) || err != nil {
				return
			}
			if takeA {
				a, errA, okA = first()
			}
			if takeB {
				b, errB, okB = second()
			}
		}
	}
}

// At returns the record with the given index, or [ErrNotFound]. What the store
// gives is checked against the tree, else [ErrCorrupt].
func (l *Log) At(ctx context.Context, index int64) (Record, error) {
	return l.at(ctx, l.now(), index)
}

func (l *Log) at(ctx context.Context, head head, index int64) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	leaf, _, err := l.proven(ctx, head, index)
	if err != nil {
		return Record{}, err
	}
	e, _, err := parseLeaf(leaf.Data)
	if err != nil {
		return Record{}, &CorruptError{Index: index, Reason: bare(err)}
	}
	return Record{Index: index, Entry: *e, LeafHash: tlog.RecordHash(leaf.Data)}, nil
}

// proven returns the leaf with the given index and the proof that it is in the
// tree.
func (l *Log) proven(ctx context.Context, head head, index int64) (Leaf, tlog.RecordProof, error) {
	if index < 0 || index >= head.Size {
		return Leaf{}, nil, fmt.Errorf("%w: index %d of %d", ErrNotFound, index, head.Size)
	}
	leaf, err := l.reader.Leaf(ctx, index)
	if err != nil {
		return Leaf{}, nil, err
	}
	path, err := tlog.ProveRecord(head.Size, index, hashReader(ctx, l.reader))
	if err != nil {
		return Leaf{}, nil, err
	}
	if tlog.CheckRecord(path, head.Size, head.root, index, tlog.RecordHash(leaf.Data)) != nil {
		return Leaf{}, nil, &CorruptError{Index: index, Reason: "not the entry that was written"}
	}
	return leaf, path, nil
}

// Get returns the record of the entry with the given ID, or [ErrNotFound].
func (l *Log) Get(ctx context.Context, id string) (Record, error) {
	if id == "" {
		return Record{}, ErrNotFound
	}
	for r, err := range l.Trail(ctx, Query{ID: id}) {
		return r, err
	}
	return Record{}, ErrNotFound
}
