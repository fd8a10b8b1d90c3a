package bulk

import (
	"fmt"
	"hash/maphash"
	"reflect"
)

// assembler decodes the lines of a batch into structs.
type assembler[T any] struct {
	plan  *plan
	batch *batch
	json  lineDecoder
	limit int64 // bytes of one object with its children
	size  int64 // of the present one
	out   OrphanError
}

func newAssembler[T any](plan *plan, batch *batch, limit int64) *assembler[T] {
	return &assembler[T]{plan: plan, batch: batch, limit: limit}
}

// root decodes a root with its children.
func (a *assembler[T]) root(i int32, into *T) error {
	a.size = 0
	if err := a.decode(i, into); err != nil {
		return err
	}
	if len(a.plan.slots) == 0 {
		return nil
	}
	return a.children(i, a.plan, reflect.ValueOf(into).Elem())
}

// children decodes the children of line i into their parent.
func (a *assembler[T]) children(i int32, p *plan, parent reflect.Value) error {
	own := a.batch.lines[i].own
	if own < 0 || a.batch.ids[own].first < 0 {
		return nil
	}
	entry := &a.batch.ids[own]
	// Where an object occurs twice, so do its children, and nothing tells which
	// belong to which. (In partitions, resolve has seen to the second level.)
	var twice map[uint64]bool
	if entry.owners > 1 {
		twice = map[uint64]bool{}
	}
	expected := 1
	if len(p.slots) == 1 {
		expected = int(entry.count)
	}
	for c := entry.first; c >= 0; c = a.batch.lines[c].next {
		slot := p.find(a.batch.keys(c))
		if slot == nil {
			continue // it has its place at another level: an orphan
		}
		a.batch.lines[c].seen = true
		if twice != nil {
			hash := maphash.Bytes(a.batch.seed, a.batch.line(c))
			if twice[hash] {
				continue
			}
			twice[hash] = true
		}
		child := slot.grow(parent, expected)
		if err := a.decode(c, child.Interface()); err != nil {
			return err
		}
		if len(slot.plan.slots) == 0 {
			continue
		}
		if err := a.children(c, slot.plan, child.Elem()); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembler[T]) decode(i int32, into any) error {
	l := &a.batch.lines[i]
	l.seen = true
	if a.size += int64(l.len); a.size > a.limit {
		return &LineError{Line: l.n, Err: errGroup(a.limit)}
	}
	return a.json.decode(a.batch.line(i), l.n, into)
}

func errGroup(limit int64) error {
	return fmt.Errorf("%w: an object with its children has more than %d bytes", ErrTooLarge, limit)
}

// all gives out every root of the batch. It returns false if the loop ended.
func (a *assembler[T]) all(yield func(T, error) bool) (bool, error) {
	a.batch.index(a.plan.depth > 1)
	for i := range a.batch.lines {
		if a.batch.lines[i].parent.len > 0 {
			continue
		}
		var v T
		if err := a.root(int32(i), &v); err != nil {
			return false, err
		}
		if !yield(v, nil) {
			return false, nil
		}
	}
	for i := range a.batch.lines {
		if l := &a.batch.lines[i]; !l.seen {
			a.out.add(l.n, a.batch.bytes(l.id), a.batch.bytes(l.parent))
		}
	}
	return true, nil
}
