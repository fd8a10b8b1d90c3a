package openai

import (
	"net/http"

	"github.com/openai/openai-go/v3/option"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

func newGuard(key string, maxResponseBytes int64) *adapter.Guard {
	return &adapter.Guard{
		Provider: provider, Secret: adapter.Hide(key), MaxResponseBytes: maxResponseBytes,
		RequestID: []string{"X-Request-Id", "Apim-Request-Id"}, Describe: describe, // the second is Azure's
	}
}

// intercept puts the guard between the SDK and the connection.
func intercept(guard *adapter.Guard) option.Middleware {
	return func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		if id := ai.CallID(req.Context()); id != "" {
			// https://platform.openai.com/docs/api-reference/debugging-requests
			req.Header.Set("X-Client-Request-Id", id)
		}
		return guard.Check(next(req))
	}
}
