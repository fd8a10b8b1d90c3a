package aitest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// lookup is the tool of the checks.
type lookup struct {
	SKU string `json:"sku"`
}

// requestChecks are about what is sent: the fake provider refuses what the real
// one would refuse.
var requestChecks = []check{
	{
		name: "any order of roles",
		rule: "messages of one role may follow one another, and the assistant may begin: the adapter makes of it what its provider takes",
		run: func(t *testing.T, s Suite) {
			for _, messages := range [][]ai.Message{
				{ai.User("One."), ai.User("Two.")},
				{ai.Assistant("Welcome!"), ai.User("Hi.")},
				{ai.User("Hi."), ai.Assistant("Yes?"), ai.Assistant("What is it?"), ai.User("A scarf.")},
			} {
				accepted(t, s, &ai.Request{Messages: messages})
			}
		},
	},
	{
		name: "results of tools",
		rule: "a reply with reasoning and parallel calls goes back with their results, failed ones and late ones too",
		run: func(t *testing.T, s Suite) {
			tools := []ai.Tool{lookupTool(t)}
			for _, arguments := range []string{`{"sku":"SCARF-1"}`, "{}"} {
				first := Reply{Reasoning: "Let me see.", Text: "One moment.", ToolCalls: []ai.ToolCall{
					{ID: "call_a", Name: "lookup", Arguments: []byte(arguments)}, {ID: "call_b", Name: "lookup", Arguments: []byte(arguments)},
				}}
				m := s.New(t, first, Text("Two are left."))
				req := &ai.Request{Messages: []ai.Message{ai.User("How many?")}, Tools: tools}
				resp, err := m.Generate(limit(t), req)
				require.NoError(t, err)
				require.Len(t, resp.ToolCalls(), 2)
				a, b := resp.ToolCalls()[0], resp.ToolCalls()[1]
				req.Messages = append(
					req.Messages, resp.Message,
					ai.ToolResults(ai.ToolResult{CallID: a.ID, Name: a.Name, Content: []ai.Part{ai.Text{Text: "2"}}}),
					ai.ToolResults(ai.ToolResult{CallID: b.ID, Name: b.Name, IsError: true, Content: []ai.Part{ai.Text{Text: "no such SKU"}}}),
					ai.User("Well?"),
				)
				resp, err = ai.Accumulate(m.Stream(limit(t), req))
				require.NoError(t, err)
				assert.Equal(t, "Two are left.", resp.Text())
			}
		},
	},
	{
		name: "choice of tool",
		rule: "every choice of tool is accepted",
		run: func(t *testing.T, s Suite) {
			for _, choice := range []ai.ToolChoice{{}, {Mode: ai.ToolNone}, {Mode: ai.ToolRequired}, {Mode: ai.ToolNamed, Name: "lookup"}} {
				accepted(t, s, &ai.Request{
					Messages: []ai.Message{ai.User("How many?")}, ToolChoice: choice,
					Tools: []ai.Tool{lookupTool(t), {Name: "now", Description: "Tells the time."}},
				})
			}
		},
	},
	{
		name: "settings",
		rule: "every setting is sent or becomes a warning that names it; it is never an error",
		run: func(t *testing.T, s Suite) {
			fields := []string{"MaxOutputTokens", "Temperature", "TopP", "Stop", "Effort"}
			for _, effort := range []ai.Effort{ai.EffortNone, ai.EffortMinimal, ai.EffortLow, ai.EffortMedium, ai.EffortHigh} {
				resp := accepted(t, s, &ai.Request{
					Messages: []ai.Message{ai.User("Hi.")}, MaxOutputTokens: 100, Temperature: new(0.5), TopP: new(0.9), Stop: []string{"END"}, Effort: effort,
				})
				for _, w := range resp.Warnings {
					assert.Contains(t, fields, w.Setting)
					assert.NotEmpty(t, w.Detail)
				}
			}
		},
	},
	{
		name: "images and files",
		rule: "an image or file is sent, or the request is invalid; it is never left out",
		run: func(t *testing.T, s Suite) {
			for _, part := range []ai.Part{
				ai.Image{Data: []byte("\x89PNG"), MediaType: "image/png"},
				ai.Image{URL: "https://example.com/scarf.png"},
				ai.PDF("policy.pdf", []byte("%PDF-1.7")),
				ai.File{URL: "https://example.com/policy.pdf", MediaType: "application/pdf"},
			} {
				req := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.Text{Text: "What is it?"}, part}}}}
				resp, err := s.New(t, Text("A scarf.")).Generate(limit(t), req)
				if errors.Is(err, ai.ErrInvalidRequest) {
					continue
				}
				require.NoError(t, err, "%T", part)
				assert.Empty(t, resp.Warnings, "%T", part)
			}
		},
	},
	{
		name: "parts of another provider",
		rule: "reasoning and unknown parts of another provider are left out with a warning",
		run: func(t *testing.T, s Suite) {
			if _, scripted := s.New(t).(*Model); scripted {
				return // it sends nothing
			}
			resp := accepted(t, s, &ai.Request{Messages: []ai.Message{
				ai.User("Hi."),
				{Role: ai.RoleAssistant, Parts: []ai.Part{
					ai.Reasoning{Text: "Hm.", Opaque: []byte(`{"provider":"another"}`)},
					ai.Unknown{Provider: "another", Kind: "thing", Raw: []byte(`{"type":"thing"}`)},
					ai.Text{Text: "Yes?"},
				}},
				ai.User("A scarf."),
			}})
			assert.NotEmpty(t, resp.Warnings)
		},
	},
}

// accepted sends the request both ways and returns the whole reply.
func accepted(t *testing.T, s Suite, req *ai.Request) *ai.Response {
	t.Helper()
	m := s.New(t, Text("Yes."), Text("Yes."))
	resp, err := m.Generate(limit(t), req)
	require.NoError(t, err)
	streamed, err := ai.Accumulate(m.Stream(limit(t), req))
	require.NoError(t, err)
	assert.Equal(t, "Yes.", resp.Text())
	assert.Equal(t, resp.Text(), streamed.Text())
	assert.Equal(t, resp.Warnings, streamed.Warnings)
	return resp
}

func lookupTool(t *testing.T) ai.Tool {
	t.Helper()
	schema, err := ai.SchemaFor[lookup]()
	require.NoError(t, err)
	return ai.Tool{Name: "lookup", Description: "Counts what is left.", Input: schema}
}
