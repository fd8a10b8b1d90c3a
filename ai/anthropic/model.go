package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// provider is the name in [ai.Info] and in errors.
const provider = "anthropic"

const (
	defaultBaseURL   = "https://api.anthropic.com/"
	defaultMaxTokens = 8192

	// The SDK refuses a long reply that is not streamed unless it is given a
	// timeout. The limit of a call is its context; this is none.
	noTimeout = 365 * 24 * time.Hour
)

// Options are the options of [New]. The zero value is the default.
type Options struct {
	// BaseURL of the server, without the version. If empty,
	// "https://api.anthropic.com/", or what SDK says.
	BaseURL string

	// HTTPClient makes the requests. If nil, [http.DefaultClient].
	HTTPClient *http.Client

	// MaxTokens is the limit of output tokens of a request that sets none; the
	// API wants one. If zero, 8192.
	MaxTokens int

	// ThinkingBudgets turns [ai.Request.Effort] into a number of tokens for
	// thinking, at least 1024 and below the limit of output tokens, for models
	// older than Claude 4.6. If nil, effort is sent as such, with adaptive
	// thinking.
	ThinkingBudgets map[ai.Effort]int

	// Capabilities of the model. If nil, all.
	Capabilities *ai.Capabilities

	// MaxResponseBytes is the largest reply, a whole stream included, that is
	// read. If zero, 32 MiB.
	MaxResponseBytes int64

	// SDK are options of the SDK, applied after those of this package: such as
	// bedrock.WithConfig, vertex.WithCredentials, or a header.
	SDK []option.RequestOption
}

// A Model is a model behind the Messages API. It is safe for concurrent use.
type Model struct {
	info      ai.Info
	guard     *adapter.Guard
	maxTokens int
	budgets   map[ai.Effort]int
	messages  sdk.MessageService
}

var _ ai.Model = (*Model)(nil)

// New returns the model of that name. It does no I/O: a wrong key shows with the
// first call, as [ai.ErrAuth]. The key may be empty when Options.SDK brings other
// credentials.
func New(apiKey, model string, opts *Options) (*Model, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if model == "" {
		return nil, errors.New("anthropic: model name is empty")
	}
	if problem := adapter.CheckKey(apiKey); problem != "" {
		return nil, errors.New("anthropic: " + problem)
	}
	if o.BaseURL != "" {
		if problem := adapter.CheckBaseURL(o.BaseURL); problem != "" {
			return nil, errors.New("anthropic: " + problem)
		}
	}
	if o.MaxTokens < 0 {
		return nil, errors.New("anthropic: negative MaxTokens")
	}
	for _, tokens := range o.ThinkingBudgets {
		if tokens < 1024 {
			return nil, errors.New("anthropic: a thinking budget is at least 1024 tokens")
		}
	}
	if o.MaxTokens == 0 {
		o.MaxTokens = defaultMaxTokens
	}
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	if o.MaxResponseBytes <= 0 {
		o.MaxResponseBytes = adapter.DefaultMaxResponseBytes
	}
	if o.Capabilities == nil {
		o.Capabilities = &ai.Capabilities{StructuredOutput: true, Tools: true}
	}
	m := &Model{
		info:      ai.Info{Provider: provider, Model: model, Capabilities: *o.Capabilities},
		maxTokens: o.MaxTokens,
		budgets:   o.ThinkingBudgets,
		guard: &adapter.Guard{
			Provider: provider, Secret: adapter.Hide(apiKey), MaxResponseBytes: o.MaxResponseBytes,
			RequestID: []string{"Request-Id", "X-Amzn-Requestid", "X-Request-Id"}, Describe: describe,
		},
	}
	// The service is made directly, since sdk.NewClient reads the environment.
	sdkOptions := []option.RequestOption{
		option.WithoutOpenTelemetry(),
		option.WithBaseURL(defaultBaseURL),
		option.WithHTTPClient(o.HTTPClient),
		option.WithRequestTimeout(noTimeout),
		// Before the options of the clouds: it sees the Messages API of either.
		option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
			return m.guard.Check(next(req))
		}),
	}
	if apiKey != "" {
		sdkOptions = append(sdkOptions, option.WithAPIKey(apiKey))
	}
	sdkOptions = append(sdkOptions, o.SDK...)
	if o.BaseURL != "" {
		sdkOptions = append(sdkOptions, option.WithBaseURL(o.BaseURL))
	}
	sdkOptions = append(sdkOptions, option.WithMaxRetries(0))
	m.messages = sdk.NewMessageService(sdkOptions...)
	return m, nil
}

// Info implements [ai.Model].
func (m *Model) Info() ai.Info { return m.info }

// Generate implements [ai.Model].
func (m *Model) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	params, notes, err := m.params(req)
	if err != nil {
		return nil, err
	}
	message, err := m.messages.New(ctx, params)
	if err != nil {
		return nil, m.failure(ctx, err)
	}
	if message == nil || !message.JSON.Content.Valid() {
		return nil, m.guard.Malformed("no content")
	}
	resp, err := m.whole(message, notes)
	if err != nil {
		return nil, err
	}
	resp.Raw = json.RawMessage(message.RawJSON())
	return resp, nil
}

// Stream implements [ai.Model].
func (m *Model) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		params, notes, err := m.params(req)
		if err != nil {
			yield(nil, err)
			return
		}
		m.stream(ctx, params, notes, yield)
	}
}
