package pgrag_test

import (
	"testing"

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
		return open(t, testpg.URL(t), &pgrag.Options{Embedder: c.Embedder, Language: c.Language})
	})
}
