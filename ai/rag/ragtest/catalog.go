package ragtest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai/rag"
)

// A Catalog generates products of a made-up shop: the same ones for the same seed. Words
// are distributed as in languages (Zipf), vectors around centers, so that there are
// many near neighbors.
type Catalog struct {
	// Products is how many there are.
	Products int

	// Dimensions of the vectors; if zero, there are none.
	Dimensions int

	// Uniform spreads the vectors over all directions instead.
	Uniform bool

	// Seed makes another catalog.
	Seed uint64
}

const (
	catalogWords   = 20_000
	catalogCenters = 300
	// CatalogLocations is how many locations have stock.
	CatalogLocations = 5
)

// Location returns the GID of a location, from 0.
func Location(i int) string { return "gid://shopify/Location/" + strconv.Itoa(1000+i) }

// Word returns a word of the catalog's texts; the lower the number, the more frequent.
func Word(i int) string {
	const onset, vowel = "bdfgklmnprstvz", "aeiou"
	var b strings.Builder
	for i += 70; i > 0; i /= 70 {
		b.WriteByte(onset[i%14])
		b.WriteByte(vowel[i/14%5])
	}
	return b.String()
}

// A Query of a catalog.
type Query struct {
	Text   string
	Vector []float32
}

func (c Catalog) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

func (c Catalog) centers() [][]float32 {
	rnd := c.random(1)
	centers := make([][]float32, catalogCenters)
	for i := range centers {
		centers[i] = make([]float32, c.Dimensions)
		for d := range centers[i] {
			centers[i][d] = float32(rnd.NormFloat64())
		}
	}
	return centers
}

func (c Catalog) vector(rnd *rand.Rand, centers [][]float32) []float32 {
	if c.Dimensions == 0 {
		return nil
	}
	v := make([]float32, c.Dimensions)
	center := centers[rnd.IntN(len(centers))]
	for d := range v {
		v[d] = float32(rnd.NormFloat64())
		if !c.Uniform {
			v[d] += center[d]
		}
	}
	return v
}

// Documents yields the products with their vectors.
func (c Catalog) Documents() iter.Seq2[rag.Document, []float32] {
	return func(yield func(rag.Document, []float32) bool) {
		rnd := c.random(2)
		zipf := rand.NewZipf(rnd, 1.1, 8, catalogWords-1)
		text := func(n int) string {
			words := make([]string, n)
			for i := range words {
				words[i] = Word(int(zipf.Uint64())) //nolint:gosec // small
			}
			return strings.Join(words, " ")
		}
		centers := c.centers()
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range c.Products {
			d := rag.Document{
				ID: "gid://shopify/Product/" + strconv.Itoa(7_000_000_000+i), Kind: rag.Product, Language: "en",
				Title: text(4), Body: text(30), Vendor: Word(100 + rnd.IntN(200)), Type: Word(500 + rnd.IntN(50)),
				Tags:        []string{Word(1000 + rnd.IntN(40)), Word(1100 + rnd.IntN(400))},
				Collections: []string{"gid://shopify/Collection/" + strconv.Itoa(1+rnd.IntN(100))},
				UpdatedAt:   at.Add(time.Duration(i) * time.Second),
			}
			for j := range 1 + rnd.IntN(2) {
				n := 10*i + j
				v := rag.Variant{
					ID: "gid://shopify/ProductVariant/" + strconv.Itoa(40_000_000_000+n), Title: strconv.Itoa(36+rnd.IntN(12)) + " / " + Word(2000+rnd.IntN(20)),
					SKU: fmt.Sprintf("SKU-%07d", n), Barcode: strconv.Itoa(4_000_000_000_000 + n),
					Price:         decimal.New(int64(100+rnd.IntN(50_000)), -2),
					InventoryItem: "gid://shopify/InventoryItem/" + strconv.Itoa(50_000_000_000+n),
				}
				for l := range CatalogLocations {
					if rnd.IntN(2) == 0 {
						v.Stock = append(v.Stock, rag.Level{Location: Location(l), Available: int64(rnd.IntN(6)), UpdatedAt: at})
					}
				}
				d.Variants = append(d.Variants, v)
			}
			if !yield(d, c.vector(rnd, centers)) {
				return
			}
		}
	}
}

// Queries returns n queries of two to four words with vectors like those of the
// documents.
func (c Catalog) Queries(n int) []Query {
	rnd := c.random(3)
	zipf := rand.NewZipf(rnd, 1.1, 8, catalogWords-1)
	centers := c.centers()
	queries := make([]Query, n)
	for i := range queries {
		words := make([]string, 2+rnd.IntN(3))
		for j := range words {
			words[j] = Word(int(zipf.Uint64())) //nolint:gosec // small
		}
		queries[i] = Query{Text: strings.Join(words, " "), Vector: c.vector(rnd, centers)}
	}
	return queries
}
