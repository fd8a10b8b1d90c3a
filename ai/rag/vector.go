package rag

import (
	"math"
	"slices"
)

// Vectors are kept as unit vectors in 23 bits per dimension: x = s·(2u/(2²³-1) - 1), where
// s is the largest magnitude of the vector and u an integer. A cosine is exact to
// s·√d/2²³, less than 1e-6 for the vectors of embedding models, about what summing
// 32-bit floats loses.
//
// The highest 7 bits of u are kept apart, nine dimensions to a word, so that a scan reads
// a fifth of the memory and multiplies three dimensions at a time:
//
//	word:  bits 0-6, 7-13, 14-20 | 21-27, 28-34, 35-41 | 42-48, 49-55, 56-62
//	       planes 0, 1 and 2 of fields 0, 1 and 2
//
// One plane of a word is x₀ + x₁·2²¹ + x₂·2⁴². Times q₂ + q₁·2²¹ + q₀·2⁴², the bits from 42
// on are x₀q₀ + x₁q₁ + x₂q₂, and with x < 2⁷ and q < 2⁸ up to 21 such products can be added
// before the 21 bits overflow or the fields below carry.
//
// The scan decides nothing. With x̂ and q̂ for what the high bits say,
//
//	|x·q - x̂·q̂| ≤ |x - x̂|·|q| + |x̂|·|q - q̂|
//
// by Cauchy and Schwarz, where all the lengths are known. A vector is dropped only if
// even so it cannot be among the best k; the cosines of the rest are computed from all
// bits. So the result is that of a scan of everything.
const (
	fieldBits = 21
	planeBits = 7
	perWord   = 9
	lowBits   = 16
	fullScale = 1<<(planeBits+lowBits) - 1
	plane     = 1<<planeBits - 1 | (1<<planeBits-1)<<fieldBits | (1<<planeBits-1)<<(2*fieldBits)
	topShift  = 2 * fieldBits
	topMask   = 1<<fieldBits - 1
	foldWords = 7 // whose 21 products can be added

	// maxDims is where S of the scan and the sums of a vector are far from overflow.
	maxDims = 16_384

	// slack covers the rounding of the scan's own arithmetic, in 64-bit floats, and of
	// the stored lengths, in 32.
	slack = 1e-6
)

// chunkSize is the number of vectors that are copied when one of them changes.
const chunkSize = 128

// A chunk holds the vectors of as many documents. What readers see of them is in has; a
// vector that they see is never written to.
type chunk struct {
	gen uint64
	has [chunkSize / 64]uint64
	*slab
}

// A slab is the memory of a chunk.
type slab struct {
	gen   uint64
	high  []uint64  // words(dims) for each vector
	low   []uint16  // dims for each vector
	scale []float32 // s
	rest  []float32 // |x - x̂|, rounded up
	sum   []uint32  // of the high bits
}

func words(dims int) int { return (dims + perWord - 1) / perWord }

func newChunk(gen uint64, dims int) *chunk {
	return &chunk{gen: gen, slab: &slab{
		gen: gen, high: make([]uint64, chunkSize*words(dims)), low: make([]uint16, chunkSize*dims),
		scale: make([]float32, chunkSize), rest: make([]float32, chunkSize), sum: make([]uint32, chunkSize),
	}}
}

// own returns the chunk made this generation's, for vectors to be taken out of.
func (c *chunk) own(gen uint64) *chunk {
	if c.gen == gen {
		return c
	}
	return &chunk{gen: gen, has: c.has, slab: c.slab}
}

// ownSlab lets vectors be written, too. The chunk must be owned.
func (c *chunk) ownSlab(gen uint64) *chunk {
	if s := c.slab; s.gen != gen {
		c.slab = &slab{
			gen: gen, high: slices.Clone(s.high), low: slices.Clone(s.low),
			scale: slices.Clone(s.scale), rest: slices.Clone(s.rest), sum: slices.Clone(s.sum),
		}
	}
	return c
}

func (c *chunk) holds(i int) bool { return c != nil && c.has[i/64]>>(i%64)&1 != 0 }

// position returns where in a word the high bits of dimension d are.
func position(d int) (word, shift int) {
	return d / perWord, d%perWord/3*planeBits + d%3*fieldBits
}

// set stores vector i, which must be valid.
func (c *chunk) set(i int, v []float32) {
	dims := len(v)
	x := unit(v)
	s := float32(0)
	for _, f := range x {
		s = max(s, float32(math.Abs(f)))
	}
	s = math.Nextafter32(s, 2)
	high := c.high[i*words(dims):][:words(dims)]
	low := c.low[i*dims:][:dims]
	clear(high)
	for d, f := range x {
		u := uint32(math.Round((f/float64(s) + 1) / 2 * fullScale))
		low[d] = uint16(u) //nolint:gosec // the low bits
		w, shift := position(d)
		high[w] |= uint64(u>>lowBits) << shift
	}
	c.scale[i] = s
	c.measure(i, dims)
	c.has[i/64] |= 1 << (i % 64)
}

// measure computes what a scan needs to know beside the bits.
func (c *chunk) measure(i, dims int) {
	n := words(dims)
	sum, rest := uint32(0), 0.0
	for d, l := range c.low[i*dims:][:dims] {
		w, shift := position(d)
		sum += uint32(c.high[i*n+w] >> shift & (1<<planeBits - 1)) //nolint:gosec // 7 bits
		diff := float64(l) - 1<<(lowBits-1)
		rest += diff * diff
	}
	c.sum[i] = sum
	c.rest[i] = math.Nextafter32(float32(float64(c.scale[i])*2/fullScale*math.Sqrt(rest)), 2)
}

// get returns vector i as it is stored.
func (c *chunk) get(i, dims int) []float32 {
	v := make([]float32, dims)
	for d := range v {
		w, shift := position(d)
		u := c.high[i*words(dims)+w]>>shift&(1<<planeBits-1)<<lowBits | uint64(c.low[i*dims+d])
		v[d] = c.scale[i] * float32(2*float64(u)/fullScale-1)
	}
	return v
}

// unit returns v at length 1.
func unit(v []float32) []float64 {
	norm := 0.0
	for _, f := range v {
		norm += float64(f) * float64(f)
	}
	norm = math.Sqrt(norm)
	x := make([]float64, len(v))
	for i, f := range v {
		x[i] = float64(f) / norm
	}
	return x
}

// validVector refuses what has no direction.
func validVector(v []float32) error {
	if len(v) == 0 || len(v) > maxDims {
		return invalid("vector of %d dimensions", len(v))
	}
	norm := 0.0
	for _, f := range v {
		norm += float64(f) * float64(f)
	}
	if math.IsNaN(norm) || math.IsInf(norm, 0) || norm < 1e-30 {
		return invalid("vector without a length")
	}
	return nil
}

// A probe is a query made ready for scans.
type probe struct {
	dims int
	q    []float64 // unit
	v    []uint64  // three multipliers for each word

	k1, k2, k3 float64 // x̂·q̂ = s·(k1·S + k2·U + k3)
	rest       float64 // |q - q̂|
}

func newProbe(vector []float32) *probe {
	dims := len(vector)
	p := &probe{dims: dims, q: unit(vector), v: make([]uint64, 3*words(dims))}
	t := 0.0
	for _, f := range p.q {
		t = max(t, math.Abs(f))
	}
	const levels = 255
	sum, rest := 0.0, 0.0
	for d, f := range p.q {
		u := math.Round((f/t + 1) / 2 * levels)
		pl, field := d%perWord/3, d%3
		p.v[d/perWord*3+pl] |= uint64(u) << (fieldBits * (2 - field))
		sum += u
		diff := f - t*(2*u/levels-1)
		rest += diff * diff
	}
	const a, b = 2. * (1 << lowBits) / fullScale, float64(1<<lowBits)/fullScale - 1
	c := 2 * t / levels
	p.k1, p.k2, p.k3 = a*c, -a*t, b*(c*sum-float64(dims)*t)
	p.rest = math.Sqrt(rest)
	return p
}

// estimate returns x̂·q̂ of vector i and how far x·q can be from it.
func (p *probe) estimate(c *chunk, i int) (dot, margin float64) {
	n := words(p.dims)
	s := float64(c.scale[i])
	dot = s * (p.k1*float64(products(c.high[i*n:][:n], p.v)) + p.k2*float64(c.sum[i]) + p.k3)
	rest := float64(c.rest[i])
	return dot, rest + p.rest*(1+rest) + slack
}

// products returns the sum of the products of all high bits.
func products(high, v []uint64) uint64 {
	total := uint64(0)
	for len(high) >= foldWords && len(v) >= 3*foldWords {
		h, q := (*[foldWords]uint64)(high), (*[3 * foldWords]uint64)(v)
		sum := h[0]&plane*q[0] + h[0]>>7&plane*q[1] + h[0]>>14&plane*q[2]
		sum += h[1]&plane*q[3] + h[1]>>7&plane*q[4] + h[1]>>14&plane*q[5]
		sum += h[2]&plane*q[6] + h[2]>>7&plane*q[7] + h[2]>>14&plane*q[8]
		sum += h[3]&plane*q[9] + h[3]>>7&plane*q[10] + h[3]>>14&plane*q[11]
		sum += h[4]&plane*q[12] + h[4]>>7&plane*q[13] + h[4]>>14&plane*q[14]
		sum += h[5]&plane*q[15] + h[5]>>7&plane*q[16] + h[5]>>14&plane*q[17]
		sum += h[6]&plane*q[18] + h[6]>>7&plane*q[19] + h[6]>>14&plane*q[20]
		total += sum >> topShift & topMask
		high, v = high[foldWords:], v[3*foldWords:]
	}
	sum := uint64(0)
	for i, h := range high {
		sum += h&plane*v[3*i] + h>>7&plane*v[3*i+1] + h>>14&plane*v[3*i+2]
	}
	return total + sum>>topShift&topMask
}

// exact returns x·q of vector i, from all bits.
func (p *probe) exact(c *chunk, i int) float64 {
	n := words(p.dims)
	high, low := c.high[i*n:][:n], c.low[i*p.dims:][:p.dims]
	dot, sum := 0.0, 0.0
	for d, q := range p.q {
		w, shift := position(d)
		dot += q * float64(high[w]>>shift&(1<<planeBits-1)<<lowBits|uint64(low[d]))
		sum += q
	}
	return float64(c.scale[i]) * (dot*2/fullScale - sum)
}

// copy stores the vector j of another chunk as vector i.
func (c *chunk) copy(i int, from *chunk, j, dims int) {
	n := words(dims)
	copy(c.high[i*n:(i+1)*n], from.high[j*n:(j+1)*n])
	copy(c.low[i*dims:(i+1)*dims], from.low[j*dims:(j+1)*dims])
	c.scale[i], c.rest[i], c.sum[i] = from.scale[j], from.rest[j], from.sum[j]
	c.has[i/64] |= 1 << (i % 64)
}
