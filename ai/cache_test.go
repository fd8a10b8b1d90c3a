package ai_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func TestCache(t *testing.T) {
	rich := aitest.Reply{Reasoning: "hm", Text: "three left", ToolCalls: []ai.ToolCall{{ID: "1", Name: "t", Arguments: json.RawMessage(`{}`)}}}
	for _, tt := range []struct{ first, second bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			cache := ai.NewCache(nil)
			model := ai.Wrap(aitest.NewModel(t, rich), cache.Middleware) // is asked once
			first, err := ask(t.Context(), model, question(), tt.first)
			require.NoError(t, err)
			assert.False(t, first.Cached)
			second, err := ask(t.Context(), model, question(), tt.second)
			require.NoError(t, err)
			assert.True(t, second.Cached)
			assert.Equal(t, first.Message, second.Message)
			assert.Zero(t, second.Usage)
			assert.Equal(t, 1, cache.Len())
			second.Message.Parts[0] = ai.Text{Text: "changed"}
			third, err := ask(t.Context(), model, question(), false)
			require.NoError(t, err)
			assert.Equal(t, first.Message, third.Message, "a caller changed what is in the cache")
		})
	}
	t.Run("events of a reply from the cache", func(t *testing.T) {
		model := ai.Wrap(aitest.NewModel(t, rich), ai.NewCache(nil).Middleware)
		_, err := ask(t.Context(), model, question(), false)
		require.NoError(t, err)
		var events []ai.Event
		for ev, err := range model.Stream(t.Context(), question()) {
			require.NoError(t, err)
			events = append(events, ev)
		}
		require.Len(t, events, 4)
		assert.Equal(t, []ai.Event{
			ai.ReasoningDelta{Text: "hm"}, ai.TextDelta{Text: "three left"}, ai.ToolCallDelta{ID: "1", Name: "t", Arguments: "{}"},
		}, events[:3])
		for range 4 {
			for _, err := range model.Stream(t.Context(), question()) {
				require.NoError(t, err)
				break
			}
		}
	})
}

func TestCacheKeepsOnlyWholeReplies(t *testing.T) {
	for name, reply := range map[string]aitest.Reply{
		"truncated": aitest.Truncated("x"), "refused": aitest.Refusal("no"), "filtered": {StopReason: ai.StopContentFilter},
		"unknown": {StopReason: ai.StopUnknown}, "error": failing(ai.ErrOverloaded), "cut": {Text: "a b", CutAfter: 1},
	} {
		t.Run(name, func(t *testing.T) {
			cache := ai.NewCache(nil)
			_, _ = ask(t.Context(), ai.Wrap(aitest.NewModel(t, reply), cache.Middleware), question(), true)
			assert.Zero(t, cache.Len())
		})
	}
}

// Each of these differs from the others in one thing that counts.
func TestCacheKey(t *testing.T) {
	schema, err := ai.SchemaFor[judgment]()
	require.NoError(t, err)
	requests := map[string]func(*ai.Request){
		"plain":   func(*ai.Request) {},
		"system":  func(r *ai.Request) { r.System = "s" },
		"message": func(r *ai.Request) { r.Messages = append(r.Messages, ai.User("y")) },
		"role":    func(r *ai.Request) { r.Messages = append(r.Messages, ai.Assistant("y")) },
		"two parts": func(r *ai.Request) {
			r.Messages = []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.Text{Text: "a"}, ai.Text{Text: "b"}}}}
		},
		"one part": func(r *ai.Request) { r.Messages = []ai.Message{ai.User("ab")} },
		"image": func(r *ai.Request) {
			r.Messages[0].Parts = []ai.Part{ai.Image{Data: []byte("ab"), MediaType: "image/png"}}
		},
		"image URL":   func(r *ai.Request) { r.Messages[0].Parts = []ai.Part{ai.Image{URL: "ab"}} },
		"file":        func(r *ai.Request) { r.Messages[0].Parts = []ai.Part{ai.File{URL: "ab"}} },
		"tool":        func(r *ai.Request) { r.Tools = []ai.Tool{{Name: "t"}} },
		"tool text":   func(r *ai.Request) { r.Tools = []ai.Tool{{Name: "t", Description: "d"}} },
		"tool input":  func(r *ai.Request) { r.Tools = []ai.Tool{{Name: "t", Input: schema}} },
		"choice":      func(r *ai.Request) { r.ToolChoice.Mode = ai.ToolNone },
		"limit":       func(r *ai.Request) { r.MaxOutputTokens = 5 },
		"temperature": func(r *ai.Request) { r.Temperature = new(0.0) },
		"top p":       func(r *ai.Request) { r.TopP = new(0.5) },
		"stop":        func(r *ai.Request) { r.Stop = []string{"a"} },
		"two stops":   func(r *ai.Request) { r.Stop = []string{"a", "b"} },
		"effort":      func(r *ai.Request) { r.Effort = ai.EffortLow },
		"output":      func(r *ai.Request) { r.Output = &ai.Output{Name: "o", Schema: schema} },
		"reasoning": func(r *ai.Request) {
			r.Messages = append(r.Messages, ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Reasoning{Text: "y"}}})
		},
		"opaque": func(r *ai.Request) {
			r.Messages = append(r.Messages, ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Reasoning{Text: "y", Opaque: []byte("{}")}}})
		},
		"call": func(r *ai.Request) {
			r.Messages = append(r.Messages, ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.ToolCall{ID: "1"}}})
		},
		"unknown": func(r *ai.Request) {
			r.Messages = append(r.Messages, ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Unknown{Kind: "1"}}})
		},
		"result": func(r *ai.Request) { r.Messages = append(r.Messages, ai.ToolResults(ai.ToolResult{CallID: "1"})) },
		"error result": func(r *ai.Request) {
			r.Messages = append(r.Messages, ai.ToolResults(ai.ToolResult{CallID: "1", IsError: true}))
		},
	}
	cache := ai.NewCache(nil)
	for name, change := range requests {
		req := &ai.Request{Messages: []ai.Message{ai.User("x")}}
		change(req)
		resp, err := ai.Wrap(aitest.NewModel(t, aitest.Text(name)), cache.Middleware).Generate(t.Context(), req)
		require.NoError(t, err)
		assert.False(t, resp.Cached, name)
	}
	plain := &ai.Request{Messages: []ai.Message{ai.User("x")}}
	other := aitest.NewModel(t, aitest.Text("other model"))
	other.SetInfo(ai.Info{Provider: "aitest", Model: "other"})
	resp, err := ai.Wrap(other, cache.Middleware).Generate(t.Context(), plain)
	require.NoError(t, err)
	assert.Equal(t, "other model", resp.Text())
	shop := ai.WithCaller(t.Context(), ai.Caller{Shop: "a.myshopify.com"})
	resp, err = ai.Wrap(aitest.NewModel(t, aitest.Text("other shop")), cache.Middleware).Generate(shop, plain)
	require.NoError(t, err)
	assert.Equal(t, "other shop", resp.Text())
	resp, err = ai.Wrap(aitest.NewModel(t), cache.Middleware).Generate(t.Context(), plain)
	require.NoError(t, err)
	assert.Equal(t, "plain", resp.Text())
}

func TestCacheBounds(t *testing.T) {
	ask := func(cache *ai.Cache, question, answer string) bool {
		resp, err := ai.Wrap(aitest.NewModel(t, aitest.Text(answer)), cache.Middleware).Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User(question)}})
		require.NoError(t, err)
		return resp.Cached
	}
	entries := ai.NewCache(&ai.CacheOptions{MaxEntries: 2})
	for _, tt := range []struct {
		question string
		cached   bool
	}{{"a", false}, {"b", false}, {"a", true}, {"c", false}, {"a", true}, {"b", false}} {
		assert.Equal(t, tt.cached, ask(entries, tt.question, "x"), tt.question)
	}
	bytes := ai.NewCache(&ai.CacheOptions{MaxBytes: 10_000})
	for i := range 20 {
		ask(bytes, strconv.Itoa(i), strings.Repeat("x", 3000))
	}
	assert.Equal(t, 2, bytes.Len())
	ask(bytes, "huge", strings.Repeat("x", 20_000))
	assert.Equal(t, 2, bytes.Len())

	synctest.Test(t, func(t *testing.T) {
		cache := ai.NewCache(&ai.CacheOptions{TTL: time.Minute})
		model := ai.Wrap(aitest.NewModel(t, aitest.Text("one"), aitest.Text("two")), cache.Middleware)
		for _, want := range []string{"one", "one", "two"} {
			resp, err := model.Generate(t.Context(), question())
			require.NoError(t, err)
			assert.Equal(t, want, resp.Text())
			time.Sleep(40 * time.Second)
		}
	})
}

func TestCacheInsideOfRedact(t *testing.T) {
	script := aitest.NewModel(t, aitest.Text("Dear [NAME_1]")) // is asked once
	model := ai.Wrap(script, ai.Redact(nil), ai.NewCache(nil).Middleware)
	for _, name := range []string{"Dana", "Maria"} {
		v := ai.NewVault()
		v.Know(ai.KindName, name)
		resp, err := model.Generate(ai.WithVault(t.Context(), v), &ai.Request{Messages: []ai.Message{ai.User("Write to " + name)}})
		require.NoError(t, err)
		assert.Equal(t, "Dear "+name, resp.Text())
	}
}
