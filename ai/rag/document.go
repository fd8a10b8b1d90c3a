package rag

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// A Kind says what a document is.
type Kind string

// The kinds.
const (
	Product Kind = "product"
	Policy  Kind = "policy" // a section of a page, see [Sections]
)

// A Document is what is searched for: a product with its variants, or a section of a
// policy page.
type Document struct {
	// ID is the product's GID, or any stable name of at most 256 bytes.
	ID string

	Kind Kind

	// Title and Body are plain text. [Text] makes it of HTML.
	Title, Body string

	// Language is the BCP 47 tag of the texts, such as "de" or "pt-BR"; its first
	// part selects the stemmer. If empty, [MemoryOptions.Language].
	Language string

	// Vendor and Type of a product.
	Vendor, Type string

	// Page is the ID of the page of which a policy section is part.
	Page string

	// URL is where a person can read it.
	URL string

	// Tags are compared without regard to case.
	Tags []string

	// Collections are the IDs or handles of those that a product is in.
	Collections []string

	// Variants of a product.
	Variants []Variant

	// UpdatedAt is the version: of two documents with one ID the later one holds,
	// in whatever order they come.
	UpdatedAt time.Time
}

// A Variant is what is sold of a product.
type Variant struct {
	// ID is the variant's GID.
	ID string

	// Title is what tells it from others, such as "42 / Blue".
	Title string

	// SKU and Barcode are found exactly. Either may be empty.
	SKU, Barcode string

	// Price in the shop's currency, from 0, with at most six decimals.
	Price decimal.Decimal

	// InventoryItem is the GID under which events tell stock.
	InventoryItem string

	// Stock is what can be sold where, sorted by location. Where there is no level,
	// nothing is known.
	Stock []Level
}

// A Level is the stock of one variant at one location.
type Level struct {
	Location  string // GID
	Available int64  // may be negative: sold more than there was
	UpdatedAt time.Time

	// Untracked: the shop does not count it there, so it is always in stock.
	// Available has no meaning then.
	Untracked bool
}

// At returns the stock at a location and whether it is known.
func (v *Variant) At(location string) (Level, bool) {
	for _, l := range v.Stock {
		if l.Location == location {
			return l, true
		}
	}
	return Level{}, false
}

// Variant returns the variant of that ID, or nil.
func (d *Document) Variant(id string) *Variant {
	for i := range d.Variants {
		if d.Variants[i].ID == id {
			return &d.Variants[i]
		}
	}
	return nil
}

// ErrInvalid is the class of errors about documents, changes, payloads and queries that
// cannot be accepted. Nothing is changed then.
var ErrInvalid = errors.New("rag: invalid")

// ErrFull is returned by Apply when an index holds as many documents as it may.
var ErrFull = errors.New("rag: index is full")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// hasControl reports whether a text has the bytes 0 or 1, which databases refuse or
// which set apart what we keep for ourselves.
func hasControl(s string) bool { return strings.ContainsAny(s, "\x00\x01") }

// The bounds of what is accepted.
const (
	maxID       = 256     // bytes of an ID, SKU, tag, …
	maxText     = 1 << 20 // bytes of all texts of a document
	maxVariants = 2048    // Shopify's own limit
	maxLevels   = 10_000  // locations of a variant
	maxLabels   = 1000    // tags, collections
)

// Validate reports what an index cannot accept, as an [ErrInvalid].
func (d *Document) Validate() error {
	switch {
	case d.ID == "" || len(d.ID) > maxID:
		return invalid("document ID of %d bytes", len(d.ID))
	case d.Kind != Product && d.Kind != Policy:
		return invalid("document of no known kind")
	case len(d.Title)+len(d.Body) > maxText:
		return invalid("document with texts of more than %d bytes", maxText)
	case len(d.Variants) > maxVariants:
		return invalid("document with %d variants", len(d.Variants))
	case len(d.Tags) > maxLabels || len(d.Collections) > maxLabels:
		return invalid("document with more than %d tags or collections", maxLabels)
	}
	short := []string{d.Language, d.Vendor, d.Type, d.Page}
	short = append(append(short, d.Tags...), d.Collections...)
	for i := range d.Variants {
		v := &d.Variants[i]
		if v.ID == "" {
			return invalid("variant without ID")
		}
		if _, err := micros(v.Price); err != nil {
			return err
		}
		if len(v.Stock) > maxLevels {
			return invalid("variant with %d stock levels", len(v.Stock))
		}
		short = append(short, v.ID, v.Title, v.SKU, v.Barcode, v.InventoryItem)
		for _, l := range v.Stock {
			if l.Location == "" {
				return invalid("stock level without location")
			}
			short = append(short, l.Location)
		}
	}
	for _, s := range short {
		if len(s) > maxID {
			return invalid("field of %d bytes where at most %d can be", len(s), maxID)
		}
		if !utf8.ValidString(s) || hasControl(s) {
			return invalid("field that is not UTF-8")
		}
	}
	for _, s := range []string{d.ID, d.Title, d.Body, d.URL} {
		if !utf8.ValidString(s) || hasControl(s) {
			return invalid("text that is not UTF-8")
		}
	}
	if len(d.URL) > 8*maxID {
		return invalid("URL of %d bytes", len(d.URL))
	}
	return nil
}

// micros returns a price in millionths.
func micros(p decimal.Decimal) (int64, error) {
	// The exponent first: an absurd one would make the arithmetic below huge.
	if p.Exponent() < -30 || p.Exponent() > 18 || p.NumDigits() > 48 {
		return 0, invalid("price out of range")
	}
	m := p.Shift(6)
	if p.IsNegative() || !m.IsInteger() || m.GreaterThan(decimal.New(1, 18)) {
		return 0, invalid("price out of range")
	}
	return m.IntPart(), nil
}

func price(m int64) decimal.Decimal {
	exp := int32(-6)
	for m%10 == 0 && exp < 0 {
		m /= 10
		exp++
	}
	return decimal.New(m, exp)
}
