package aitest

import (
	"encoding/json"

	"github.com/posai-go/posai/ai"
)

// object is a JSON object; encoding/json sorts its keys.
type object map[string]any

// chatFormat is the JSON of Chat Completions.
// https://platform.openai.com/docs/api-reference/chat
type chatFormat struct{}

func (chatFormat) whole(r Reply, id, model string) any {
	message := object{"role": "assistant", "content": nil, "refusal": nil}
	if text := r.text(); text != "" {
		message["content"] = text
	}
	if r.Refusal != "" {
		message["refusal"] = r.Refusal
	}
	if r.Reasoning != "" {
		message["reasoning_content"] = r.Reasoning
	}
	if len(r.ToolCalls) > 0 {
		message["tool_calls"] = chatCalls(r.ToolCalls)
	}
	out := object{
		"id": id, "object": "chat.completion", "created": 1, "model": model,
		"choices": []object{{"index": 0, "message": message, "logprobs": nil, "finish_reason": chatFinish(r)}},
	}
	if !r.Wire.NoUsage {
		out["usage"] = chatUsage(r.usage())
	}
	return out
}

func (chatFormat) events(r Reply, id, model string) []wireEvent {
	var events []wireEvent
	chunk := func(delta object, finish any, content bool) object {
		c := object{
			"id": id, "object": "chat.completion.chunk", "created": 1, "model": model, "usage": nil,
			"choices": []object{{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}},
		}
		if r.Wire.NoUsage {
			delete(c, "usage")
		} else if r.Wire.UsageEarly && content {
			c["usage"] = chatUsage(r.usage())
		}
		return c
	}
	add := func(delta object, finish any, content bool) {
		events = append(events, wireEvent{data: mustJSON(chunk(delta, finish, content)), content: content})
	}
	add(object{"role": "assistant", "content": ""}, nil, false)
	if r.Reasoning != "" {
		add(object{"reasoning_content": r.Reasoning}, nil, false)
	}
	if r.Refusal != "" {
		add(object{"refusal": r.Refusal}, nil, false)
	}
	for _, text := range r.chunks() {
		add(object{"content": text}, nil, true)
	}
	for i, c := range r.ToolCalls {
		add(object{"tool_calls": []object{{
			"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""},
		}}}, nil, false)
	}
	// The arguments of all calls come interleaved, in two halves.
	for half := range 2 {
		for i, c := range r.ToolCalls {
			args := string(c.Arguments)
			piece := args[:len(args)/2]
			if half == 1 {
				piece = args[len(args)/2:]
			}
			add(object{"tool_calls": []object{{"index": i, "function": object{"arguments": piece}}}}, nil, false)
		}
	}
	add(object{}, chatFinish(r), false)
	if !r.Wire.NoUsage && !r.Wire.UsageEarly {
		last := chunk(object{}, nil, false)
		last["choices"], last["usage"] = []object{}, chatUsage(r.usage())
		events = append(events, wireEvent{data: mustJSON(last)})
	}
	if !r.Wire.NoTerminator {
		events = append(events, wireEvent{data: "[DONE]"})
	}
	return events
}

func (chatFormat) errorEvent(code string) wireEvent {
	return wireEvent{data: mustJSON(object{"error": object{"message": "The stream failed.", "type": code, "code": code}})}
}

func chatCalls(calls []ai.ToolCall) []object {
	var out []object
	for _, c := range calls {
		out = append(out, object{
			"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(c.Arguments)},
		})
	}
	return out
}

func chatFinish(r Reply) string {
	if r.ProviderStopReason != "" {
		return r.ProviderStopReason
	}
	switch r.stopReason() {
	case ai.StopLength:
		return "length"
	case ai.StopToolCalls:
		return "tool_calls"
	case ai.StopContentFilter:
		return "content_filter"
	case ai.StopUnknown:
		return "something_new"
	}
	return "stop"
}

func chatUsage(u ai.Usage) object {
	return object{
		"prompt_tokens": u.InputTokens, "completion_tokens": u.OutputTokens, "total_tokens": u.Total(),
		"prompt_tokens_details":     object{"cached_tokens": u.CacheReadTokens, "cache_write_tokens": u.CacheWriteTokens},
		"completion_tokens_details": object{"reasoning_tokens": u.ReasoningTokens},
	}
}

// mustJSON returns v, which is made of strings and numbers, as JSON.
func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
