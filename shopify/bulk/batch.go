package bulk

import (
	"bytes"
	"hash/maphash"
)

// A record is one line with what is known of it.
type record struct {
	line []byte
	keys keys
	n    int64  // line number, from 1
	root uint64 // hash of the root's id; meaningful in partitions only
}

// A batch holds lines that are joined in memory. Its parts are used again for
// the next batch. It indexes what fits: children are listed by their parent's
// id, in the order of the file.
type batch struct {
	buf    []byte
	lines  []batchLine
	table  []int32 // open addressing: 1 + index into ids; a power of two
	ids    []batchID
	spare  []byte // ids that are not in the lines as they are
	seed   maphash.Seed
	reused keys
}

// batchLine is a line within buf. Offsets are into buf, or into spare if
// negative.
type batchLine struct {
	n          int64
	off, len   int32
	id, parent span
	kind       span
	has        uint64
	own        int32 // index into ids of its own id, or -1
	next       int32 // the next child of the same parent, or -1
	seen       bool
}

type span struct{ off, len int32 }

// batchID is an id that lines have, or name as their parent's.
type batchID struct {
	id          span
	hash        uint64
	owners      int32 // lines that have it
	count       int32 // of children
	first, last int32 // children; -1 if there are none
}

// lineOverhead is what a line takes besides its bytes, roughly.
const lineOverhead = 112

func newBatch(seed maphash.Seed) *batch { return &batch{seed: seed} }

func (b *batch) reset() {
	b.buf, b.spare = b.buf[:0], b.spare[:0]
	b.lines, b.ids = b.lines[:0], b.ids[:0]
}

// release gives up the memory, too.
func (b *batch) release() { *b = batch{seed: b.seed} }

// size is what the batch holds, in bytes.
func (b *batch) size() int { return len(b.buf) + len(b.spare) + lineOverhead*len(b.lines) }

// add copies a line.
func (b *batch) add(line []byte, k *keys, n int64) {
	off := len(b.buf)
	b.buf = append(b.buf, line...)
	b.place(off, len(line), line, k, n)
}

// place files a line that stands in buf already.
func (b *batch) place(off, length int, line []byte, k *keys, n int64) {
	b.lines = append(b.lines, batchLine{
		n: n, off: int32(off), len: int32(length), has: k.has, own: -1, next: -1,
		id: b.span(off, line, k.id), parent: b.span(off, line, k.parent), kind: b.span(off, line, k.typename),
	})
}

// span finds a part within its line. What was decoded from escapes is not a
// part of it and is kept in spare, at negative offsets.
func (b *batch) span(off int, line, part []byte) span {
	if len(part) == 0 {
		return span{}
	}
	if at := cap(line) - cap(part); at >= 0 && at+len(part) <= len(line) && &line[at] == &part[0] {
		return span{int32(off + at), int32(len(part))}
	}
	at := len(b.spare)
	b.spare = append(b.spare, part...)
	return span{int32(-1 - at), int32(len(part))}
}

// bytes is the text of a span, nil if it is empty.
func (b *batch) bytes(s span) []byte {
	if s.len == 0 {
		return nil
	}
	if s.off < 0 {
		at := int(-1 - s.off)
		return b.spare[at : at+int(s.len)]
	}
	return b.buf[s.off : s.off+s.len]
}

func (b *batch) line(i int32) []byte {
	l := &b.lines[i]
	return b.buf[l.off : l.off+l.len]
}

// keys returns the members of a line, until the next call.
func (b *batch) keys(i int32) *keys {
	l := &b.lines[i]
	b.reused = keys{id: b.bytes(l.id), parent: b.bytes(l.parent), typename: b.bytes(l.kind), has: l.has}
	return &b.reused
}

// index lists children by parents. Unless children can have children, only
// roots are parents.
func (b *batch) index(deep bool) {
	want := 16
	for want < 3*len(b.lines) {
		want *= 2
	}
	if cap(b.table) < want {
		b.table = make([]int32, want)
	}
	b.table = b.table[:want] // as small as it can be: it is cleared for each batch
	clear(b.table)
	for i := range b.lines {
		l := &b.lines[i]
		if l.id.len > 0 && (deep || l.parent.len == 0) {
			l.own = b.lookup(l.id)
			b.ids[l.own].owners++
		}
		if l.parent.len == 0 {
			continue
		}
		p := &b.ids[b.lookup(l.parent)]
		if p.last < 0 {
			p.first = int32(i)
		} else {
			b.lines[p.last].next = int32(i)
		}
		p.last = int32(i)
		p.count++
	}
}

// lookup returns the entry of an id, making it if need be.
func (b *batch) lookup(s span) int32 {
	id := b.bytes(s)
	hash := maphash.Bytes(b.seed, id)
	mask := uint64(len(b.table) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		e := b.table[at] - 1
		if e < 0 {
			b.ids = append(b.ids, batchID{id: s, hash: hash, first: -1, last: -1})
			b.table[at] = int32(len(b.ids))
			return int32(len(b.ids) - 1)
		}
		if b.ids[e].hash == hash && bytes.Equal(b.bytes(b.ids[e].id), id) {
			return e
		}
	}
}
