package bench_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/philippgille/chromem-go"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

const k = 10

// BenchmarkChromem searches 100,000 products with 384 dimensions: by chromem-go, by our
// vectors alone, and by ours in full, which is words and vectors, fused. All three take
// turns. Recall is chromem's and ours against a scan in 64-bit floats.
func BenchmarkChromem(b *testing.B) {
	ctx := b.Context()
	catalog := ragtest.Catalog{Products: 100_000, Dimensions: 384}
	index, err := rag.NewMemory(nil)
	require.NoError(b, err)
	peer, err := chromem.NewDB().CreateCollection("products", nil, nil)
	require.NoError(b, err)

	var ids []string
	var all [][]float32
	var changes []rag.Change
	var docs []chromem.Document
	vectors := map[string][]float32{}
	flush := func() {
		require.NoError(b, index.Apply(ctx, changes...))
		require.NoError(b, index.SetVectors("generated", vectors))
		require.NoError(b, peer.AddDocuments(ctx, docs, runtime.NumCPU()))
		changes, docs = changes[:0], docs[:0]
		clear(vectors)
	}
	for d, v := range catalog.Documents() {
		changes = append(changes, rag.Put{Document: d})
		docs = append(docs, chromem.Document{ID: d.ID, Embedding: v, Metadata: map[string]string{"collection": d.Collections[0]}})
		vectors[d.ID] = v
		ids, all = append(ids, d.ID), append(all, v)
		if len(changes) == 2000 {
			flush()
		}
	}

	queries := catalog.Queries(256)
	const collection = "gid://shopify/Collection/7"
	for _, c := range []struct {
		name   string
		filter rag.Filter
		where  map[string]string
	}{
		{name: "all"},
		{"of one collection", rag.Filter{Collections: []string{collection}}, map[string]string{"collection": collection}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var theirs, semantic, hybrid []time.Duration
			found, want, peerFound := 0, 0, 0
			members := map[string]bool{}
			if c.where != nil {
				for d := range catalog.Documents() {
					members[d.ID] = d.Collections[0] == collection
				}
			}
			for b.Loop() {
				q := queries[len(theirs)%len(queries)]
				begin := time.Now()
				peers, err := peer.QueryEmbedding(ctx, q.Vector, k, c.where, nil)
				theirs = append(theirs, time.Since(begin))
				require.NoError(b, err)

				begin = time.Now()
				near, err := index.Search(ctx, rag.Query{Vector: q.Vector, Mode: rag.Semantic, Filter: c.filter})
				semantic = append(semantic, time.Since(begin))
				require.NoError(b, err)

				begin = time.Now()
				_, err = index.Search(ctx, rag.Query{Text: q.Text, Vector: q.Vector, Filter: c.filter})
				hybrid = append(hybrid, time.Since(begin))
				require.NoError(b, err)

				if len(theirs) <= 64 {
					best := brute(ids, all, q.Vector, func(id string) bool { return c.where == nil || members[id] })
					want += len(best)
					for _, h := range near.Hits {
						if slices.Contains(best, h.Document.ID) {
							found++
						}
					}
					for _, p := range peers {
						if slices.Contains(best, p.ID) {
							peerFound++
						}
					}
				}
			}
			b.ReportMetric(quantile(theirs, 0.5), "chromem-p50-ms")
			b.ReportMetric(quantile(semantic, 0.5), "semantic-p50-ms")
			b.ReportMetric(quantile(hybrid, 0.5), "hybrid-p50-ms")
			b.ReportMetric(quantile(hybrid, 0.99), "hybrid-p99-ms")
			b.ReportMetric(quantile(theirs, 0.5)/quantile(hybrid, 0.5), "x-hybrid-of-chromem")
			b.ReportMetric(quantile(theirs, 0.5)/quantile(semantic, 0.5), "x-semantic-of-chromem")
			b.ReportMetric(float64(found)/float64(want), "recall")
			b.ReportMetric(float64(peerFound)/float64(want), "chromem-recall")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// brute returns the k nearest, by a scan in 64-bit floats.
func brute(ids []string, all [][]float32, q []float32, ok func(id string) bool) []string {
	type scored struct {
		id  string
		dot float64
	}
	var best []scored
	for i, v := range all {
		if !ok(ids[i]) {
			continue
		}
		var dot, norm float64
		for d := range v {
			dot += float64(v[d]) * float64(q[d])
			norm += float64(v[d]) * float64(v[d])
		}
		dot *= dot / norm * sign(dot) // as the cosine, but for a factor and a square
		if len(best) == k && dot <= best[k-1].dot {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, dot, func(s scored, dot float64) int {
			if s.dot >= dot {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, scored{ids[i], dot})
		best = best[:min(len(best), k)]
	}
	list := make([]string, len(best))
	for i, s := range best {
		list[i] = s.id
	}
	return list
}

func sign(f float64) float64 {
	if f < 0 {
		return -1
	}
	return 1
}

func quantile(d []time.Duration, q float64) float64 {
	slices.Sort(d)
	return float64(d[int(q*float64(len(d)-1))]) / 1e6
}
