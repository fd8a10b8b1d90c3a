package ai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func ExampleRedact() {
	script := aitest.NewModel(nil, aitest.Text("Hello [NAME_1], your scarf is ready."))
	model := ai.Wrap(script, ai.Redact(nil))

	vault := ai.NewVault()
	vault.Know(ai.KindName, "Dana")
	ctx := ai.WithVault(context.Background(), vault)
	resp, err := model.Generate(ctx, &ai.Request{Messages: []ai.Message{ai.User("Tell Dana that her scarf is ready.")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the model saw:", script.Requests()[0].Messages[0].Text())
	fmt.Println("the caller got:", resp.Text())
	// Output:
	// the model saw: Tell [NAME_1] that her scarf is ready.
	// the caller got: Hello Dana, your scarf is ready.
}

func dana(t *testing.T) (context.Context, *ai.Vault) {
	v := ai.NewVault()
	v.Know(ai.KindName, "Dana", `Dana "D" O'Neil`, "Zoë")
	return ai.WithVault(t.Context(), v), v
}

func TestRedactEveryPart(t *testing.T) {
	ctx, _ := dana(t)
	script := aitest.NewModel(t, aitest.Text("done"))
	req := &ai.Request{
		System: "The customer is Dana.",
		Messages: []ai.Message{
			ai.UntrustedUser("dana@example.com"),
			{Role: ai.RoleAssistant, Parts: []ai.Part{
				ai.Reasoning{Text: "Dana wants a scarf", Opaque: json.RawMessage(`{"provider":"p"}`)},
				ai.Text{Text: "Of course, Dana."},
				ai.ToolCall{ID: "1", Name: "find", Arguments: json.RawMessage(`{"name": "Dana \"D\" O'Neil", "size": 3, "z": "Zo\u00eb", "card": 4111111111111111, "said": "\"Dana\" or \\ \n"}`)},
				ai.ToolCall{ID: "2", Name: "find", Arguments: json.RawMessage(`{"name": "Dana`)},
				ai.Unknown{Provider: "p", Raw: json.RawMessage(`{}`)},
			}},
			ai.ToolResults(ai.ToolResult{CallID: "1", Content: []ai.Part{ai.Text{Text: `{"e":"d@example.com","n":"Zo\u00eb"}`}}}, ai.ToolResult{CallID: "2", Content: []ai.Part{ai.Text{Text: "3"}}}),
			ai.User("nothing here"),
		},
		Tools: []ai.Tool{{Name: "find", Description: "finds"}},
	}
	before := req.Digest()
	_, err := ai.Wrap(script, ai.Redact(nil)).Generate(ctx, req)
	require.NoError(t, err)
	assert.Equal(t, before, req.Digest(), "the request was changed")
	sent := script.Requests()[0]
	assert.Equal(t, "The customer is [NAME_1].", sent.System)
	assert.Equal(t, ai.Text{Text: "[EMAIL_1]", Untrusted: true}, sent.Messages[0].Parts[0])
	assert.Equal(t, ai.Reasoning{Text: "[NAME_1] wants a scarf", Opaque: json.RawMessage(`{"provider":"p"}`)}, sent.Messages[1].Parts[0])
	assert.Equal(t, ai.Text{Text: "Of course, [NAME_1]."}, sent.Messages[1].Parts[1])
	assert.Equal(t, `{"name": "[NAME_2]", "size": 3, "z": "[NAME_3]", "card": "[CARD_1]", "said": "\"[NAME_1]\" or \\ \n"}`, string(sent.Messages[1].Parts[2].(ai.ToolCall).Arguments))
	assert.Equal(t, `{"name": "[NAME_1]`, string(sent.Messages[1].Parts[3].(ai.ToolCall).Arguments))
	assert.Equal(t, `{"e":"[EMAIL_2]","n":"[NAME_3]"}`, sent.Messages[2].Parts[0].(ai.ToolResult).Content[0].(ai.Text).Text)
	assert.Equal(t, req.Messages[3], sent.Messages[3])
	assert.Equal(t, req.Tools, sent.Tools)
}

func TestRedactMedia(t *testing.T) {
	image := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.Image{URL: "https://example.com/a.png"}}}}}
	file := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.PDF("invoice dana@example.com.pdf", []byte("%PDF"))}}}}
	inResult := &ai.Request{Messages: []ai.Message{ai.ToolResults(ai.ToolResult{CallID: "1", Content: []ai.Part{ai.Image{URL: "https://example.com/a.png"}}})}}
	for _, req := range []*ai.Request{image, file, inResult} {
		_, err := ai.Wrap(aitest.NewModel(t), ai.Redact(nil)).Generate(t.Context(), req)
		require.ErrorIs(t, err, ai.ErrNotRedacted)
		_, err = ai.Accumulate(ai.Wrap(aitest.NewModel(t), ai.Redact(nil)).Stream(t.Context(), req))
		require.ErrorIs(t, err, ai.ErrNotRedacted)
		script := aitest.NewModel(t, aitest.Text("x"))
		_, err = ai.Wrap(script, ai.Redact(&ai.RedactOptions{AllowMedia: true})).Generate(t.Context(), req)
		require.NoError(t, err)
		assert.NotContains(t, fmt.Sprint(script.Requests()[0].Messages), "dana@")
	}
}

func TestRedactReply(t *testing.T) {
	schema, err := ai.SchemaFor[judgment]()
	require.NoError(t, err)
	reply := func(text string) aitest.Reply {
		return aitest.Reply{
			Reasoning: "[NAME_1]?", Chunks: strings.SplitAfter(text, ""),
			ToolCalls: []ai.ToolCall{{ID: "1", Name: "t", Arguments: json.RawMessage(`{"n":"[NAME_2]"}`)}},
		}
	}
	ask := func() *ai.Request { return &ai.Request{Messages: []ai.Message{ai.User(`Dana and Dana "D" O'Neil`)}} }
	for _, tt := range []struct {
		name, reply, want string
		output            bool
	}{
		{"text", "Hi [NAME_2] [NAME_7] [", `Hi Dana "D" O'Neil [NAME_7] [`, false},
		{"JSON as asked for", `"[NAME_2]"`, `"Dana \"D\" O'Neil"`, true},
		{"JSON as asked for in words", ` {"n":"[NAME_2]"}`, ` {"n":"Dana \"D\" O'Neil"}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, _ := dana(t)
			model := ai.Wrap(aitest.NewModel(t, reply(tt.reply), reply(tt.reply)), ai.Redact(nil))
			req := ask()
			if tt.output {
				req.Output = &ai.Output{Name: "o", Schema: schema}
			}
			whole, err := model.Generate(ctx, req)
			require.NoError(t, err)
			assert.Equal(t, tt.want, whole.Text())
			assert.Equal(t, ai.Reasoning{Text: "Dana?"}, whole.Message.Parts[0])
			assert.Equal(t, `{"n":"Dana \"D\" O'Neil"}`, string(whole.ToolCalls()[0].Arguments))

			var text, reasoning, arguments string
			var done *ai.Response
			for ev, err := range model.Stream(ctx, req) {
				require.NoError(t, err)
				switch ev := ev.(type) {
				case ai.TextDelta:
					assert.NotEmpty(t, ev.Text)
					text += ev.Text
				case ai.ReasoningDelta:
					reasoning += ev.Text
				case ai.ToolCallDelta:
					arguments += ev.Arguments
				case ai.Done:
					done = ev.Response
				}
			}
			assert.Equal(t, tt.want, text)
			assert.Equal(t, "Dana?", reasoning)
			assert.Equal(t, `{"n":"Dana \"D\" O'Neil"}`, arguments)
			assert.Equal(t, whole.Message, done.Message)
		})
	}
}

func TestRedactRefusalAndPartial(t *testing.T) {
	ctx, _ := dana(t)
	model := ai.Wrap(aitest.NewModel(t, aitest.Refusal("Not for [NAME_1]."), aitest.Reply{Chunks: []string{"Dear [NA", "ME_1], I", " am"}, CutAfter: 2}), ai.Redact(nil))
	req := &ai.Request{Messages: []ai.Message{ai.User("Dana")}}
	resp, err := model.Generate(ctx, req)
	require.NoError(t, err)
	assert.Equal(t, "Not for Dana.", resp.Refusal)
	_, err = ai.Accumulate(model.Stream(ctx, req))
	partial, ok := errors.AsType[*ai.PartialError](err)
	require.True(t, ok)
	require.ErrorIs(t, err, ai.ErrTransport)
	assert.Equal(t, "Dear Dana, I", partial.Response.Text())
}

func TestRedactStreamLeft(t *testing.T) {
	ctx, _ := dana(t)
	model := ai.Wrap(aitest.NewModel(t, aitest.Text("one [NAME_1] three")), ai.Redact(nil))
	for ev, err := range model.Stream(ctx, &ai.Request{Messages: []ai.Message{ai.User("Dana")}}) {
		require.NoError(t, err)
		assert.Equal(t, ai.TextDelta{Text: "one "}, ev)
		break
	}
}

func TestRedactConversationsAreApart(t *testing.T) {
	model := ai.Wrap(aitest.NewModel(t, aitest.Text("x"), aitest.Text("[EMAIL_1]")), ai.Redact(nil))
	_, err := model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("dana@example.com")}})
	require.NoError(t, err)
	resp, err := model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("Say [EMAIL_1]")}})
	require.NoError(t, err)
	assert.Equal(t, "[EMAIL_1]", resp.Text())
}

// restoreStreamed sends a redacted text through the middleware in pieces.
func restoreStreamed(t *testing.T, v *ai.Vault, redacted string, size int) (pieces []string) {
	t.Helper()
	reply := aitest.Reply{Chunks: []string{}}
	for len(redacted) > 0 {
		n := min(max(size, 1), len(redacted))
		reply.Chunks = append(reply.Chunks, redacted[:n])
		redacted = redacted[n:]
	}
	model := ai.Wrap(aitest.NewModel(t, reply), ai.Redact(nil))
	for ev, err := range model.Stream(ai.WithVault(t.Context(), v), question()) {
		require.NoError(t, err)
		if delta, ok := ev.(ai.TextDelta); ok {
			pieces = append(pieces, delta.Text)
		}
	}
	return pieces
}
