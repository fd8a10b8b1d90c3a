// Package openai lets models of OpenAI, and of servers compatible with it,
// answer as [ai.Model].
package openai

import (
	"net/http"

	"github.com/posai-go/posai/ai"
)

// An API is one of OpenAI's two interfaces to its models.
type API string

// The interfaces.
const (
	Chat      API = "chat"      // Chat Completions
	Responses API = "responses" // Responses
)

// Options are the options of [New].
type Options struct {
	// BaseURL of the server, with the version, such as
	// "http://127.0.0.1:11434/v1". If empty, "https://api.openai.com/v1".
	BaseURL string

	// HTTPClient makes the requests. If nil, [http.DefaultClient].
	HTTPClient *http.Client

	// API to use. If empty, Chat.
	API API

	// Organization and Project to bill, if the key belongs to several. Optional.
	Organization, Project string

	// Capabilities of the model. If nil, all: for OpenAI's own models that is so.
	Capabilities *ai.Capabilities
}
