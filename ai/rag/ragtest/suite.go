package ragtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
)

// Config is how an index of the suite is made.
type Config struct {
	Embedder ai.Embedder // nil for none
	Language string
}

// TestIndex checks that an implementation keeps the contract of [rag.Index]. The function
// returns an empty index, whose resources it frees at the end of the test.
func TestIndex(t *testing.T, newIndex func(t *testing.T, c Config) rag.Index) {
	s := suite{newIndex: newIndex}
	t.Run("an exact code comes first", s.codes)
	t.Run("words are found in spite of how they are written", s.words)
	t.Run("a filter holds for one variant", s.filters)
	t.Run("changes in any order lead to the same state", s.order)
	t.Run("a page replaces its sections", s.pages)
	t.Run("what is deleted is not found", s.deletes)
	t.Run("vectors come later and are not missed", s.embedding)
	t.Run("vectors follow text and model", s.reembedding)
	t.Run("vectors are searched exactly", s.exact)
	t.Run("what is invalid changes nothing", s.invalid)
	t.Run("hits are explained", s.explain)
	t.Run("searches and changes at once", s.concurrent)
}

type suite struct {
	newIndex func(t *testing.T, c Config) rag.Index
}

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Products are those that the suite searches, for tests of programs too.
func Products() []rag.Document {
	usd := decimal.RequireFromString
	here, there := Location(0), Location(1)
	list := []rag.Document{{
		Title: "Trail Running Shoes", Body: "Light shoes for running on rough paths. Waterproof membrane.", Vendor: "Wren", Type: "Footwear",
		Tags: []string{"outdoor", "Sale"}, Collections: []string{"gid://shopify/Collection/1", "gid://shopify/Collection/2"},
		Variants: []rag.Variant{
			{Title: "42 / Blue", SKU: "TRS-42-BLU", Barcode: "0012345678905", Price: usd("89.90"), Stock: []rag.Level{{Location: here, Available: 0}, {Location: there, Available: 4}}},
			{Title: "43 / Blue", SKU: "TRS-43-BLU", Barcode: "4006381333931", Price: usd("99.90"), Stock: []rag.Level{{Location: here, Available: 2}}},
		},
	}, {
		Title: "Beeswax Candle", Body: "Hand-poured candle. Burns for 40 hours.", Vendor: "Alder", Type: "Home", Tags: []string{"gift"},
		Collections: []string{"gid://shopify/Collection/2"},
		Variants:    []rag.Variant{{SKU: "CANDLE-01", Price: usd("18.00"), Stock: []rag.Level{{Location: here, Available: 25}}}},
	}, {
		Title: "Olive Oil 500 ml", Body: "Cold-pressed oil from one grove.", Vendor: "Grove", Type: "Food", Tags: []string{"kitchen"},
		Variants: []rag.Variant{{SKU: "OIL-500", Price: usd("14.5"), Stock: []rag.Level{{Location: there, Untracked: true}}}},
	}, {
		Title: "Olive Oil 0.75 l", Body: "Cold-pressed oil from one grove.", Vendor: "Grove", Type: "Food", Tags: []string{"kitchen"},
		Variants: []rag.Variant{{SKU: "OIL-750", Price: usd("19.5"), Stock: []rag.Level{{Location: here, Available: -1}}}},
	}, {
		Title: "Ledergürtel", Body: "Schmaler Gürtel aus Rindsleder für Hosen.", Language: "de", Vendor: "Alder", Type: "Mode",
		Variants: []rag.Variant{{Title: "90 cm", SKU: "GRT-90", Price: usd("45"), Stock: []rag.Level{{Location: here, Available: 1}}}},
	}, {
		Title: "Écharpe légère", Body: "Une écharpe en laine pour les soirées fraîches.", Language: "fr", Vendor: "Wren", Type: "Mode",
		Variants: []rag.Variant{{SKU: "ECH-1", Price: usd("39"), Stock: []rag.Level{{Location: there, Available: 3}}}},
	}, {
		Title: "V-neck T-Shirt", Body: "A soft tee for women.", Vendor: "Wren", Type: "Clothing", Tags: []string{"basics"},
		Variants: []rag.Variant{{Title: "S", SKU: "TEE-S", Price: usd("25")}, {Title: "M", SKU: "TEE-M", Price: usd("25")}},
	}, {
		Title: "保温水筒", Body: "ステンレス製の水筒です。", Language: "ja", Vendor: "Kumo", Type: "Home",
		Variants: []rag.Variant{{SKU: "BTL-1", Price: usd("32")}},
	}}
	for i := range list {
		d := &list[i]
		d.ID = fmt.Sprintf("gid://shopify/Product/%d", i+1)
		d.Kind, d.UpdatedAt = rag.Product, monday
		if d.Language == "" {
			d.Language = "en"
		}
		for j := range d.Variants {
			v := &d.Variants[j]
			v.ID = fmt.Sprintf("gid://shopify/ProductVariant/%d%d", i+1, j+1)
			v.InventoryItem = fmt.Sprintf("gid://shopify/InventoryItem/%d%d", i+1, j+1)
			for l := range v.Stock {
				v.Stock[l].UpdatedAt = monday
			}
		}
	}
	return list
}

func puts(docs []rag.Document) []rag.Change {
	changes := make([]rag.Change, len(docs))
	for i, d := range docs {
		changes[i] = rag.Put{Document: d}
	}
	return changes
}

func (s suite) filled(t *testing.T, c Config) rag.Index {
	t.Helper()
	index := s.newIndex(t, c)
	require.NoError(t, index.Apply(t.Context(), puts(Products())...))
	return index
}

func find(t *testing.T, index rag.Index, q rag.Query) *rag.Results {
	t.Helper()
	res, err := index.Search(t.Context(), q)
	require.NoError(t, err)
	return res
}

// titles of the hits.
func titles(res *rag.Results) []string {
	list := []string{}
	for _, h := range res.Hits {
		list = append(list, h.Document.Title)
	}
	return list
}

func (s suite) codes(t *testing.T) {
	index := s.filled(t, Config{})
	// A product whose words are the other's code must not come before it.
	require.NoError(t, index.Apply(t.Context(), rag.Put{Document: rag.Document{
		ID: "decoy", Kind: rag.Product, Title: "TRS-42-BLU TRS-42-BLU replacement laces", Language: "en", UpdatedAt: monday,
	}}))
	for _, c := range []struct {
		query, field, variant string
		loose                 bool
	}{
		{"TRS-42-BLU", "sku", "gid://shopify/ProductVariant/11", false},
		{"trs-42-blu", "sku", "gid://shopify/ProductVariant/11", true},
		{"trs42blu", "sku", "gid://shopify/ProductVariant/11", true},
		{"do you have TRS-43-BLU?", "sku", "gid://shopify/ProductVariant/12", false},
		{"4006381333931", "barcode", "gid://shopify/ProductVariant/12", false},
		{"012345678905", "barcode", "gid://shopify/ProductVariant/11", true},
		{"gid://shopify/Product/1", "id", "", false},
		{"gid://shopify/ProductVariant/12", "variant", "gid://shopify/ProductVariant/12", false},
		{"gid://shopify/InventoryItem/12", "inventory item", "gid://shopify/ProductVariant/12", false},
	} {
		for _, mode := range []rag.Mode{rag.Hybrid, rag.Lexical, rag.Semantic} {
			res := find(t, index, rag.Query{Text: c.query, Mode: mode})
			require.NotEmpty(t, res.Hits, c.query)
			hit := res.Hits[0]
			assert.Equal(t, "gid://shopify/Product/1", hit.Document.ID, c.query)
			require.NotNil(t, hit.Code, c.query)
			assert.Equal(t, c.field, hit.Code.Field, c.query)
			assert.Equal(t, c.variant, hit.Code.Variant, c.query)
			assert.Equal(t, c.loose, hit.Code.Loose, c.query)
			assert.InDelta(t, 1, hit.Score, 0, c.query)
			if c.variant != "" {
				assert.Equal(t, []string{c.variant}, hit.Variants, c.query)
			}
		}
	}
	// A code is no hint: one digit off is not found by it.
	for _, h := range find(t, index, rag.Query{Text: "TRS-44-BLU"}).Hits {
		assert.Nil(t, h.Code)
	}
	// A filter also holds for what is found by its code.
	res := find(t, index, rag.Query{Text: "TRS-42-BLU", Filter: rag.Filter{InStock: &rag.Stock{Locations: []string{Location(0)}}}})
	for _, h := range res.Hits {
		assert.Nil(t, h.Code)
		assert.NotContains(t, h.Variants, "gid://shopify/ProductVariant/11")
	}
}

func (s suite) words(t *testing.T) {
	index := s.filled(t, Config{})
	for query, want := range map[string]string{
		"shoe":                     "Trail Running Shoes",
		"run":                      "Trail Running Shoes",
		"runnin shoos":             "Trail Running Shoes",
		"candels":                  "Beeswax Candle",
		"ledergurtel":              "Ledergürtel",
		"LEDERGÜRTEL":              "Ledergürtel",
		"echarpe legere":           "Écharpe légère",
		"écharpes":                 "Écharpe légère",
		"t-shirt":                  "V-neck T-Shirt",
		"tshirt":                   "V-neck T-Shirt",
		"women's tee":              "V-neck T-Shirt",
		"olive oil 500ml":          "Olive Oil 500 ml",
		"olive oil 0,5 l":          "Olive Oil 500 ml",
		"olive oil 75cl":           "Olive Oil 0.75 l",
		"水筒":                       "保温水筒",
		"wren footwear":            "Trail Running Shoes",
		"something in the kitchen": "Olive Oil 500 ml",
	} {
		got := titles(find(t, index, rag.Query{Text: query}))
		require.NotEmpty(t, got, query)
		assert.Equal(t, want, got[0], query)
	}
	assert.Equal(t, []string{"Ledergürtel"}, titles(find(t, index, rag.Query{Text: "Gürteln", Language: "de-AT"})))
	assert.Empty(t, find(t, index, rag.Query{Text: "zzzzqqq"}).Hits)
	assert.Empty(t, find(t, index, rag.Query{Text: ""}).Hits)
	assert.ErrorIs(t, find(t, index, rag.Query{Text: "shoe"}).Degraded, rag.ErrNoVectors)
	assert.NoError(t, find(t, index, rag.Query{Text: "shoe", Mode: rag.Lexical}).Degraded)
	assert.Len(t, find(t, index, rag.Query{Text: "oil", K: 1}).Hits, 1)
	all := find(t, index, rag.Query{Text: "oil shoe"})
	for i, h := range all.Hits {
		assert.Greater(t, h.Score, 0.0)
		assert.LessOrEqual(t, h.Score, 1.0)
		if i > 0 {
			assert.LessOrEqual(t, h.Score, all.Hits[i-1].Score)
		}
	}
	assert.Len(t, find(t, index, rag.Query{Text: "oil shoe", MinScore: 1}).Hits, 1)
}

func (s suite) filters(t *testing.T) {
	index := s.filled(t, Config{})
	dec := func(v string) decimal.NullDecimal { return decimal.NewNullDecimal(decimal.RequireFromString(v)) }
	require.NoError(t, index.Apply(t.Context(), rag.PutPage{Page: "policy:care", UpdatedAt: monday, Sections: rag.Sections(rag.Page{
		ID: "policy:care", Title: "Care", Body: "<h1>Shoes</h1><p>Brush your shoes and oil them.</p>", Language: "en", UpdatedAt: monday,
	})}))
	const shoes, blue43 = "Trail Running Shoes", "gid://shopify/ProductVariant/12"
	for name, c := range map[string]struct {
		query    string
		filter   rag.Filter
		want     []string
		variants []string // of the first
	}{
		"kind":                       {"shoes oil", rag.Filter{Kinds: []rag.Kind{rag.Policy}}, []string{"Care: Shoes"}, nil},
		"tag in another case":        {"shoes candle", rag.Filter{Tags: []string{"sale"}}, []string{shoes}, nil},
		"all tags":                   {"shoes candle", rag.Filter{Tags: []string{"sale", "gift"}}, nil, nil},
		"any collection":             {"shoes candle oil", rag.Filter{Collections: []string{"gid://shopify/Collection/1", "gid://shopify/Collection/9"}}, []string{shoes}, nil},
		"price from":                 {"shoes candle", rag.Filter{MinPrice: dec("90")}, []string{shoes}, []string{blue43}},
		"price to, inclusive":        {"shoes", rag.Filter{MaxPrice: dec("89.9")}, []string{shoes}, []string{"gid://shopify/ProductVariant/11"}},
		"price between two variants": {"shoes", rag.Filter{MinPrice: dec("90"), MaxPrice: dec("99.89")}, nil, nil},
		"stock here":                 {"shoes oil", rag.Filter{InStock: &rag.Stock{Locations: []string{Location(0)}}}, []string{shoes}, []string{blue43}},
		"stock here, more":           {"shoes", rag.Filter{InStock: &rag.Stock{Locations: []string{Location(0)}, AtLeast: 3}}, nil, nil},
		"stock anywhere":             {"shoes", rag.Filter{InStock: &rag.Stock{AtLeast: 3}}, []string{shoes}, []string{"gid://shopify/ProductVariant/11"}},
		"untracked is in stock":      {"oil", rag.Filter{InStock: &rag.Stock{AtLeast: 100}}, []string{"Olive Oil 500 ml"}, nil},
		"price and stock of one":     {"shoes", rag.Filter{MaxPrice: dec("90"), InStock: &rag.Stock{Locations: []string{Location(0)}}}, nil, nil},
		"unknown location":           {"shoes candle", rag.Filter{InStock: &rag.Stock{Locations: []string{"gid://shopify/Location/9"}}}, nil, nil},
	} {
		res := find(t, index, rag.Query{Text: c.query, Filter: c.filter})
		assert.ElementsMatch(t, c.want, titles(res), name)
		if c.variants != nil && assert.NotEmpty(t, res.Hits, name) {
			assert.Equal(t, c.variants, res.Hits[0].Variants, name)
		}
	}
}

// order makes the same changes in many orders, some of them twice.
func (s suite) order(t *testing.T) {
	docs := Products()[:2]
	at := func(minutes int) time.Time { return monday.Add(time.Duration(minutes) * time.Minute) }
	renamed, sameSecond, resized := docs[0], docs[0], docs[0]
	renamed.Title, renamed.UpdatedAt, renamed.Collections = "Mountain Running Shoes", at(5), nil
	sameSecond.Title, sameSecond.UpdatedAt = "Hill Running Shoes", at(5)
	resized.UpdatedAt = at(9)
	resized.Variants = slices.Clone(resized.Variants[1:])
	resized.Variants[0].Price = decimal.RequireFromString("79.90")
	resized.Variants[0].Stock = nil
	third := docs[1]
	third.UpdatedAt = at(20)
	level := func(item string, location, available, minutes int) rag.SetStock {
		return rag.SetStock{InventoryItem: "gid://shopify/InventoryItem/" + item, Level: rag.Level{Location: Location(location), Available: int64(available), UpdatedAt: at(minutes)}}
	}
	gone := level("12", 3, 0, 8)
	gone.Unknown = true
	tie := level("12", 0, 1, 7)
	tie.Triggered = at(7)
	changes := []rag.Change{
		rag.Put{Document: docs[0]},
		rag.Put{Document: docs[1]},
		rag.Put{Document: renamed, Triggered: at(5)},
		rag.Put{Document: sameSecond},
		rag.Put{Document: resized},
		level("12", 0, 7, 7), tie, level("12", 0, 5, 3), level("12", 3, 9, 1), gone, level("12", 1, 4, 6), level("12", 1, 2, 6), level("11", 1, 3, 30), level("77", 1, 1, 1),
		rag.SetCollections{ID: docs[0].ID, Collections: []string{"gid://shopify/Collection/5"}, At: at(4)},
		rag.SetCollections{ID: docs[0].ID, Collections: []string{"gid://shopify/Collection/6", "gid://shopify/Collection/5"}, At: at(10)},
		rag.Delete{ID: docs[1].ID, At: at(12)},
		rag.Put{Document: third},
		rag.Delete{ID: "gid://shopify/Product/99"},
		rag.Put{Document: rag.Document{ID: "gid://shopify/Product/99", Kind: rag.Product, Title: "Ghost", UpdatedAt: at(50)}},
	}
	type outcome struct {
		docs []rag.Document
		hits []rag.Hit
	}
	look := func(index rag.Index) outcome {
		docs, err := index.Documents(t.Context(), docs[0].ID, docs[1].ID, "gid://shopify/Product/99")
		require.NoError(t, err)
		return outcome{docs, find(t, index, rag.Query{Text: "running shoes candle ghost", Explain: true}).Hits}
	}
	rnd := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a test
	var want outcome
	for round := range 12 {
		list := slices.Clone(changes)
		for range 6 {
			list = append(list, changes[rnd.IntN(len(changes))])
		}
		if round > 0 {
			rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		index := s.newIndex(t, Config{Language: "en"})
		for len(list) > 0 {
			n := 1 + rnd.IntN(min(3, len(list)))
			require.NoError(t, index.Apply(t.Context(), list[:n]...))
			list = list[n:]
		}
		got := look(index)
		if round == 0 {
			want = got
			require.Len(t, got.docs, 2)
			d := got.docs[0]
			assert.Equal(t, docs[0].Title, d.Title, "the last version holds")
			assert.Equal(t, []string{"gid://shopify/Collection/5", "gid://shopify/Collection/6"}, d.Collections)
			require.Len(t, d.Variants, 1)
			assert.Equal(t, "79.9", d.Variants[0].Price.String())
			assert.Equal(t, []rag.Level{{Location: Location(0), Available: 1, UpdatedAt: at(7)}, {Location: Location(1), Available: 2, UpdatedAt: at(6)}}, d.Variants[0].Stock)
			continue
		}
		assert.Equal(t, want, got, "round %d", round)
	}
}

func (s suite) pages(t *testing.T) {
	index := s.newIndex(t, Config{Language: "en"})
	page := func(day int, body string) rag.PutPage {
		p := rag.Page{ID: "policy:returns", Title: "Returns", URL: "https://shop.example.com/policies/returns", Body: body, Language: "en", UpdatedAt: monday.AddDate(0, 0, day)}
		return rag.PutPage{Page: p.ID, Sections: rag.Sections(p), UpdatedAt: p.UpdatedAt}
	}
	first := page(0, "<h2>Damaged goods</h2><p>Bring the damaged item within 14 days.</p><h2>Gift cards</h2><p>Gift cards cannot be returned.</p>")
	second := page(1, "<h2>Damaged goods</h2><p>Bring the damaged item within 30 days.</p>")
	for _, changes := range [][]rag.Change{{first, second}, {second, first}, {first, second, first}} {
		require.NoError(t, index.Apply(t.Context(), changes...))
		docs, err := index.Documents(t.Context(), "policy:returns#damaged-goods", "policy:returns#gift-cards")
		require.NoError(t, err)
		require.Len(t, docs, 1)
		assert.Equal(t, "Bring the damaged item within 30 days.", docs[0].Body)
		assert.Equal(t, "policy:returns", docs[0].Page)
	}
	assert.Equal(t, []string{"Returns: Damaged goods"}, titles(find(t, index, rag.Query{Text: "damaged gift card"})))
	require.NoError(t, index.Apply(t.Context(), rag.PutPage{Page: "policy:returns", UpdatedAt: monday.AddDate(0, 0, 2)}))
	assert.Empty(t, find(t, index, rag.Query{Text: "damaged"}).Hits)
}

func (s suite) deletes(t *testing.T) {
	index := s.filled(t, Config{})
	id := "gid://shopify/Product/2"
	require.NoError(t, index.Apply(t.Context(), rag.Delete{ID: id}, rag.Delete{ID: "unknown"}))
	for _, q := range []string{"candle", "CANDLE-01", id, "candels"} {
		assert.NotContains(t, titles(find(t, index, rag.Query{Text: q})), "Beeswax Candle", q)
	}
	docs, err := index.Documents(t.Context(), id, "gid://shopify/ProductVariant/21")
	require.NoError(t, err)
	assert.Empty(t, docs)
	stats, err := index.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(Products())-1, stats.Documents)
	docs, err = index.Documents(t.Context(), "gid://shopify/ProductVariant/12", "gid://shopify/Product/3")
	require.NoError(t, err)
	require.Len(t, docs, 2)
	assert.Equal(t, "Trail Running Shoes", docs[0].Title)
}

func (s suite) embedding(t *testing.T) {
	down := errors.New("down")
	var fail error
	e := &Embedder{Synonyms: map[string]string{"sneakers": "shoes"}}
	e.Fail = func(*ai.EmbedRequest) error { return fail }
	index := s.filled(t, Config{Embedder: e})
	twin := Products()[1]
	twin.ID, twin.Variants = "gid://shopify/Product/22", nil
	require.NoError(t, index.Apply(t.Context(), rag.Put{Document: twin}))

	assert.ErrorIs(t, find(t, index, rag.Query{Text: "shoe"}).Degraded, rag.ErrNoVectors)
	fail = down
	_, err := index.Embed(t.Context())
	require.ErrorIs(t, err, down)
	assert.Equal(t, "Trail Running Shoes", titles(find(t, index, rag.Query{Text: "shoe"}))[0], "words alone")

	fail = nil
	stats, err := index.Embed(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(Products())+1, stats.Documents)
	assert.Equal(t, len(Products()), stats.Texts, "equal texts are one")
	assert.Positive(t, stats.Tokens)
	again, err := index.Embed(t.Context())
	require.NoError(t, err)
	assert.Zero(t, again)
	for text, n := range e.Texts() {
		assert.Equal(t, 1, n, text)
	}
	res := find(t, index, rag.Query{Text: "sneakers"})
	require.NoError(t, res.Degraded)
	assert.Equal(t, "Trail Running Shoes", titles(res)[0], "found by its vector")
	assert.NotContains(t, titles(find(t, index, rag.Query{Text: "sneakers", Mode: rag.Lexical})), "Trail Running Shoes")
	assert.Empty(t, find(t, index, rag.Query{Text: "sneakers", MinCosine: 0.99}).Hits)
	n := e.Texts()["sneakers"]
	find(t, index, rag.Query{Text: "sneakers"})
	assert.Equal(t, n, e.Texts()["sneakers"], "the same query is embedded once")

	fail = down
	res = find(t, index, rag.Query{Text: "shoes waterproof"})
	require.ErrorIs(t, res.Degraded, down)
	assert.Equal(t, "Trail Running Shoes", titles(res)[0])
	fail = nil
	more := Products()[2]
	more.ID, more.Title = "gid://shopify/Product/33", "Walnut Oil"
	require.NoError(t, index.Apply(t.Context(), rag.Put{Document: more}))
	res = find(t, index, rag.Query{Text: "walnut oil"})
	require.ErrorIs(t, res.Degraded, rag.ErrMissingVectors)
	assert.Contains(t, titles(res), "Walnut Oil", "found by its words")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = index.Search(ended, rag.Query{Text: "another query"})
	require.ErrorIs(t, err, context.Canceled)
	_, err = index.Embed(ended)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, index.Apply(ended, rag.Delete{ID: "gid://shopify/Product/1"}), context.Canceled)
}

func (s suite) reembedding(t *testing.T) {
	e := &Embedder{}
	index := s.filled(t, Config{Embedder: e})
	_, err := index.Embed(t.Context())
	require.NoError(t, err)
	d := Products()[1]
	d.UpdatedAt = monday.Add(time.Hour)
	d.Variants[0].Price = decimal.RequireFromString("20")
	require.NoError(t, index.Apply(t.Context(), rag.Put{Document: d}, rag.SetStock{
		InventoryItem: d.Variants[0].InventoryItem, Level: rag.Level{Location: Location(2), Available: 1, UpdatedAt: monday},
	}))
	stats, err := index.Embed(t.Context())
	require.NoError(t, err)
	assert.Zero(t, stats.Texts, "neither price nor stock is embedded")
	d.Body, d.UpdatedAt = "Smells of honey.", monday.Add(2*time.Hour)
	require.NoError(t, index.Apply(t.Context(), rag.Put{Document: d}))
	count, err := index.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(Products())-1, count.Vectors, "the old vector does not stand for the new text")
	stats, err = index.Embed(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, stats.Texts)
	count, err = index.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, rag.Stats{Documents: len(Products()), Vectors: len(Products()), Model: "ragtest/hash", Dimensions: 256}, count)

	e.Model, e.Dimensions = "hash-2", 64
	assert.ErrorIs(t, find(t, index, rag.Query{Text: "honey"}).Degraded, rag.ErrNoVectors, "vectors of two models are not compared")
	stats, err = index.Embed(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(Products()), stats.Texts)
	res := find(t, index, rag.Query{Text: "honey"})
	require.NoError(t, res.Degraded)
	assert.Equal(t, "Beeswax Candle", titles(res)[0])
	count, err = index.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, rag.Stats{Documents: len(Products()), Vectors: len(Products()), Model: "ragtest/hash-2", Dimensions: 64}, count)
}

// exact compares searches by vector with a scan of everything, under random filters.
func (s suite) exact(t *testing.T) {
	e := &Embedder{Dimensions: 48}
	index := s.newIndex(t, Config{Embedder: e})
	var docs []rag.Document
	for d := range (Catalog{Products: 400, Seed: 5}).Documents() {
		docs = append(docs, d)
	}
	require.NoError(t, index.Apply(t.Context(), puts(docs)...))
	_, err := index.Embed(t.Context())
	require.NoError(t, err)
	rnd := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test
	vector := func(text string) []float32 { return e.vector(text, 48) }
	for round := range 40 {
		f := randomFilter(rnd)
		text := docs[rnd.IntN(len(docs))].Title
		if round == 0 {
			f = rag.Filter{}
		}
		res := find(t, index, rag.Query{Text: text, Mode: rag.Semantic, Filter: f, K: 5, Explain: true})
		q := vector(text)
		var want []float64
		for i := range docs {
			if passes(&f, &docs[i]) {
				want = append(want, cosine(q, vector(rag.EmbedText(&docs[i]))))
			}
		}
		slices.SortFunc(want, func(a, b float64) int {
			if a > b {
				return -1
			}
			return 1
		})
		require.Len(t, res.Hits, min(5, len(want)), "%+v", f)
		for i, h := range res.Hits {
			assert.InDelta(t, want[i], h.Why.Cosine, 1e-5, "%+v", f)
			assert.True(t, passes(&f, &h.Document), "%+v", f)
		}
	}
}

func (s suite) invalid(t *testing.T) {
	index := s.filled(t, Config{})
	good := rag.Put{Document: rag.Document{ID: "new", Kind: rag.Product, Title: "New", UpdatedAt: monday}}
	for name, bad := range map[string]rag.Change{
		"nothing":        nil,
		"no ID":          rag.Put{Document: rag.Document{Kind: rag.Product}},
		"no kind":        rag.Put{Document: rag.Document{ID: "x"}},
		"bytes":          rag.Put{Document: rag.Document{ID: "x", Kind: rag.Product, Title: "\xff"}},
		"negative price": rag.Put{Document: rag.Document{ID: "x", Kind: rag.Product, Variants: []rag.Variant{{ID: "v", Price: decimal.New(-1, 0)}}}},
		"endless price":  rag.Put{Document: rag.Document{ID: "x", Kind: rag.Product, Variants: []rag.Variant{{ID: "v", Price: decimal.New(1, 1<<30)}}}},
		"seven decimals": rag.Put{Document: rag.Document{ID: "x", Kind: rag.Product, Variants: []rag.Variant{{ID: "v", Price: decimal.New(1, -7)}}}},
		"no item":        rag.SetStock{Level: rag.Level{Location: "l"}},
		"no location":    rag.SetStock{InventoryItem: "i"},
		"nothing gone":   rag.Delete{},
		"foreign page":   rag.PutPage{Page: "p", Sections: []rag.Document{{ID: "s", Kind: rag.Policy}}},
	} {
		require.ErrorIs(t, index.Apply(t.Context(), good, bad), rag.ErrInvalid, name)
	}
	docs, err := index.Documents(t.Context(), "new", "x")
	require.NoError(t, err)
	assert.Empty(t, docs, "a change was made beside one that failed")
	for name, q := range map[string]rag.Query{
		"K": {Text: "x", K: -1}, "large K": {Text: "x", K: 1 << 20}, "mode": {Text: "x", Mode: "magic"},
		"vector": {Text: "x", Vector: []float32{0, 0}},
	} {
		_, err := index.Search(t.Context(), q)
		require.ErrorIs(t, err, rag.ErrInvalid, name)
	}
}

func (s suite) explain(t *testing.T) {
	index := s.filled(t, Config{Embedder: &Embedder{}})
	_, err := index.Embed(t.Context())
	require.NoError(t, err)
	res := find(t, index, rag.Query{Text: "waterproof shoos", Explain: true})
	require.NotEmpty(t, res.Hits)
	why := res.Hits[0].Why
	require.NotNil(t, why)
	assert.Equal(t, 1, why.LexicalRank)
	assert.Positive(t, why.LexicalScore)
	assert.Equal(t, 1, why.SemanticRank)
	assert.Positive(t, why.Cosine)
	distances := map[string]int{}
	for _, m := range why.Terms {
		distances[m.Word] = m.Distance
	}
	assert.Equal(t, map[string]int{"waterproof": 0, "shoos": 1}, distances)
	assert.Nil(t, find(t, index, rag.Query{Text: "shoe"}).Hits[0].Why)
}

// concurrent moves stock between two locations: a search sees it at exactly one.
func (s suite) concurrent(t *testing.T) {
	index := s.filled(t, Config{Embedder: &Embedder{}})
	item, id := "gid://shopify/InventoryItem/21", "gid://shopify/Product/2"
	here, there := Location(0), Location(1)
	move := func(n int) []rag.Change {
		at := monday.Add(time.Duration(n) * time.Second)
		a, b := int64(n%2), int64(1-n%2)
		return []rag.Change{
			rag.SetStock{InventoryItem: item, Level: rag.Level{Location: here, Available: a, UpdatedAt: at}},
			rag.SetStock{InventoryItem: item, Level: rag.Level{Location: there, Available: b, UpdatedAt: at}},
		}
	}
	require.NoError(t, index.Apply(t.Context(), move(1)...))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				res, err := index.Search(ctx, rag.Query{Text: "candle", K: 1})
				if ctx.Err() != nil {
					return
				}
				if !assert.NoError(t, err) || !assert.Len(t, res.Hits, 1) || !assert.Equal(t, id, res.Hits[0].Document.ID) {
					return
				}
				a, _ := res.Hits[0].Document.Variants[0].At(here)
				b, _ := res.Hits[0].Document.Variants[0].At(there)
				if !assert.Equal(t, int64(1), a.Available+b.Available) {
					return
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := index.Embed(ctx); ctx.Err() == nil {
				assert.NoError(t, err)
			}
		}
	})
	for n := range 100 {
		assert.NoError(t, index.Apply(t.Context(), move(n+2)...))
		d := Products()[3]
		d.UpdatedAt = monday.Add(time.Duration(n) * time.Second)
		d.Body = Word(n)
		assert.NoError(t, index.Apply(t.Context(), rag.Put{Document: d}))
	}
	cancel()
	wg.Wait()
}
