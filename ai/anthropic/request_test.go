package anthropic_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/anthropic"
)

type stockQuery struct {
	SKU string `json:"sku" jsonschema:"minLength=1"`
}

type tree struct {
	Children []tree `json:"children"`
}

// schema returns the schema of T.
func schema[T any](t *testing.T) *ai.Schema {
	t.Helper()
	s, err := ai.SchemaFor[T]()
	require.NoError(t, err)
	return s
}

func TestRequest(t *testing.T) {
	stock := ai.Tool{Name: "stock", Description: "Counts.", Input: schema[stockQuery](t)}
	tests := []struct {
		name     string
		req      ai.Request
		opts     anthropic.Options
		want     string // the body, without model and what every test has
		warnings []string
	}{
		{
			name: "text and settings",
			req: ai.Request{
				System: "Be brief.", Messages: []ai.Message{ai.User("Hi")}, MaxOutputTokens: 7, Temperature: new(0.5), TopP: new(0.9), Stop: []string{"END"},
			},
			want: `{"system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],
				"max_tokens":7,"temperature":0.5,"top_p":0.9,"stop_sequences":["END"]}`,
		},
		{
			name: "hot",
			req:  ai.Request{Messages: []ai.Message{ai.User("Hi")}, Temperature: new(1.5)},
			want: `{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"max_tokens":8192,"temperature":1}`, warnings: []string{"Temperature"},
		},
		{
			name: "roles and results of tools",
			req: ai.Request{Messages: []ai.Message{
				ai.User("One"), ai.User("Two"),
				{Role: ai.RoleAssistant, Parts: []ai.Part{
					ai.Text{Text: " "},
					ai.ToolCall{ID: "a", Name: "stock", Arguments: json.RawMessage(`{"n":9007199254740993}`)},
					ai.ToolCall{ID: "b", Name: "stock", Arguments: json.RawMessage(`{"n":`)},
				}},
				ai.User("Meanwhile"),
				ai.ToolResults(ai.ToolResult{CallID: "a", Content: []ai.Part{ai.Text{Text: "3"}}}),
				ai.ToolResults(ai.ToolResult{CallID: "b", IsError: true, Content: []ai.Part{ai.Text{Text: "no"}}}),
			}},
			want: `{"max_tokens":8192,"messages":[
				{"role":"user","content":[{"type":"text","text":"One"},{"type":"text","text":"Two"}]},
				{"role":"assistant","content":[
					{"type":"tool_use","id":"a","name":"stock","input":{"n":9007199254740993}},
					{"type":"tool_use","id":"b","name":"stock","input":{"invalid_arguments":"{\"n\":"}}]},
				{"role":"user","content":[
					{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"3"}]},
					{"type":"tool_result","tool_use_id":"b","is_error":true,"content":[{"type":"text","text":"no"}]},
					{"type":"text","text":"Meanwhile"}]}]}`,
		},
		{
			name: "the assistant begins",
			req:  ai.Request{Messages: []ai.Message{ai.Assistant("Welcome!"), ai.User("Hi")}},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"(The assistant begins.)"}]},
				{"role":"assistant","content":[{"type":"text","text":"Welcome!"}]},{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`,
			warnings: []string{"Messages"},
		},
		{
			name: "images and files",
			req: ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{
				ai.Image{Data: []byte("png"), MediaType: "image/png"},
				ai.Image{URL: "https://example.com/a.png"},
				ai.PDF("a.pdf", []byte("pdf")),
				ai.File{URL: "https://example.com/a.pdf"},
				ai.File{Data: []byte("txt"), MediaType: "text/plain"},
			}}}},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[
				{"type":"image","source":{"type":"base64","media_type":"image/png","data":"cG5n"}},
				{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},
				{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"cGRm"}},
				{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}},
				{"type":"document","source":{"type":"text","media_type":"text/plain","data":"txt"}}]}]}`,
		},
		{
			name: "tools",
			req: ai.Request{
				Messages: []ai.Message{ai.User("Hi")}, ToolChoice: ai.ToolChoice{Mode: ai.ToolNamed, Name: "stock"},
				Tools: []ai.Tool{stock, {Name: "now"}, {Name: "plant", Input: schema[tree](t)}},
			},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],
				"tool_choice":{"type":"tool","name":"stock"},"tools":[
				{"name":"stock","description":"Counts.","strict":true,"input_schema":{"type":"object","additionalProperties":false,"required":["sku"],
					"properties":{"sku":{"type":"string","description":"(length at least 1)"}}}},
				{"name":"now","strict":true,"input_schema":{"type":"object","additionalProperties":false,"properties":{},"required":[]}},
				{"name":"plant","input_schema":` + recursive(t) + `}]}`,
			warnings: []string{"Tools"},
		},
		{
			name: "a tool is demanded, thinking is not possible",
			req: ai.Request{
				Messages: []ai.Message{ai.User("Hi")}, Tools: []ai.Tool{{Name: "now"}}, ToolChoice: ai.ToolChoice{Mode: ai.ToolRequired}, Effort: ai.EffortHigh,
			},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"tool_choice":{"type":"any"},
				"tools":[{"name":"now","strict":true,"input_schema":{"type":"object","additionalProperties":false,"properties":{},"required":[]}}]}`,
			warnings: []string{"Effort"},
		},
		{
			name: "effort",
			req:  ai.Request{Messages: []ai.Message{ai.User("Hi")}, Effort: ai.EffortMinimal, Temperature: new(0.1), TopP: new(0.5)},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],
				"output_config":{"effort":"low"},"thinking":{"type":"adaptive","display":"summarized"}}`,
			warnings: []string{"Effort", "Temperature", "TopP"},
		},
		{
			name: "no effort",
			req:  ai.Request{Messages: []ai.Message{ai.User("Hi")}, Effort: ai.EffortNone},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"thinking":{"type":"disabled"}}`,
		},
		{
			name: "effort as a budget",
			opts: anthropic.Options{ThinkingBudgets: map[ai.Effort]int{ai.EffortLow: 2048}},
			req:  ai.Request{Messages: []ai.Message{ai.User("Hi")}, Effort: ai.EffortLow},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"thinking":{"type":"enabled","budget_tokens":2048}}`,
		},
		{
			name: "a budget above the limit",
			opts: anthropic.Options{ThinkingBudgets: map[ai.Effort]int{ai.EffortLow: 2048}},
			req:  ai.Request{Messages: []ai.Message{ai.User("Hi")}, Effort: ai.EffortLow, MaxOutputTokens: 2048},
			want: `{"max_tokens":2048,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`, warnings: []string{"Effort"},
		},
		{
			name: "structured output",
			req:  ai.Request{Messages: []ai.Message{ai.User("Hi")}, Output: &ai.Output{Name: "q", Schema: schema[stockQuery](t)}},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],
				"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false,"required":["sku"],
					"properties":{"sku":{"type":"string","description":"(length at least 1)"}}}}}}`,
		},
		{
			name: "reasoning and parts of others",
			req: ai.Request{Messages: []ai.Message{
				ai.User("Hi"),
				{Role: ai.RoleAssistant, Parts: []ai.Part{
					ai.Reasoning{Text: "hm", Opaque: json.RawMessage(`{"provider":"anthropic","signature":"c2ln"}`)},
					ai.Reasoning{Opaque: json.RawMessage(`{"provider":"anthropic","redacted":"eA=="}`)},
					ai.Reasoning{Text: "hm", Opaque: json.RawMessage(`{"provider":"openai","id":"rs_1"}`)},
					ai.Unknown{Provider: "anthropic", Kind: "server_tool_use", Raw: json.RawMessage(`{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`)},
					ai.Unknown{Provider: "gemini", Kind: "executableCode", Raw: json.RawMessage(`{}`)},
					ai.Text{Text: "Hello"},
				}},
				ai.User("And?"),
			}},
			want: `{"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]},
				{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"eA=="},
				{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"text","text":"Hello"}]},
				{"role":"user","content":[{"type":"text","text":"And?"}]}]}`,
			warnings: []string{"Messages", "Messages"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := aitest.NewAnthropicServer(t, aitest.Text("ok"), aitest.Text("ok"))
			tt.opts.BaseURL = server.BaseURL()
			model, err := anthropic.New(testKey, "claude-test", &tt.opts)
			require.NoError(t, err)
			resp, err := model.Generate(t.Context(), &tt.req)
			require.NoError(t, err)
			var settings []string
			for _, w := range resp.Warnings {
				settings = append(settings, w.Setting)
			}
			assert.Equal(t, tt.warnings, settings)
			_, err = ai.Accumulate(model.Stream(t.Context(), &tt.req))
			require.NoError(t, err)
			var want map[string]any
			require.NoError(t, json.Unmarshal([]byte(tt.want), &want))
			want["model"] = "claude-test"
			for i, r := range server.Requests() {
				if i == 1 {
					want["stream"] = true
				}
				data, err := json.Marshal(want)
				require.NoError(t, err)
				assert.JSONEq(t, string(data), string(r.Body))
				assert.Equal(t, testKey, r.Header.Get("X-Api-Key"))
			}
		})
	}
}

func recursive(t *testing.T) string {
	t.Helper()
	data, err := schema[tree](t).MarshalJSON()
	require.NoError(t, err)
	return string(data)
}

// Integers of a call that is sent back are not rounded.
func TestBigIntegersAreExact(t *testing.T) {
	model, server := newModel(t, aitest.Text("ok"))
	_, err := model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{
		ai.User("Hi"),
		{Role: ai.RoleAssistant, Parts: []ai.Part{ai.ToolCall{ID: "a", Name: "f", Arguments: json.RawMessage(`{"n":9007199254740993}`)}}},
		ai.ToolResults(ai.ToolResult{CallID: "a", Content: []ai.Part{ai.Text{Text: "1"}}}),
	}})
	require.NoError(t, err)
	assert.Contains(t, string(server.Requests()[0].Body), "9007199254740993")
}

func TestWhatCannotBeSent(t *testing.T) {
	model, _ := newModel(t) // any request fails the test
	for name, parts := range map[string][]ai.Part{
		"image": {ai.Image{Data: []byte("x"), MediaType: "image/tiff"}},
		"file":  {ai.File{Data: []byte("x"), MediaType: "application/zip"}},
		"blank": {ai.Text{Text: " \n"}},
	} {
		_, err := model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: parts}}})
		require.ErrorIs(t, err, ai.ErrInvalidRequest, name)
	}
	req := &ai.Request{Messages: []ai.Message{ai.User("Hi")}, Output: &ai.Output{Name: "t", Schema: schema[tree](t)}}
	_, err := model.Generate(t.Context(), req)
	require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
	_, err = ai.Accumulate(model.Stream(t.Context(), req))
	require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
}
