package rag

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMargin holds the scan's promise against arithmetic in 64-bit floats: the cosine
// lies within the margin of the estimate, and the exact one is exact.
func TestMargin(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, dims := range []int{1, 2, 8, 9, 10, 62, 63, 64, 384, 1536, 3072} {
		for _, kind := range []string{"normal", "spike", "ends", "tiny", "equal"} {
			vector := func() []float32 {
				v := make([]float32, dims)
				for i := range v {
					switch kind {
					case "normal":
						v[i] = float32(rnd.NormFloat64())
					case "spike":
						v[i] = float32(rnd.NormFloat64() * 1e-6)
					case "ends":
						v[i] = float32(1 - 2*rnd.IntN(2))
					case "tiny":
						v[i] = float32(rnd.NormFloat64() * 1e-12)
					case "equal":
						v[i] = 3
					}
				}
				if kind == "spike" {
					v[rnd.IntN(dims)] = 1
				}
				return v
			}
			c := newChunk(1, dims)
			vectors := make([][]float32, chunkSize)
			for i := range vectors {
				vectors[i] = vector()
				c.set(i, vectors[i])
			}
			for range 4 {
				q := vector()
				p := newProbe(q)
				for i, x := range vectors {
					want := cosine(q, x)
					dot, margin := p.estimate(c, i)
					assert.LessOrEqual(t, math.Abs(dot-p.exact(c, i)), margin, "%d dimensions, %s", dims, kind)
					assert.InDelta(t, want, p.exact(c, i), 4e-6, "%d dimensions, %s", dims, kind)
				}
			}
			for i, x := range vectors {
				u := unit(x)
				for d, f := range c.get(i, dims) {
					assert.InDelta(t, u[d], f, 3e-7)
				}
			}
		}
	}
}

func cosine(a, b []float32) float64 {
	x, y := unit(a), unit(b)
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// TestSemanticIsExact compares the scan with a scan of everything, in data where the
// margins overlap much: clusters of near neighbors.
func TestSemanticIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	const n, dims = 3000, 48
	v := &view{vectors: chunks{dims: dims}}
	var all [][]float32
	centers := make([][]float32, 20)
	for i := range centers {
		centers[i] = make([]float32, dims)
		for d := range centers[i] {
			centers[i][d] = float32(rnd.NormFloat64())
		}
	}
	for i := range uint32(n) {
		x := slices.Clone(centers[rnd.IntN(len(centers))])
		for d := range x {
			x[d] += float32(rnd.NormFloat64() * 0.02)
		}
		all = append(all, x)
		s := state{doc: Document{ID: string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)), Kind: Product}}
		r, _ := s.encode(nil)
		v.records.set(1, i, r)
		if int(i/chunkSize) >= len(v.vectors.at) {
			v.vectors.at = append(v.vectors.at, newChunk(1, dims))
		}
		v.vectors.at[i/chunkSize].set(int(i%chunkSize), x)
		v.ords++
	}
	for round := range 50 {
		q := slices.Clone(all[rnd.IntN(n)])
		q[0] += 0.01
		k := 1 + rnd.IntN(200)
		ok := func(ord uint32) bool { return round%2 == 0 || ord%7 == 0 }
		var want []ranked
		for i, x := range all {
			if ok(uint32(i)) {
				want = append(want, ranked{ord: uint32(i), score: cosine(q, x)})
			}
		}
		slices.SortFunc(want, func(a, b ranked) int {
			if a.score != b.score {
				return -int(math.Copysign(1, a.score-b.score))
			}
			return 0
		})
		got := v.semantic(newProbe(q), ok, k, 3)
		assert.Len(t, got, min(k, len(want)))
		missing := 0
		for i := range got {
			if !slices.ContainsFunc(got, func(r ranked) bool { return r.ord == want[i].ord }) {
				// Only what the stored bits cannot tell apart may be exchanged.
				assert.InDelta(t, want[i].score, got[len(got)-1].score, 1e-6)
				missing++
			}
		}
		assert.LessOrEqual(t, missing, 1)
	}
}

func BenchmarkScan(b *testing.B) {
	const dims = 384
	rnd := rand.New(rand.NewPCG(1, 2))
	c := newChunk(1, dims)
	x := make([]float32, dims)
	for i := range chunkSize {
		for d := range x {
			x[d] = float32(rnd.NormFloat64())
		}
		c.set(i, x)
	}
	p := newProbe(x)
	sum := 0.0
	for b.Loop() {
		for i := range chunkSize {
			dot, _ := p.estimate(c, i)
			sum += dot
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunkSize, "ns/vector")
}
