// Package isoforest finds what is few and different with an isolation forest.
//
// A [Forest] is made of random trees, each over a small random sample. A tree
// splits at a random value of a random feature until every point is alone; what is
// unlike the rest is alone after few splits. The score of a point x is
//
//	s(x) = 2^(-E(h(x)) / c(n))
//
// with E(h(x)) the mean path length over the trees and c(n) the mean path length
// of an unsuccessful search in a binary search tree of n points. It is near 1 for
// anomalies, well below 0.5 for ordinary points, and about 0.5 for all where
// nothing stands out. Liu, Ting, Zhou, "Isolation Forest" (ICDM 2008),
// https://doi.org/10.1109/ICDM.2008.17.
//
// Training needs no labels and no more memory than trees × sample. The same data
// and seed give the same forest. A Forest does not change and is safe for
// concurrent use.
package isoforest

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrData is what errors of [Fit] match: there is nothing to learn from.
var ErrData = errors.New("isoforest: bad data")

// Options are the optional settings of [Fit]. The defaults are the paper's.
type Options struct {
	Trees  int    // if zero, 100
	Sample int    // points per tree; if zero, 256; at most the number of points
	Seed   uint64 // if zero, 1
}

// Forest scores points. Make one with [Fit].
type Forest struct {
	trees   [][]node
	sample  int
	medians []float64 // of each feature, in the training data
}

// node is an inner node or a leaf of a tree, which is a slice with the root
// first.
type node struct {
	split   float64
	feature int32 // -1: a leaf
	left    int32 // index of the left child; the right one comes next
	size    int32 // of a leaf: points that were not separated
}

// Fit learns from points, each with the same number of finite features. It does
// not keep data.
func Fit(data [][]float64, opts *Options) (*Forest, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	o.Trees, o.Sample, o.Seed = cmp.Or(o.Trees, 100), cmp.Or(o.Sample, 256), cmp.Or(o.Seed, 1)
	switch {
	case len(data) < 2:
		return nil, fmt.Errorf("%w: %d points", ErrData, len(data))
	case o.Trees < 1 || o.Sample < 2:
		return nil, fmt.Errorf("%w: trees and sample must be positive", ErrData)
	}
	for i, x := range data {
		if len(x) == 0 || len(x) != len(data[0]) {
			return nil, fmt.Errorf("%w: point %d has %d features, not %d", ErrData, i, len(x), len(data[0]))
		}
		for _, v := range x {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("%w: point %d is not finite", ErrData, i)
			}
		}
	}
	f := &Forest{sample: min(o.Sample, len(data)), medians: medians(data)}
	depth := int(math.Ceil(math.Log2(float64(f.sample))))
	for t := range o.Trees {
		b := builder{random: rand.New(rand.NewPCG(o.Seed, uint64(t))), depth: depth}
		f.trees = append(f.trees, b.tree(sample(b.random, data, f.sample)))
	}
	return f, nil
}

// Features is the number of features of a point.
func (f *Forest) Features() int { return len(f.medians) }

// Score returns the anomaly score of a point, above 0 and below 1. It panics if
// the point has another number of features than the training data. A feature
// that is not finite counts as its median.
func (f *Forest) Score(x []float64) float64 {
	return math.Exp2(-f.PathLength(x) / averagePath(float64(f.sample)))
}

// PathLength returns E(h(x)), the mean number of splits that isolate a point.
func (f *Forest) PathLength(x []float64) float64 {
	if len(x) != len(f.medians) {
		panic(fmt.Sprintf("isoforest: %d features, not %d", len(x), len(f.medians)))
	}
	sum := 0.0
	for _, tree := range f.trees {
		i, length := int32(0), 0.0
		for tree[i].feature >= 0 {
			n := &tree[i]
			v := x[n.feature]
			if math.IsNaN(v) || math.IsInf(v, 0) {
				v = f.medians[n.feature]
			}
			i = n.left
			if v > n.split {
				i++
			}
			length++
		}
		sum += length + averagePath(float64(tree[i].size))
	}
	return sum / float64(len(f.trees))
}

// Contribution is how much of a point's score one feature accounts for.
type Contribution struct {
	Feature int
	// Drop is by how much the score falls when the feature is the median
	// instead.
	Drop float64
}

// Explain returns the features that make a point stand out, the strongest
// first; features that do not are left out.
func (f *Forest) Explain(x []float64) []Contribution {
	score, changed := f.Score(x), slices.Clone(x)
	var out []Contribution
	for i := range x {
		changed[i] = f.medians[i]
		if drop := score - f.Score(changed); drop > 0 {
			out = append(out, Contribution{Feature: i, Drop: drop})
		}
		changed[i] = x[i]
	}
	slices.SortStableFunc(out, func(a, b Contribution) int { return cmp.Compare(b.Drop, a.Drop) })
	return out
}

// averagePath is c(n) of the paper, with the harmonic number as ln(n) + γ.
func averagePath(n float64) float64 {
	const gamma = 0.5772156649015329
	switch {
	case n <= 1:
		return 0
	case n <= 2:
		return 1
	}
	return 2*(math.Log(n-1)+gamma) - 2*(n-1)/n
}

// sample draws n points without putting them back.
func sample(random *rand.Rand, data [][]float64, n int) [][]float64 {
	out := make([][]float64, n)
	if n == len(data) {
		copy(out, data)
		return out
	}
	taken := make(map[int]int, n) // a shuffle of the indexes that is looked at as far as n
	for i := range out {
		j := i + random.IntN(len(data)-i)
		at, ok := taken[j]
		if !ok {
			at = j
		}
		out[i] = data[at]
		if back, ok := taken[i]; ok {
			taken[j] = back
		} else {
			taken[j] = i
		}
	}
	return out
}

func medians(data [][]float64) []float64 {
	out, column := make([]float64, len(data[0])), make([]float64, len(data))
	for i := range out {
		for j, x := range data {
			column[j] = x[i]
		}
		slices.Sort(column)
		out[i] = column[len(column)/2]
	}
	return out
}

// builder grows one tree.
type builder struct {
	random *rand.Rand
	depth  int
	nodes  []node
	order  []int // scratch of pick
}

func (b *builder) tree(points [][]float64) []node {
	b.nodes = append(b.nodes, node{})
	b.grow(0, points, 0)
	return b.nodes
}

func (b *builder) grow(at int32, points [][]float64, depth int) {
	feature, low, high, ok := b.pick(points)
	if depth == b.depth || !ok {
		b.nodes[at] = node{feature: -1, size: int32(len(points))}
		return
	}
	split := low + b.random.Float64()*(high-low)
	if split >= high { // rounding: the right side must not be empty
		split = low
	}
	k := 0
	for i, x := range points {
		if x[feature] <= split {
			points[i], points[k] = points[k], points[i]
			k++
		}
	}
	left := int32(len(b.nodes))
	b.nodes = append(b.nodes, node{}, node{})
	b.nodes[at] = node{split: split, feature: int32(feature), left: left}
	b.grow(left, points[:k], depth+1)
	b.grow(left+1, points[k:], depth+1)
}

// pick chooses among the features in which the points differ.
func (b *builder) pick(points [][]float64) (feature int, low, high float64, ok bool) {
	if len(points) < 2 {
		return 0, 0, 0, false
	}
	n := len(points[0])
	for left := n; left > 0; left-- { // in random order, as far as it takes
		if left == n {
			b.order = b.order[:0]
			for i := range n {
				b.order = append(b.order, i)
			}
		}
		j := b.random.IntN(left)
		i := b.order[j]
		b.order[j] = b.order[left-1]
		low, high = points[0][i], points[0][i]
		for _, x := range points {
			low, high = min(low, x[i]), max(high, x[i])
		}
		if low < high {
			return i, low, high, true
		}
	}
	return 0, 0, 0, false
}
