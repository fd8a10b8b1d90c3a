package bulk

import (
	"bytes"
	"fmt"
	"reflect"
)

// giant gives out an object whose children do not fit into the batch: the lines
// stay on disk and are decoded one by one into their places, level by level.
func (d *decoder[T]) giant(p *partition) error {
	if p.size > d.limits.MaxObject {
		return fmt.Errorf("bulk: %w", errGroup(d.limits.MaxObject))
	}
	var roots []record
	err := d.each(p, func(r *record) error {
		if len(r.keys.parent) == 0 {
			line := bytes.Clone(r.line)
			k, err := scanKeys(line, d.plan.keys)
			roots = append(roots, record{line: line, keys: k, n: r.n})
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(roots) == 0 {
		return d.each(p, func(r *record) error {
			d.out.add(r.n, r.keys.id, r.keys.parent)
			return nil
		})
	}
	for i := range roots {
		var v T
		if err := d.giantRoot(p, &roots[i], &v, i, len(roots)); err != nil {
			return err
		}
		if !d.yield(v, nil) {
			return errStop
		}
	}
	return nil
}

// A giantChild is a child that may have children of its own. It is found again
// by its place: the slice that holds it may move while it grows.
type giantChild struct {
	slot *slot
	at   int
}

// giantRoot decodes a root and its children.
func (d *decoder[T]) giantRoot(p *partition, root *record, into *T, i, of int) error {
	if err := unmarshal(root.line, root.n, into); err != nil {
		return err
	}
	parent := reflect.ValueOf(into).Elem()
	inner := map[string][]giantChild{}
	var sent map[uint64]bool // where the root occurs more than once, so do its children
	if of > 1 {
		sent = map[uint64]bool{}
	}
	lost := func(r *record) {
		if i == 0 {
			d.out.add(r.n, r.keys.id, r.keys.parent)
		}
	}
	err := d.each(p, func(r *record) error {
		switch {
		case len(r.keys.parent) == 0:
			return nil
		case !bytes.Equal(r.keys.parent, root.keys.id):
			if d.plan.depth < 2 {
				lost(r)
			}
			return nil
		}
		if sent != nil {
			hash := d.hash(r.line)
			if sent[hash] {
				return nil
			}
			sent[hash] = true
		}
		slot := d.plan.find(&r.keys)
		if slot == nil {
			lost(r) // it has its place at another level
			return nil
		}
		child := slot.grow(parent, 1)
		if len(slot.plan.slots) > 0 && len(r.keys.id) > 0 {
			id := string(r.keys.id)
			inner[id] = append(inner[id], giantChild{slot, walk(parent, slot.path).Len() - 1})
		}
		return unmarshal(r.line, r.n, child.Interface())
	})
	if err != nil || d.plan.depth < 2 {
		return err
	}
	return d.each(p, func(r *record) error {
		if len(r.keys.parent) == 0 || bytes.Equal(r.keys.parent, root.keys.id) {
			return nil
		}
		places := inner[string(r.keys.parent)]
		if places == nil {
			lost(r)
		}
		for _, at := range places {
			slot := at.slot.plan.find(&r.keys)
			if slot == nil {
				lost(r)
				return nil
			}
			child := slot.grow(at.slot.at(walk(parent, at.slot.path), at.at).Elem(), 1)
			if err := unmarshal(r.line, r.n, child.Interface()); err != nil {
				return err
			}
		}
		return nil
	})
}
