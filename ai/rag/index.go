package rag

import (
	"context"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// An Index is searched and kept up to date. [Memory] and package pgrag implement it;
// package ragtest checks that an implementation keeps the contract. It is safe for
// concurrent use.
type Index interface {
	// Apply makes changes, all or, beside an error, none. What it made is seen by
	// every search that begins after it. Searches never wait for it. It does not
	// embed: what is new is found by its words until Embed has run.
	Apply(ctx context.Context, changes ...Change) error

	// Search returns the best hits, best first. The order is total: equal scores
	// are ordered by ID. Where the vectors cannot be used, words alone decide, and
	// [Results.Degraded] says why.
	Search(ctx context.Context, q Query) (*Results, error)

	// Documents returns documents as they are now, in the order of the IDs, which
	// may also be those of variants. Unknown ones are left out.
	Documents(ctx context.Context, ids ...string) ([]Document, error)

	// Embed computes the vectors that are missing, those of documents that are new,
	// whose text has changed, or all when the embedding model has. Texts that are
	// equal are embedded once. On an error, what was done before is kept.
	Embed(ctx context.Context) (EmbedStats, error)

	// Stats counts.
	Stats(ctx context.Context) (Stats, error)
}

// Stats is the size of an [Index].
type Stats struct {
	Documents int
	Vectors   int // documents that have one

	// Model names the embedding model of the vectors as provider/model, and
	// Dimensions is their length; zero values before the first.
	Model      string
	Dimensions int
}

// EmbedStats is what an Embed did.
type EmbedStats struct {
	Documents int   // that have a vector now and had none
	Texts     int   // that were sent to the model
	Tokens    int64 // as the provider counts
}

// A Mode selects the ways of searching.
type Mode string

// The modes. An exact code is found in all of them.
const (
	Hybrid   Mode = ""         // words and vectors, fused
	Lexical  Mode = "lexical"  // words alone
	Semantic Mode = "semantic" // vectors alone
)

// A Query is what to search for.
type Query struct {
	// Text is words, or a SKU, barcode or GID. Its first 2,048 bytes count, and of
	// those the first 64 words.
	Text string

	// Vector, if not nil, is used instead of embedding Text. It must have the
	// dimensions of the index.
	Vector []float32

	// K is how many hits are wanted, at most 1,000. If zero, 10.
	K int

	Mode   Mode
	Filter Filter

	// Language is the BCP 47 tag of the text. If empty, the text is understood in
	// every language that the index has.
	Language string

	// MinScore drops hits of a lower [Hit.Score].
	MinScore float64

	// MinCosine drops vectors that are less similar to the query's before they are
	// fused. If zero, none are.
	MinCosine float64

	// Explain fills [Hit.Why].
	Explain bool
}

// A Filter says which documents may be hits. All of its fields that are set must hold;
// those about variants for one and the same variant. Filters have no influence on
// scores, and recall is exact: the best hits among those that pass are found.
type Filter struct {
	// Kinds, of which the document has one.
	Kinds []Kind

	// Tags, all of which the document has.
	Tags []string

	// Collections, of which the document is in one.
	Collections []string

	// MinPrice and MaxPrice of a variant, inclusive.
	MinPrice, MaxPrice decimal.NullDecimal

	// InStock is what must be there.
	InStock *Stock
}

// Stock is a condition of a [Filter].
type Stock struct {
	// Locations, at one of which the stock must be. If empty, any.
	Locations []string

	// AtLeast is how many pieces, at one location. If zero, 1.
	AtLeast int64
}

// Results are what a search found.
type Results struct {
	Hits []Hit

	// Degraded is why vectors were not used, or not for all documents, although the
	// mode wants them: it matches [ErrNoVectors], [ErrMissingVectors], or is the
	// embedder's error. Nil if all is well.
	Degraded error
}

// A Hit is a document that was found.
type Hit struct {
	Document Document

	// Variants are the IDs of those that meet the filter, or of the one whose code
	// was asked for.
	Variants []string

	// Score is 1 for an exact code, else between 0 and 1: the reciprocal rank
	// fusion of the ranks, with 1 for what is first in all lists.
	Score float64

	// Code is the exact match, if there is one.
	Code *CodeMatch

	// Why is nil unless [Query.Explain] is set.
	Why *Explanation
}

// A CodeMatch is a SKU, barcode or ID that was found exactly.
type CodeMatch struct {
	Field   string // "sku", "barcode", "id", "page", "variant" or "inventory item"
	Value   string // as the document has it
	Variant string // ID; empty for the document's own

	// Loose: case, or separators, or leading zeros of a barcode differ.
	Loose bool
}

// An Explanation says why a document is a hit. Ranks begin with 1; zero is not found in
// that way.
type Explanation struct {
	LexicalRank  int
	LexicalScore float64 // BM25, or the database's own
	Terms        []TermMatch

	SemanticRank int
	Cosine       float64
}

// A TermMatch is a word of the query in a document.
type TermMatch struct {
	Word     string // of the query
	Term     string // of the document: stemmed, with the language in front
	Distance int    // of typing errors between them
	Score    float64
}

const (
	defaultK      = 10
	maxK          = 1000
	maxQueryBytes = 2048
)

// Normalize checks a query and returns it with its defaults. Implementations of
// [Index] call it first.
func (q Query) Normalize() (Query, error) {
	switch {
	case q.K < 0 || q.K > maxK:
		return q, invalid("K of %d", q.K)
	case q.Mode != Hybrid && q.Mode != Lexical && q.Mode != Semantic:
		return q, invalid("no known mode")
	case len(q.Filter.Tags) > maxLabels || len(q.Filter.Collections) > maxLabels || len(q.Filter.Kinds) > maxLabels:
		return q, invalid("filter of more than %d labels", maxLabels)
	case q.Filter.InStock != nil && len(q.Filter.InStock.Locations) > maxLevels:
		return q, invalid("filter of more than %d locations", maxLevels)
	case math.IsNaN(q.MinScore) || math.IsNaN(q.MinCosine):
		return q, invalid("minimum that is not a number")
	}
	if q.K == 0 {
		q.K = defaultK
	}
	for _, p := range []*decimal.NullDecimal{&q.Filter.MinPrice, &q.Filter.MaxPrice} {
		if p.Valid && (p.Decimal.Exponent() < -30 || p.Decimal.Exponent() > 18 || p.Decimal.NumDigits() > 48) {
			return q, invalid("price out of range")
		}
	}
	if len(q.Text) > maxQueryBytes {
		cut := maxQueryBytes
		for cut > 0 && !utf8.RuneStart(q.Text[cut]) {
			cut--
		}
		q.Text = q.Text[:cut]
	}
	q.Text = strings.TrimSpace(strings.ToValidUTF8(q.Text, "\ufffd"))
	if q.Vector != nil {
		if err := validVector(q.Vector); err != nil {
			return q, err
		}
	}
	return q, nil
}
