package anthropic_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/anthropic"
	"github.com/posai-go/posai/ai/internal/sdkbench"
)

func request() *ai.Request {
	return &ai.Request{System: "You write for a shop.", Messages: []ai.Message{ai.User("Which scarf?")}}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		key, model string
		opts       anthropic.Options
	}{
		"no model":              {testKey, "", anthropic.Options{}},
		"key with a line feed":  {testKey + "\n", "m", anthropic.Options{}},
		"relative base URL":     {testKey, "m", anthropic.Options{BaseURL: "/v1"}},
		"negative limit":        {testKey, "m", anthropic.Options{MaxTokens: -1}},
		"tiny thinking budget":  {testKey, "m", anthropic.Options{ThinkingBudgets: map[ai.Effort]int{ai.EffortLow: 10}}},
		"base URL of junk":      {testKey, "m", anthropic.Options{BaseURL: "http://user:" + testKey + "@[::1/v1"}},
		"base URL without host": {testKey, "m", anthropic.Options{BaseURL: "https:///v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			model, err := anthropic.New(c.key, c.model, &c.opts)
			require.Error(t, err)
			assert.Nil(t, model)
			assert.NotContains(t, err.Error(), testKey)
		})
	}
}

// The SDK reads many environment variables; none of them may have a say.
func TestEnvironmentIsNotRead(t *testing.T) {
	elsewhere := aitest.NewAnthropicServer(t) // an empty script: any request fails the test
	for _, name := range []string{"API_KEY", "AUTH_TOKEN", "PROFILE", "ORGANIZATION_ID", "WORKSPACE_ID"} {
		t.Setenv("ANTHROPIC_"+name, "from-the-environment")
	}
	t.Setenv("ANTHROPIC_BASE_URL", elsewhere.BaseURL())
	t.Setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Environment: yes")
	model, server := newModel(t, aitest.Text("hi"), aitest.Text("hi"))
	_, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	_, err = ai.Accumulate(model.Stream(t.Context(), request()))
	require.NoError(t, err)
	require.Len(t, server.Requests(), 2)
	for _, r := range server.Requests() {
		assert.Equal(t, testKey, r.Header.Get("X-Api-Key"))
		assert.NotContains(t, fmt.Sprint(r.Header), "nvironment")
		assert.Empty(t, r.Header.Get("Traceparent"))
	}
}

func TestStopReasons(t *testing.T) {
	for word, want := range map[string]ai.StopReason{
		"end_turn": ai.StopEnd, "max_tokens": ai.StopLength, "stop_sequence": ai.StopSequence, "tool_use": ai.StopToolCalls,
		"refusal": ai.StopRefusal, "model_context_window_exceeded": ai.StopLength, "pause_turn": ai.StopUnknown, "steered": ai.StopUnknown,
	} {
		reply := aitest.Reply{Text: "Hi", ProviderStopReason: word}
		model, _ := newModel(t, reply, reply)
		resp, err := model.Generate(t.Context(), request())
		require.NoError(t, err)
		streamed, err := ai.Accumulate(model.Stream(t.Context(), request()))
		require.NoError(t, err)
		for _, r := range []*ai.Response{resp, streamed} {
			assert.Equal(t, want, r.StopReason, word)
			assert.Equal(t, word, r.ProviderStopReason)
		}
	}
}

// What the model thought goes back as it came, signature included.
func TestReasoningGoesBack(t *testing.T) {
	reply := aitest.Reply{Reasoning: "Green goes with sand.", Text: "Sand.", ToolCalls: []ai.ToolCall{{ID: "a", Name: "f", Arguments: []byte("{}")}}}
	for _, streamed := range []bool{false, true} {
		model, server := newModel(t, reply, aitest.Text("ok"))
		var resp *ai.Response
		var err error
		if streamed {
			resp, err = ai.Accumulate(model.Stream(t.Context(), request()))
		} else {
			resp, err = model.Generate(t.Context(), request())
		}
		require.NoError(t, err)
		again := request()
		again.Messages = append(again.Messages, resp.Message, ai.ToolResults(ai.ToolResult{CallID: "a", Content: []ai.Part{ai.Text{Text: "1"}}}))
		second, err := model.Generate(t.Context(), again)
		require.NoError(t, err)
		assert.Empty(t, second.Warnings)
		assert.Contains(t, string(server.Requests()[1].Body), `"signature":"c2lnbmVk"`)
		assert.Contains(t, string(server.Requests()[1].Body), `Green goes with sand.`)
	}
}

// A block of an unknown kind is kept, its input as well when it came in pieces.
func TestUnknownBlocks(t *testing.T) {
	const raw = `{"id":"s","input":{"query":"scarf"},"name":"web_search","type":"server_tool_use"}`
	whole := aitest.Wire{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"id":"m","type":"message","role":"assistant","model":"m","content":[` + raw +
		`,{"type":"redacted_thinking","data":"eA=="}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`}
	stream := aitest.Wire{Status: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: event("message_start", `{"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":1,"output_tokens":0}}}`) +
		event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}`) +
		event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":"}}`) +
		event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"scarf\"}"}}`) +
		event("content_block_stop", `{"type":"content_block_stop","index":0}`) +
		event("content_block_start", `{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"eA=="}}`) +
		event("content_block_delta", `{"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"nowhere"}}`) +
		event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`)}
	model, _ := newModel(t, aitest.Reply{Wire: whole}, aitest.Reply{Wire: stream})
	generated, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	streamed, err := ai.Accumulate(model.Stream(t.Context(), request()))
	require.NoError(t, err)
	for _, r := range []*ai.Response{generated, streamed} {
		require.Len(t, r.Message.Parts, 2)
		unknown, ok := r.Message.Parts[0].(ai.Unknown)
		require.True(t, ok)
		assert.Equal(t, "server_tool_use", unknown.Kind)
		assert.JSONEq(t, raw, string(unknown.Raw))
		assert.JSONEq(t, `{"provider":"anthropic","redacted":"eA=="}`, string(r.Message.Parts[1].(ai.Reasoning).Opaque))
		assert.Equal(t, ai.Usage{InputTokens: 1, OutputTokens: 1}, r.Usage)
	}
}

func event(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }

func TestErrorClasses(t *testing.T) {
	for _, c := range []struct {
		status        int
		kind, message string
		want          error
	}{
		{400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", ai.ErrQuota},
		{400, "invalid_request_error", "prompt is too long: 214789 tokens > 200000 maximum", ai.ErrContextTooLong},
		{400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 3", ai.ErrContextTooLong},
		{400, "invalid_request_error", "output_config.format.schema: For 'object' type, 'additionalProperties' must be false", ai.ErrUnsupportedSchema},
		{400, "invalid_request_error", "The compiled grammar is too large", ai.ErrUnsupportedSchema},
		{400, "invalid_request_error", "max_tokens: too many", ai.ErrInvalidRequest},
		{402, "billing_error", "x", ai.ErrQuota},
		{413, "request_too_large", "x", ai.ErrContextTooLong},
		{403, "permission_error", "x", ai.ErrPermission},
		{429, "rate_limit_error", "x", ai.ErrRateLimited},
		{500, "api_error", "x", ai.ErrUnavailable},
		{529, "overloaded_error", "x", ai.ErrOverloaded},
	} {
		body := fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_1"}`, c.kind, c.message)
		model, _ := newModel(t, aitest.Reply{Wire: aitest.Wire{Status: c.status, Body: body}})
		_, err := model.Generate(t.Context(), request())
		require.ErrorIs(t, err, c.want, c.message)
		assert.Contains(t, err.Error(), c.kind)
	}
	for code, want := range map[string]error{
		"overloaded_error": ai.ErrOverloaded, "rate_limit_error": ai.ErrRateLimited, "timeout_error": ai.ErrTimeout,
		"invalid_request_error": ai.ErrInvalidRequest, "authentication_error": ai.ErrAuth, "new_error": ai.ErrUnavailable,
	} {
		model, _ := newModel(t, aitest.Reply{Text: "one two", CutAfter: 1, Wire: aitest.Wire{ErrorEvent: code}})
		_, err := ai.Accumulate(model.Stream(t.Context(), request()))
		require.ErrorIs(t, err, want, code)
	}
}

func TestKeyAndTextsStayInside(t *testing.T) {
	const prompt, answer = "PROMPT-5ab3", "ANSWER-77e0"
	var logged bytes.Buffer
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	req := &ai.Request{System: prompt, Messages: []ai.Message{ai.User(prompt)}}
	echo := fmt.Sprintf(`{"type":"error","error":{"message":"%s %s","type":"%s"}}`, testKey, prompt, testKey)
	json200 := http.Header{"Content-Type": {"application/json"}}
	sse200 := http.Header{"Content-Type": {"text/event-stream"}}
	for name, wire := range map[string]aitest.Wire{
		"echoing error": {Status: 400, Body: echo},
		"echoing page":  {Status: 500, Body: "<html>" + testKey + prompt},
		"echoing event": {Status: 200, Body: event("error", echo), Header: sse200},
		"bad event":     {Status: 200, Body: event("message_start", testKey+answer), Header: sse200},
		"not JSON":      {Status: 200, Body: testKey + answer, Header: json200},
		"other JSON":    {Status: 200, Body: `{"content":"` + answer + testKey + `"}`, Header: json200},
		"redirect":      {Status: 302, Body: answer, Header: http.Header{"Location": {"https://example.com/" + testKey}}},
		"request id":    {Status: 500, Body: "x", Header: http.Header{"Request-Id": {testKey}}},
	} {
		model, _ := newModel(t, aitest.Reply{Wire: wire}, aitest.Reply{Wire: wire})
		_, generated := model.Generate(t.Context(), req)
		_, streamed := ai.Accumulate(model.Stream(t.Context(), req))
		for _, err := range []error{generated, streamed} {
			require.Error(t, err, name)
			for _, hidden := range []string{testKey, prompt, answer} {
				assert.NotContains(t, fmt.Sprintf("%v|%+v", err, err), hidden, name)
			}
		}
	}
	assert.Empty(t, logged.String())
}

func TestRepliesThatAreNone(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, `{"error":{"message":"x"}}`, ` `, `"hi"`, `{"content":null}`} {
		model, _ := newModel(t, aitest.Reply{Wire: aitest.Wire{Status: 200, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}})
		_, err := model.Generate(t.Context(), request())
		require.ErrorIs(t, err, ai.ErrMalformedReply, "%q", body)
	}
	model, err := anthropic.New(testKey, "m", &anthropic.Options{
		MaxResponseBytes: 1000, HTTPClient: &http.Client{Transport: sdkbench.Fixed{ContentType: "application/json", Body: bytes.Repeat([]byte(" "), 1001)}},
	})
	require.NoError(t, err)
	_, err = model.Generate(t.Context(), request())
	require.ErrorIs(t, err, ai.ErrMalformedReply)
}

// FuzzReply gives the adapter arbitrary bytes as the body of a stream and of a
// whole reply: it ends, with a reply or an error, and never with both or neither.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "event: message_stop\ndata: {}\n\n", "\xef\xbb", `{"content":[{"type":"tool_use","input":null}],"usage":{"input_tokens":-1,"output_tokens":9223372036854775807}}`,
		event("message_start", `{"type":"message_start","message":{"id":"m","usage":{"input_tokens":-1}}}`) +
			event("content_block_start", `{"type":"content_block_start","index":-7,"content_block":{"type":"tool_use","input":{}}}`) +
			event("content_block_delta", `{"type":"content_block_delta","index":-7,"delta":{"type":"input_json_delta","partial_json":"x"}}`) +
			event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":null}}`),
		event("error", `{"error":null}`), event("ping", "x"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		model, err := anthropic.New(testKey, "m", &anthropic.Options{
			MaxResponseBytes: 1 << 16, HTTPClient: &http.Client{Transport: sdkbench.Fixed{ContentType: "text/event-stream", Body: body}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		checkStream(t, model.Stream(ctx, request()))
		whole, err := anthropic.New(testKey, "m", &anthropic.Options{HTTPClient: &http.Client{Transport: sdkbench.Fixed{ContentType: "application/json", Body: body}}})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := whole.Generate(ctx, request())
		if (resp == nil) == (err == nil) {
			t.Fatal("both or neither of reply and error")
		}
		if resp != nil {
			checkUsage(t, resp.Usage)
		}
	})
}

func checkStream(t *testing.T, stream func(func(ai.Event, error) bool)) {
	done, failed := 0, 0
	for ev, err := range stream {
		switch {
		case done+failed > 0:
			t.Fatal("a value after the end")
		case err != nil:
			failed++
		case ev == nil:
			t.Fatal("neither event nor error")
		}
		if d, ok := ev.(ai.Done); ok {
			done++
			checkUsage(t, d.Response.Usage)
		}
	}
	if done+failed != 1 {
		t.Fatalf("%d replies and %d errors", done, failed)
	}
}

func checkUsage(t *testing.T, u ai.Usage) {
	if u.UncachedTokens() < 0 || u.TextTokens() < 0 || u.InputTokens < 0 || u.OutputTokens < 0 {
		t.Fatalf("usage does not add up: %+v", u)
	}
}

func TestLongRepliesNeedNoStream(t *testing.T) {
	model, _ := newModel(t, aitest.Text("ok")) // the SDK alone would refuse
	req := request()
	req.MaxOutputTokens = 100_000
	resp, err := model.Generate(t.Context(), req)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(resp.Text(), "ok"))
}
