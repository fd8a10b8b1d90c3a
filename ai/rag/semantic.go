package rag

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// scanGroup is the number of chunks that a worker takes at once: some 2,000 vectors.
const scanGroup = 16

// A scan is what one worker found.
type scan struct {
	bounds []float64 // the k highest lower bounds, the lowest first
	maybe  []ranked  // with their upper bounds
}

// semantic returns the documents whose vectors are nearest to the probe's, best first.
func (v *view) semantic(p *probe, ok func(ord uint32) bool, k, workers int) []ranked {
	groups := (len(v.vectors.at) + scanGroup - 1) / scanGroup
	workers = max(min(workers, groups), 1)
	scans := make([]scan, workers)
	var next atomic.Int64
	work := func(s *scan) {
		s.bounds = make([]float64, 0, k)
		for {
			g := int(next.Add(1)) - 1
			if g >= groups {
				return
			}
			for at := g * scanGroup; at < min((g+1)*scanGroup, len(v.vectors.at)); at++ {
				s.chunk(p, v.vectors.at[at], uint32(at*chunkSize), k, ok) //nolint:gosec // at most maxOrd
			}
			// Whoever is about to make the next view should not wait for a scan.
			runtime.Gosched()
		}
	}
	var wg sync.WaitGroup
	for i := range workers - 1 {
		wg.Go(func() { work(&scans[i+1]) })
	}
	work(&scans[0])
	wg.Wait()

	all := scans[0].bounds
	for _, s := range scans[1:] {
		for _, b := range s.bounds {
			all = pushBound(all, b, k)
		}
	}
	least := -2.0
	if len(all) == k {
		least = all[0]
	}
	best := newTop(v, k)
	for _, s := range scans {
		for _, m := range s.maybe {
			if m.score < least {
				continue
			}
			c := v.vectors.at[m.ord/chunkSize]
			if r := (ranked{ord: m.ord, score: p.exact(c, int(m.ord%chunkSize))}); best.wants(r.score) {
				best.add(r)
			}
		}
	}
	return best.sorted()
}

// chunk looks at the vectors of one chunk.
func (s *scan) chunk(p *probe, c *chunk, first uint32, k int, ok func(ord uint32) bool) {
	if c == nil {
		return
	}
	least := -2.0 // what an upper bound must reach
	if len(s.bounds) == k {
		least = s.bounds[0]
	}
	for i := range chunkSize {
		if !c.holds(i) {
			continue
		}
		dot, margin := p.estimate(c, i)
		if dot+margin < least {
			continue
		}
		ord := first + uint32(i) //nolint:gosec // small
		if !ok(ord) {
			continue
		}
		s.maybe = append(s.maybe, ranked{ord: ord, score: dot + margin})
		if s.bounds = pushBound(s.bounds, dot-margin, k); len(s.bounds) == k {
			least = s.bounds[0]
		}
	}
}

// pushBound keeps the k highest numbers, as a heap with the lowest first.
func pushBound(h []float64, b float64, k int) []float64 {
	if len(h) < k {
		h = append(h, b)
		for i := len(h) - 1; i > 0 && h[i] < h[(i-1)/2]; i = (i - 1) / 2 {
			h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		}
		return h
	}
	if b <= h[0] {
		return h
	}
	h[0] = b
	for i := 0; ; {
		down := 2*i + 1
		if down+1 < len(h) && h[down+1] < h[down] {
			down++
		}
		if down >= len(h) || h[i] <= h[down] {
			return h
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}
