package openai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/openai"
)

// verdict has its properties in an order that is not the alphabet's.
type verdict struct {
	Why   string `json:"why" jsonschema:"maxLength=80"`
	Allow bool   `json:"allow,omitempty"`
}

const (
	verdictSchema = `{"type":"object","properties":{"why":{"type":"string","description":"(length at most 80)"},` +
		`"allow":{"type":["boolean","null"]}},"required":["why","allow"],"additionalProperties":false}`
	stockSchema = `{"type":"object","additionalProperties":{"type":"integer","minimum":0}}`
)

// full is a request with everything in it.
func full(t *testing.T) *ai.Request {
	output, err := ai.SchemaFor[verdict]()
	require.NoError(t, err)
	free, err := ai.SchemaFor[map[string]uint]()
	require.NoError(t, err)
	return &ai.Request{
		System: "Be kind.",
		Messages: []ai.Message{
			ai.Assistant("Good morning."),
			ai.User("A scarf, please."),
			{Role: ai.RoleUser, Parts: []ai.Part{
				ai.Text{Text: "This one."},
				ai.Image{Data: []byte("png"), MediaType: "image/png"},
				ai.Image{URL: "https://example.com/scarf.jpg"},
				ai.File{Name: "care.pdf", Data: []byte("pdf"), MediaType: "application/pdf"},
			}},
			{Role: ai.RoleAssistant, Parts: []ai.Part{
				ai.Reasoning{Text: "hm", Opaque: json.RawMessage(`{"provider":"openai","id":"rs_7","encrypted_content":"x","summary":["hm"]}`)},
				ai.Text{Text: "Let me look."},
				ai.ToolCall{ID: "call_1", Name: "stock", Arguments: json.RawMessage(`{"SCARF-1":1}`)},
				ai.ToolCall{ID: "call_2", Name: "now", Arguments: json.RawMessage(`{}`)},
			}},
			ai.ToolResults(
				ai.ToolResult{CallID: "call_1", Name: "stock", Content: []ai.Part{ai.Text{Text: "3"}}},
				ai.ToolResult{CallID: "call_2", Name: "now", Content: []ai.Part{ai.Text{Text: "no clock"}}, IsError: true},
			),
		},
		Tools: []ai.Tool{
			{Name: "stock", Description: "Looks up stock.", Input: free},
			{Name: "judge", Input: output},
			{Name: "now"},
		},
		ToolChoice:      ai.ToolChoice{Mode: ai.ToolNamed, Name: "stock"},
		MaxOutputTokens: 300,
		Temperature:     new(0.0),
		TopP:            new(0.9),
		Stop:            []string{"END"},
		Effort:          ai.EffortLow,
		Output:          &ai.Output{Name: "verdict", Description: "the verdict", Schema: output},
	}
}

const noArguments = `{"type":"object","properties":{},"required":[],"additionalProperties":false}`

func TestChatRequest(t *testing.T) {
	model, server := newModel(t, openai.Chat, aitest.Text("{}"), aitest.Text("{}"))
	resp, err := model.Generate(t.Context(), full(t))
	require.NoError(t, err)
	sent := server.Requests()[0]
	assert.Equal(t, "/v1/chat/completions", sent.Path)
	want := `{
		"model": "gpt-test",
		"messages": [
			{"role": "system", "content": "Be kind."},
			{"role": "assistant", "content": "Good morning."},
			{"role": "user", "content": "A scarf, please."},
			{"role": "user", "content": [
				{"type": "text", "text": "This one."},
				{"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
				{"type": "image_url", "image_url": {"url": "https://example.com/scarf.jpg"}},
				{"type": "file", "file": {"filename": "care.pdf", "file_data": "data:application/pdf;base64,cGRm"}}
			]},
			{"role": "assistant", "content": "Let me look.", "tool_calls": [
				{"type": "function", "id": "call_1", "function": {"name": "stock", "arguments": "{\"SCARF-1\":1}"}},
				{"type": "function", "id": "call_2", "function": {"name": "now", "arguments": "{}"}}
			]},
			{"role": "tool", "tool_call_id": "call_1", "content": "3"},
			{"role": "tool", "tool_call_id": "call_2", "content": "Error: no clock"}
		],
		"tools": [
			{"type": "function", "function": {"name": "stock", "description": "Looks up stock.", "strict": false, "parameters": ` + stockSchema + `}},
			{"type": "function", "function": {"name": "judge", "strict": true, "parameters": ` + verdictSchema + `}},
			{"type": "function", "function": {"name": "now", "strict": true, "parameters": ` + noArguments + `}}
		],
		"tool_choice": {"type": "function", "function": {"name": "stock"}},
		"max_completion_tokens": 300, "temperature": 0, "top_p": 0.9, "stop": ["END"], "reasoning_effort": "low",
		"response_format": {"type": "json_schema", "json_schema": {
			"name": "verdict", "description": "the verdict", "strict": true, "schema": ` + verdictSchema + `}}
	}`
	assert.JSONEq(t, want, string(sent.Body))
	assertOrder(t, sent.Body)
	assert.Equal(t, []string{"Messages", "Tools"}, settings(resp.Warnings))

	streamed, err := ai.Accumulate(model.Stream(t.Context(), full(t)))
	require.NoError(t, err)
	var body map[string]any
	require.NoError(t, json.Unmarshal(server.Requests()[1].Body, &body))
	assert.Equal(t, true, body["stream"])
	assert.Equal(t, map[string]any{"include_usage": true}, body["stream_options"])
	delete(body, "stream")
	delete(body, "stream_options")
	rest, _ := json.Marshal(body)
	assert.JSONEq(t, want, string(rest))
	assert.Equal(t, resp.Warnings, streamed.Warnings)
}

func TestResponsesRequest(t *testing.T) {
	model, server := newModel(t, openai.Responses, aitest.Text("{}"), aitest.Text("{}"))
	resp, err := model.Generate(t.Context(), full(t))
	require.NoError(t, err)
	sent := server.Requests()[0]
	assert.Equal(t, "/v1/responses", sent.Path)
	want := `{
		"model": "gpt-test", "store": false, "include": ["reasoning.encrypted_content"],
		"instructions": "Be kind.",
		"input": [
			{"role": "assistant", "content": "Good morning."},
			{"role": "user", "content": [{"type": "input_text", "text": "A scarf, please."}]},
			{"role": "user", "content": [
				{"type": "input_text", "text": "This one."},
				{"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,cG5n"},
				{"type": "input_image", "detail": "auto", "image_url": "https://example.com/scarf.jpg"},
				{"type": "input_file", "filename": "care.pdf", "file_data": "data:application/pdf;base64,cGRm"}
			]},
			{"type": "reasoning", "id": "rs_7", "encrypted_content": "x", "summary": [{"type": "summary_text", "text": "hm"}]},
			{"role": "assistant", "content": "Let me look."},
			{"type": "function_call", "call_id": "call_1", "name": "stock", "arguments": "{\"SCARF-1\":1}"},
			{"type": "function_call", "call_id": "call_2", "name": "now", "arguments": "{}"},
			{"type": "function_call_output", "call_id": "call_1", "output": "3"},
			{"type": "function_call_output", "call_id": "call_2", "output": "Error: no clock"}
		],
		"tools": [
			{"type": "function", "name": "stock", "description": "Looks up stock.", "strict": false, "parameters": ` + stockSchema + `},
			{"type": "function", "name": "judge", "strict": true, "parameters": ` + verdictSchema + `},
			{"type": "function", "name": "now", "strict": true, "parameters": ` + noArguments + `}
		],
		"tool_choice": {"type": "function", "name": "stock"},
		"max_output_tokens": 300, "temperature": 0, "top_p": 0.9, "reasoning": {"effort": "low"},
		"text": {"format": {"type": "json_schema", "name": "verdict", "description": "the verdict", "strict": true, "schema": ` + verdictSchema + `}}
	}`
	assert.JSONEq(t, want, string(sent.Body))
	assertOrder(t, sent.Body)
	assert.Equal(t, []string{"Stop", "Tools"}, settings(resp.Warnings))

	_, err = ai.Accumulate(model.Stream(t.Context(), full(t)))
	require.NoError(t, err)
	var body map[string]any
	require.NoError(t, json.Unmarshal(server.Requests()[1].Body, &body))
	assert.Equal(t, true, body["stream"])
}

// assertOrder checks that every schema names "why" before "allow": a model
// writes the properties in this order, and so reasons before it decides.
func assertOrder(t *testing.T, body []byte) {
	t.Helper()
	why, allow := strings.Count(string(body), `"properties":{"why"`), strings.Count(string(body), `"allow":{`)
	assert.Equal(t, 2, why, "schemas that begin with why")
	assert.Equal(t, 2, allow)
}

func settings(warnings []ai.Warning) []string {
	var names []string
	for _, w := range warnings {
		names = append(names, w.Setting)
	}
	return names
}

func TestSmallRequest(t *testing.T) {
	for api, want := range map[openai.API]string{
		openai.Chat:      `{"model":"gpt-test","messages":[{"role":"user","content":"Hi"}]}`,
		openai.Responses: `{"model":"gpt-test","store":false,"include":["reasoning.encrypted_content"],"input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]}]}`,
	} {
		model, server := newModel(t, api, aitest.Text("Hello"))
		_, err := model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("Hi")}})
		require.NoError(t, err)
		assert.JSONEq(t, want, string(server.Requests()[0].Body))
	}
}

func TestToolChoice(t *testing.T) {
	for mode, want := range map[ai.ToolMode]any{ai.ToolAuto: nil, ai.ToolNone: "none", ai.ToolRequired: "required"} {
		for _, api := range []openai.API{openai.Chat, openai.Responses} {
			model, server := newModel(t, api, aitest.Text("Hello"))
			_, err := model.Generate(t.Context(), &ai.Request{
				Messages: []ai.Message{ai.User("Hi")}, Tools: []ai.Tool{{Name: "now"}}, ToolChoice: ai.ToolChoice{Mode: mode},
			})
			require.NoError(t, err)
			var body map[string]any
			require.NoError(t, json.Unmarshal(server.Requests()[0].Body, &body))
			assert.Equal(t, want, body["tool_choice"])
		}
	}
}

func TestLegacyMaxTokens(t *testing.T) {
	server := aitest.NewOpenAIServer(t, aitest.Text("Hello"))
	model, err := openai.New("", "llama", &openai.Options{BaseURL: server.BaseURL(), LegacyMaxTokens: true})
	require.NoError(t, err)
	_, err = model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("Hi")}, MaxOutputTokens: 7})
	require.ErrorIs(t, err, ai.ErrAuth, "the server wants a key; without one, no header is sent")
	assert.JSONEq(t, `{"model":"llama","messages":[{"role":"user","content":"Hi"}],"max_tokens":7}`, string(server.Requests()[0].Body))
	assert.Empty(t, server.Requests()[0].Header["Authorization"])
}

func TestUnsupportedContent(t *testing.T) {
	byURL := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.File{URL: "https://example.com/a.pdf"}}}}}
	picture := &ai.Request{Messages: []ai.Message{ai.ToolResults(ai.ToolResult{
		CallID: "c", Content: []ai.Part{ai.Image{URL: "https://example.com/a.png"}},
	})}}
	for _, c := range []struct {
		name string
		api  openai.API
		req  *ai.Request
	}{
		{"file by URL in Chat", openai.Chat, byURL},
		{"image in a tool result in Chat", openai.Chat, picture},
		{"image in a tool result in Responses", openai.Responses, picture},
	} {
		t.Run(c.name, func(t *testing.T) {
			model, _ := newModel(t, c.api) // an empty script: a request would fail the test
			_, err := model.Generate(t.Context(), c.req)
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
			_, err = ai.Accumulate(model.Stream(t.Context(), c.req))
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
		})
	}
	t.Run("file by URL in Responses", func(t *testing.T) {
		model, server := newModel(t, openai.Responses, aitest.Text("Read."))
		_, err := model.Generate(t.Context(), byURL)
		require.NoError(t, err)
		assert.Contains(t, string(server.Requests()[0].Body), `"file_url":"https://example.com/a.pdf"`)
	})
}

func TestReasoningGoesBack(t *testing.T) {
	model, server := newModel(t, openai.Responses, aitest.Reply{Reasoning: "Sand goes with green.", Text: "Sand."}, aitest.Text("Yes."))
	first, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	foreign := ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{
		ai.Reasoning{Opaque: json.RawMessage(`{"provider":"other","id":"x"}`)}, ai.Text{Text: "Earlier."},
	}}
	req := request()
	req.Messages = append(req.Messages, foreign, first.Message, ai.User("Sure?"))
	second, err := model.Generate(t.Context(), req)
	require.NoError(t, err)
	assert.Contains(t, string(server.Requests()[1].Body), `"encrypted_content":"c2VhbGVk"`)
	assert.NotContains(t, string(server.Requests()[1].Body), `"id":"x"`)
	assert.Equal(t, []string{"Messages"}, settings(second.Warnings))
}
