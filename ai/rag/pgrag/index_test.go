package pgrag_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/pgrag"
	"github.com/posai-go/posai/ai/rag/ragtest"
	"github.com/posai-go/posai/internal/testpg"
)

func open(t testing.TB, url string, opts *pgrag.Options) *pgrag.Index {
	t.Helper()
	index, err := pgrag.Open(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, index.Close()) })
	return index
}

func TestIndex(t *testing.T) {
	ragtest.TestIndex(t, func(t *testing.T, c ragtest.Config) rag.Index {
		return open(t, testpg.URL(t), &pgrag.Options{Embedder: c.Embedder, Language: c.Language, NoExtension: true})
	})
}

// standIn is a type vector with the cast and the operator that pgvector gives, for servers
// that do not have it: the statements of that path run on PostgreSQL all the same.
const standIn = `
CREATE TYPE vector AS (v real[]);
CREATE FUNCTION vector(real[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ROW($1)::vector';
CREATE CAST (real[] AS vector) WITH FUNCTION vector(real[]);
CREATE FUNCTION cosine_distance(a vector, b vector) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT 1 - sum(x::float8 * y) / sqrt(sum(x::float8 * x) * sum(y::float8 * y)) FROM unnest((a).v, (b).v) AS u (x, y)';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance);`

// TestExtension runs the suite where the server computes distances: by pgvector if it
// can be had, else by a stand-in.
func TestExtension(t *testing.T) {
	ragtest.TestIndex(t, func(t *testing.T, c ragtest.Config) rag.Index {
		url := testpg.URL(t)
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		if _, err := conn.Exec(t.Context(), `CREATE EXTENSION vector`); err != nil {
			_, err := conn.Exec(t.Context(), standIn)
			require.NoError(t, err)
		}
		index := open(t, url, &pgrag.Options{Embedder: c.Embedder, Language: c.Language})
		assert.True(t, index.Extension())
		return index
	})
}

// TestSameAsMemory searches one catalog in both indexes: the same hits, in the same
// order, for the same reasons.
func TestSameAsMemory(t *testing.T) {
	catalog := ragtest.Catalog{Products: 300, Seed: 9}
	e := &ragtest.Embedder{Dimensions: 64}
	memory, err := rag.NewMemory(&rag.MemoryOptions{Embedder: e})
	require.NoError(t, err)
	index := open(t, testpg.URL(t), &pgrag.Options{Embedder: e})
	var changes []rag.Change
	for d := range catalog.Documents() {
		changes = append(changes, rag.Put{Document: d})
	}
	for _, d := range ragtest.Products() {
		changes = append(changes, rag.Put{Document: d})
	}
	changes = append(changes, rag.Delete{ID: "gid://shopify/Product/7000000001"})
	for _, x := range []rag.Index{memory, index} {
		require.NoError(t, x.Apply(t.Context(), changes...))
		_, err := x.Embed(t.Context())
		require.NoError(t, err)
	}
	texts := []string{"shoes waterproof", "runnin shoos", "écharpe laine", "olive oil 500ml", "TRS-42-BLU", "水筒", "gift " + ragtest.Word(1000)}
	for _, q := range catalog.Queries(40) {
		texts = append(texts, q.Text)
	}
	rnd := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a test
	for _, text := range texts {
		q := rag.Query{Text: text, Explain: true, K: 5}
		if rnd.IntN(2) == 0 {
			q.Filter = rag.Filter{InStock: &rag.Stock{Locations: []string{ragtest.Location(1)}}}
		}
		want, err := memory.Search(t.Context(), q)
		require.NoError(t, err)
		got, err := index.Search(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, got.Hits, len(want.Hits), text)
		for i := range want.Hits {
			w, g := want.Hits[i], got.Hits[i]
			assert.Equal(t, w.Document, g.Document, text)
			assert.Equal(t, w.Variants, g.Variants, text)
			// Cosines that differ by less than what either keeps, such as several of
			// zero, may be ranked in another order, which moves a score by a rank.
			assert.InDelta(t, w.Score, g.Score, 0.01, text)
			assert.InDelta(t, w.Why.LexicalScore, g.Why.LexicalScore, 1e-9, text)
			assert.InDelta(t, w.Why.Cosine, g.Why.Cosine, 1e-5, text)
			assert.Len(t, g.Why.Terms, len(w.Why.Terms), text)
		}
	}
}

// TestTwoProcesses opens the index twice: what one has written, the other finds, also
// after both are gone.
func TestTwoProcesses(t *testing.T) {
	url := testpg.URL(t)
	a, b := open(t, url, nil), open(t, url, nil)
	docs := ragtest.Products()
	done := make(chan error, 2)
	for i, x := range []*pgrag.Index{a, b} {
		go func() {
			var err error
			for j := range docs {
				d := docs[j]
				d.UpdatedAt = d.UpdatedAt.Add(time.Duration(i) * time.Second)
				if err == nil {
					err = x.Apply(t.Context(), rag.Put{Document: d})
				}
			}
			done <- err
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	c := open(t, url, nil)
	stats, err := c.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(docs), stats.Documents)
	res, err := c.Search(t.Context(), rag.Query{Text: "shoes"})
	require.NoError(t, err)
	require.NotEmpty(t, res.Hits)
	assert.Equal(t, docs[0].UpdatedAt.Add(time.Second), res.Hits[0].Document.UpdatedAt)
}

func TestOpenRefuses(t *testing.T) {
	_, err := pgrag.Open(t.Context(), "sqlite:"+t.TempDir()+"/x.db", nil)
	require.ErrorContains(t, err, "not PostgreSQL")
	_, err = pgrag.Open(t.Context(), "mysql://user:hunter2@example.com/db", nil)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}
