package openai

import (
	"context"
	"encoding/json"

	"github.com/openai/openai-go/v3/responses"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

func (m *Model) generateResponses(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	params, notes, err := m.responsesParams(req)
	if err != nil {
		return nil, err
	}
	result, err := m.responses.New(ctx, params)
	if err != nil {
		return nil, m.failure(ctx, err)
	}
	if result == nil || result.Status == "" && len(result.Output) == 0 {
		return nil, m.guard.Malformed("no output")
	}
	resp, err := m.responsesReply(result, notes)
	if err != nil {
		return nil, err
	}
	resp.Raw = json.RawMessage(result.RawJSON())
	return resp, nil
}

// responsesReply reads a response that has ended, well or not.
func (m *Model) responsesReply(result *responses.Response, notes []ai.Warning) (*ai.Response, error) {
	if result.Status == responses.ResponseStatusFailed {
		return nil, m.eventError(apiError{code: string(result.Error.Code), kind: result.Error.Type})
	}
	r := reply{id: result.ID, model: result.Model, stop: string(result.Status)}
	if result.IncompleteDetails.Reason != "" {
		r.stop = result.IncompleteDetails.Reason
	}
	for _, item := range result.Output {
		switch item.Type {
		case "message":
			for _, part := range item.Content {
				r.text.WriteString(part.Text)
				r.refusal.WriteString(part.Refusal)
			}
		case "function_call":
			c := item.AsFunctionCall()
			r.calls = append(r.calls, &call{id: c.CallID, name: c.Name, arguments: c.Arguments})
		case "reasoning":
			r.addReasoning(item.AsReasoning())
		}
	}
	if u := result.Usage; u.JSON.InputTokens.Valid() || u.JSON.OutputTokens.Valid() {
		r.hasUsage = true
		r.usage = ai.NewUsage(u.InputTokens, u.InputTokensDetails.CachedTokens, u.InputTokensDetails.CacheWriteTokens,
			u.OutputTokens, u.OutputTokensDetails.ReasoningTokens)
	}
	return r.response(m.info.Model, responsesStop, notes), nil
}

func (r *reply) addReasoning(item responses.ResponseReasoningItem) {
	o := opaqueReasoning{Provider: provider, ID: item.ID, Encrypted: item.EncryptedContent}
	for _, s := range item.Summary {
		o.Summary = append(o.Summary, s.Text)
		r.reasoning.WriteString(s.Text)
	}
	for _, c := range item.Content {
		r.reasoning.WriteString(c.Text)
	}
	data, _ := json.Marshal(o) // strings always marshal
	r.opaque = append(r.opaque, data)
}

// responsesStop translates the status or, if that is "incomplete", its reason.
func responsesStop(status string) ai.StopReason {
	switch status {
	case "completed":
		return ai.StopEnd
	case "max_output_tokens":
		return ai.StopLength
	case "content_filter":
		return ai.StopContentFilter
	}
	return ai.StopUnknown
}

func (m *Model) streamResponses(ctx context.Context, req *ai.Request, yield func(ai.Event, error) bool) {
	params, notes, err := m.responsesParams(req)
	if err != nil {
		yield(nil, err)
		return
	}
	stream := m.responses.NewStreaming(ctx, params)
	defer func() { _ = stream.Close() }()

	var r reply
	byIndex := map[int64]int{} // output index → position in r.calls
	out := sender{yield: yield}
	for stream.Next() {
		ev := stream.Current()
		ok := true
		switch ev.Type {
		case "response.created", "response.in_progress":
			r.id, r.model = adapter.First(r.id, ev.Response.ID), adapter.First(r.model, ev.Response.Model)
		case "response.output_text.delta":
			ok = out.text(&r, ev.Delta)
		case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
			ok = out.reasoning(&r, ev.Delta)
		case "response.output_item.added":
			if ev.Item.Type == "function_call" {
				position := len(r.calls)
				byIndex[ev.OutputIndex] = position
				r.calls = append(r.calls, &call{id: ev.Item.CallID, name: ev.Item.Name})
				ok = out.call(&r, position, ev.Item.CallID, ev.Item.Name, "")
			}
		case "response.function_call_arguments.delta":
			if position, known := byIndex[ev.OutputIndex]; known {
				ok = out.call(&r, position, "", "", ev.Delta)
			}
		case "error":
			out.fail(&r, m.eventError(apiError{code: ev.Code, message: ev.Message, param: ev.Param}))
			return
		case "response.completed", "response.incomplete", "response.failed":
			resp, err := m.responsesReply(&ev.Response, notes)
			if err != nil {
				out.fail(&r, err)
				return
			}
			yield(ai.Done{Response: resp}, nil)
			return
		}
		if !ok {
			return
		}
	}
	if err := stream.Err(); err != nil || ctx.Err() != nil {
		out.fail(&r, m.failure(ctx, err))
		return
	}
	out.fail(&r, m.guard.EndedEarly())
}
