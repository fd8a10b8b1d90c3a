package ai_test

import (
	"encoding/json"
	"fmt"
	"log"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

func ExampleMarshalMessages() {
	data, err := ai.MarshalMessages([]ai.Message{ai.User("Is it in stock?"), ai.UntrustedUser("a customer's note")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(data))
	messages, err := ai.UnmarshalMessages(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println((&ai.Request{Messages: messages}).Tainted())
	// Output:
	// [{"role":"user","parts":[{"type":"text","text":"Is it in stock?"}]},{"role":"user","parts":[{"type":"text","text":"a customer's note","untrusted":true}]}]
	// true
}

func TestMessagesRoundTrip(t *testing.T) {
	want := []ai.Message{
		{Role: ai.RoleUser, Parts: []ai.Part{
			ai.Text{Text: "a <b> \u2028"},
			ai.Text{Text: "note", Untrusted: true},
			ai.Image{Data: []byte{0, 255}, MediaType: "image/png"},
			ai.Image{URL: "https://example.com/a.png"},
			ai.PDF("a.pdf", []byte("%PDF")),
		}},
		{Role: ai.RoleAssistant, Parts: []ai.Part{
			ai.Reasoning{Text: "hm", Opaque: json.RawMessage(`{"provider": "p"}`)},
			ai.Reasoning{},
			ai.ToolCall{ID: "1", Name: "n", Arguments: json.RawMessage(`{"half": `), Opaque: json.RawMessage(`{}`)},
			ai.ToolCall{ID: "2"},
			ai.Unknown{Provider: "p", Kind: "k/1", Raw: json.RawMessage(`[1]`)},
		}},
		ai.ToolResults(
			ai.ToolResult{CallID: "1", Name: "n", Content: []ai.Part{ai.Text{Text: "x", Untrusted: true}, ai.Image{URL: "https://example.com"}}},
			ai.ToolResult{CallID: "2", IsError: true},
		),
	}
	data, err := ai.MarshalMessages(want)
	require.NoError(t, err)
	got, err := ai.UnmarshalMessages(data)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	none, err := ai.UnmarshalMessages([]byte("[]"))
	require.NoError(t, err)
	assert.Empty(t, none)
	for _, text := range []string{
		"", "{}", "[1]", `[{"role":"user"}]`, `[{"role":"king","parts":[{"type":"text"}]}]`, `[{"role":"user","parts":[{"type":"video"}]}]`,
		`[{"role":"user","parts":[{"type":"tool_call"}]}]`, `[{"role":"tool","parts":[{"type":"tool_result","content":[{"type":"tool_result"}]}]}]`,
	} {
		_, err := ai.UnmarshalMessages([]byte(text))
		require.ErrorIs(t, err, ai.ErrInvalidRequest, text)
	}
	_, err = ai.MarshalMessages([]ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{nil}}})
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
}

// FuzzUnmarshalMessages: what is accepted is valid and, once written, stays as it is.
func FuzzUnmarshalMessages(f *testing.F) {
	f.Add([]byte(`[{"role":"user","parts":[{"type":"text","text":"a","untrusted":true},{"type":"file","url":"x"}]}]`))
	f.Add([]byte(`[{"role":"assistant","parts":[{"type":"tool_call","arguments":"{"},{"type":"unknown","name":"/","opaque":"x"}]}]`))
	f.Add([]byte(`[{"role":"tool","parts":[{"type":"tool_result","content":[{"type":"image","data":"AA==","media_type":"x"}]}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		messages, err := ai.UnmarshalMessages(data)
		if err != nil {
			return
		}
		once, err := ai.MarshalMessages(messages)
		require.NoError(t, err)
		again, err := ai.UnmarshalMessages(once)
		require.NoError(t, err)
		twice, err := ai.MarshalMessages(again)
		require.NoError(t, err)
		assert.Equal(t, string(once), string(twice))
	})
}
