package openai_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/internal/sdkbench"
	"github.com/posai-go/posai/ai/openai"
)

// page is a literal reply with status 200, as some server sends it.
func page(contentType, body string) aitest.Reply {
	return aitest.Reply{Wire: aitest.Wire{Status: http.StatusOK, Body: body, Header: http.Header{"Content-Type": {contentType}}}}
}

// Replies as compatible servers send them, which are not quite OpenAI's.
func TestChatRepliesOfOthers(t *testing.T) {
	tests := []struct {
		name string
		body string
		want ai.Response
	}{
		{
			"least that is a reply",
			`{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}`,
			ai.Response{
				Message: ai.Assistant("Hi"), StopReason: ai.StopEnd, ProviderStopReason: "stop", Model: "gpt-test",
				Usage: ai.Usage{Missing: true},
			},
		},
		{
			"more cached than sent",
			`{"id":"i","model":"m","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],` +
				`"usage":{"prompt_tokens":5,"completion_tokens":-3,"prompt_tokens_details":{"cached_tokens":9}}}`,
			ai.Response{
				Message: ai.Assistant("Hi"), StopReason: ai.StopEnd, ProviderStopReason: "stop", Model: "m", ID: "i",
				Usage: ai.Usage{InputTokens: 5, CacheReadTokens: 5},
			},
		},
		{
			"no finish reason",
			`{"choices":[{"message":{"content":"Hi"}}],"usage":null}`,
			ai.Response{Message: ai.Assistant("Hi"), StopReason: ai.StopUnknown, Model: "gpt-test", Usage: ai.Usage{Missing: true}},
		},
		{
			"demanded tool call with the reason stop",
			`{"choices":[{"message":{"content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}`,
			ai.Response{
				Message:    ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.ToolCall{ID: "c", Name: "f", Arguments: []byte("{}")}}},
				StopReason: ai.StopToolCalls, ProviderStopReason: "stop", Model: "gpt-test", Usage: ai.Usage{Missing: true},
			},
		},
		{
			"reasoning under another name",
			`{"choices":[{"message":{"reasoning":"hm","content":"Hi"},"finish_reason":"stop"}]}`,
			ai.Response{
				Message:    ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Reasoning{Text: "hm"}, ai.Text{Text: "Hi"}}},
				StopReason: ai.StopEnd, ProviderStopReason: "stop", Model: "gpt-test", Usage: ai.Usage{Missing: true},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model, _ := newModel(t, openai.Chat, page("application/json", tt.body))
			got, err := model.Generate(t.Context(), request())
			require.NoError(t, err)
			assert.JSONEq(t, tt.body, string(got.Raw))
			got.Raw = nil
			assert.Equal(t, tt.want, *got)
		})
	}
	for _, body := range []string{`{}`, `null`, `[]`, `{"choices":[]}`, `{"error":{"message":"x"}}`, ``, `"hi"`} {
		for _, api := range []openai.API{openai.Chat, openai.Responses} {
			reply := page("application/json", body)
			if body == "" {
				reply = page("application/json", " ")
			}
			model, _ := newModel(t, api, reply)
			_, err := model.Generate(t.Context(), request())
			require.ErrorIs(t, err, ai.ErrMalformedReply, "%s: %q", api, body)
		}
	}
}

func TestChatStreamsOfOthers(t *testing.T) {
	chunk := func(delta, finish string) string {
		return `data: {"choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}` + "\n\n"
	}
	call := func(index, id, name, arguments string) string {
		return chunk(`{"tool_calls":[{"index":`+index+`,"id":"`+id+`","function":{"name":"`+name+`","arguments":"`+arguments+`"}}]}`, "null")
	}
	tests := []struct {
		name, body string
		text       string
		calls      []ai.ToolCall
	}{
		{"last event without an empty line", chunk(`{"content":"Hi"}`, "null") + strings.TrimSpace(chunk("{}", `"stop"`)), "Hi", nil},
		{"byte order mark", "\ufeff" + chunk(`{"content":"Hi"}`, `"stop"`), "Hi", nil},
		{"a second choice", chunk(`{"content":"Hi"}`, "null") + `data: {"choices":[{"index":1,"delta":{"content":"other"}}]}` + "\n\n" + chunk("{}", `"stop"`), "Hi", nil},
		{
			"every call has the index 0",
			call("0", "a", "f", `{\"x\":`) + call("0", "", "", "1}") + call("0", "b", "g", "{}") + chunk("{}", `"tool_calls"`), "",
			[]ai.ToolCall{{ID: "a", Name: "f", Arguments: []byte(`{"x":1}`)}, {ID: "b", Name: "g", Arguments: []byte("{}")}},
		},
		{
			"the ID is in every delta",
			call("0", "a", "f", `{\"x\":`) + call("0", "a", "f", "1}") + chunk("{}", `"tool_calls"`), "",
			[]ai.ToolCall{{ID: "a", Name: "f", Arguments: []byte(`{"x":1}`)}},
		},
		{
			"odd indexes",
			call("-5", "a", "f", "") + call("9000000000", "b", "g", "") + chunk("{}", `"stop"`), "",
			[]ai.ToolCall{{ID: "a", Name: "f", Arguments: []byte("{}")}, {ID: "b", Name: "g", Arguments: []byte("{}")}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model, _ := newModel(t, openai.Chat, page("text/event-stream", tt.body))
			got, err := ai.Accumulate(model.Stream(t.Context(), request()))
			require.NoError(t, err)
			assert.Equal(t, tt.text, got.Text())
			assert.Equal(t, tt.calls, got.ToolCalls())
		})
	}
}

// A stream that is answered with one JSON object, or nothing, is no reply.
func TestStreamWithoutEvents(t *testing.T) {
	for _, body := range []string{" ", `{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}`, "data: [DONE]\n\n"} {
		for _, api := range []openai.API{openai.Chat, openai.Responses} {
			model, _ := newModel(t, api, page("text/event-stream", body))
			resp, err := ai.Accumulate(model.Stream(t.Context(), request()))
			require.ErrorIs(t, err, ai.ErrTransport)
			assert.Nil(t, resp)
		}
	}
}

func TestStopReasonsOfResponses(t *testing.T) {
	for word, want := range map[string]ai.StopReason{
		"max_output_tokens": ai.StopLength, "content_filter": ai.StopContentFilter, "steered": ai.StopUnknown,
	} {
		model, _ := newModel(t, openai.Responses, aitest.Reply{Text: "Hi", ProviderStopReason: word})
		resp, err := model.Generate(t.Context(), request())
		require.NoError(t, err)
		assert.Equal(t, want, resp.StopReason)
		assert.Equal(t, word, resp.ProviderStopReason)
	}
}

// FuzzStream gives the adapter arbitrary bytes as the body of a stream: it ends,
// with a reply or an error, and never with both or neither.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "data: [DONE]\n\n", "data: {\n\n", "\xef\xbb", "event: x\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
		`data: {"choices":[{"index":0,"delta":{"content":"Hi","tool_calls":[{"index":3,"function":{"arguments":"x"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1}}` + "\n\n",
		`data: {"error":null}` + "\n\n", `data: {"type":"response.output_text.delta","delta":"Hi"}` + "\r\n\r\n",
		`data: {"type":"response.function_call_arguments.delta","output_index":7,"delta":"{"}` + "\n\n",
		`data: {"type":"response.incomplete","response":{"output":[{"type":"reasoning"},{"type":"function_call"},{"type":"message","content":[{"refusal":"no"}]}]}}` + "\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, api := range []openai.API{openai.Chat, openai.Responses} {
			model, err := openai.New(testKey, "m", &openai.Options{
				API: api, MaxResponseBytes: 1 << 16, HTTPClient: &http.Client{Transport: sdkbench.Fixed{ContentType: "text/event-stream", Body: body}},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			done, failed := 0, 0
			for ev, err := range model.Stream(ctx, request()) {
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
					if u := d.Response.Usage; u.UncachedTokens() < 0 || u.TextTokens() < 0 || u.InputTokens < 0 {
						t.Fatalf("usage does not add up: %+v", u)
					}
				}
			}
			cancel()
			if done+failed != 1 {
				t.Fatalf("%d replies and %d errors", done, failed)
			}
			_, err = model.Generate(t.Context(), request())
			if err == nil {
				t.Fatal("a stream was taken for a whole reply")
			}
		}
	})
}
