package gemini

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/genai"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// provider is the name in [ai.Info] and in errors.
const provider = "gemini"

const defaultBaseURL = "https://generativelanguage.googleapis.com/"

// Options are the options of [New] and [NewEmbedder]. The zero value is the
// default.
type Options struct {
	// Vertex uses Vertex AI instead of the Gemini API.
	Vertex *Vertex

	// BaseURL of the server, without the version. If empty,
	// "https://generativelanguage.googleapis.com/", or Vertex AI's for the
	// location.
	BaseURL string

	// HTTPClient makes the requests. If nil, [http.DefaultClient].
	HTTPClient *http.Client

	// ThinkingBudgets turns [ai.Request.Effort] into a number of tokens for
	// thinking, for models older than Gemini 3. If nil, effort is sent as a
	// thinking level.
	ThinkingBudgets map[ai.Effort]int

	// Capabilities of the model. If nil, all.
	Capabilities *ai.Capabilities

	// MaxResponseBytes is the largest reply, a whole stream included, that is
	// read. If zero, 32 MiB.
	MaxResponseBytes int64
}

// Vertex is where and as whom to use Vertex AI.
// https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
type Vertex struct {
	// Project and Location, such as "my-project" and "europe-west1". Required.
	Project, Location string

	// Credentials for the scope https://www.googleapis.com/auth/cloud-platform,
	// such as credentials.DetectDefault returns. If nil, Options.HTTPClient must
	// authorize the requests.
	Credentials *auth.Credentials
}

// A Model is a Gemini model. It is safe for concurrent use.
type Model struct {
	info    ai.Info
	guard   *adapter.Guard
	budgets map[ai.Effort]int
	models  *genai.Models
}

var _ ai.Model = (*Model)(nil)

// New returns the model of that name. It does no I/O: a wrong key shows with the
// first call, as [ai.ErrAuth]. The key is empty for Vertex AI.
func New(apiKey, model string, opts *Options) (*Model, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	models, guard, err := newModels(apiKey, model, o)
	if err != nil {
		return nil, err
	}
	if o.Capabilities == nil {
		o.Capabilities = &ai.Capabilities{StructuredOutput: true, Tools: true}
	}
	for _, tokens := range o.ThinkingBudgets {
		if tokens < 0 || tokens > 1<<20 {
			return nil, errors.New("gemini: a thinking budget outside 0 to 1048576 tokens")
		}
	}
	return &Model{
		info:  ai.Info{Provider: provider, Model: model, Capabilities: *o.Capabilities},
		guard: guard, budgets: o.ThinkingBudgets, models: models,
	}, nil
}

// newModels returns the SDK's service.
func newModels(apiKey, model string, o Options) (*genai.Models, *adapter.Guard, error) {
	if model == "" || strings.ContainsAny(model, "?&#") || strings.Contains(model, "..") {
		return nil, nil, errors.New("gemini: model name is empty or invalid")
	}
	if problem := adapter.CheckKey(apiKey); problem != "" {
		return nil, nil, errors.New("gemini: " + problem)
	}
	config := &genai.ClientConfig{APIKey: apiKey, Backend: genai.BackendGeminiAPI}
	config.HTTPOptions.BaseURL = defaultBaseURL
	if v := o.Vertex; v != nil {
		switch {
		case apiKey != "":
			return nil, nil, errors.New("gemini: Vertex AI takes credentials, not an API key")
		case v.Project == "" || v.Location == "" || strings.ContainsAny(v.Project+v.Location, "/?#:@ "):
			return nil, nil, errors.New("gemini: Vertex.Project or Vertex.Location is empty or invalid")
		case v.Credentials == nil && o.HTTPClient == nil:
			return nil, nil, errors.New("gemini: Vertex.Credentials or an HTTPClient that authorizes is required")
		}
		config.Backend, config.Project, config.Location = genai.BackendVertexAI, v.Project, v.Location
		config.HTTPOptions.BaseURL = vertexURL(v.Location)
	} else if apiKey == "" {
		return nil, nil, errors.New("gemini: API key is empty")
	}
	if o.BaseURL != "" {
		config.HTTPOptions.BaseURL = o.BaseURL
	}
	if problem := adapter.CheckBaseURL(config.HTTPOptions.BaseURL); problem != "" {
		return nil, nil, errors.New("gemini: " + problem)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	if o.MaxResponseBytes <= 0 {
		o.MaxResponseBytes = adapter.DefaultMaxResponseBytes
	}
	guard := &adapter.Guard{
		Provider: provider, Secret: adapter.Hide(apiKey), MaxResponseBytes: o.MaxResponseBytes,
		RequestID: []string{"X-Request-Id"}, Describe: describe, // a gateway's; Google sends none
	}
	client := *o.HTTPClient
	if o.Vertex != nil && o.Vertex.Credentials != nil {
		if err := httptransport.AddAuthorizationMiddleware(&client, o.Vertex.Credentials); err != nil {
			return nil, nil, errors.New("gemini: the credentials cannot be used")
		}
	}
	client.Transport = &tapTransport{guard: guard, next: client.Transport}
	config.HTTPClient = &client
	service, err := genai.NewClient(context.Background(), config)
	if err != nil {
		// The SDK's text holds the whole configuration.
		return nil, nil, errors.New("gemini: the SDK does not take the options")
	}
	return service.Models, guard, nil
}

func vertexURL(location string) string {
	switch location {
	case "global":
		return "https://aiplatform.googleapis.com/"
	case "us", "eu":
		return "https://aiplatform." + location + ".rep.googleapis.com/"
	}
	return "https://" + location + "-aiplatform.googleapis.com/"
}

// Info implements [ai.Model].
func (m *Model) Info() ai.Info { return m.info }

// Generate implements [ai.Model].
func (m *Model) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	config, notes, err := m.config(req)
	if err != nil {
		return nil, err
	}
	taps := &tap{}
	_, err = m.models.GenerateContent(taps.in(ctx), m.info.Model, placeholder, config)
	raw, came := taps.next()
	if err != nil {
		return nil, m.guard.Failure(ctx, err)
	}
	if !came {
		return nil, m.guard.Malformed("no reply")
	}
	r := newReader(m, nil)
	if _, err := r.read(raw); err != nil {
		return nil, err
	}
	if !r.complete() {
		return nil, m.guard.Malformed("no candidates")
	}
	resp := r.Response(m.info.Model, notes)
	resp.Raw = json.RawMessage(raw)
	return resp, nil
}

// Stream implements [ai.Model].
func (m *Model) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		config, notes, err := m.config(req)
		if err != nil {
			yield(nil, err)
			return
		}
		taps := &tap{}
		r := newReader(m, yield)
		for _, err := range m.models.GenerateContentStream(taps.in(ctx), m.info.Model, placeholder, config) {
			raw, _ := taps.next()
			if err != nil {
				r.out.Fail(m.guard.Failure(ctx, err))
				return
			}
			listening, err := r.read(raw)
			if err != nil {
				r.out.Fail(err)
				return
			}
			if !listening {
				return
			}
		}
		switch {
		case ctx.Err() != nil:
			r.out.Fail(ai.ContextError(provider, ctx.Err()))
		case taps.err != nil:
			r.out.Fail(m.guard.Failure(ctx, taps.err))
		case r.Stop == "":
			r.out.Fail(m.guard.EndedEarly())
		default:
			yield(ai.Done{Response: r.Response(m.info.Model, notes)}, nil)
		}
	}
}
