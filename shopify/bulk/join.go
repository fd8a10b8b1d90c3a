package bulk

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"math/bits"
	"slices"
)

// A joiner brings the lines of a file together by their roots. While they fit
// it keeps them in memory, in one batch. Then it partitions them by a hash of
// the root's id, on disk, and joins one partition after the other.
//
// A child names its parent, which need not be the root, and may come before
// it. Lines that can only be children of a root go to the root's partition at
// once. Others are set aside by a hash of their parent's id, where they meet
// the notes that say under which root that parent stands.
type joiner struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call that got it
	plan   *plan
	limits *Limits
	seed   maphash.Seed
	spill  spill
	batch  *batch
	bits   int // of the first partitioning
	final  []partition
	aside  []partition // lines that wait for their parent's root
	notes  []partition // pairs of hashes: an id and its root's
	head   []byte
	rootNo uint64 // of roots without an id
	out    OrphanError
}

// hash of an id.
func (j *joiner) hash(id []byte) uint64 { return maphash.Bytes(j.seed, id) }

// top returns the first n bits of a hash, after skipping some.
func top(hash uint64, skip, n int) int { return int(hash << skip >> (64 - n)) }

// partitions makes the partitions for a file of about this size, in bytes.
func (j *joiner) partitions(size int64) {
	// With what its lines take besides, a partition is to fit into half of the
	// memory, so that two can be joined at once. 2.5 leaves room for chance.
	each := float64(j.batch.size()) / float64(max(len(j.batch.buf), 1))
	want := 2.5 * each * float64(size) / float64(j.limits.Memory)
	j.bits = min(max(bits.Len64(uint64(want)), 4), 9)
	j.final = make([]partition, 1<<j.bits)
	if j.plan.depth > 1 {
		j.aside = make([]partition, 1<<j.bits)
		j.notes = make([]partition, 1<<j.bits)
	}
}

// overflow moves the batch to disk.
func (j *joiner) overflow(size int64) error {
	j.partitions(size)
	for i := range j.batch.lines {
		l := &j.batch.lines[i]
		r := record{line: j.batch.line(int32(i)), keys: *j.batch.keys(int32(i)), n: l.n}
		if err := j.route(&r); err != nil {
			return err
		}
	}
	j.batch.release() // partitions are smaller
	return nil
}

// route sends a line to its partition.
func (j *joiner) route(r *record) error {
	k := &r.keys
	if len(k.parent) == 0 {
		r.root = j.hash(k.id)
		if len(k.id) == 0 {
			j.rootNo++
			r.root = j.rootNo * 0x9e3779b97f4a7c15
		} else if j.plan.ambiguous {
			if err := j.note(j.hash(k.id), r.root); err != nil {
				return err
			}
		}
		return j.put(r)
	}
	parent := j.hash(k.parent)
	if j.plan.depth < 2 {
		r.root = parent
		return j.put(r)
	}
	first, second := j.plan.find(k), j.plan.inner(k)
	if second != nil || first == nil {
		return j.setAside(r, parent)
	}
	r.root = parent
	if len(first.plan.slots) > 0 && len(k.id) > 0 {
		if err := j.note(j.hash(k.id), r.root); err != nil {
			return err
		}
	}
	return j.put(r)
}

// put adds a record to its root's partition.
func (j *joiner) put(r *record) error {
	return j.add(&j.final[top(r.root, 0, j.bits)], r)
}

func (j *joiner) add(p *partition, r *record) error {
	if p.lines == 0 {
		p.minRoot, p.maxRoot = r.root, r.root
	}
	p.lines++
	p.minRoot, p.maxRoot = min(p.minRoot, r.root), max(p.maxRoot, r.root)
	j.head = appendHead(j.head[:0], r)
	if err := p.append(&j.spill, j.head, recordBlock); err != nil {
		return err
	}
	return p.append(&j.spill, r.line, recordBlock)
}

// setAside keeps a line until its parent's root is known.
func (j *joiner) setAside(r *record, parent uint64) error {
	r.root = parent // of the record: it is not the root's yet
	return j.add(&j.aside[top(parent, 0, j.bits)], r)
}

// note says under which root an id stands.
func (j *joiner) note(id, root uint64) error {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], id)
	binary.LittleEndian.PutUint64(b[8:], root)
	return j.notes[top(id, 0, j.bits)].append(&j.spill, b[:], noteBlock)
}

// resolve sends the lines that were set aside to their roots' partitions. A
// round finds the lines one level further down.
func (j *joiner) resolve() error {
	for range maxLevels {
		aside, notes := j.aside, j.notes
		if err := errors.Join(j.finish(aside), j.finish(notes)); err != nil {
			return err
		}
		j.aside, j.notes = make([]partition, len(aside)), make([]partition, len(notes))
		for i := range aside {
			if err := j.resolvePartition(&aside[i], &notes[i]); err != nil {
				return err
			}
		}
	}
	// What is left has no parent, or a parent without a root.
	if err := j.finish(j.aside); err != nil {
		return err
	}
	for i := range j.aside {
		if err := j.each(&j.aside[i], func(r *record) error {
			j.out.add(r.n, r.keys.id, r.keys.parent)
			return nil
		}); err != nil {
			return err
		}
	}
	j.aside, j.notes = nil, nil
	return nil
}

// whereabouts are the roots under which an id stands. Mostly it is one; the
// collections of products, for example, stand under many.
type whereabouts struct {
	roots []uint64
	times int
}

// readNotes reads a finished partition of notes.
func (j *joiner) readNotes(notes *partition) (map[uint64]*whereabouts, error) {
	found := map[uint64]*whereabouts{}
	in := bufio.NewReaderSize(notes.reader(&j.spill), noteBlock)
	for {
		var b [16]byte
		if _, err := io.ReadFull(in, b[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		id, root := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
		w := found[id]
		if w == nil {
			w = &whereabouts{}
			found[id] = w
		}
		w.roots = append(w.roots, root)
		w.times++
	}
	for _, w := range found {
		slices.Sort(w.roots)
		w.roots = slices.Compact(w.roots)
	}
	return found, nil
}

func (j *joiner) resolvePartition(aside, notes *partition) error {
	if aside.lines == 0 {
		return nil
	}
	found, err := j.readNotes(notes)
	if err != nil {
		return err
	}
	// The children of an object that occurs n times are n times in the file:
	// one copy goes to each root.
	sent := map[uint64]bool{}
	return j.each(aside, func(r *record) error {
		parent := r.root
		w := found[parent]
		if w == nil {
			return j.setAside(r, parent)
		}
		if w.times > 1 {
			hash := j.hash(r.line)
			if sent[hash] {
				return nil
			}
			sent[hash] = true
		}
		slot := j.plan.find(&r.keys)
		for _, root := range w.roots {
			r.root = root
			if err := j.put(r); err != nil {
				return err
			}
			if slot != nil && len(slot.plan.slots) > 0 && len(r.keys.id) > 0 {
				if err := j.note(j.hash(r.keys.id), root); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (j *joiner) finish(partitions []partition) error {
	for i := range partitions {
		if err := partitions[i].finish(&j.spill); err != nil {
			return err
		}
	}
	return j.spill.flush()
}

// each reads the records of a finished partition. A record is valid during the
// call.
func (j *joiner) each(p *partition, do func(r *record) error) error {
	in := bufio.NewReaderSize(p.reader(&j.spill), recordBlock)
	var long []byte
	var r record
	for n := 0; ; n++ {
		if n%1024 == 0 && j.ctx.Err() != nil {
			return context.Cause(j.ctx)
		}
		head, err := in.Peek(maxHead)
		if len(head) == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		h, at, err := parseHead(head)
		if err != nil {
			return err
		}
		var whole []byte
		size := at + h.length
		if size <= in.Size() {
			whole, err = in.Peek(size)
		} else {
			if cap(long) < size {
				long = make([]byte, size)
			}
			whole = long[:size]
			_, err = io.ReadFull(in, whole)
		}
		if err != nil {
			return err
		}
		if err = r.fill(&h, whole[at:], j.plan.keys); err != nil {
			return err
		}
		if err := do(&r); err != nil {
			return err
		}
		if size <= in.Size() {
			_, _ = in.Discard(size) // it has been peeked
		}
	}
}

// load reads a finished partition into a batch.
func (j *joiner) load(b *batch, p *partition) error {
	b.reset()
	b.lines = slices.Grow(b.lines, int(p.lines))
	if int64(cap(b.buf)) < p.size {
		b.buf = make([]byte, 0, p.size)
	}
	b.buf = b.buf[:p.size]
	if _, err := io.ReadFull(p.reader(&j.spill), b.buf); err != nil {
		return err
	}
	var r record
	for at := 0; at < len(b.buf); {
		line, next, err := r.parse(b.buf[at:], j.plan.keys)
		if err != nil {
			return err
		}
		b.place(at+line, len(r.line), r.line, &r.keys, r.n)
		at += next
	}
	return nil
}

// split partitions a partition that is too large by further bits.
func (j *joiner) split(p *partition, skip int) ([]partition, error) {
	parts := make([]partition, 1<<splitBits)
	err := j.each(p, func(r *record) error { return j.add(&parts[top(r.root, skip, splitBits)], r) })
	if err != nil {
		return nil, err
	}
	return parts, j.finish(parts)
}

const splitBits = 4
