package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify"
)

// Error is an answer that says the request failed. It matches the sentinels of package
// shopify by its status.
// Source: https://shopify.dev/docs/api/usage/response-codes
type Error struct {
	Method, Path string
	Status       int
	// RequestID is what Shopify's support asks for (X-Request-Id).
	RequestID string
	// Message is Shopify's text, if it sent one. It may repeat parts of the input: Error
	// leaves it out.
	Message string
	// Fields are what is wrong with the input, by field; "base" is the whole.
	Fields map[string][]string
}

// Error names the request, the status and the fields, without Shopify's words.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rest: %s %s: HTTP %d", e.Method, e.Path, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if len(e.Fields) > 0 {
		names := slices.Sorted(maps.Keys(e.Fields))
		b.WriteString(": wrong: " + strings.Join(names[:min(len(names), 5)], ", "))
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

// Is joins the error with the sentinels of package shopify.
func (e *Error) Is(target error) bool { return (&shopify.ResponseError{Status: e.Status}).Is(target) }

// maxFields bounds what is kept of an answer.
const maxFields = 100

func newError(method, path string, resp *Response, body []byte) *Error {
	e := &Error{Method: method, Path: path, Status: resp.Status, RequestID: resp.RequestID}
	var in struct {
		Errors json.RawMessage `json:"errors"`
		Error  string          `json:"error"`
	}
	if json.Unmarshal(body, &in) != nil {
		return e // a proxy's page: its text says nothing
	}
	e.Message = in.Error
	if json.Unmarshal(in.Errors, &e.Message) == nil {
		return e
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(in.Errors, &fields) != nil {
		return e
	}
	e.Fields = map[string][]string{}
	for name, raw := range fields {
		if len(e.Fields) == maxFields {
			break
		}
		name = plain(name)
		var list []string
		var one string
		switch {
		case json.Unmarshal(raw, &list) == nil:
			e.Fields[name] = list
		case json.Unmarshal(raw, &one) == nil:
			e.Fields[name] = []string{one}
		default:
			e.Fields[name] = nil
		}
	}
	return e
}

// plain makes the name of a field fit to print.
func plain(name string) string {
	name = name[:min(len(name), 64)]
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '?'
	}, name)
}
