package rag

import (
	"cmp"
	"slices"
	"strings"
)

// ranked is a document with a score.
type ranked struct {
	ord   uint32
	score float64
}

// A top keeps the k best documents: those of the highest scores, and of equal ones those
// of the first IDs.
type top struct {
	v    *view
	k    int
	heap []ranked // the worst first
}

func newTop(v *view, k int) *top { return &top{v: v, k: k, heap: make([]ranked, 0, k+1)} }

// wants reports whether a score may be among the best.
func (t *top) wants(score float64) bool { return len(t.heap) < t.k || score >= t.heap[0].score }

// compare orders the better one first.
func (t *top) compare(a, b ranked) int {
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	if a.ord == b.ord {
		return 0
	}
	return strings.Compare(t.v.records.get(a.ord).id(), t.v.records.get(b.ord).id())
}

func (t *top) add(r ranked) {
	h := t.heap
	if len(h) < t.k {
		h = append(h, r)
		for i := len(h) - 1; i > 0; {
			up := (i - 1) / 2
			if t.compare(h[i], h[up]) <= 0 {
				break
			}
			h[i], h[up] = h[up], h[i]
			i = up
		}
		t.heap = h
		return
	}
	if t.compare(r, h[0]) >= 0 {
		return
	}
	h[0] = r
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && t.compare(h[down+1], h[down]) > 0 {
			down++
		}
		if t.compare(h[down], h[i]) <= 0 {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}

// sorted returns them, best first.
func (t *top) sorted() []ranked {
	slices.SortFunc(t.heap, t.compare)
	return t.heap
}
