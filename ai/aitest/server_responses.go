package aitest

import (
	"github.com/posai-go/posai/ai"
)

// responsesFormat is the JSON of the Responses API.
// https://platform.openai.com/docs/api-reference/responses
type responsesFormat struct{}

func (responsesFormat) whole(r Reply, id, model string) any {
	out := object{
		"id": id, "object": "response", "created_at": 1, "model": model, "error": nil,
		"status": "completed", "incomplete_details": nil, "output": responsesOutput(r),
	}
	if reason := responsesIncomplete(r); reason != "" {
		out["status"], out["incomplete_details"] = "incomplete", object{"reason": reason}
	}
	if u := r.usage(); !r.Wire.NoUsage {
		out["usage"] = object{
			"input_tokens": u.InputTokens, "output_tokens": u.OutputTokens, "total_tokens": u.Total(),
			"input_tokens_details":  object{"cached_tokens": u.CacheReadTokens, "cache_write_tokens": u.CacheWriteTokens},
			"output_tokens_details": object{"reasoning_tokens": u.ReasoningTokens},
		}
	}
	return out
}

// responsesIncomplete returns why a response is incomplete; empty if it is not.
func responsesIncomplete(r Reply) string {
	if r.ProviderStopReason != "" {
		return r.ProviderStopReason
	}
	switch r.stopReason() {
	case ai.StopLength:
		return "max_output_tokens"
	case ai.StopContentFilter:
		return "content_filter"
	case ai.StopUnknown:
		return "something_new"
	}
	return ""
}

func responsesOutput(r Reply) []object {
	output := []object{}
	if r.Reasoning != "" {
		output = append(output, object{
			"type": "reasoning", "id": "rs_1", "encrypted_content": "c2VhbGVk",
			"summary": []object{{"type": "summary_text", "text": r.Reasoning}},
		})
	}
	var content []object
	if text := r.text(); text != "" {
		content = append(content, object{"type": "output_text", "text": text, "annotations": []any{}})
	}
	if r.Refusal != "" {
		content = append(content, object{"type": "refusal", "refusal": r.Refusal})
	}
	if content != nil {
		output = append(output, object{
			"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content,
		})
	}
	for _, c := range r.ToolCalls {
		output = append(output, object{
			"type": "function_call", "id": "fc_" + c.ID, "call_id": c.ID, "name": c.Name,
			"arguments": string(c.Arguments), "status": "completed",
		})
	}
	return output
}

func (f responsesFormat) events(r Reply, id, model string) []wireEvent {
	var events []wireEvent
	add := func(kind string, fields object) *wireEvent {
		fields["type"], fields["sequence_number"] = kind, len(events)
		events = append(events, wireEvent{name: kind, data: mustJSON(fields)})
		return &events[len(events)-1]
	}
	add("response.created", object{"response": object{"id": id, "model": model, "status": "in_progress", "output": []any{}}})
	if r.Wire.Noise {
		add("response.something_new", object{"surprise": true})
	}
	if r.Reasoning != "" {
		add("response.reasoning_summary_text.delta", object{"item_id": "rs_1", "output_index": 0, "delta": r.Reasoning})
	}
	if r.Refusal != "" {
		add("response.refusal.delta", object{"item_id": "msg_1", "output_index": 1, "delta": r.Refusal})
	}
	for _, text := range r.chunks() {
		add("response.output_text.delta", object{"item_id": "msg_1", "output_index": 1, "delta": text}).content = true
	}
	for i, c := range r.ToolCalls {
		add("response.output_item.added", object{"output_index": 2 + i, "item": object{
			"type": "function_call", "id": "fc_" + c.ID, "call_id": c.ID, "name": c.Name, "arguments": "",
		}})
	}
	for half := range 2 {
		for i, c := range r.ToolCalls {
			args := string(c.Arguments)
			piece := args[:len(args)/2]
			if half == 1 {
				piece = args[len(args)/2:]
			}
			add("response.function_call_arguments.delta", object{"output_index": 2 + i, "item_id": "fc_" + c.ID, "delta": piece})
		}
	}
	if !r.Wire.NoTerminator {
		kind := "response.completed"
		if responsesIncomplete(r) != "" {
			kind = "response.incomplete"
		}
		add(kind, object{"response": f.whole(r, id, model)})
	}
	return events
}

func (responsesFormat) errorEvent(code string) wireEvent {
	return wireEvent{name: "error", data: mustJSON(object{
		"type": "error", "code": code, "message": "The stream failed.", "param": nil, "sequence_number": 99,
	})}
}
