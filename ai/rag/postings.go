package rag

import (
	"slices"
)

// A posting is a document's number and, in its lowest six bits, how often the term is in
// it, weighted by field.
type posting uint32

const (
	tfBits = 6
	maxTF  = 1<<tfBits - 1
	maxOrd = 1<<(32-tfBits) - 1
)

func newPosting(ord uint32, tf int) posting {
	return posting(ord<<tfBits | uint32(min(tf, maxTF))) //nolint:gosec // tf is positive
}

func (p posting) ord() uint32 { return uint32(p) >> tfBits }
func (p posting) tf() int     { return int(p & maxTF) }

// blockSize is the number of postings of a full block.
const blockSize = 1024

// postings is a persistent list of the documents of a term, by number.
type postings struct {
	gen    uint64
	n      int
	blocks []block
}

type block struct {
	gen uint64
	p   []posting
}

// own returns the list made this generation's.
func (l *postings) own(gen uint64) *postings {
	if l.gen == gen {
		return l
	}
	return &postings{gen: gen, n: l.n, blocks: slices.Clone(l.blocks)}
}

// block returns the index of the block where a document is or would be.
func (l *postings) block(ord uint32) int {
	i, _ := slices.BinarySearchFunc(l.blocks, ord, func(b block, ord uint32) int {
		if b.p[0].ord() <= ord {
			return -1
		}
		return 1
	})
	return max(i-1, 0)
}

func search(p []posting, ord uint32) (int, bool) {
	return slices.BinarySearchFunc(p, ord, func(p posting, ord uint32) int { return int(int64(p.ord()) - int64(ord)) })
}

// set adds a document or changes its frequency. The list must be owned.
func (l *postings) set(gen uint64, ord uint32, tf int) {
	if len(l.blocks) == 0 {
		l.blocks = []block{{gen: gen}}
	}
	i := 0
	if len(l.blocks) > 1 {
		i = l.block(ord)
	}
	b := &l.blocks[i]
	at, found := search(b.p, ord)
	if b.gen != gen {
		*b = block{gen: gen, p: append(make([]posting, 0, len(b.p)+1), b.p...)}
	}
	if found {
		b.p[at] = newPosting(ord, tf)
		return
	}
	l.n++
	if len(b.p) < blockSize {
		b.p = insert(b.p, at, newPosting(ord, tf))
		return
	}
	if at == len(b.p) && i == len(l.blocks)-1 { // the usual case while an index is filled
		l.blocks = append(l.blocks, block{gen: gen, p: []posting{newPosting(ord, tf)}})
		return
	}
	half := len(b.p) / 2
	second := block{gen: gen, p: slices.Clone(b.p[half:])}
	b.p = b.p[:half:half]
	if at > half {
		second.p = slices.Insert(second.p, at-half, newPosting(ord, tf))
	} else {
		b.p = slices.Insert(b.p, at, newPosting(ord, tf))
	}
	l.blocks = slices.Insert(l.blocks, i+1, second)
}

// remove removes a document. The list must be owned.
func (l *postings) remove(gen uint64, ord uint32) {
	if len(l.blocks) == 0 {
		return
	}
	i := l.block(ord)
	at, found := search(l.blocks[i].p, ord)
	if !found {
		return
	}
	l.n--
	if len(l.blocks[i].p) == 1 {
		l.blocks = slices.Delete(l.blocks, i, i+1)
		return
	}
	if l.blocks[i].gen != gen {
		l.blocks[i] = block{gen: gen, p: slices.Clone(l.blocks[i].p)}
	}
	l.blocks[i].p = slices.Delete(l.blocks[i].p, at, at+1)
}
