package gemini_test

import (
	"testing"

	"github.com/posai-go/posai/ai/gemini"
	"github.com/posai-go/posai/internal/secrettest"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const key = "sk-0123456789abcdef"
	m, err := gemini.New(key, "model", nil)
	require.NoError(t, err)
	e, err := gemini.NewEmbedder(key, "embedding", nil)
	require.NoError(t, err)
	secrettest.Check(t, key, m, e)
}
