package open_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/open"
)

func ExampleModel() {
	server := aitest.NewAnthropicServer(nil, aitest.Text("Good day!"))
	defer server.Close()

	model, err := open.Model("anthropic:claude-haiku-4-5", "sk-example", &open.Options{BaseURL: server.BaseURL()})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := model.Generate(context.Background(), &ai.Request{Messages: []ai.Message{ai.User("Greet the customer.")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text())
	// Output: Good day!
}

func TestModel(t *testing.T) {
	for name, server := range map[string]*aitest.Server{
		"openai:ft:gpt-5:shop": aitest.NewOpenAIServer(t, aitest.Text("hi")),
		"openai-responses:m":   aitest.NewOpenAIServer(t, aitest.Text("hi")),
		"anthropic:m":          aitest.NewAnthropicServer(t, aitest.Text("hi")),
		"gemini:m":             aitest.NewGeminiServer(t, aitest.Text("hi")),
	} {
		model, err := open.Model(name, "sk-example", &open.Options{BaseURL: server.BaseURL(), HTTPClient: server.Client()})
		require.NoError(t, err, name)
		resp, err := model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("Hi")}})
		require.NoError(t, err, name)
		assert.Equal(t, "hi", resp.Text())
		assert.NotEmpty(t, open.KeyVariable(name))
	}
	for _, name := range []string{"", "gpt-5", "openai:", ":m", "other:m", "OpenAI:m"} {
		model, err := open.Model(name, "sk-example", nil)
		require.Error(t, err, name)
		assert.Nil(t, model)
		_, err = open.Embedder(name, "sk-example", nil)
		require.Error(t, err, name)
		assert.Empty(t, open.KeyVariable(name))
	}
	model, err := open.Model("gemini:m", "", nil)
	require.Error(t, err)
	assert.Nil(t, model, "not a nil pointer in an interface")
}

func TestEmbedder(t *testing.T) {
	reply := aitest.Reply{Vectors: [][]float32{{1, 0}}}
	for name, server := range map[string]*aitest.Server{
		"openai:m": aitest.NewOpenAIServer(t, reply), "gemini:m": aitest.NewGeminiServer(t, reply),
	} {
		embedder, err := open.Embedder(name, "sk-example", &open.Options{BaseURL: server.BaseURL()})
		require.NoError(t, err)
		resp, err := embedder.Embed(t.Context(), &ai.EmbedRequest{Texts: []string{"scarf"}})
		require.NoError(t, err)
		assert.Equal(t, reply.Vectors, resp.Vectors)
	}
	_, err := open.Embedder("anthropic:m", "sk-example", nil)
	require.Error(t, err)
}
