package anthropic_test

import (
	"testing"

	"github.com/posai-go/posai/ai/anthropic"
	"github.com/posai-go/posai/internal/secrettest"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const key = "sk-0123456789abcdef"
	m, err := anthropic.New(key, "model", nil)
	require.NoError(t, err)
	secrettest.Check(t, key, m)
}
