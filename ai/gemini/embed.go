package gemini

import (
	"context"
	"encoding/json"

	"google.golang.org/genai"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// The largest number of texts of one request.
const (
	maxTexts       = 100 // https://ai.google.dev/api/embeddings
	maxTextsVertex = 1   // of the current models; older ones take more
)

// An Embedder embeds texts with a Gemini model. It is safe for concurrent use.
type Embedder struct {
	info   ai.EmbedderInfo
	guard  *adapter.Guard
	models *genai.Models
}

var _ ai.Embedder = (*Embedder)(nil)

// NewEmbedder returns the embedder of that model, such as "gemini-embedding-001".
// It does no I/O. The key is empty for Vertex AI.
func NewEmbedder(apiKey, model string, opts *Options) (*Embedder, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	models, guard, err := newModels(apiKey, model, o)
	if err != nil {
		return nil, err
	}
	info := ai.EmbedderInfo{Provider: provider, Model: model, MaxTexts: maxTexts}
	if o.Vertex != nil {
		info.MaxTexts = maxTextsVertex
	}
	return &Embedder{info: info, guard: guard, models: models}, nil
}

// Info implements [ai.Embedder].
func (e *Embedder) Info() ai.EmbedderInfo { return e.info }

// Embed implements [ai.Embedder]. The Gemini API does not always count the
// tokens: the usage is marked as missing then.
func (e *Embedder) Embed(ctx context.Context, req *ai.EmbedRequest) (*ai.EmbedResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	contents := make([]*genai.Content, len(req.Texts))
	for i, text := range req.Texts {
		contents[i] = genai.NewContentFromText(text, genai.RoleUser)
	}
	config := &genai.EmbedContentConfig{}
	switch req.Purpose {
	case ai.EmbedDocument:
		config.TaskType = "RETRIEVAL_DOCUMENT"
	case ai.EmbedQuery:
		config.TaskType = "RETRIEVAL_QUERY"
	}
	if req.Dimensions > 0 {
		config.OutputDimensionality = new(int32(min(req.Dimensions, 1<<20)))
	}
	taps := &tap{}
	if _, err := e.models.EmbedContent(taps.in(ctx), e.info.Model, contents, config); err != nil {
		return nil, e.guard.Failure(ctx, err)
	}
	raw, _ := taps.next()
	var w wireEmbeddings
	if json.Unmarshal(raw, &w) != nil {
		return nil, e.guard.Malformed("not in the form of the API")
	}
	resp := w.response(e.info.Model)
	if err := resp.Check(provider, req); err != nil {
		return nil, err
	}
	return resp, nil
}

// wireEmbeddings is the answer of any of the three methods that embed: of the
// Gemini API, of Vertex AI's current models, and of its older ones.
// https://ai.google.dev/api/embeddings
// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
type wireEmbeddings struct {
	Embeddings  []wireEmbedding
	Embedding   *wireEmbedding
	Predictions []struct {
		Embeddings struct {
			wireEmbedding
			Statistics struct {
				TokenCount float64 `json:"token_count"`
			}
		}
	}
	UsageMetadata *struct{ PromptTokenCount int64 }
}

type wireEmbedding struct{ Values []float32 }

func (w *wireEmbeddings) response(model string) *ai.EmbedResponse {
	resp := &ai.EmbedResponse{Model: model, Usage: ai.Usage{Missing: true}}
	for _, v := range w.Embeddings {
		resp.Vectors = append(resp.Vectors, v.Values)
	}
	if w.Embedding != nil {
		resp.Vectors = append(resp.Vectors, w.Embedding.Values)
	}
	var tokens int64
	counted := len(w.Predictions) > 0
	for _, p := range w.Predictions {
		resp.Vectors = append(resp.Vectors, p.Embeddings.Values)
		n := p.Embeddings.Statistics.TokenCount
		counted = counted && n > 0 && n < 1<<40
		tokens += int64(min(n, 1<<40))
	}
	switch {
	case w.UsageMetadata != nil:
		resp.Usage = ai.NewUsage(w.UsageMetadata.PromptTokenCount, 0, 0, 0, 0)
	case counted:
		resp.Usage = ai.NewUsage(tokens, 0, 0, 0, 0)
	}
	return resp
}
