package rag_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

func newMemory(t *testing.T, c ragtest.Config) *rag.Memory {
	t.Helper()
	index, err := rag.NewMemory(&rag.MemoryOptions{Embedder: c.Embedder, Language: c.Language})
	require.NoError(t, err)
	return index
}

func TestMemory(t *testing.T) {
	ragtest.TestIndex(t, func(t *testing.T, c ragtest.Config) rag.Index { return newMemory(t, c) })
}
