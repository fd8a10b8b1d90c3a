package rag_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

// stocked is an index with a bit of everything that a snapshot holds.
func stocked(tb testing.TB) *rag.Memory {
	tb.Helper()
	index, err := rag.NewMemory(&rag.MemoryOptions{Embedder: &ragtest.Embedder{Dimensions: 40}, Language: "en"})
	require.NoError(tb, err)
	day := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, d := range ragtest.Products() {
		require.NoError(tb, index.Apply(tb.Context(), rag.Put{Document: d, Triggered: day}))
	}
	_, err = index.Embed(tb.Context())
	require.NoError(tb, err)
	late := ragtest.Products()[0]
	late.ID, late.Variants = "gid://shopify/Product/90", nil
	late.Title = "Late shoes" // without a vector
	require.NoError(tb, index.Apply(tb.Context(),
		rag.Put{Document: late},
		rag.Delete{ID: "gid://shopify/Product/2"}, rag.Delete{ID: "gid://shopify/Product/3", At: day},
		rag.SetStock{InventoryItem: "gid://shopify/InventoryItem/70", Level: rag.Level{Location: ragtest.Location(4), Available: 7, UpdatedAt: day}, Triggered: day},
		rag.SetCollections{ID: "gid://shopify/Product/71", Collections: []string{"a", "b"}, At: day},
	))
	return index
}

func TestSnapshot(t *testing.T) {
	index := stocked(t)
	path := filepath.Join(t.TempDir(), "index.rag")
	require.NoError(t, index.SaveFile(path))
	require.NoError(t, index.SaveFile(path), "over the old one")
	again, err := rag.NewMemory(&rag.MemoryOptions{Embedder: &ragtest.Embedder{Dimensions: 40}, Language: "en"})
	require.NoError(t, err)
	require.NoError(t, again.LoadFile(path))
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, files, 1, "a temporary file was left")

	same := func() {
		t.Helper()
		for _, text := range []string{"shoes", "olive oil", "TRS-42-BLU", "écharpe", "水筒", "candle"} {
			q := rag.Query{Text: text, Explain: true, Filter: rag.Filter{}}
			want, err := index.Search(t.Context(), q)
			require.NoError(t, err)
			got, err := again.Search(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, want, got, text)
		}
		want, _ := index.Stats(t.Context())
		got, _ := again.Stats(t.Context())
		assert.Equal(t, want, got)
	}
	same()
	// What has no place in a search is there, too: what was deleted for good stays so,
	// and what came too early finds its product.
	ghost := ragtest.Products()[1]
	ghost.UpdatedAt = ghost.UpdatedAt.AddDate(1, 0, 0)
	back := ragtest.Products()[2]
	back.UpdatedAt = back.UpdatedAt.AddDate(0, 0, 1)
	early := ragtest.Products()[4]
	early.ID, early.Variants[0].ID, early.Variants[0].InventoryItem = "gid://shopify/Product/71", "v71", "gid://shopify/InventoryItem/70"
	for _, m := range []*rag.Memory{index, again} {
		require.NoError(t, m.Apply(t.Context(), rag.Put{Document: ghost}, rag.Put{Document: back}, rag.Put{Document: early}))
	}
	same()
	docs, err := again.Documents(t.Context(), ghost.ID, early.ID)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	_, ok := docs[0].Variants[0].At(ragtest.Location(4))
	assert.True(t, ok)
}

// TestSnapshotDamage cuts a snapshot at each byte, and changes each byte.
func TestSnapshotDamage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, stocked(t).Save(&b))
	whole := b.Bytes()
	index, err := rag.NewMemory(nil)
	require.NoError(t, err)
	require.NoError(t, index.Apply(t.Context(), rag.Put{Document: ragtest.Products()[0]}))
	step := max(len(whole)/1500, 1)
	for i := 0; i < len(whole); i += step {
		require.ErrorIs(t, index.Load(bytes.NewReader(whole[:i])), rag.ErrSnapshot, "cut at %d", i)
		changed := bytes.Clone(whole)
		changed[i] ^= 0x15
		require.ErrorIs(t, index.Load(bytes.NewReader(changed)), rag.ErrSnapshot, "changed at %d", i)
	}
	require.ErrorIs(t, index.Load(bytes.NewReader(append(bytes.Clone(whole), 0))), rag.ErrSnapshot)
	stats, err := index.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, stats.Documents, "the index is as it was")
	small, err := rag.NewMemory(&rag.MemoryOptions{MaxDocuments: 2})
	require.NoError(t, err)
	require.ErrorIs(t, small.Load(bytes.NewReader(whole)), rag.ErrFull)
}

// FuzzSnapshot loads what has a right checksum and nothing else that is right.
func FuzzSnapshot(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, stocked(f).Save(&b))
	f.Add(b.Bytes()[:b.Len()-sha256.Size])
	empty, err := rag.NewMemory(nil)
	require.NoError(f, err)
	b.Reset()
	require.NoError(f, empty.Save(&b))
	f.Add(b.Bytes()[:b.Len()-sha256.Size])
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := sha256.Sum256(data)
		index, err := rag.NewMemory(&rag.MemoryOptions{MaxDocuments: 1000})
		require.NoError(t, err)
		if err := index.Load(bytes.NewReader(append(bytes.Clone(data), sum[:]...))); err != nil {
			require.ErrorIs(t, err, rag.ErrSnapshot)
			return
		}
		// What was accepted can be searched, changed and saved.
		_, err = index.Search(t.Context(), rag.Query{Text: "shoes oil gid://shopify/Product/1", Explain: true, Filter: rag.Filter{InStock: &rag.Stock{}}})
		require.NoError(t, err)
		for _, d := range ragtest.Products() {
			require.NoError(t, index.Apply(t.Context(), rag.Put{Document: d}, rag.Delete{ID: d.ID}))
		}
		var out bytes.Buffer
		require.NoError(t, index.Save(&out))
		require.NoError(t, index.Load(&out))
	})
}

// BenchmarkLoad saves and loads 100,000 products with 384 dimensions.
func BenchmarkLoad(b *testing.B) {
	index := fill(b, ragtest.Catalog{Products: 100_000, Dimensions: 384})
	path := filepath.Join(b.TempDir(), "index.rag")
	begin := time.Now()
	require.NoError(b, index.SaveFile(path))
	saved := time.Since(begin)
	info, err := os.Stat(path)
	require.NoError(b, err)
	for b.Loop() {
		again, err := rag.NewMemory(nil)
		require.NoError(b, err)
		require.NoError(b, again.LoadFile(path))
	}
	b.ReportMetric(saved.Seconds(), "save-s")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "load-s")
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	b.ReportMetric(0, "ns/op")
}
