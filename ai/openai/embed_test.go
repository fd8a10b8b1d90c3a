package openai_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/openai"
)

func ExampleNewEmbedder() {
	server := aitest.NewOpenAIServer(nil, aitest.Reply{Vectors: [][]float32{{0.6, 0.8}, {1, 0}}})
	defer server.Close()

	embedder, err := openai.NewEmbedder("sk-example", "text-embedding-3-small", &openai.Options{BaseURL: server.BaseURL()})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := ai.EmbedAll(context.Background(), embedder, &ai.EmbedRequest{
		Texts: []string{"Harbor scarf, wool", "Cap, cotton"}, Purpose: ai.EmbedDocument,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Vectors)
	// Output: [[0.6 0.8] [1 0]]
}

func TestEmbed(t *testing.T) {
	literal := func(body string) aitest.Reply {
		return aitest.Reply{Wire: aitest.Wire{Status: http.StatusOK, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}}
	}
	server := aitest.NewOpenAIServer(
		t, literal(`{"model":"m","data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}],"usage":{"prompt_tokens":7}}`),
		literal(`{"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[0,1]}]}`),
		literal(`{"data":[{"index":0,"embedding":[1,0]},{"index":-1,"embedding":[0,1]}]}`),
		literal(`{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0]}]}`),
		literal(`{"data":[{"index":0,"embedding":[1,0]}]}`), literal(`null`), literal(`{"data":"`+testKey+`"}`),
		aitest.Reply{Wire: aitest.Wire{Status: http.StatusTooManyRequests, Code: "insufficient_quota"}},
	)
	embedder, err := openai.NewEmbedder(testKey, "embed-test", &openai.Options{BaseURL: server.BaseURL()})
	require.NoError(t, err)
	assert.Equal(t, ai.EmbedderInfo{Provider: "openai", Model: "embed-test", MaxTexts: 2048}, embedder.Info())
	req := &ai.EmbedRequest{Texts: []string{"a", "b"}, Dimensions: 2}
	resp, err := embedder.Embed(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, [][]float32{{1, 0}, {0, 1}}, resp.Vectors, "in the order of the texts")
	assert.Equal(t, ai.Usage{InputTokens: 7}, resp.Usage)
	assert.JSONEq(t, `{"model":"embed-test","input":["a","b"],"dimensions":2,"encoding_format":"float"}`, string(server.Requests()[0].Body))
	for range 6 {
		resp, err := embedder.Embed(t.Context(), req)
		require.ErrorIs(t, err, ai.ErrMalformedReply)
		assert.Nil(t, resp)
		assert.NotContains(t, err.Error(), testKey)
	}
	_, err = embedder.Embed(t.Context(), req)
	require.ErrorIs(t, err, ai.ErrQuota)
	_, err = embedder.Embed(t.Context(), &ai.EmbedRequest{Texts: []string{""}})
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = openai.NewEmbedder(testKey, "", nil)
	require.Error(t, err)
}

// Azure's own header and query parameter come from the SDK's options.
func TestOptionsOfTheSDK(t *testing.T) {
	server := aitest.NewOpenAIServer(t, aitest.Text("hi"))
	model, err := openai.New(testKey, "deployment", &openai.Options{
		BaseURL: server.BaseURL(),
		SDK:     []option.RequestOption{option.WithHeader("Api-Key", "azure-key"), option.WithMaxRetries(5)},
	})
	require.NoError(t, err)
	_, err = model.Generate(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, "azure-key", server.Requests()[0].Header.Get("Api-Key"))
}
