package gemini_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/gemini"
)

type stockQuery struct {
	SKU   string `json:"sku" jsonschema:"minLength=1"`
	Count int    `json:"count" jsonschema:"minimum=1"`
}

type tree struct {
	Children []tree `json:"children"`
}

func schema[T any](t *testing.T) *ai.Schema {
	t.Helper()
	s, err := ai.SchemaFor[T]()
	require.NoError(t, err)
	return s
}

const (
	hi          = `"contents":[{"role":"user","parts":[{"text":"Hi"}]}]`
	stockSchema = `{"type":"object","additionalProperties":false,"required":["sku","count"],"properties":{` +
		`"sku":{"type":"string","description":"(length at least 1)"},"count":{"type":"integer","minimum":1}}}`
)

func TestRequest(t *testing.T) {
	say := []ai.Message{ai.User("Hi")}
	plant, err := schema[tree](t).MarshalJSON()
	require.NoError(t, err)
	tests := []struct {
		name     string
		req      ai.Request
		opts     gemini.Options
		want     string
		warnings []string
	}{
		{
			name: "settings",
			req:  ai.Request{System: "Be brief.", Messages: say, MaxOutputTokens: 7, Temperature: new(0.5), TopP: new(0.75), Stop: []string{"END"}},
			want: `{"systemInstruction":{"role":"user","parts":[{"text":"Be brief."}]},` + hi + `,
				"generationConfig":{"maxOutputTokens":7,"temperature":0.5,"topP":0.75,"stopSequences":["END"]}}`,
		},
		{
			name: "calls and their results",
			req: ai.Request{Messages: []ai.Message{
				ai.User("One"), ai.User("Two"),
				{Role: ai.RoleAssistant, Parts: []ai.Part{
					ai.Reasoning{Text: "hm", Opaque: json.RawMessage(`{"provider":"gemini","signature":"czE="}`)},
					ai.Reasoning{Opaque: json.RawMessage(`{"provider":"gemini","signature":"czI=","text":true}`)},
					ai.Reasoning{Text: "hm", Opaque: json.RawMessage(`{"provider":"anthropic","signature":"c2ln"}`)},
					ai.ToolCall{ID: "a", Name: "stock", Arguments: json.RawMessage(`{"n":1}`), Opaque: json.RawMessage(`{"provider":"gemini","signature":"czM="}`)},
					ai.ToolCall{ID: "ours", Name: "price", Arguments: json.RawMessage(`{"n":`), Opaque: json.RawMessage(`{"provider":"gemini","no_id":true}`)},
					ai.Unknown{Provider: "gemini", Kind: "executableCode", Raw: json.RawMessage(`{"executableCode":{"code":"1"}}`)},
					ai.Unknown{Provider: "anthropic", Kind: "x", Raw: json.RawMessage(`{}`)},
				}},
				ai.ToolResults(
					ai.ToolResult{CallID: "a", Content: []ai.Part{ai.Text{Text: "3"}, ai.Image{Data: []byte("png"), MediaType: "image/png"}}},
					ai.ToolResult{CallID: "ours", IsError: true, Content: []ai.Part{ai.Text{Text: "no"}}},
				),
				ai.User("Well?"),
			}},
			want: `{"contents":[{"role":"user","parts":[{"text":"One"},{"text":"Two"}]},
				{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"czE="},{"text":"","thoughtSignature":"czI="},
					{"functionCall":{"id":"a","name":"stock","args":{"n":1}},"thoughtSignature":"czM="},
					{"functionCall":{"name":"price","args":{"invalid_arguments":"{\"n\":"}}},{"executableCode":{"code":"1"}}]},
				{"role":"user","parts":[
					{"functionResponse":{"id":"a","name":"stock","response":{"output":"3"},"parts":[{"inlineData":{"mimeType":"image/png","data":"cG5n"}}]}},
					{"functionResponse":{"name":"price","response":{"error":"no"}}},{"text":"Well?"}]}],"generationConfig":{}}`,
			warnings: []string{"Messages", "Messages"},
		},
		{
			name: "the assistant begins",
			req:  ai.Request{Messages: []ai.Message{ai.Assistant("Welcome!"), ai.User("Hi")}},
			want: `{"contents":[{"role":"user","parts":[{"text":"(The assistant begins.)"}]},{"role":"model","parts":[{"text":"Welcome!"}]},
				{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{}}`, warnings: []string{"Messages"},
		},
		{
			name: "images and files",
			req: ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{
				ai.Image{Data: []byte("png"), MediaType: "image/png"},
				ai.Image{URL: "https://example.com/a.png"},
				ai.PDF("a.pdf", []byte("pdf")),
				ai.File{URL: "https://example.com/a.pdf", MediaType: "application/pdf"},
			}}}},
			want: `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"cG5n"}},{"fileData":{"fileUri":"https://example.com/a.png"}},
				{"inlineData":{"mimeType":"application/pdf","data":"cGRm"}},
				{"fileData":{"fileUri":"https://example.com/a.pdf","mimeType":"application/pdf"}}]}],"generationConfig":{}}`,
		},
		{
			name: "tools",
			req: ai.Request{
				Messages: say, ToolChoice: ai.ToolChoice{Mode: ai.ToolNamed, Name: "stock"},
				Tools: []ai.Tool{{Name: "stock", Description: "Counts.", Input: schema[stockQuery](t)}, {Name: "now"}, {Name: "plant", Input: schema[tree](t)}},
			},
			want: `{` + hi + `,"generationConfig":{},"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["stock"]}},
				"tools":[{"functionDeclarations":[{"name":"stock","description":"Counts.","parametersJsonSchema":` + stockSchema + `},
				{"name":"now","parametersJsonSchema":{"type":"object","properties":{},"required":[],"additionalProperties":false}},
				{"name":"plant","parametersJsonSchema":` + string(plant) + `}]}]}`,
			warnings: []string{"Tools"},
		},
		{
			name: "structured output",
			req:  ai.Request{Messages: say, Output: &ai.Output{Name: "q", Schema: schema[stockQuery](t)}},
			want: `{` + hi + `,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":` + stockSchema + `}}`,
		},
		{
			name: "effort", req: ai.Request{Messages: say, Effort: ai.EffortHigh},
			want: `{` + hi + `,"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH"}}}`,
		},
		{
			name: "no effort", req: ai.Request{Messages: say, Effort: ai.EffortNone},
			want: `{` + hi + `,"generationConfig":{"thinkingConfig":{"thinkingLevel":"MINIMAL"}}}`, warnings: []string{"Effort"},
		},
		{
			name: "no effort as a budget", opts: gemini.Options{ThinkingBudgets: map[ai.Effort]int{ai.EffortLow: 512}},
			req:  ai.Request{Messages: say, Effort: ai.EffortNone},
			want: `{` + hi + `,"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := aitest.NewGeminiServer(t, aitest.Text("ok"), aitest.Text("ok"))
			tt.opts.BaseURL = server.BaseURL()
			model, err := gemini.New(testKey, "gemini-test", &tt.opts)
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
			for _, r := range server.Requests() {
				assert.JSONEq(t, tt.want, string(r.Body))
				assert.Equal(t, testKey, r.Header.Get("X-Goog-Api-Key"))
			}
		})
	}
}

// What goes to and fro is exact: large integers, the order of properties.
func TestJSONIsExact(t *testing.T) {
	arguments := json.RawMessage(`{"z":9007199254740993,"a":1}`)
	reply := aitest.Reply{ToolCalls: []ai.ToolCall{{ID: "a", Name: "f", Arguments: arguments, Opaque: json.RawMessage(`{"signature":"c2ln"}`)}}}
	model, server := newModel(t, reply, reply, aitest.Text("ok"))
	req := &ai.Request{Messages: []ai.Message{ai.User("Hi")}, Tools: []ai.Tool{{Name: "f", Input: schema[stockQuery](t)}}}
	resp, err := model.Generate(t.Context(), req)
	require.NoError(t, err)
	streamed, err := ai.Accumulate(model.Stream(t.Context(), req))
	require.NoError(t, err)
	assert.Equal(t, resp.Message, streamed.Message)
	require.Len(t, resp.ToolCalls(), 1)
	assert.Equal(t, string(arguments), string(resp.ToolCalls()[0].Arguments))
	req.Messages = append(req.Messages, resp.Message, ai.ToolResults(ai.ToolResult{CallID: "a", Content: []ai.Part{ai.Text{Text: "1"}}}))
	again, err := model.Generate(t.Context(), req)
	require.NoError(t, err)
	assert.Empty(t, again.Warnings)
	body := string(server.Requests()[2].Body)
	assert.Contains(t, body, string(arguments))
	assert.Contains(t, body, `"thoughtSignature":"c2ln"`)
	assert.Regexp(t, `"sku".*"count"`, body)
}

func TestWhatCannotBeSent(t *testing.T) {
	model, _ := newModel(t) // any request fails the test
	for name, messages := range map[string][]ai.Message{
		"empty":            {{Role: ai.RoleUser, Parts: []ai.Part{ai.Text{}}}},
		"result of nobody": {ai.User("Hi"), ai.ToolResults(ai.ToolResult{CallID: "x", Content: []ai.Part{ai.Text{Text: "1"}}})},
		"image by URL": {ai.User("Hi"), ai.ToolResults(ai.ToolResult{
			CallID: "x", Name: "f", Content: []ai.Part{ai.Image{URL: "https://example.com/a.png"}},
		})},
	} {
		_, err := model.Generate(t.Context(), &ai.Request{Messages: messages})
		require.ErrorIs(t, err, ai.ErrInvalidRequest, name)
	}
	req := &ai.Request{Messages: []ai.Message{ai.User("Hi")}, Output: &ai.Output{Name: "t", Schema: schema[tree](t)}}
	_, err := ai.Accumulate(model.Stream(t.Context(), req))
	require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
}
