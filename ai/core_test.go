package ai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

func TestRequestValidate(t *testing.T) {
	schema, err := ai.SchemaFor[judgment]()
	require.NoError(t, err)
	user := ai.User("hello")
	part := func(role ai.Role, p ai.Part) *ai.Request {
		return &ai.Request{Messages: []ai.Message{{Role: role, Parts: []ai.Part{p}}}}
	}
	with := func(change func(*ai.Request)) *ai.Request {
		req := &ai.Request{Messages: []ai.Message{user}}
		change(req)
		return req
	}
	image := ai.Image{Data: []byte{1}, MediaType: "image/png"}
	tests := []struct {
		name string
		req  *ai.Request
		want string // in the error; empty: valid
	}{
		{"plain", with(func(*ai.Request) {}), ""},
		{"everything", with(func(r *ai.Request) {
			r.Messages = append(
				[]ai.Message{ai.Assistant("Hello, what can I do?")}, user,
				ai.Message{Role: ai.RoleUser, Parts: []ai.Part{image, ai.File{URL: "https://example.com/a.pdf"}}},
				ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Reasoning{Text: "hm"}, ai.ToolCall{ID: "1", Name: "t"}}},
				ai.ToolResults(ai.ToolResult{CallID: "1", Content: []ai.Part{ai.Text{Text: "x"}, image}}),
			)
			r.Tools = []ai.Tool{{Name: "t"}}
			r.ToolChoice = ai.ToolChoice{Mode: ai.ToolNamed, Name: "t"}
			r.Output = &ai.Output{Name: "x", Schema: schema}
			r.Temperature, r.TopP, r.MaxOutputTokens, r.Stop = new(0.0), new(1.0), 1, []string{"."}
		}), ""},
		{"nil", nil, "nil"},
		{"no messages", &ai.Request{}, "no messages"},
		{"unknown role", part("system", ai.Text{}), "Messages[0]: unknown role"},
		{"no parts", &ai.Request{Messages: []ai.Message{user, {Role: ai.RoleUser}}}, "Messages[1]: no parts"},
		{"nil part", part(ai.RoleUser, nil), "part 0: nil part"},
		{"text of a tool", part(ai.RoleTool, ai.Text{}), "ai.Text"},
		{"image of the assistant", part(ai.RoleAssistant, image), "image"},
		{"image without content", part(ai.RoleUser, ai.Image{}), "Data or URL"},
		{"image with both", part(ai.RoleUser, ai.Image{Data: []byte{1}, MediaType: "image/png", URL: "https://example.com"}), "Data or URL"},
		{"image without type", part(ai.RoleUser, ai.Image{Data: []byte{1}}), "MediaType"},
		{"tool call of the user", part(ai.RoleUser, ai.ToolCall{}), "ai.ToolCall"},
		{"unknown part of the user", part(ai.RoleUser, ai.Unknown{}), "ai.Unknown"},
		{"reasoning of the user", part(ai.RoleUser, ai.Reasoning{}), "ai.Reasoning"},
		{"tool result of the user", part(ai.RoleUser, ai.ToolResult{}), "ai.ToolResult"},
		{"file in a tool result", part(ai.RoleTool, ai.ToolResult{Content: []ai.Part{ai.File{}}}), "ai.File"},
		{"negative limit", with(func(r *ai.Request) { r.MaxOutputTokens = -1 }), "MaxOutputTokens"},
		{"negative temperature", with(func(r *ai.Request) { r.Temperature = new(-0.1) }), "Temperature"},
		{"temperature not a number", with(func(r *ai.Request) { r.Temperature = new(math.NaN()) }), "Temperature"},
		{"infinite temperature", with(func(r *ai.Request) { r.Temperature = new(math.Inf(1)) }), "Temperature"},
		{"zero probability mass", with(func(r *ai.Request) { r.TopP = new(0.0) }), "TopP"},
		{"empty stop", with(func(r *ai.Request) { r.Stop = []string{"a", ""} }), "Stop"},
		{"output without schema", with(func(r *ai.Request) { r.Output = &ai.Output{Name: "x"} }), "Schema"},
		{"output without name", with(func(r *ai.Request) { r.Output = &ai.Output{Schema: schema} }), "Output.Name"},
		{"tool name", with(func(r *ai.Request) { r.Tools = []ai.Tool{{Name: "look up"}} }), "Tools[0].Name"},
		{"long tool name", with(func(r *ai.Request) { r.Tools = []ai.Tool{{Name: strings.Repeat("a", 65)}} }), "Tools[0].Name"},
		{"tool twice", with(func(r *ai.Request) { r.Tools = []ai.Tool{{Name: "a"}, {Name: "a"}} }), "second tool"},
		{"choice without tools", with(func(r *ai.Request) { r.ToolChoice.Mode = ai.ToolRequired }), "ToolChoice"},
		{"choice of no tool", with(func(r *ai.Request) { r.ToolChoice = ai.ToolChoice{Mode: ai.ToolNamed, Name: "b"} }), "ToolChoice"},
		{"unknown choice", with(func(r *ai.Request) { r.ToolChoice.Mode = "maybe" }), "ToolChoice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.req.Validate()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		got  ai.Usage
		want ai.Usage
	}{
		{"as reported", ai.NewUsage(100, 60, 20, 50, 30), ai.Usage{InputTokens: 100, CacheReadTokens: 60, CacheWriteTokens: 20, OutputTokens: 50, ReasoningTokens: 30}},
		{"negative", ai.NewUsage(-1, -2, -3, -4, -5), ai.Usage{}},
		{"parts larger than the whole", ai.NewUsage(10, 8, 8, 5, 9), ai.Usage{InputTokens: 10, CacheReadTokens: 8, CacheWriteTokens: 2, OutputTokens: 5, ReasoningTokens: 5}},
		{"more read from the cache than sent", ai.NewUsage(10, 30, 5, 0, 0), ai.Usage{InputTokens: 10, CacheReadTokens: 10}},
		{"sum", ai.NewUsage(10, 1, 2, 5, 3).Add(ai.NewUsage(1, 1, 0, 1, 0)), ai.Usage{InputTokens: 11, CacheReadTokens: 2, CacheWriteTokens: 2, OutputTokens: 6, ReasoningTokens: 3}},
		{"sum with a missing one", ai.NewUsage(1, 0, 0, 1, 0).Add(ai.Usage{Missing: true}), ai.Usage{InputTokens: 1, OutputTokens: 1, Missing: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.got)
			assert.Equal(t, tt.got.InputTokens, tt.got.UncachedTokens()+tt.got.CacheReadTokens+tt.got.CacheWriteTokens)
			assert.Equal(t, tt.got.OutputTokens, tt.got.TextTokens()+tt.got.ReasoningTokens)
			assert.GreaterOrEqual(t, tt.got.UncachedTokens(), int64(0))
		})
	}
}

func TestError(t *testing.T) {
	cause := errors.New(secret)
	err := fmt.Errorf("judging: %w", &ai.Error{
		Class: ai.ErrRateLimited, Provider: "openai", Status: 429, Code: "rate_limit_exceeded",
		RequestID: "req_1", RetryAfter: 2 * time.Second, Detail: "slow down", Err: cause,
	})
	assert.Equal(t, "judging: ai: openai: rate limited: slow down (HTTP 429, code rate_limit_exceeded, request req_1, retry after 2s)", err.Error())
	assert.ErrorIs(t, err, ai.ErrRateLimited)
	assert.ErrorIs(t, err, cause)
	assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), secret)
	assert.Equal(t, "ai: failed", (&ai.Error{}).Error())

	partial := &ai.PartialError{Response: &ai.Response{Message: ai.Assistant(secret)}, Err: err}
	assert.ErrorIs(t, partial, ai.ErrRateLimited)
	assert.NotContains(t, fmt.Sprintf("%v %+v", partial, partial), secret)
}

func TestRetryable(t *testing.T) {
	for _, class := range []error{ai.ErrRateLimited, ai.ErrOverloaded, ai.ErrUnavailable, ai.ErrTimeout, ai.ErrTransport} {
		err := &ai.Error{Class: class}
		assert.True(t, ai.Retryable(err), "%v", class)
		assert.False(t, ai.Retryable(&ai.PartialError{Err: err}), "%v", class)
		assert.False(t, ai.Retryable(&ai.Error{Class: class, Final: true}), "%v", class)
	}
	for _, err := range []error{
		nil, errors.New("other"), context.Canceled, ai.ContextError("p", context.Canceled), ai.ContextError("p", context.DeadlineExceeded),
		ai.ErrAuth, ai.ErrPermission, ai.ErrNotFound, ai.ErrInvalidRequest, ai.ErrUnsupportedSchema, ai.ErrContextTooLong, ai.ErrQuota,
		ai.ErrContentFiltered, ai.ErrRefused, ai.ErrTruncated, ai.ErrEmptyReply, ai.ErrMalformedReply, ai.ErrInvalidOutput,
		ai.ErrBudget, ai.ErrAccessDenied, ai.ErrBlocked, ai.ErrLimit, ai.ErrToolPending, ai.ErrNotRedacted,
	} {
		assert.False(t, ai.Retryable(err), "%v", err)
	}
}

// The digests are written into audit logs: they must never change.
func TestDigest(t *testing.T) {
	schema, err := ai.SchemaFor[judgment]()
	require.NoError(t, err)
	full := &ai.Request{
		System: "Be <brief> & kind.",
		Messages: []ai.Message{
			ai.User("Hi"),
			{Role: ai.RoleUser, Parts: []ai.Part{ai.Image{Data: []byte{1}, MediaType: "image/png"}, ai.File{Name: "a", URL: "https://example.com"}}},
			{Role: ai.RoleAssistant, Parts: []ai.Part{
				ai.Reasoning{Text: "t", Opaque: json.RawMessage(`{"a":1}`)},
				ai.ToolCall{ID: "1", Name: "n", Arguments: json.RawMessage(`{"b": 2`)},
			}},
			ai.ToolResults(ai.ToolResult{CallID: "1", Name: "n", IsError: true, Content: []ai.Part{ai.Text{Text: "no"}}}),
		},
		Tools: []ai.Tool{{Name: "n", Description: "d", Input: schema}}, ToolChoice: ai.ToolChoice{Mode: ai.ToolRequired},
		MaxOutputTokens: 5, Temperature: new(0.0), TopP: new(0.5), Stop: []string{"."}, Effort: ai.EffortLow,
		Output: &ai.Output{Name: "o", Description: "d", Schema: schema},
	}
	for _, tt := range []struct{ name, got, want string }{
		// printf 'posai.ai.request.v1\n{"messages":[{"role":"user","parts":[{"type":"text","text":"Hi"}]}]}' | sha256sum
		{"small request", (&ai.Request{Messages: []ai.Message{ai.User("Hi")}}).Digest(), "f47016f77869899826920f685de9b5f88d6ec4fc1c8af0548bd836e24d9a40e5"},
		{"full request", full.Digest(), "43b4df298422db8f8c44aaf7c54d1fd53f71634c1fc866b48ac27344643c5d68"},
		// printf 'posai.ai.response.v1\n{"message":{"role":"assistant","parts":[{"type":"text","text":"Hi"}]},"stop_reason":"end"}' | sha256sum
		{"response", (&ai.Response{Message: ai.Assistant("Hi"), StopReason: ai.StopEnd, ID: "ignored"}).Digest(), "65260d12b67f38321a6ab543c35d5f58257da738d5ac8cb58822312a9430fa3b"},
	} {
		assert.Equal(t, tt.want, tt.got, tt.name)
	}

	// Every field counts.
	base := full.Digest()
	for name, change := range map[string]func(*ai.Request){
		"system":      func(r *ai.Request) { r.System += "." },
		"messages":    func(r *ai.Request) { r.Messages = r.Messages[:3] },
		"tools":       func(r *ai.Request) { r.Tools = nil },
		"tool choice": func(r *ai.Request) { r.ToolChoice.Mode = ai.ToolNone },
		"limit":       func(r *ai.Request) { r.MaxOutputTokens++ },
		"temperature": func(r *ai.Request) { r.Temperature = nil },
		"top p":       func(r *ai.Request) { r.TopP = nil },
		"stop":        func(r *ai.Request) { r.Stop = nil },
		"effort":      func(r *ai.Request) { r.Effort = "" },
		"output":      func(r *ai.Request) { r.Output = nil },
		"opaque": func(r *ai.Request) {
			r.Messages = append(r.Messages[:2:2], ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Reasoning{Text: "t"}}})
		},
		"unknown part": func(r *ai.Request) {
			r.Messages = append(r.Messages[:4:4], ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Unknown{Provider: "p", Kind: "k"}}})
		},
		"added parts":  func(r *ai.Request) { r.Messages = append(r.Messages[:4:4], ai.User("")) },
		"joined parts": func(r *ai.Request) { r.Messages = append(r.Messages[:4:4], ai.User("more")) },
	} {
		changed := *full
		change(&changed)
		assert.NotEqual(t, base, changed.Digest(), name)
	}
	assert.Equal(t, base, full.Digest())
}

func TestTainted(t *testing.T) {
	result := func(p ai.Part) ai.Message { return ai.ToolResults(ai.ToolResult{Content: []ai.Part{p}}) }
	for _, tt := range []struct {
		name string
		m    ai.Message
		want bool
	}{
		{"own text", ai.User("x"), false},
		{"text from outside", ai.UntrustedUser("x"), true},
		{"image", ai.Message{Role: ai.RoleUser, Parts: []ai.Part{ai.Text{}, ai.Image{URL: "https://example.com/a.png"}}}, true},
		{"PDF", ai.Message{Role: ai.RoleUser, Parts: []ai.Part{ai.PDF("a.pdf", []byte("%PDF"))}}, true},
		{"tool result", result(ai.Text{Text: "x"}), false},
		{"tool result from outside", result(ai.Text{Text: "x", Untrusted: true}), true},
		{"image in a tool result", result(ai.Image{URL: "https://example.com/a.png"}), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &ai.Request{Messages: []ai.Message{ai.User("before"), tt.m}}
			assert.Equal(t, tt.want, r.Tainted())
		})
	}
	// Whether it is trusted changes nothing of what the model is asked.
	trusted, untrusted := &ai.Request{Messages: []ai.Message{ai.User("x")}}, &ai.Request{Messages: []ai.Message{ai.UntrustedUser("x")}}
	assert.Equal(t, trusted.Digest(), untrusted.Digest())
}

func TestCaller(t *testing.T) {
	_, ok := ai.CallerFrom(t.Context())
	assert.False(t, ok)
	c := ai.Caller{Shop: "a.myshopify.com", Staff: "gid://shopify/StaffMember/1", Role: "associate", Feature: "copilot"}
	got, ok := ai.CallerFrom(ai.WithCaller(t.Context(), c))
	assert.True(t, ok)
	assert.Equal(t, c, got)
}
