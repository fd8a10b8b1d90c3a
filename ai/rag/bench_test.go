package rag_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

// fill makes an index of a catalog.
func fill(tb testing.TB, c ragtest.Catalog) *rag.Memory {
	tb.Helper()
	index, err := rag.NewMemory(nil)
	require.NoError(tb, err)
	var changes []rag.Change
	vectors := map[string][]float32{}
	flush := func() {
		require.NoError(tb, index.Apply(tb.Context(), changes...))
		require.NoError(tb, index.SetVectors("generated", vectors))
		changes = changes[:0]
		clear(vectors)
	}
	for d, v := range c.Documents() {
		changes = append(changes, rag.Put{Document: d})
		if v != nil {
			vectors[d.ID] = v
		}
		if len(changes) == 2000 {
			flush()
		}
	}
	flush()
	return index
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// quantile sorts.
func quantile(d []time.Duration, q float64) float64 {
	slices.Sort(d)
	return float64(d[int(q*float64(len(d)-1))]) / 1e6
}

// BenchmarkSearch searches 100,000 products with 384 dimensions: words and vectors,
// fused, with and without filters.
func BenchmarkSearch(b *testing.B) {
	catalog := ragtest.Catalog{Products: 100_000, Dimensions: 384}
	before := heap()
	begin := time.Now()
	index := fill(b, catalog)
	took := time.Since(begin)
	size := heap() - before
	queries := catalog.Queries(512)
	stats, err := index.Stats(b.Context())
	require.NoError(b, err)
	require.Equal(b, catalog.Products, stats.Vectors)

	for _, c := range []struct {
		name   string
		mode   rag.Mode
		filter rag.Filter
	}{
		{name: "hybrid"},
		{name: "semantic", mode: rag.Semantic},
		{name: "lexical", mode: rag.Lexical},
		{name: "hybrid, in stock here", filter: rag.Filter{InStock: &rag.Stock{Locations: []string{ragtest.Location(2)}}}},
		{name: "hybrid, one in a thousand", filter: rag.Filter{
			InStock:     &rag.Stock{Locations: []string{ragtest.Location(2)}, AtLeast: 4},
			Collections: []string{"gid://shopify/Collection/7"},
			MaxPrice:    decimal.NewNullDecimal(decimal.NewFromInt(250)),
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				q := queries[len(times)%len(queries)]
				begin := time.Now()
				_, err := index.Search(b.Context(), rag.Query{Text: q.Text, Vector: q.Vector, Mode: c.mode, Filter: c.filter})
				times = append(times, time.Since(begin))
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(quantile(times, 0.5), "p50-ms")
			b.ReportMetric(quantile(times, 0.99), "p99-ms")
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(size, "MB")
			b.ReportMetric(float64(catalog.Products)/took.Seconds(), "indexed/s")
		})
	}
	b.Run("update while 8 search", func(b *testing.B) {
		var docs []rag.Document
		for d := range catalog.Documents() {
			if docs = append(docs, d); len(docs) == 5000 {
				break
			}
		}
		ctx, cancel := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := i; ctx.Err() == nil; n++ {
					q := queries[n%len(queries)]
					if _, err := index.Search(ctx, rag.Query{Text: q.Text, Vector: q.Vector}); err != nil && ctx.Err() == nil {
						b.Error(err)
						return
					}
				}
			})
		}
		var stock, product []time.Duration
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		for b.Loop() {
			d := docs[len(stock)%len(docs)]
			now = now.Add(time.Second)
			time.Sleep(2 * time.Millisecond) // events do not come one on the other's heels
			begin := time.Now()
			require.NoError(b, index.Apply(ctx, rag.SetStock{
				InventoryItem: d.Variants[0].InventoryItem, Level: rag.Level{Location: ragtest.Location(1), Available: 3, UpdatedAt: now},
			}))
			stock = append(stock, time.Since(begin))
			d.UpdatedAt = now
			d.Title += " " + ragtest.Word(len(stock)%3000)
			d.Body = docs[(len(stock)*7)%len(docs)].Body
			time.Sleep(2 * time.Millisecond)
			begin = time.Now()
			require.NoError(b, index.Apply(ctx, rag.Put{Document: d}))
			product = append(product, time.Since(begin))
		}
		cancel()
		wg.Wait()
		b.ReportMetric(quantile(stock, 0.5), "stock-p50-ms")
		b.ReportMetric(quantile(stock, 0.99), "stock-p99-ms")
		b.ReportMetric(quantile(product, 0.5), "product-p50-ms")
		b.ReportMetric(quantile(product, 0.99), "product-p99-ms")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkApply changes one product of 100,000: its stock, or its texts.
func BenchmarkApply(b *testing.B) {
	catalog := ragtest.Catalog{Products: 100_000, Dimensions: 384}
	index := fill(b, catalog)
	var docs []rag.Document
	for d := range catalog.Documents() {
		if docs = append(docs, d); len(docs) == 5000 {
			break
		}
	}
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	b.Run("stock", func(b *testing.B) {
		for b.Loop() {
			n++
			require.NoError(b, index.Apply(b.Context(), rag.SetStock{
				InventoryItem: docs[n%len(docs)].Variants[0].InventoryItem,
				Level:         rag.Level{Location: ragtest.Location(1), Available: 3, UpdatedAt: now.Add(time.Duration(n) * time.Second)},
			}))
		}
	})
	b.Run("product", func(b *testing.B) {
		for b.Loop() {
			n++
			d := docs[n%len(docs)]
			d.UpdatedAt = now.Add(time.Duration(n) * time.Second)
			d.Title += " " + ragtest.Word(n%3000)
			d.Body = docs[(n*7)%len(docs)].Body
			require.NoError(b, index.Apply(b.Context(), rag.Put{Document: d}))
		}
	})
}
