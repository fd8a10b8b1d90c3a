package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/openai"
)

func request() *ai.Request {
	return &ai.Request{System: "You write for a shop.", Messages: []ai.Message{ai.User("Which scarf?")}}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		key, model string
		opts       openai.Options
	}{
		"no model":              {testKey, "", openai.Options{}},
		"key with a line feed":  {testKey + "\n", "m", openai.Options{}},
		"key with a dash in it": {"sk–typographic", "m", openai.Options{}},
		"relative base URL":     {testKey, "m", openai.Options{BaseURL: "/v1"}},
		"other scheme":          {testKey, "m", openai.Options{BaseURL: "ftp://example.com"}},
		"base URL without host": {testKey, "m", openai.Options{BaseURL: "https:///v1"}},
		"base URL of junk":      {testKey, "m", openai.Options{BaseURL: "http://user:" + testKey + "@[::1/v1"}},
		"unknown API":           {testKey, "m", openai.Options{API: "completions"}},
	} {
		t.Run(name, func(t *testing.T) {
			model, err := openai.New(c.key, c.model, &c.opts)
			require.Error(t, err)
			assert.Nil(t, model)
			assert.NotContains(t, err.Error(), testKey)
		})
	}
}

// The SDK reads a dozen environment variables; none of them may have a say.
func TestEnvironmentIsNotRead(t *testing.T) {
	elsewhere := aitest.NewOpenAIServer(t) // an empty script: any request fails the test
	t.Setenv("OPENAI_API_KEY", "sk-from-the-environment")
	t.Setenv("OPENAI_ADMIN_KEY", "sk-admin-from-the-environment")
	t.Setenv("OPENAI_BASE_URL", elsewhere.BaseURL())
	t.Setenv("OPENAI_ORG_ID", "org-from-the-environment")
	t.Setenv("OPENAI_PROJECT_ID", "proj-from-the-environment")
	t.Setenv("OPENAI_CUSTOM_HEADERS", "X-Environment: yes")
	for _, api := range []openai.API{openai.Chat, openai.Responses} {
		model, server := newModel(t, api, aitest.Text("hi"), aitest.Text("hi"))
		_, err := model.Generate(t.Context(), request())
		require.NoError(t, err)
		_, err = ai.Accumulate(model.Stream(t.Context(), request()))
		require.NoError(t, err)
		require.Len(t, server.Requests(), 2)
		for _, r := range server.Requests() {
			assert.Equal(t, "Bearer "+testKey, r.Header.Get("Authorization"))
			assert.NotContains(t, fmt.Sprint(r.Header), "nvironment")
		}
	}
}

func TestOrganizationAndProject(t *testing.T) {
	server := aitest.NewOpenAIServer(t, aitest.Text("hi"))
	model, err := openai.New(testKey, "m", &openai.Options{BaseURL: server.BaseURL(), Organization: "org-1", Project: "proj-1"})
	require.NoError(t, err)
	_, err = model.Generate(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, "org-1", server.Requests()[0].Header.Get("OpenAI-Organization"))
	assert.Equal(t, "proj-1", server.Requests()[0].Header.Get("OpenAI-Project"))
}

// failing is a transport that fails with an error that holds what must not get out.
type failing struct{ err error }

func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return nil, f.err
}

func TestKeyAndTextsStayInside(t *testing.T) {
	const prompt, answer = "PROMPT-5ab3", "ANSWER-77e0"
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(&logged)
	t.Cleanup(func() { slog.SetDefault(before); log.SetOutput(io.Discard) })

	req := &ai.Request{System: prompt, Messages: []ai.Message{ai.User(prompt)}}
	echo := fmt.Sprintf(`{"error":{"message":"%s %s","type":"%s","code":"%s","param":"%s"}}`, testKey, prompt, testKey, testKey, prompt)
	json200 := http.Header{"Content-Type": {"application/json"}}
	sse200 := http.Header{"Content-Type": {"text/event-stream"}}
	replies := map[string]aitest.Reply{
		"echoing error":    {Wire: aitest.Wire{Status: 400, Body: echo}},
		"echoing page":     {Wire: aitest.Wire{Status: 500, Body: "<html>" + testKey + prompt}},
		"echoing event":    {Wire: aitest.Wire{Status: 200, Body: "data: " + echo + "\n\n", Header: sse200}},
		"not JSON":         {Wire: aitest.Wire{Status: 200, Body: testKey + answer, Header: json200}},
		"other JSON":       {Wire: aitest.Wire{Status: 200, Body: `{"choices":"` + answer + testKey + `"}`, Header: json200}},
		"redirect":         {Wire: aitest.Wire{Status: 302, Body: answer, Header: http.Header{"Location": {"https://example.com/" + testKey}}}},
		"cut":              {Text: answer + " more", CutAfter: 1},
		"request id":       {Wire: aitest.Wire{Status: 500, Body: "x", Header: http.Header{"X-Request-Id": {testKey}}}},
		"weird request id": {Wire: aitest.Wire{Status: 500, Body: "x", Header: http.Header{"X-Request-Id": {"<b>" + prompt}}}},
	}
	check := func(t *testing.T, err error) {
		if err == nil {
			return // a cut stream is whole when it was not streamed
		}
		for _, text := range []string{fmt.Sprintf("%v|%+v|%#v|%q", err, err, err.Error(), err)} {
			for _, hidden := range []string{testKey, prompt, answer} {
				assert.NotContains(t, text, hidden)
			}
		}
		for e := range unwrapAll(err) {
			assert.NotContains(t, e.Error(), testKey)
			assert.False(t, strings.HasPrefix(fmt.Sprintf("%T", e), "*apierror"), "the SDK's error, which carries the request, is wrapped")
		}
	}
	for name, reply := range replies {
		for _, api := range []openai.API{openai.Chat, openai.Responses} {
			t.Run(name+"/"+string(api), func(t *testing.T) {
				model, _ := newModel(t, api, reply, reply)
				_, err := model.Generate(t.Context(), req)
				check(t, err)
				_, err = ai.Accumulate(model.Stream(t.Context(), req))
				require.Error(t, err)
				check(t, err)
			})
		}
	}
	t.Run("transport", func(t *testing.T) {
		model, err := openai.New(testKey, "m", &openai.Options{
			BaseURL:    "http://user:" + testKey + "@localhost/v1?key=" + testKey,
			HTTPClient: &http.Client{Transport: failing{errors.New("broken")}},
		})
		require.NoError(t, err)
		_, err = model.Generate(t.Context(), req)
		require.ErrorIs(t, err, ai.ErrTransport)
		check(t, err)
	})
	for _, hidden := range []string{testKey, prompt, answer} {
		assert.NotContains(t, logged.String(), hidden, "in the log")
	}
}

// unwrapAll yields err and everything that it wraps.
func unwrapAll(err error) func(yield func(error) bool) {
	return func(yield func(error) bool) {
		var walk func(error) bool
		walk = func(err error) bool {
			if err == nil {
				return true
			}
			if !yield(err) {
				return false
			}
			switch e := err.(type) { //nolint:errorlint // this walks the chain itself
			case interface{ Unwrap() error }:
				return walk(e.Unwrap())
			case interface{ Unwrap() []error }:
				for _, inner := range e.Unwrap() {
					if !walk(inner) {
						return false
					}
				}
			}
			return true
		}
		walk(err)
	}
}

func TestErrorCodes(t *testing.T) {
	body := func(code, kind, param, message string) string {
		data, err := json.Marshal(map[string]any{"error": map[string]any{"code": code, "type": kind, "param": param, "message": message}})
		require.NoError(t, err)
		return string(data)
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   error
		code   string
	}{
		{"quota is final", 429, body("insufficient_quota", "insufficient_quota", "", ""), ai.ErrQuota, "insufficient_quota"},
		{"billing limit", 429, body("billing_hard_limit_reached", "invalid_request_error", "", ""), ai.ErrQuota, "billing_hard_limit_reached"},
		{"rate limit", 429, body("rate_limit_exceeded", "requests", "", ""), ai.ErrRateLimited, "rate_limit_exceeded"},
		{"wrong key", 401, body("invalid_api_key", "invalid_request_error", "", ""), ai.ErrAuth, "invalid_api_key"},
		{"region", 403, body("unsupported_country_region_territory", "request_forbidden", "", ""), ai.ErrPermission, "unsupported_country_region_territory"},
		{"unknown model", 404, body("model_not_found", "invalid_request_error", "", ""), ai.ErrNotFound, "model_not_found"},
		{"context", 400, body("context_length_exceeded", "invalid_request_error", "messages", ""), ai.ErrContextTooLong, "context_length_exceeded"},
		{
			"context at a compatible server", 400,
			`{"object":"error","message":"This model's maximum context length is 8192 tokens.","type":"BadRequestError","param":null,"code":400}`,
			ai.ErrContextTooLong, "400",
		},
		{"filter", 400, body("content_filter", "", "prompt", ""), ai.ErrContentFiltered, "content_filter"},
		{"schema", 400, body("invalid_json_schema", "invalid_request_error", "response_format", ""), ai.ErrUnsupportedSchema, "invalid_json_schema"},
		{"no structured output", 400, body("", "invalid_request_error", "response_format", ""), ai.ErrUnsupportedSchema, "invalid_request_error"},
		{"no structured output in Responses", 400, body("", "invalid_request_error", "text.format", ""), ai.ErrUnsupportedSchema, "invalid_request_error"},
		{"tool schema", 400, body("invalid_function_parameters", "", "tools[0]", ""), ai.ErrUnsupportedSchema, "invalid_function_parameters"},
		{"plain text", 400, "bad", ai.ErrInvalidRequest, ""},
		{"error as a string", 400, `{"error":"model is required"}`, ai.ErrInvalidRequest, ""},
		{"error of another shape", 500, `{"error":[1,2]}`, ai.ErrUnavailable, ""},
		{"code that is a sentence", 400, body("something odd happened", "", "", ""), ai.ErrInvalidRequest, ""},
		{"long code", 400, body(strings.Repeat("x", 200), "short", "", ""), ai.ErrInvalidRequest, "short"},
		{"teapot", 418, "{}", ai.ErrInvalidRequest, ""},
		{"odd server error", 599, "{}", ai.ErrUnavailable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, api := range []openai.API{openai.Chat, openai.Responses} {
				model, _ := newModel(t, api, aitest.Reply{Wire: aitest.Wire{Status: c.status, Body: c.body}})
				_, err := model.Generate(t.Context(), request())
				require.ErrorIs(t, err, c.want)
				e, ok := errors.AsType[*ai.Error](err)
				require.True(t, ok)
				assert.Equal(t, c.code, e.Code)
				assert.Equal(t, c.status, e.Status)
			}
		})
	}
}

func TestFailedResponse(t *testing.T) {
	body := `{"id":"r","object":"response","status":"failed","model":"m","output":[],"error":{"code":"rate_limit_exceeded","message":"x"}}`
	whole := aitest.Reply{Wire: aitest.Wire{Status: 200, Body: body}}
	streamed := aitest.Reply{Wire: aitest.Wire{
		Status: 200, Header: http.Header{"Content-Type": {"text/event-stream"}},
		Body: "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":" + body + "}\n\n",
	}}
	model, _ := newModel(t, openai.Responses, whole, streamed)
	_, err := model.Generate(t.Context(), request())
	require.ErrorIs(t, err, ai.ErrRateLimited)
	_, err = ai.Accumulate(model.Stream(t.Context(), request()))
	require.ErrorIs(t, err, ai.ErrRateLimited)
}

func TestNoServer(t *testing.T) {
	server := aitest.NewOpenAIServer(t)
	server.Close()
	model, err := openai.New(testKey, "m", &openai.Options{BaseURL: server.BaseURL()})
	require.NoError(t, err)
	_, err = model.Generate(t.Context(), request())
	require.ErrorIs(t, err, ai.ErrTransport)
	assert.True(t, ai.Retryable(err))
	assert.ErrorContains(t, err, "no connection to the server")
}

func TestHTTPClientTimeout(t *testing.T) {
	server := aitest.NewOpenAIServer(t, aitest.Reply{Text: "late", Delay: 1 << 40})
	model, err := openai.New(testKey, "m", &openai.Options{BaseURL: server.BaseURL(), HTTPClient: &http.Client{Timeout: 20_000_000}})
	require.NoError(t, err)
	_, err = model.Generate(t.Context(), request())
	require.ErrorIs(t, err, ai.ErrTimeout)
	assert.True(t, ai.Retryable(err), "it was not the caller's context that ended")
}

func TestReplyTooLarge(t *testing.T) {
	for _, api := range []openai.API{openai.Chat, openai.Responses} {
		reply := aitest.Reply{Chunks: []string{"small ", strings.Repeat("large ", 2000)}}
		server := aitest.NewOpenAIServer(t, reply, reply)
		model, err := openai.New(testKey, "m", &openai.Options{BaseURL: server.BaseURL(), API: api, MaxResponseBytes: 4000})
		require.NoError(t, err)
		_, err = model.Generate(t.Context(), request())
		require.ErrorIs(t, err, ai.ErrMalformedReply)
		assert.ErrorContains(t, err, "MaxResponseBytes")
		_, err = ai.Accumulate(model.Stream(t.Context(), request()))
		require.ErrorIs(t, err, ai.ErrMalformedReply)
		assert.ErrorContains(t, err, "MaxResponseBytes")
	}
}

func TestNoRetries(t *testing.T) {
	for _, api := range []openai.API{openai.Chat, openai.Responses} {
		model, server := newModel(t, api, aitest.Reply{Wire: aitest.Wire{Status: 503, Header: http.Header{"X-Should-Retry": {"true"}}}})
		_, err := model.Generate(t.Context(), request())
		require.ErrorIs(t, err, ai.ErrOverloaded)
		assert.Len(t, server.Requests(), 1)
	}
}
