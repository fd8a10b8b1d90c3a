// Package open opens a model or an embedder by a name such as
// "openai:gpt-5-mini", for programs whose users choose it with a flag or in a
// file.
//
//	model, err := open.Model("anthropic:claude-haiku-4-5", key, nil)
//
// It links the SDKs of all providers. A program that knows its provider imports
// that adapter alone, which also has more options. The package keeps no registry
// and reads no environment variable; [KeyVariable] says which one usually holds
// the key.
package open

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/anthropic"
	"github.com/posai-go/posai/ai/gemini"
	"github.com/posai-go/posai/ai/openai"
)

// The providers, as they stand before the colon of a name.
const (
	OpenAI          = "openai"           // Chat Completions, or a compatible server by BaseURL
	OpenAIResponses = "openai-responses" // the Responses API
	Anthropic       = "anthropic"
	Gemini          = "gemini"
)

// Options are the options of [Model] and [Embedder]. The zero value is the
// default.
type Options struct {
	// BaseURL of the server, as the provider's adapter wants it. If empty, the
	// provider's own.
	BaseURL string

	// HTTPClient makes the requests. If nil, [http.DefaultClient].
	HTTPClient *http.Client
}

// Model returns the model of a name PROVIDER:MODEL. It does no I/O.
func Model(name, apiKey string, opts *Options) (ai.Model, error) {
	provider, model, err := split(name)
	if err != nil {
		return nil, err
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	switch provider {
	case OpenAI:
		return result[ai.Model](openai.New(apiKey, model, &openai.Options{BaseURL: o.BaseURL, HTTPClient: o.HTTPClient}))
	case OpenAIResponses:
		return result[ai.Model](openai.New(apiKey, model, &openai.Options{BaseURL: o.BaseURL, HTTPClient: o.HTTPClient, API: openai.Responses}))
	case Anthropic:
		return result[ai.Model](anthropic.New(apiKey, model, &anthropic.Options{BaseURL: o.BaseURL, HTTPClient: o.HTTPClient}))
	case Gemini:
		return result[ai.Model](gemini.New(apiKey, model, &gemini.Options{BaseURL: o.BaseURL, HTTPClient: o.HTTPClient}))
	}
	return nil, fmt.Errorf("open: no provider %q: there are openai, openai-responses, anthropic and gemini", provider)
}

// Embedder returns the embedder of a name PROVIDER:MODEL. It does no I/O.
// Anthropic has none.
func Embedder(name, apiKey string, opts *Options) (ai.Embedder, error) {
	provider, model, err := split(name)
	if err != nil {
		return nil, err
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	switch provider {
	case OpenAI:
		return result[ai.Embedder](openai.NewEmbedder(apiKey, model, &openai.Options{BaseURL: o.BaseURL, HTTPClient: o.HTTPClient}))
	case Gemini:
		return result[ai.Embedder](gemini.NewEmbedder(apiKey, model, &gemini.Options{BaseURL: o.BaseURL, HTTPClient: o.HTTPClient}))
	}
	return nil, fmt.Errorf("open: no provider of embeddings %q: there are openai and gemini", provider)
}

// KeyVariable returns the environment variable in which the key of a name's
// provider usually is, such as "OPENAI_API_KEY"; empty for a name that [Model]
// does not take.
func KeyVariable(name string) string {
	provider, _, err := split(name)
	if err != nil {
		return ""
	}
	switch provider {
	case OpenAI, OpenAIResponses:
		return "OPENAI_API_KEY"
	case Anthropic:
		return "ANTHROPIC_API_KEY"
	case Gemini:
		return "GEMINI_API_KEY"
	}
	return ""
}

// split takes a name apart. The name of the model may hold colons itself.
func split(name string) (provider, model string, err error) {
	provider, model, ok := strings.Cut(name, ":")
	if !ok || provider == "" || model == "" {
		return "", "", fmt.Errorf("open: %q is not of the form PROVIDER:MODEL", name)
	}
	return provider, model, nil
}

// result keeps a nil pointer from becoming an interface that is not nil.
func result[T any, P any](p P, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return any(p).(T), nil
}
