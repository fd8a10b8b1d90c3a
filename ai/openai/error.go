package openai

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// apiError is what OpenAI and compatible servers say about an error.
// https://platform.openai.com/docs/guides/error-codes
type apiError struct {
	code, kind, param, message string
}

// parseAPIError reads {"error":{…}}, {"error":"…"} and {"message":…,"code":…}.
// Whatever it cannot read stays empty.
func parseAPIError(body []byte) apiError {
	var outer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return apiError{}
	}
	data := []byte(outer.Error)
	if len(data) == 0 {
		data = body
	}
	var fields struct {
		Code    json.RawMessage `json:"code"` // some servers send a number
		Type    json.RawMessage `json:"type"`
		Param   json.RawMessage `json:"param"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(data, &fields) != nil {
		return apiError{message: scalar(data)}
	}
	return apiError{
		code: scalar(fields.Code), kind: scalar(fields.Type),
		param: scalar(fields.Param), message: scalar(fields.Message),
	}
}

// scalar returns the text of a JSON string or number, else nothing.
func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// describe is the error of an answer that is not a success.
func describe(g *adapter.Guard, status int, body []byte) *ai.Error {
	api := parseAPIError(body)
	return &ai.Error{Class: classify(status, api), Code: publicCode(g, api)}
}

// eventError describes an error that came as an event of a stream or as the
// error of a failed response.
func (m *Model) eventError(api apiError) *ai.Error {
	return &ai.Error{Class: classify(0, api), Provider: provider, Code: publicCode(m.guard, api)}
}

// classify finds the class by code and type, which are more exact, then by the
// HTTP status; zero is an error inside of a stream.
func classify(status int, api apiError) error {
	switch {
	case status == http.StatusUnauthorized:
		return ai.ErrAuth
	case api.is("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"), status == http.StatusPaymentRequired:
		return ai.ErrQuota
	case api.is("context_length_exceeded"), strings.Contains(api.message, "maximum context length"):
		return ai.ErrContextTooLong
	case api.is("content_filter", "content_policy_violation", "image_content_policy_violation"):
		return ai.ErrContentFiltered
	case api.is("invalid_json_schema", "invalid_function_parameters"),
		status == http.StatusBadRequest &&
			(strings.HasPrefix(api.param, "response_format") || strings.HasPrefix(api.param, "text.format")):
		return ai.ErrUnsupportedSchema
	}
	if status != 0 {
		return adapter.ClassOfStatus(status)
	}
	return classifyEvent(api)
}

func classifyEvent(api apiError) error {
	switch {
	case api.is("rate_limit_exceeded", "rate_limit_error"):
		return ai.ErrRateLimited
	case api.is("overloaded_error", "overloaded", "server_overloaded"):
		return ai.ErrOverloaded
	case api.is("invalid_prompt", "invalid_request_error"):
		return ai.ErrInvalidRequest
	case api.is("authentication_error", "invalid_api_key"):
		return ai.ErrAuth
	}
	return ai.ErrUnavailable // server_error and everything unknown
}

func (a apiError) is(names ...string) bool {
	for _, name := range names {
		if a.code == name || a.kind == name {
			return true
		}
	}
	return false
}

// publicCode returns code or else type, if it may be shown.
func publicCode(g *adapter.Guard, api apiError) string {
	return adapter.First(g.Public(api.code), g.Public(api.kind))
}

// failure turns an error of the SDK into one that may leave the package.
func (m *Model) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok && ctx.Err() == nil {
		return m.eventError(parseAPIError(e.Event.Data))
	}
	return m.guard.Failure(ctx, err)
}
