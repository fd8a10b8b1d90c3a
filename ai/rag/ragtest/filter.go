package ragtest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai/rag"
)

// randomFilter returns a filter for documents of a [Catalog].
func randomFilter(rnd *rand.Rand) rag.Filter {
	var f rag.Filter
	if rnd.IntN(2) == 0 {
		f.InStock = &rag.Stock{AtLeast: int64(rnd.IntN(5))}
		for range rnd.IntN(3) {
			f.InStock.Locations = append(f.InStock.Locations, Location(rnd.IntN(CatalogLocations+1)))
		}
	}
	if rnd.IntN(3) == 0 {
		f.MinPrice = decimal.NewNullDecimal(decimal.New(int64(rnd.IntN(30_000)), -2))
	}
	if rnd.IntN(3) == 0 {
		f.MaxPrice = decimal.NewNullDecimal(decimal.New(int64(rnd.IntN(50_000)), -2))
	}
	if rnd.IntN(3) == 0 {
		for range 1 + rnd.IntN(30) {
			f.Collections = append(f.Collections, "gid://shopify/Collection/"+strconv.Itoa(1+rnd.IntN(100)))
		}
	}
	if rnd.IntN(4) == 0 {
		f.Tags = []string{strings.ToUpper(Word(1000 + rnd.IntN(40)))}
	}
	return f
}

// passes is what a filter means, in the plainest way.
func passes(f *rag.Filter, d *rag.Document) bool {
	if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, d.Kind) {
		return false
	}
	for _, tag := range f.Tags {
		if !slices.ContainsFunc(d.Tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			return false
		}
	}
	if len(f.Collections) > 0 && !slices.ContainsFunc(d.Collections, func(c string) bool { return slices.Contains(f.Collections, c) }) {
		return false
	}
	if !f.MinPrice.Valid && !f.MaxPrice.Valid && f.InStock == nil {
		return true
	}
	return slices.ContainsFunc(d.Variants, func(v rag.Variant) bool {
		if f.MinPrice.Valid && v.Price.LessThan(f.MinPrice.Decimal) || f.MaxPrice.Valid && v.Price.GreaterThan(f.MaxPrice.Decimal) {
			return false
		}
		return f.InStock == nil || slices.ContainsFunc(v.Stock, func(l rag.Level) bool {
			return (len(f.InStock.Locations) == 0 || slices.Contains(f.InStock.Locations, l.Location)) &&
				(l.Untracked || l.Available >= max(f.InStock.AtLeast, 1))
		})
	})
}

func cosine(a, b []float32) float64 {
	var dot, x, y float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		x += float64(a[i]) * float64(a[i])
		y += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(x*y)
}
