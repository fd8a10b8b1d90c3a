package aitest

import (
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// replyChecks are about whole replies: text, tools, stop reasons, usage.
var replyChecks = []check{
	{
		name: "info",
		rule: "Info names provider and model and does not change",
		run: func(t *testing.T, s Suite) {
			m := s.New(t)
			assert.NotEmpty(t, m.Info().Provider)
			assert.NotEmpty(t, m.Info().Model)
			assert.Equal(t, m.Info(), m.Info())
		},
	},
	{
		name: "text",
		rule: "a plain reply has role assistant, its text, StopEnd, the model that answered and an ID",
		run: func(t *testing.T, s Suite) {
			resp := both(t, s, Reply{Text: "The Harbor Scarf — gewebt in Köln 🧣.", Model: "answering-model"})
			assert.Equal(t, ai.RoleAssistant, resp.Message.Role)
			assert.Equal(t, "The Harbor Scarf — gewebt in Köln 🧣.", resp.Text())
			assert.Equal(t, ai.StopEnd, resp.StopReason)
			assert.NotEmpty(t, resp.ProviderStopReason)
			assert.Equal(t, "answering-model", resp.Model)
			assert.Equal(t, "reply-id", resp.ID)
			assert.Empty(t, resp.Warnings)
		},
	},
	{
		name: "empty reply",
		rule: "a reply without content is a reply without parts, not an error",
		run: func(t *testing.T, s Suite) {
			resp := both(t, s, Reply{})
			assert.Empty(t, resp.Message.Parts)
			assert.Equal(t, ai.StopEnd, resp.StopReason)
		},
	},
	{
		name: "reasoning",
		rule: "what the model thought is a Reasoning part before the text and not part of the text",
		run: func(t *testing.T, s Suite) {
			resp := both(t, s, Reply{Reasoning: "Green goes with sand.", Text: "The sand one."})
			require.Len(t, resp.Message.Parts, 2)
			require.IsType(t, ai.Reasoning{}, resp.Message.Parts[0])
			assert.Equal(t, "Green goes with sand.", resp.Message.Parts[0].(ai.Reasoning).Text)
			assert.Equal(t, "The sand one.", resp.Text())
		},
	},
	{
		name: "refusal",
		rule: "a refusal is StopRefusal, and its explanation is not text of the message",
		run: func(t *testing.T, s Suite) {
			resp := both(t, s, Refusal("I cannot help with that."))
			assert.Equal(t, ai.StopRefusal, resp.StopReason)
			assert.Equal(t, "I cannot help with that.", resp.Refusal)
			assert.Empty(t, resp.Text())
		},
	},
	{
		name: "tool calls",
		rule: "parallel calls keep order, ID, name and arguments to the byte, and the stop reason is StopToolCalls",
		run: func(t *testing.T, s Suite) {
			calls := []ai.ToolCall{
				{ID: "call_a", Name: "stock", Arguments: json.RawMessage(`{"sku":"SCARF-1","note":"größe ☂ 9007199254740993"}`)},
				{ID: "call_b", Name: "price", Arguments: json.RawMessage(`{"sku":"SCARF-2"}`)},
			}
			resp := both(t, s, Reply{Text: "Let me look.", ToolCalls: calls})
			assert.Equal(t, calls, resp.ToolCalls())
			assert.Equal(t, ai.StopToolCalls, resp.StopReason)
			assert.Equal(t, "Let me look.", resp.Text())
		},
	},
	{
		name: "tool call without arguments",
		rule: "missing or null arguments are {}",
		run: func(t *testing.T, s Suite) {
			for _, arguments := range []string{"", "null", "{}"} {
				if _, scripted := s.New(t).(*Model); scripted && arguments != "{}" {
					continue // it returns what it is given
				}
				resp := both(t, s, Reply{ToolCalls: []ai.ToolCall{{ID: "c", Name: "now", Arguments: json.RawMessage(arguments)}}})
				require.Len(t, resp.ToolCalls(), 1)
				assert.Equal(t, "{}", string(resp.ToolCalls()[0].Arguments), "arguments %q", arguments)
			}
		},
	},
	{
		name: "tool call with invalid arguments",
		rule: "arguments that are not JSON are passed on as they are, for the caller to refuse",
		run: func(t *testing.T, s Suite) {
			reply := Reply{ToolCalls: []ai.ToolCall{{ID: "c", Name: "now", Arguments: json.RawMessage(`{"sku":`)}}}
			resp, err := s.New(t, reply).Generate(limit(t), ask())
			require.NoError(t, err)
			require.Len(t, resp.ToolCalls(), 1)
			assert.Equal(t, `{"sku":`, string(resp.ToolCalls()[0].Arguments))
		},
	},
	{
		name: "streamed tool call with invalid arguments",
		rule: "arguments that are not JSON are passed on as they are, for the caller to refuse",
		run: func(t *testing.T, s Suite) {
			reply := Reply{ToolCalls: []ai.ToolCall{{ID: "c", Name: "now", Arguments: json.RawMessage(`{"sku":`)}}}
			_, resp, err := drain(t, s.New(t, reply))
			require.NoError(t, err)
			require.Len(t, resp.ToolCalls(), 1)
			assert.Equal(t, `{"sku":`, string(resp.ToolCalls()[0].Arguments))
		},
	},
	{
		name: "stop reasons",
		rule: "every end of a reply has its reason, and one that is not known is StopUnknown with the provider's word",
		run: func(t *testing.T, s Suite) {
			for _, reason := range []ai.StopReason{ai.StopEnd, ai.StopLength, ai.StopUnknown} {
				resp := both(t, s, Reply{Text: "Well", StopReason: reason})
				assert.Equal(t, reason, resp.StopReason)
				assert.NotEmpty(t, resp.ProviderStopReason)
			}
		},
	},
	{
		name: "content filter",
		rule: "what the provider's filter withheld is StopContentFilter",
		run: func(t *testing.T, s Suite) {
			resp := both(t, s, Reply{Text: "Well", StopReason: ai.StopContentFilter})
			assert.Equal(t, ai.StopContentFilter, resp.StopReason)
			assert.NotEmpty(t, resp.ProviderStopReason)
		},
	},
	{
		name: "usage",
		rule: "input = uncached + cache read + cache write, output = text + reasoning, streamed or not",
		run: func(t *testing.T, s Suite) {
			want := ai.Usage{InputTokens: 1000, CacheReadTokens: 600, CacheWriteTokens: 100, OutputTokens: 80, ReasoningTokens: 30}
			if s.NoCacheWrites {
				want.CacheWriteTokens = 0
			}
			resp := both(t, s, Reply{Text: "Yes.", Usage: want})
			assert.Equal(t, want, resp.Usage)
			assert.EqualValues(t, 400-want.CacheWriteTokens, resp.Usage.UncachedTokens())
			assert.EqualValues(t, 50, resp.Usage.TextTokens())
			assert.EqualValues(t, 1080, resp.Usage.Total())
		},
	},
	{
		name: "usage not reported",
		rule: "a reply without usage is marked Missing, so that nobody takes it for free",
		wire: true,
		run: func(t *testing.T, s Suite) {
			resp := both(t, s, Reply{Text: "Yes.", Wire: Wire{NoUsage: true}})
			assert.Equal(t, ai.Usage{Missing: true}, resp.Usage)
		},
	},
	{
		name: "request unchanged",
		rule: "the caller's request is neither changed nor kept",
		run: func(t *testing.T, s Suite) {
			req := ask()
			before := req.Digest()
			_, err := s.New(t, Text("Yes.")).Generate(limit(t), req)
			require.NoError(t, err)
			assert.Equal(t, before, req.Digest())
		},
	},
	{
		name: "invalid request",
		rule: "what Request.Validate refuses is refused without a call",
		run: func(t *testing.T, s Suite) {
			m := s.New(t)
			_, err := m.Generate(limit(t), &ai.Request{})
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
			_, err = ai.Accumulate(m.Stream(limit(t), &ai.Request{}))
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
		},
	},
	{
		name: "concurrency",
		rule: "a model may be used by many goroutines at once",
		run: func(t *testing.T, s Suite) {
			const calls = 8
			replies := make([]Reply, 2*calls)
			for i := range replies {
				replies[i] = Text("reply " + strconv.Itoa(i))
			}
			m, ctx := s.New(t, replies...), limit(t)
			texts := make(chan string, len(replies))
			var wg sync.WaitGroup
			for range calls {
				wg.Go(func() {
					resp, err := m.Generate(ctx, ask())
					if assert.NoError(t, err) {
						texts <- resp.Text()
					}
				})
				wg.Go(func() {
					resp, err := ai.Accumulate(m.Stream(ctx, ask()))
					if assert.NoError(t, err) {
						texts <- resp.Text()
					}
				})
			}
			wg.Wait()
			close(texts)
			seen := map[string]bool{}
			for text := range texts {
				seen[text] = true
			}
			assert.Len(t, seen, len(replies), "replies were mixed up")
		},
	},
}
