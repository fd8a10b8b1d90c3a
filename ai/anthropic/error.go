package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// An apiError is what the API says about an error.
// https://platform.claude.com/docs/en/api/errors
type apiError struct {
	Type    string
	Message string
}

// parseError reads {"type":"error","error":{…}} and what Amazon Bedrock sends,
// {"message":…}. Whatever it cannot read stays empty.
func parseError(body []byte) apiError {
	var outer struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return apiError{}
	}
	e := apiError{Message: outer.Message}
	var inner struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(outer.Error, &inner) == nil {
		e = apiError{Type: inner.Type, Message: inner.Message}
	}
	return e
}

// describe is the error of an answer that is not a success.
func describe(g *adapter.Guard, status int, body []byte) *ai.Error {
	api := parseError(body)
	return &ai.Error{Class: classify(status, api), Code: g.Public(api.Type)}
}

// classify finds the class by type and message, which are more exact, then by
// the HTTP status; zero is an error inside of a stream.
func classify(status int, api apiError) error {
	switch {
	case status == http.StatusUnauthorized:
		return ai.ErrAuth
	case api.Type == "billing_error", strings.Contains(api.Message, "credit balance is too low"):
		return ai.ErrQuota
	case status == http.StatusRequestEntityTooLarge, api.Type == "request_too_large", tooLong(api.Message):
		return ai.ErrContextTooLong
	case (status == http.StatusBadRequest || api.Type == "invalid_request_error") && aboutSchema(api.Message):
		return ai.ErrUnsupportedSchema
	case status != 0:
		return adapter.ClassOfStatus(status)
	}
	switch api.Type {
	case "rate_limit_error", "throttlingException":
		return ai.ErrRateLimited
	case "overloaded_error", "serviceUnavailableException", "modelNotReadyException":
		return ai.ErrOverloaded
	case "timeout_error", "modelTimeoutException":
		return ai.ErrTimeout
	case "invalid_request_error", "validationException":
		return ai.ErrInvalidRequest
	case "authentication_error":
		return ai.ErrAuth
	case "permission_error":
		return ai.ErrPermission
	case "not_found_error":
		return ai.ErrNotFound
	}
	return ai.ErrUnavailable // api_error and everything unknown
}

// tooLong recognizes a prompt above the model's context, which has no type of its
// own.
func tooLong(message string) bool {
	return strings.Contains(message, "prompt is too long") || strings.Contains(message, "exceed context limit") ||
		strings.Contains(message, "Input is too long")
}

// aboutSchema recognizes a schema that cannot be enforced, which has no type of
// its own either.
func aboutSchema(message string) bool {
	for _, mark := range []string{"output_config.format", "output_format", "input_schema", "compiled grammar", "Schema is too complex", "JSON schema"} {
		if strings.Contains(message, mark) {
			return true
		}
	}
	return false
}

// failure turns an error of the SDK into one that may leave the package.
func (m *Model) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*sdk.Error](err); ok && ctx.Err() == nil {
		// An error event: the SDK makes it look like an answer with the status 200.
		api := parseError([]byte(e.RawJSON()))
		return &ai.Error{Class: classify(0, api), Provider: provider, Code: m.guard.Public(api.Type), RequestID: m.guard.Public(e.RequestID)}
	}
	return m.guard.Failure(ctx, err)
}
