package gemini_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/gemini"
)

const testKey = "AIza-test-0123456789"

// newModel returns a model whose server gives the replies in order.
func newModel(t testing.TB, replies ...aitest.Reply) (*gemini.Model, *aitest.Server) {
	t.Helper()
	server := aitest.NewGeminiServer(t, replies...)
	model, err := gemini.New(testKey, "gemini-test", &gemini.Options{BaseURL: server.BaseURL(), HTTPClient: server.Client()})
	require.NoError(t, err)
	return model, server
}

func TestConformance(t *testing.T) {
	const object = "arguments are an object"
	const refusals = "Gemini has safety filters, but no refusals"
	aitest.TestModel(t, aitest.Suite{
		Wire:          true,
		NoCacheWrites: true,
		Skip: map[string]string{
			"tool call with invalid arguments":          object,
			"streamed tool call with invalid arguments": object,
			"refusal":         refusals,
			"extract refused": refusals,
		},
		New: func(t *testing.T, replies ...aitest.Reply) ai.Model {
			model, _ := newModel(t, replies...)
			return model
		},
	})
}
