package openai

import (
	"context"
	"errors"
	"iter"
	"net/http"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// provider is the name in [ai.Info] and in errors.
const provider = "openai"

const (
	defaultBaseURL = "https://api.openai.com/v1"
)

// An API is one of OpenAI's two interfaces to its models.
type API string

// The interfaces.
const (
	// Chat is Chat Completions, which compatible servers speak too.
	// https://platform.openai.com/docs/api-reference/chat
	Chat API = "chat"

	// Responses is the newer interface.
	// https://platform.openai.com/docs/api-reference/responses
	Responses API = "responses"
)

// Options are the options of [New]. The zero value is the default.
type Options struct {
	// BaseURL of the server, with the version, such as
	// "http://127.0.0.1:11434/v1". If empty, "https://api.openai.com/v1".
	BaseURL string

	// HTTPClient makes the requests. If nil, [http.DefaultClient].
	HTTPClient *http.Client

	// API to use. If empty, Chat.
	API API

	// Organization and Project to bill, when the key belongs to several. Optional.
	Organization, Project string

	// Capabilities of the model, for a server that lacks some. If nil, all, which
	// holds for OpenAI's own models.
	Capabilities *ai.Capabilities

	// LegacyMaxTokens sends the limit of output tokens as max_tokens, for
	// compatible servers that do not know its successor max_completion_tokens.
	// For Chat alone.
	LegacyMaxTokens bool

	// MaxResponseBytes is the largest reply, a whole stream included, that is
	// read. If zero, 32 MiB.
	MaxResponseBytes int64

	// SDK are options of the SDK, applied after those of this package: a header, a
	// query parameter, the credentials of package azure.
	SDK []option.RequestOption
}

// A Model is a model behind OpenAI's API. It is safe for concurrent use.
type Model struct {
	info            ai.Info
	guard           *adapter.Guard
	api             API
	legacyMaxTokens bool
	chat            sdk.ChatCompletionService
	responses       responses.ResponseService
}

var _ ai.Model = (*Model)(nil)

// New returns the model of that name. It does no I/O: a wrong key shows with the
// first call, as [ai.ErrAuth]. The key may be empty for servers that need none.
func New(apiKey, model string, opts *Options) (*Model, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	guard, sdkOptions, err := connection(apiKey, model, &o)
	if err != nil {
		return nil, err
	}
	if o.API == "" {
		o.API = Chat
	}
	if o.API != Chat && o.API != Responses {
		return nil, errors.New("openai: unknown API")
	}
	if o.Capabilities == nil {
		o.Capabilities = &ai.Capabilities{StructuredOutput: true, Tools: true}
	}
	return &Model{
		info:            ai.Info{Provider: provider, Model: model, Capabilities: *o.Capabilities},
		guard:           guard,
		api:             o.API,
		legacyMaxTokens: o.LegacyMaxTokens,
		chat:            sdk.NewChatCompletionService(sdkOptions...),
		responses:       responses.NewResponseService(sdkOptions...),
	}, nil
}

// connection checks the options about the server and returns them as the SDK's.
func connection(apiKey, model string, o *Options) (*adapter.Guard, []option.RequestOption, error) {
	if model == "" {
		return nil, nil, errors.New("openai: model name is empty")
	}
	if problem := adapter.CheckKey(apiKey); problem != "" {
		return nil, nil, errors.New("openai: " + problem)
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBaseURL
	}
	if problem := adapter.CheckBaseURL(o.BaseURL); problem != "" {
		return nil, nil, errors.New("openai: " + problem)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	if o.MaxResponseBytes <= 0 {
		o.MaxResponseBytes = adapter.DefaultMaxResponseBytes
	}
	guard := newGuard(apiKey, o.MaxResponseBytes)
	// The services are made of these directly, since sdk.NewClient reads the
	// environment.
	options := []option.RequestOption{
		option.WithBaseURL(o.BaseURL),
		option.WithHTTPClient(o.HTTPClient),
		option.WithMiddleware(intercept(guard)),
	}
	if apiKey != "" {
		options = append(options, option.WithAPIKey(apiKey))
	}
	if o.Organization != "" {
		options = append(options, option.WithOrganization(o.Organization))
	}
	if o.Project != "" {
		options = append(options, option.WithProject(o.Project))
	}
	options = append(options, o.SDK...)
	return guard, append(options, option.WithMaxRetries(0)), nil
}

// Info implements [ai.Model].
func (m *Model) Info() ai.Info { return m.info }

// Generate implements [ai.Model].
func (m *Model) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	if m.api == Responses {
		return m.generateResponses(ctx, req)
	}
	return m.generateChat(ctx, req)
}

// Stream implements [ai.Model].
func (m *Model) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		if err := req.Validate(); err != nil {
			yield(nil, err)
			return
		}
		if m.api == Responses {
			m.streamResponses(ctx, req, yield)
		} else {
			m.streamChat(ctx, req, yield)
		}
	}
}
