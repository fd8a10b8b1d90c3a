package openai

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/posai-go/posai/ai"
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

// statusError describes an answer that is not a success.
func (m *Model) statusError(res *http.Response, body []byte) *ai.Error {
	api := parseAPIError(body)
	e := &ai.Error{
		Class:  classify(res.StatusCode, api),
		Status: res.StatusCode,
		Code:   m.publicCode(api),
	}
	e.RetryAfter, e.Final = ai.ParseRetryAfter(res.Header)
	return m.withHeader(e, res)
}

func (m *Model) withHeader(e *ai.Error, res *http.Response) *ai.Error {
	e.Provider = provider
	e.Status = res.StatusCode
	e.RequestID = m.public(res.Header.Get("X-Request-Id"))
	return e
}

// eventError describes an error that came as an event of a stream or as the
// error of a failed response.
func (m *Model) eventError(api apiError) *ai.Error {
	return &ai.Error{Class: classify(0, api), Provider: provider, Code: m.publicCode(api)}
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
	switch status {
	case 0:
		return classifyEvent(api)
	case http.StatusForbidden:
		return ai.ErrPermission
	case http.StatusNotFound:
		return ai.ErrNotFound
	case http.StatusRequestTimeout:
		return ai.ErrTimeout
	case http.StatusTooManyRequests:
		return ai.ErrRateLimited
	case http.StatusServiceUnavailable, 529: // 529 is what some gateways send when overloaded
		return ai.ErrOverloaded
	}
	switch {
	case status >= 500:
		return ai.ErrUnavailable
	case status >= 400:
		return ai.ErrInvalidRequest
	}
	return ai.ErrMalformedReply // a redirect, which is not followed with a key in the header
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
func (m *Model) publicCode(api apiError) string {
	if code := m.public(api.code); code != "" {
		return code
	}
	return m.public(api.kind)
}

// public returns s if it looks like an identifier and does not hold the key.
func (m *Model) public(s string) string {
	if len(s) > 100 || m.key != "" && strings.Contains(s, m.key) {
		return ""
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_.-:", c) >= 0:
		default:
			return ""
		}
	}
	return s
}

// failure turns an error of the SDK into one that may leave the package.
func (m *Model) failure(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return ai.ContextError(provider, cause)
	}
	if e, ok := errors.AsType[*ai.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok {
		return m.eventError(parseAPIError(e.Event.Data))
	}
	// What is left is the SDK's complaint about the reply's form. It may quote it.
	return malformed("not in the form of the API")
}

func malformed(detail string) *ai.Error {
	return &ai.Error{Class: ai.ErrMalformedReply, Provider: provider, Detail: detail}
}
