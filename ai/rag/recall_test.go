package rag_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

// TestRecall compares searches with scores that are computed for every document by
// itself: words by the formula of BM25, vectors in 64-bit floats, filters by their
// definition, the fusion of whole lists. The index has lived: documents were changed and
// deleted. With POSAI_FULL=1 it has 100,000 documents of 384 dimensions.
func TestRecall(t *testing.T) {
	catalog := ragtest.Catalog{Products: 2000, Dimensions: 96, Seed: 11}
	queries := 60
	if os.Getenv("POSAI_FULL") == "1" {
		catalog, queries = ragtest.Catalog{Products: 100_000, Dimensions: 384, Seed: 11}, 40
	}
	for name, uniform := range map[string]bool{"near neighbors": false, "all directions": true} {
		t.Run(name, func(t *testing.T) {
			catalog := catalog
			catalog.Uniform = uniform
			index := fill(t, catalog)
			var docs []rag.Document
			vectors := map[string][]float32{}
			rnd := rand.New(rand.NewPCG(12, 13)) //nolint:gosec // a test
			changed := map[string][]float32{}
			for d, v := range catalog.Documents() {
				switch rnd.IntN(10) {
				case 0:
					require.NoError(t, index.Apply(t.Context(), rag.Delete{ID: d.ID}))
					continue
				case 1:
					d.UpdatedAt = d.UpdatedAt.AddDate(1, 0, 0)
					d.Body = ragtest.Word(rnd.IntN(100)) + " " + ragtest.Word(rnd.IntN(100))
					require.NoError(t, index.Apply(t.Context(), rag.Put{Document: d}))
					changed[d.ID] = v
				}
				docs = append(docs, d)
				vectors[d.ID] = v
			}
			require.NoError(t, index.SetVectors("generated", changed))
			o := newOracle(docs, vectors)
			found, want := 0, 0
			for i, q := range catalog.Queries(queries) {
				query := rag.Query{Text: q.Text, Vector: q.Vector, K: 10, Explain: true}
				if i%2 == 1 {
					query.Filter = anyFilter(rnd)
				}
				res, err := index.Search(t.Context(), query)
				require.NoError(t, err)
				require.NoError(t, res.Degraded)
				expected := o.search(&query)
				require.Len(t, res.Hits, len(expected))
				for j, h := range res.Hits {
					want++
					if slices.ContainsFunc(expected, func(f rag.Fused) bool { return f.ID == h.Document.ID }) {
						found++
					}
					assert.Equal(t, expected[j].ID, h.Document.ID)
					assert.InDelta(t, expected[j].Score, h.Score, 1e-12)
				}
			}
			assert.Equal(t, want, found)
			t.Logf("recall %d of %d over %d documents", found, want, len(docs))
		})
	}
}

func anyFilter(rnd *rand.Rand) rag.Filter {
	var f rag.Filter
	switch rnd.IntN(4) {
	case 0:
		f.InStock = &rag.Stock{Locations: []string{ragtest.Location(rnd.IntN(5))}, AtLeast: int64(1 + rnd.IntN(4))}
	case 1:
		f.MaxPrice = decimal.NewNullDecimal(decimal.New(int64(rnd.IntN(40_000)), -2))
	case 2:
		f.Tags = []string{ragtest.Word(1000 + rnd.IntN(40))}
	case 3:
		f.InStock = &rag.Stock{}
		f.MinPrice = decimal.NewNullDecimal(decimal.New(int64(rnd.IntN(40_000)), -2))
		f.Collections = []string{"gid://shopify/Collection/7", "gid://shopify/Collection/8", "gid://shopify/Collection/9"}
	}
	return f
}

// An oracle knows the right answers.
type oracle struct {
	docs    []rag.Document
	terms   []rag.Terms
	units   [][]float64
	df      map[string]int
	average float64
}

func newOracle(docs []rag.Document, vectors map[string][]float32) *oracle {
	o := &oracle{docs: docs, df: map[string]int{}}
	total := 0
	for i := range docs {
		terms := rag.Analyze(&docs[i], "")
		o.terms = append(o.terms, terms)
		o.units = append(o.units, unit(vectors[docs[i].ID]))
		total += terms.Length
		for term := range terms.TF {
			o.df[term]++
		}
	}
	o.average = float64(total) / float64(len(docs))
	return o
}

func unit(v []float32) []float64 {
	norm := 0.0
	for _, f := range v {
		norm += float64(f) * float64(f)
	}
	u := make([]float64, len(v))
	for i, f := range v {
		u[i] = float64(f) / math.Sqrt(norm)
	}
	return u
}

func (o *oracle) search(q *rag.Query) []rag.Fused {
	type scored struct {
		id    string
		score float64
	}
	var words, near []scored
	query := unit(q.Vector)
	weights := o.weights(q)
	for i := range o.docs {
		d := &o.docs[i]
		if !admits(&q.Filter, d) {
			continue
		}
		lexical, cosine := 0.0, 0.0
		for _, w := range weights {
			if tf := float64(o.terms[i].TF[w.term]); tf > 0 {
				lexical += w.weight * tf * 2.2 / (tf + 1.2*(0.25+0.75*float64(o.terms[i].Length)/o.average))
			}
		}
		if lexical > 0 {
			words = append(words, scored{d.ID, lexical})
		}
		for j, f := range o.units[i] {
			cosine += f * query[j]
		}
		near = append(near, scored{d.ID, cosine})
	}
	var lists [][]string
	for _, l := range [][]scored{words, near} {
		slices.SortFunc(l, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.id, b.id)) })
		ids := []string{}
		for _, s := range l[:min(len(l), rag.FusionDepth(q.K))] {
			ids = append(ids, s.id)
		}
		lists = append(lists, ids)
	}
	fused := rag.Fuse(lists...)
	return fused[:min(len(fused), q.K)]
}

type weight struct {
	term   string
	weight float64
}

// weights are those of the query's terms, or of the nearest ones to what is misspelled.
func (o *oracle) weights(q *rag.Query) []weight {
	var list []weight
	idf := func(term string, factor float64) weight {
		n, df := float64(len(o.docs)), float64(o.df[term])
		return weight{term, factor * math.Log(1+(n-df+0.5)/(df+0.5))}
	}
	for _, w := range rag.Understand(q, map[string]int{"en": len(o.docs)}) {
		if term := w.Terms[0]; o.df[term] > 0 {
			list = append(list, idf(term, 1))
			continue
		}
		type near struct {
			term     string
			distance int
		}
		var all []near
		for term := range o.df {
			if d := w.Distance(term); d <= w.Edits {
				all = append(all, near{term, d})
			}
		}
		slices.SortFunc(all, func(a, b near) int {
			return cmp.Or(a.distance-b.distance, o.df[b.term]-o.df[a.term], strings.Compare(a.term, b.term))
		})
		for _, n := range all[:min(len(all), rag.MaxSimilar)] {
			list = append(list, idf(n.term, []float64{1, 0.7, 0.5}[n.distance]))
		}
	}
	return list
}

// admits is what a filter means.
func admits(f *rag.Filter, d *rag.Document) bool {
	for _, tag := range f.Tags {
		if !slices.ContainsFunc(d.Tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			return false
		}
	}
	if len(f.Collections) > 0 && !slices.ContainsFunc(d.Collections, func(c string) bool { return slices.Contains(f.Collections, c) }) {
		return false
	}
	return !f.OnVariants() || slices.ContainsFunc(d.Variants, func(v rag.Variant) bool {
		if f.MinPrice.Valid && v.Price.LessThan(f.MinPrice.Decimal) || f.MaxPrice.Valid && v.Price.GreaterThan(f.MaxPrice.Decimal) {
			return false
		}
		return f.InStock == nil || slices.ContainsFunc(v.Stock, func(l rag.Level) bool {
			return (len(f.InStock.Locations) == 0 || slices.Contains(f.InStock.Locations, l.Location)) && l.Available >= max(f.InStock.AtLeast, 1)
		})
	})
}
