package rag

import (
	"math"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// A predicate is a [Filter] ready to be held against records.
type predicate struct {
	all         bool // everything passes
	none        bool // nothing does
	product     bool
	policy      bool
	tags        []string
	collections []string // as in records
	variants    bool     // there is a condition on variants
	minPrice    int64
	maxPrice    int64
	inStock     bool
	locations   []uint32 // any, if nil
	atLeast     int64

	any, labels, places uint64 // against facts
}

// facts are what can be said of a document without reading its record: they rule out
// most of what a filter does not let through.
type facts struct {
	labels    uint64 // a bit for each collection and tag, as in a Bloom filter
	places    uint64 // a bit for each location with stock
	low, high int64  // prices
}

func labelBit(s string) uint64 { return 1 << (hashString(s) >> 58) }

// tagBit is the same for tags that differ in case alone. Beyond ASCII case is not so
// simple: then all bits are set, which rules nothing out.
func tagBit(tag string) uint64 {
	for i := range len(tag) {
		if tag[i] >= 0x80 {
			return ^uint64(0)
		}
	}
	return labelBit(strings.ToLower(tag))
}

func (s *state) facts() facts {
	f := facts{low: math.MaxInt64, high: -1}
	for _, c := range s.doc.Collections {
		f.labels |= labelBit(string(appendID(nil, c)))
	}
	for _, t := range s.doc.Tags {
		f.labels |= tagBit(t)
	}
	for i := range s.doc.Variants {
		m, _ := micros(s.doc.Variants[i].Price) // valid
		f.low, f.high = min(f.low, m), max(f.high, m)
		for _, l := range s.levels[i] {
			if !l.unknown && (l.untracked || l.available > 0) {
				f.places |= 1 << (l.location % 64)
			}
		}
	}
	return f
}

// may reports whether a document with these facts may match.
func (p *predicate) may(f facts) bool {
	switch {
	case p.any != 0 && f.labels&p.any == 0, f.labels&p.labels != p.labels:
		return false
	case p.variants && (f.high < p.minPrice || f.low > p.maxPrice):
		return false
	case p.inStock && p.atLeast > 0 && f.places&p.places == 0:
		return false
	}
	return true
}

// compile makes a predicate for the locations of a view.
func (f *Filter) compile(locations []string) predicate {
	p := predicate{
		product: len(f.Kinds) == 0 || slices.Contains(f.Kinds, Product), policy: len(f.Kinds) == 0 || slices.Contains(f.Kinds, Policy),
		tags: f.Tags, maxPrice: 1<<63 - 1,
	}
	for _, c := range f.Collections {
		p.collections = append(p.collections, string(appendID(nil, c)))
	}
	if f.MinPrice.Valid {
		p.variants = true
		p.minPrice = bound(f.MinPrice.Decimal.Shift(6).Ceil())
	}
	if f.MaxPrice.Valid {
		p.variants = true
		p.maxPrice = bound(f.MaxPrice.Decimal.Shift(6).Floor())
	}
	if s := f.InStock; s != nil {
		p.variants, p.inStock, p.atLeast = true, true, s.AtLeast
		if p.atLeast == 0 {
			p.atLeast = 1
		}
		if len(s.Locations) > 0 {
			p.locations = []uint32{}
			for i, l := range locations {
				if slices.Contains(s.Locations, l) {
					p.locations = append(p.locations, uint32(i)) //nolint:gosec // few
				}
			}
		}
	}
	for _, c := range p.collections {
		p.any |= labelBit(c)
	}
	for _, t := range p.tags {
		if bit := tagBit(t); bit != ^uint64(0) {
			p.labels |= bit
		}
	}
	for _, l := range p.locations {
		p.places |= 1 << (l % 64)
	}
	if p.locations == nil {
		p.places = ^uint64(0)
	}
	p.all = p.product && p.policy && len(p.tags) == 0 && len(p.collections) == 0 && !p.variants
	p.none = p.minPrice > p.maxPrice
	return p
}

// bound is a price in millionths, or the nearest that there can be.
func bound(d decimal.Decimal) int64 {
	switch top := decimal.New(1, 18); {
	case d.IsNegative():
		return -1
	case d.GreaterThan(top):
		return 1<<63 - 1
	}
	return d.IntPart()
}

// match reports whether a record passes.
func (p *predicate) match(r record) bool {
	if p.all {
		return true
	}
	c := cursor{s: string(r)}
	if c.byte() == bytePolicy {
		if !p.policy {
			return false
		}
	} else if !p.product {
		return false
	}
	c.skipID()
	n := c.count()
	in := len(p.collections) == 0
	for range n {
		for i := 0; i < len(p.collections) && !in; i++ {
			in = strings.HasPrefix(c.s, p.collections[i]) // which says where it ends
		}
		c.skipID()
	}
	if !in {
		return false
	}
	if !p.matchTags(&c) {
		return false
	}
	if !p.variants {
		return true
	}
	for range c.count() {
		if p.matchVariant(&c) {
			return true
		}
	}
	return false
}

func (p *predicate) matchTags(c *cursor) bool {
	n := c.count()
	if len(p.tags) == 0 {
		for range n {
			c.string()
		}
		return true
	}
	found := make([]bool, len(p.tags))
	for range n {
		tag := c.string()
		for i, want := range p.tags {
			found[i] = found[i] || strings.EqualFold(tag, want)
		}
	}
	return !slices.Contains(found, false)
}

// matchVariant reads a variant to its end.
func (p *predicate) matchVariant(c *cursor) bool {
	price := int64(c.uvarint()) //nolint:gosec // at most 1e18
	stocked := !p.inStock
	for range c.count() {
		l := c.level()
		if !stocked && p.stocks(l) {
			stocked = true
		}
	}
	c.skipID()
	c.string()
	c.string()
	c.string()
	c.skipID()
	return stocked && p.minPrice <= price && price <= p.maxPrice
}

// stocks reports whether a level is enough.
func (p *predicate) stocks(l level) bool {
	return !l.unknown && (l.untracked || l.available >= p.atLeast) && (p.locations == nil || slices.Contains(p.locations, l.location))
}

// ids returns the IDs of the variants of a state that pass.
func (p *predicate) ids(s *state) []string {
	var ids []string
	for i := range s.doc.Variants {
		v := &s.doc.Variants[i]
		m, _ := micros(v.Price)
		if m < p.minPrice || m > p.maxPrice {
			continue
		}
		if p.inStock && !slices.ContainsFunc(s.levels[i], p.stocks) {
			continue
		}
		ids = append(ids, v.ID)
	}
	return ids
}
