package openai_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/openai"
)

const testKey = "sk-test-0123456789"

// newModel returns a model whose server gives the replies in order.
func newModel(t testing.TB, api openai.API, replies ...aitest.Reply) (*openai.Model, *aitest.Server) {
	t.Helper()
	server := aitest.NewOpenAIServer(t, replies...)
	model, err := openai.New(testKey, "gpt-test", &openai.Options{
		BaseURL: server.BaseURL(), HTTPClient: server.Client(), API: api,
	})
	require.NoError(t, err)
	return model, server
}

func TestConformance(t *testing.T) {
	t.Run("chat", func(t *testing.T) {
		aitest.TestModel(t, aitest.Suite{
			Wire: true,
			New: func(t *testing.T, replies ...aitest.Reply) ai.Model {
				model, _ := newModel(t, openai.Chat, replies...)
				return model
			},
		})
	})
	t.Run("responses", func(t *testing.T) {
		aitest.TestModel(t, aitest.Suite{
			Wire: true,
			Skip: map[string]string{
				"no terminator": "the last event carries the stop reason: without it the reply is not whole",
			},
			New: func(t *testing.T, replies ...aitest.Reply) ai.Model {
				model, _ := newModel(t, openai.Responses, replies...)
				return model
			},
		})
	})
}
