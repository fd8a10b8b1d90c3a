// Package adapter holds what the adapters of model providers have in common: the
// guard between an SDK and the connection, the classes of failures by HTTP
// status, and the reply that is put together from its pieces.
package adapter

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/posai-go/posai/ai"
)

// DefaultMaxResponseBytes is the largest reply that is read by default.
const DefaultMaxResponseBytes = 32 << 20

// maxErrorBytes is how much of an error's body is read.
const maxErrorBytes = 64 << 10

// A Guard stands between an SDK and the connection. It turns whatever is not a
// reply into an [ai.Error], so that nothing of the SDK's errors, which carry
// request and response, gets out; and it limits and mends the body of a reply.
type Guard struct {
	// Provider is the name in [ai.Info].
	Provider string

	// Secret returns what is never shown, even if the server sends it back; see
	// [Hide].
	Secret func() string

	// MaxResponseBytes is the largest body of a reply.
	MaxResponseBytes int64

	// RequestID are the headers with the provider's name for the request; the
	// first that is set counts.
	RequestID []string

	// Describe reads an answer that is not a success. It sets Class and Code, and
	// what else is in the body. It must take Code through [Guard.Public].
	Describe func(g *Guard, status int, body []byte) *ai.Error
}

// Check returns the response with its body guarded, or the error of a call that
// failed. Its arguments are the results of a round trip.
func (g *Guard) Check(res *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, g.Transport(err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes)) // what came is enough
		e := g.Describe(g, res.StatusCode, body)
		wait, final := ai.ParseRetryAfter(res.Header)
		e.RetryAfter = max(e.RetryAfter, wait)
		e.Final = e.Final || final
		return nil, g.withResponse(e, res)
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if mediaType == "text/html" {
		_ = res.Body.Close()
		return nil, g.withResponse(g.Malformed("an HTML page"), res)
	}
	res.Body = &body{guard: g, source: res.Body, left: g.MaxResponseBytes, stream: mediaType == "text/event-stream"}
	return res, nil
}

func (g *Guard) withResponse(e *ai.Error, res *http.Response) *ai.Error {
	e.Provider = g.Provider
	e.Status = res.StatusCode
	for _, name := range g.RequestID {
		if id := g.Public(res.Header.Get(name)); id != "" {
			e.RequestID = id
			break
		}
	}
	return e
}

// Transport describes an error of net/http without the URL in it, which may hold
// a password.
func (g *Guard) Transport(err error) *ai.Error {
	if e, ok := errors.AsType[*ai.Error](err); ok {
		return e
	}
	e := &ai.Error{Class: ai.ErrTransport, Provider: g.Provider, Err: err}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		e.Err = inner.Err
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		// The HTTP client's own limit. Its error matches context.DeadlineExceeded,
		// but it is not the caller's context that has ended.
		return &ai.Error{Class: ai.ErrTimeout, Provider: g.Provider}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		e.Detail = "host name not resolved"
	} else if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		e.Detail = "no connection to the server"
	}
	return e
}

// Malformed returns the error of a reply that is not in the provider's form.
func (g *Guard) Malformed(detail string) *ai.Error {
	return &ai.Error{Class: ai.ErrMalformedReply, Provider: g.Provider, Detail: detail}
}

// EndedEarly returns the error of a stream without its end.
func (g *Guard) EndedEarly() *ai.Error {
	return &ai.Error{Class: ai.ErrTransport, Provider: g.Provider, Detail: "the stream ended too early", Err: io.ErrUnexpectedEOF}
}

// Failure turns an error of an SDK into one that may leave the package.
func (g *Guard) Failure(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return ai.ContextError(g.Provider, cause)
	}
	if e, ok := errors.AsType[*ai.Error](err); ok {
		return e
	}
	// What is left is the SDK's complaint about the reply's form. It may quote it.
	return g.Malformed("not in the form of the API")
}

// Hide puts a secret into a function, into which fmt does not look when it prints
// what holds it.
func Hide(secret string) func() string { return func() string { return secret } }

// Public returns s if it looks like an identifier and does not hold a secret.
func (g *Guard) Public(s string) string {
	if len(s) > 100 {
		return ""
	}
	if secret := g.Secret(); secret != "" && strings.Contains(s, secret) {
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

// ClassOfStatus returns the class of an HTTP status that is not a success.
func ClassOfStatus(status int) error {
	switch status {
	case http.StatusUnauthorized:
		return ai.ErrAuth
	case http.StatusPaymentRequired:
		return ai.ErrQuota
	case http.StatusForbidden:
		return ai.ErrPermission
	case http.StatusNotFound:
		return ai.ErrNotFound
	case http.StatusRequestTimeout:
		return ai.ErrTimeout
	case http.StatusTooManyRequests:
		return ai.ErrRateLimited
	case http.StatusServiceUnavailable, 529: // 529 is Anthropic's, and some gateways', for overloaded
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

// CheckKey returns what is wrong with an API key or the like, or "".
func CheckKey(key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "API key contains spaces or characters outside ASCII"
	}
	return ""
}

// CheckBaseURL returns what is wrong with a base URL, or "".
func CheckBaseURL(base string) string {
	if u, err := url.Parse(base); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "BaseURL must be an absolute http or https URL"
	}
	return ""
}

// DataURL returns the URL of an image or file, a data URL if it is given as bytes.
func DataURL(data []byte, mediaType, url string) string {
	if url != "" {
		return url
	}
	return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// RawSchema returns a schema as a map whose values are raw JSON, so that the
// properties keep their order: models fill them in one after the other. Nil is
// the schema of an object without properties.
func RawSchema(s *ai.Schema) map[string]any {
	if s == nil {
		return map[string]any{"type": "object", "properties": struct{}{}, "required": []string{}, "additionalProperties": false}
	}
	data, _ := s.MarshalJSON() // never fails
	var keywords map[string]json.RawMessage
	_ = json.Unmarshal(data, &keywords) // it is an object
	out := make(map[string]any, len(keywords))
	for k, v := range keywords {
		out[k] = v
	}
	return out
}

// Warnings collects warnings, each once.
type Warnings struct{ List []ai.Warning }

// Add adds those that are not there yet.
func (w *Warnings) Add(more ...ai.Warning) {
next:
	for _, m := range more {
		for _, have := range w.List {
			if have == m {
				continue next
			}
		}
		w.List = append(w.List, m)
	}
}

// First returns the first of two texts that is not empty.
func First(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
