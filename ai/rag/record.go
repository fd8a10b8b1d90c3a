package rag

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A record is a document as the index keeps it: one string without pointers, so that a
// hundred thousand of them are no work for the garbage collector. What filters look at
// comes first.
//
//	kind, ID, collections, tags, variants
//	  a variant: price, levels (location, flags, available, updated, triggered), ID, title, SKU, barcode, item
//	versions, then the texts
type record string

// A state is a decoded record: the document, and what decides between versions.
type state struct {
	doc       Document // without stock
	triggered int64
	grouped   int64     // when the collections were set
	levels    [][]level // of each variant, by location
}

// A level is what is known about an item at a location. A location is a number of the
// view.
type level struct {
	location  uint32
	unknown   bool
	untracked bool
	available int64
	updated   int64
	triggered int64
}

// newer reports whether l holds rather than o. It is a total order, whatever comes
// first; of equal times the cautious one holds.
func (l level) newer(o level) bool {
	switch {
	case l.updated != o.updated:
		return l.updated > o.updated
	case l.triggered != o.triggered:
		return l.triggered > o.triggered
	case l.unknown != o.unknown:
		return l.unknown
	case l.untracked != o.untracked:
		return o.untracked
	}
	return l.available < o.available
}

// merge adds levels to a list sorted by location, where they are newer.
func merge(into []level, levels ...level) []level {
	for _, l := range levels {
		i, found := slices.BinarySearchFunc(into, l.location, func(l level, at uint32) int { return int(int64(l.location) - int64(at)) })
		switch {
		case !found:
			into = slices.Insert(into, i, l)
		case l.newer(into[i]):
			into[i] = l
		}
	}
	return into
}

// stamp is a time as it is compared: microseconds of the Unix epoch. The zero time is
// before all others.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMicro()
}

func unstamp(us int64) time.Time {
	if us == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// gids are the types whose GIDs are kept as numbers.
var gids = []string{
	"gid://shopify/Product/", "gid://shopify/ProductVariant/", "gid://shopify/InventoryItem/", "gid://shopify/Collection/",
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// appendID appends a string that may be a GID.
func appendID(b []byte, s string) []byte {
	for i, prefix := range gids {
		digits, ok := strings.CutPrefix(s, prefix)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 63); err == nil && strconv.FormatUint(n, 10) == digits {
			return binary.AppendUvarint(append(b, byte(i+1)), n)
		}
	}
	return appendString(append(b, 0), s)
}

func appendLevels(b []byte, levels []level) []byte {
	b = binary.AppendUvarint(b, uint64(len(levels)))
	for _, l := range levels {
		b = binary.AppendUvarint(b, uint64(l.location))
		flags := byte(0)
		if l.unknown {
			flags |= 1
		}
		if l.triggered != math.MinInt64 {
			flags |= 2
		}
		if l.untracked {
			flags |= 4
		}
		b = append(b, flags)
		b = binary.AppendVarint(b, l.available)
		b = binary.AppendVarint(b, l.updated)
		if flags&2 != 0 {
			b = binary.AppendVarint(b, l.triggered)
		}
	}
	return b
}

const (
	byteProduct = 0
	bytePolicy  = 1
)

// encode makes the record of a state. The buffer is used and returned.
func (s *state) encode(b []byte) (record, []byte) {
	d := &s.doc
	b = b[:0]
	if d.Kind == Policy {
		b = append(b, bytePolicy)
	} else {
		b = append(b, byteProduct)
	}
	b = appendID(b, d.ID)
	b = binary.AppendUvarint(b, uint64(len(d.Collections)))
	for _, c := range d.Collections {
		b = appendID(b, c)
	}
	b = appendStrings(b, d.Tags)
	b = binary.AppendUvarint(b, uint64(len(d.Variants)))
	for i := range d.Variants {
		v := &d.Variants[i]
		m, _ := micros(v.Price) // valid
		b = binary.AppendUvarint(b, uint64(m))
		b = appendLevels(b, s.levels[i])
		b = appendID(b, v.ID)
		b = appendString(b, v.Title)
		b = appendString(b, v.SKU)
		b = appendString(b, v.Barcode)
		b = appendID(b, v.InventoryItem)
	}
	b = binary.AppendVarint(b, stamp(d.UpdatedAt))
	b = binary.AppendVarint(b, s.triggered)
	b = binary.AppendVarint(b, s.grouped)
	for _, t := range []string{d.Title, d.Body, d.Language, d.Vendor, d.Type, d.Page, d.URL} {
		b = appendString(b, t)
	}
	return record(b), b
}

// A cursor reads a record. What it reads was written by encode or has been checked by
// a snapshot's loader, which looks at bad.
type cursor struct {
	s   string
	bad bool
}

func (c *cursor) uvarint() uint64 {
	if len(c.s) > 0 && c.s[0] < 0x80 {
		x := c.s[0]
		c.s = c.s[1:]
		return uint64(x)
	}
	return c.longUvarint()
}

func (c *cursor) longUvarint() uint64 {
	v := uint64(0)
	for i := 0; i < len(c.s) && i < binary.MaxVarintLen64; i++ {
		x := c.s[i]
		v |= uint64(x&0x7f) << (7 * i)
		if x < 0x80 {
			c.s = c.s[i+1:]
			return v
		}
	}
	c.bad, c.s = true, ""
	return 0
}

func (c *cursor) varint() int64 {
	u := c.uvarint()
	v := int64(u >> 1) //nolint:gosec // zigzag
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (c *cursor) byte() byte {
	if c.s == "" {
		c.bad = true
		return 0
	}
	x := c.s[0]
	c.s = c.s[1:]
	return x
}

func (c *cursor) string() string {
	n := c.uvarint()
	if n > uint64(len(c.s)) {
		c.bad, c.s = true, ""
		return ""
	}
	s := c.s[:n]
	c.s = c.s[n:]
	return s
}

// count reads the length of a list whose elements take at least a byte each.
func (c *cursor) count() int {
	n := c.uvarint()
	if n > uint64(len(c.s)) {
		c.bad, c.s = true, ""
		return 0
	}
	return int(n) //nolint:gosec // bounded
}

func (c *cursor) skipID() {
	if c.byte() == 0 {
		c.string()
		return
	}
	c.uvarint()
}

// id reads what appendID wrote.
func (c *cursor) id() string {
	kind := c.byte()
	if kind == 0 {
		return c.string()
	}
	n := c.uvarint()
	if int(kind) > len(gids) {
		c.bad = true
		return ""
	}
	return gids[kind-1] + strconv.FormatUint(n, 10)
}

func (c *cursor) level() level {
	l := level{location: uint32(c.uvarint()), triggered: math.MinInt64} //nolint:gosec // a number of the view
	flags := c.byte()
	l.unknown, l.untracked = flags&1 != 0, flags&4 != 0
	l.available = c.varint()
	l.updated = c.varint()
	if flags&2 != 0 {
		l.triggered = c.varint()
	}
	return l
}

func (c *cursor) levels() []level {
	n := c.count()
	if n == 0 {
		return nil
	}
	levels := make([]level, n)
	for i := range levels {
		levels[i] = c.level()
	}
	return levels
}

// variant reads all but the levels.
func (c *cursor) variant(v *Variant) (levels []level) {
	v.Price = price(int64(c.uvarint())) //nolint:gosec // at most 1e18
	levels = c.levels()
	v.ID = c.id()
	v.Title, v.SKU, v.Barcode = c.string(), c.string(), c.string()
	v.InventoryItem = c.id()
	return levels
}

// decode returns the state, without stock in its document.
func (r record) decode() (s state, ok bool) {
	c := cursor{s: string(r)}
	d := &s.doc
	d.Kind = Product
	if c.byte() == bytePolicy {
		d.Kind = Policy
	}
	d.ID = c.id()
	if n := c.count(); n > 0 {
		d.Collections = make([]string, n)
	}
	for i := range d.Collections {
		d.Collections[i] = c.id()
	}
	if n := c.count(); n > 0 {
		d.Tags = make([]string, n)
	}
	for i := range d.Tags {
		d.Tags[i] = c.string()
	}
	if n := c.count(); n > 0 {
		d.Variants = make([]Variant, n)
		s.levels = make([][]level, n)
	}
	for i := range d.Variants {
		s.levels[i] = c.variant(&d.Variants[i])
	}
	d.UpdatedAt = unstamp(c.varint())
	s.triggered = c.varint()
	s.grouped = c.varint()
	for _, t := range []*string{&d.Title, &d.Body, &d.Language, &d.Vendor, &d.Type, &d.Page, &d.URL} {
		*t = c.string()
	}
	return s, !c.bad && c.s == ""
}

// document returns the document with its stock.
func (s *state) document(locations []string) Document {
	d := s.doc
	for i := range d.Variants {
		for _, l := range s.levels[i] {
			if !l.unknown {
				d.Variants[i].Stock = append(d.Variants[i].Stock, Level{
					Location: locations[l.location], Available: l.available, UpdatedAt: unstamp(l.updated), Untracked: l.untracked,
				})
			}
		}
		slices.SortFunc(d.Variants[i].Stock, func(a, b Level) int { return strings.Compare(a.Location, b.Location) })
	}
	return d
}

// content is what decides between two documents of one version. It has no stock and
// no collections, which have versions of their own.
func (s *state) content() record {
	bare := *s
	bare.doc.Collections, bare.grouped, bare.levels = nil, 0, make([][]level, len(s.doc.Variants))
	r, _ := bare.encode(nil)
	return r
}

// id returns the document's ID without decoding the rest.
func (r record) id() string {
	c := cursor{s: string(r)}
	c.byte()
	return c.id()
}
