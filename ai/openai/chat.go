package openai

import (
	"context"
	"encoding/json"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/respjson"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

func (m *Model) generateChat(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	params, notes, err := m.chatParams(req)
	if err != nil {
		return nil, err
	}
	completion, err := m.chat.New(ctx, params)
	if err != nil {
		return nil, m.failure(ctx, err)
	}
	if completion == nil || len(completion.Choices) == 0 {
		return nil, m.guard.Malformed("no choices")
	}
	choice := completion.Choices[0]
	r := reply{id: completion.ID, model: completion.Model, stop: choice.FinishReason}
	r.text.WriteString(choice.Message.Content)
	r.refusal.WriteString(choice.Message.Refusal)
	r.reasoning.WriteString(reasoningContent(choice.Message.JSON.ExtraFields))
	for _, c := range choice.Message.ToolCalls {
		r.calls = append(r.calls, &call{id: c.ID, name: c.Function.Name, arguments: c.Function.Arguments})
	}
	r.chatUsage(completion.Usage)
	resp := r.response(m.info.Model, chatStop, notes)
	resp.Raw = json.RawMessage(completion.RawJSON())
	return resp, nil
}

func (m *Model) streamChat(ctx context.Context, req *ai.Request, yield func(ai.Event, error) bool) {
	params, notes, err := m.chatParams(req)
	if err != nil {
		yield(nil, err)
		return
	}
	params.StreamOptions.IncludeUsage = sdk.Bool(true)
	stream := m.chat.NewStreaming(ctx, params)
	defer func() { _ = stream.Close() }()

	var r reply
	byIndex := map[int64]int{} // the server's index → position in r.calls
	out := sender{yield: yield}
	for stream.Next() {
		chunk := stream.Current()
		r.id, r.model = adapter.First(r.id, chunk.ID), adapter.First(r.model, chunk.Model)
		r.chatUsage(chunk.Usage)
		if len(chunk.Choices) == 0 || chunk.Choices[0].Index != 0 {
			continue
		}
		choice := chunk.Choices[0]
		r.stop = adapter.First(choice.FinishReason, r.stop)
		r.refusal.WriteString(choice.Delta.Refusal)
		ok := out.reasoning(&r, reasoningContent(choice.Delta.JSON.ExtraFields)) &&
			out.text(&r, choice.Delta.Content)
		for _, d := range choice.Delta.ToolCalls {
			if !ok {
				break
			}
			position, exists := byIndex[d.Index]
			// Some servers give every call the index 0 and tell them apart by ID.
			if !exists || d.ID != "" && r.calls[position].id != "" && d.ID != r.calls[position].id {
				position = len(r.calls)
				byIndex[d.Index] = position
				r.calls = append(r.calls, &call{id: d.ID, name: d.Function.Name})
				ok = out.call(&r, position, d.ID, d.Function.Name, d.Function.Arguments)
				continue
			}
			ok = out.call(&r, position, "", "", d.Function.Arguments)
		}
		if !ok {
			return
		}
	}
	switch err := stream.Err(); {
	case err != nil:
		out.fail(&r, m.failure(ctx, err))
	case ctx.Err() != nil:
		out.fail(&r, ai.ContextError(provider, ctx.Err()))
	case r.stop == "":
		// Not every server ends with [DONE], but a reply has a finish reason.
		out.fail(&r, m.guard.EndedEarly())
	default:
		yield(ai.Done{Response: r.response(m.info.Model, chatStop, notes)}, nil)
	}
}

// chatStop translates finish_reason.
func chatStop(reason string) ai.StopReason {
	switch reason {
	case "stop":
		return ai.StopEnd
	case "length":
		return ai.StopLength
	case "tool_calls", "function_call":
		return ai.StopToolCalls
	case "content_filter":
		return ai.StopContentFilter
	}
	return ai.StopUnknown
}

// chatUsage takes the usage of a reply or a chunk, if it has one: the last chunk
// that does counts.
func (r *reply) chatUsage(u sdk.CompletionUsage) {
	if !u.JSON.PromptTokens.Valid() && !u.JSON.CompletionTokens.Valid() {
		return
	}
	r.hasUsage = true
	r.usage = ai.NewUsage(u.PromptTokens, u.PromptTokensDetails.CachedTokens, u.PromptTokensDetails.CacheWriteTokens,
		u.CompletionTokens, u.CompletionTokensDetails.ReasoningTokens)
}

// reasoningContent returns what some compatible servers add to a message.
func reasoningContent(extra map[string]respjson.Field) string {
	for _, name := range []string{"reasoning_content", "reasoning"} {
		if f, ok := extra[name]; ok {
			var text string
			if json.Unmarshal([]byte(f.Raw()), &text) == nil {
				return text
			}
		}
	}
	return ""
}
