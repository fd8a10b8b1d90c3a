package anthropic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/anthropic"
)

const testKey = "sk-ant-test-0123456789"

// newModel returns a model whose server gives the replies in order.
func newModel(t testing.TB, replies ...aitest.Reply) (*anthropic.Model, *aitest.Server) {
	t.Helper()
	server := aitest.NewAnthropicServer(t, replies...)
	model, err := anthropic.New(testKey, "claude-test", &anthropic.Options{BaseURL: server.BaseURL(), HTTPClient: server.Client()})
	require.NoError(t, err)
	return model, server
}

func TestConformance(t *testing.T) {
	aitest.TestModel(t, aitest.Suite{
		Wire: true,
		Skip: map[string]string{
			"tool call with invalid arguments": "a whole reply has the arguments as an object",
			"content filter":                   "the API knows refusals alone",
		},
		New: func(t *testing.T, replies ...aitest.Reply) ai.Model {
			model, _ := newModel(t, replies...)
			return model
		},
	})
}
