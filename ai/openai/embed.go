package openai

import (
	"context"

	sdk "github.com/openai/openai-go/v3"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// maxTexts is the largest number of texts of one request.
// https://platform.openai.com/docs/api-reference/embeddings/create
const maxTexts = 2048

// An Embedder embeds texts with a model behind OpenAI's API or a compatible
// server. It is safe for concurrent use.
type Embedder struct {
	info       ai.EmbedderInfo
	guard      *adapter.Guard
	embeddings sdk.EmbeddingService
}

var _ ai.Embedder = (*Embedder)(nil)

// NewEmbedder returns the embedder of that model, such as
// "text-embedding-3-small". It does no I/O. Of the options, those about models
// that speak have no effect.
func NewEmbedder(apiKey, model string, opts *Options) (*Embedder, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	guard, sdkOptions, err := connection(apiKey, model, &o)
	if err != nil {
		return nil, err
	}
	return &Embedder{
		info:  ai.EmbedderInfo{Provider: provider, Model: model, MaxTexts: maxTexts},
		guard: guard, embeddings: sdk.NewEmbeddingService(sdkOptions...),
	}, nil
}

// Info implements [ai.Embedder].
func (e *Embedder) Info() ai.EmbedderInfo { return e.info }

// Embed implements [ai.Embedder]. The purpose has no effect on OpenAI's models.
func (e *Embedder) Embed(ctx context.Context, req *ai.EmbedRequest) (*ai.EmbedResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	params := sdk.EmbeddingNewParams{
		Model:          e.info.Model,
		Input:          sdk.EmbeddingNewParamsInputUnion{OfArrayOfStrings: req.Texts},
		EncodingFormat: sdk.EmbeddingNewParamsEncodingFormatFloat,
	}
	if req.Dimensions > 0 {
		params.Dimensions = sdk.Int(int64(req.Dimensions))
	}
	result, err := e.embeddings.New(ctx, params)
	if err != nil {
		return nil, e.guard.Failure(ctx, err)
	}
	if result == nil || len(result.Data) != len(req.Texts) {
		return nil, e.guard.Malformed("not one vector for each text")
	}
	resp := &ai.EmbedResponse{Model: adapter.First(result.Model, e.info.Model), Vectors: make([][]float32, len(req.Texts))}
	for _, d := range result.Data { // in any order
		if d.Index < 0 || d.Index >= int64(len(req.Texts)) || resp.Vectors[d.Index] != nil {
			return nil, e.guard.Malformed("the vectors are not numbered as the texts")
		}
		vector := make([]float32, len(d.Embedding))
		for i, x := range d.Embedding {
			vector[i] = float32(x)
		}
		resp.Vectors[d.Index] = vector
	}
	resp.Usage = ai.NewUsage(result.Usage.PromptTokens, 0, 0, 0, 0)
	resp.Usage.Missing = !result.Usage.JSON.PromptTokens.Valid()
	if err := resp.Check(provider, req); err != nil {
		return nil, err
	}
	return resp, nil
}
