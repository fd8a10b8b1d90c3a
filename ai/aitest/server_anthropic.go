package aitest

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/posai-go/posai/ai"
)

// anthropicDialect is Anthropic's Messages API.
// https://platform.claude.com/docs/en/api/messages
type anthropicDialect struct{}

func (anthropicDialect) base() string      { return "/" }
func (anthropicDialect) requestID() string { return "Request-Id" }

func (anthropicDialect) writeError(w http.ResponseWriter, f refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	message := "The request failed."
	if f.param != "" {
		message = f.param + ": not accepted"
	}
	_ = json.NewEncoder(w).Encode(object{"type": "error", "error": object{"type": f.code, "message": message}})
}

// An anthropicRequest holds the fields that the server looks at.
type anthropicRequest struct {
	Model     string `json:"model"`
	Stream    bool   `json:"stream"`
	MaxTokens int    `json:"max_tokens"`
	Messages  []struct {
		Role    string           `json:"role"`
		Content []anthropicBlock `json:"content"`
	} `json:"messages"`
	OutputConfig struct {
		Format *struct {
			Type   string         `json:"type"`
			Schema map[string]any `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
	Tools []struct {
		Name        string         `json:"name"`
		Strict      bool           `json:"strict"`
		InputSchema map[string]any `json:"input_schema"`
	} `json:"tools"`
}

type anthropicBlock struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	ID        string          `json:"id"`
	ToolUseID string          `json:"tool_use_id"`
	Signature string          `json:"signature"`
	Input     json.RawMessage `json:"input"`
}

func (anthropicDialect) check(r *http.Request, body []byte) (question, *refusal) {
	q := question{format: anthropicFormat{}}
	if r.URL.Path != "/v1/messages" {
		return q, &refusal{http.StatusNotFound, "not_found_error", ""}
	}
	invalid := func(param string) (question, *refusal) {
		return q, &refusal{http.StatusBadRequest, "invalid_request_error", param}
	}
	var req anthropicRequest
	switch {
	case r.Method != http.MethodPost:
		return q, &refusal{http.StatusMethodNotAllowed, "invalid_request_error", ""}
	case r.Header.Get("X-Api-Key") == "" && r.Header.Get("Authorization") == "":
		return q, &refusal{http.StatusUnauthorized, "authentication_error", ""}
	case r.Header.Get("Anthropic-Version") == "":
		return invalid("anthropic-version")
	case json.Unmarshal(body, &req) != nil:
		return invalid("body")
	case req.Model == "":
		return invalid("model")
	case req.MaxTokens <= 0:
		return invalid("max_tokens")
	case len(req.Messages) == 0 || req.Messages[0].Role != "user":
		return invalid("messages")
	}
	if !req.conversation() {
		return invalid("messages")
	}
	if f := req.OutputConfig.Format; f != nil && (f.Type != "json_schema" || !enforceable(f.Schema)) {
		return invalid("output_config.format.schema")
	}
	for _, t := range req.Tools {
		if t.Name == "" || t.InputSchema["type"] != "object" || t.Strict && !enforceable(t.InputSchema) {
			return invalid("tools.0.custom.input_schema")
		}
	}
	q.model, q.stream = req.Model, req.Stream
	return q, nil
}

// conversation checks the order of roles and that every tool call is answered at
// the start of the next message.
func (req *anthropicRequest) conversation() bool {
	var open []string // calls without a result
	for i, m := range req.Messages {
		if len(m.Content) == 0 || m.Role != []string{"user", "assistant"}[i%2] {
			return false
		}
		var calls []string
		others := false
		for _, b := range m.Content {
			switch b.Type {
			case "text":
				if b.Text == "" {
					return false
				}
				others = true
			case "tool_use":
				if m.Role != "assistant" || len(b.Input) == 0 || b.Input[0] != '{' {
					return false
				}
				calls = append(calls, b.ID)
			case "tool_result":
				at := slices.Index(open, b.ToolUseID)
				if others || at < 0 {
					return false
				}
				open = slices.Delete(open, at, at+1)
			case "thinking":
				if b.Signature == "" {
					return false
				}
			default:
				others = true
			}
		}
		if len(open) > 0 {
			return false
		}
		open = calls
	}
	return true
}

// anthropicKeywords are the keywords of a schema that is enforced.
// https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
var anthropicKeywords = map[string]bool{
	"type": true, "description": true, "enum": true, "properties": true, "required": true, "anyOf": true,
	"additionalProperties": true, "items": true, "format": true, "minItems": true,
}

// enforceable checks a schema: closed objects, no reference.
func enforceable(schema map[string]any) bool {
	for keyword := range schema {
		if !anthropicKeywords[keyword] {
			return false
		}
	}
	if isObject(schema["type"]) && schema["additionalProperties"] != false {
		return false
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, child := range properties {
		if c, ok := child.(map[string]any); !ok || !enforceable(c) {
			return false
		}
	}
	if items, ok := schema["items"].(map[string]any); ok && !enforceable(items) {
		return false
	}
	alternatives, _ := schema["anyOf"].([]any)
	for _, child := range alternatives {
		if c, ok := child.(map[string]any); !ok || !enforceable(c) {
			return false
		}
	}
	return true
}

// anthropicFormat is the JSON of a message.
type anthropicFormat struct{}

func (anthropicFormat) whole(r Reply, id, model string) any {
	content := []object{}
	if r.Reasoning != "" {
		content = append(content, object{"type": "thinking", "thinking": r.Reasoning, "signature": "c2lnbmVk"})
	}
	if text := r.text(); text != "" {
		content = append(content, object{"type": "text", "text": text})
	}
	for _, c := range r.ToolCalls {
		content = append(content, object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": wireObject(c.Arguments)})
	}
	out := object{
		"id": id, "type": "message", "role": "assistant", "model": model, "content": content,
		"stop_reason": anthropicStop(r), "stop_sequence": nil, "stop_details": anthropicDetails(r),
	}
	if !r.Wire.NoUsage {
		out["usage"] = anthropicUsage(r.usage())
	}
	return out
}

// wireObject returns arguments as an object; none stays away as null.
func wireObject(arguments json.RawMessage) any {
	if len(arguments) == 0 {
		return object{}
	}
	return arguments
}

func (f anthropicFormat) events(r Reply, id, model string) []wireEvent {
	var events []wireEvent
	add := func(kind string, fields object) *wireEvent {
		fields["type"] = kind
		events = append(events, wireEvent{name: kind, data: mustJSON(fields)})
		return &events[len(events)-1]
	}
	message := object{"id": id, "type": "message", "role": "assistant", "model": model, "content": []any{}, "stop_reason": nil}
	if !r.Wire.NoUsage {
		usage := anthropicUsage(r.usage())
		usage["output_tokens"] = 1
		delete(usage, "output_tokens_details")
		message["usage"] = usage
	}
	add("message_start", object{"message": message})
	if r.Wire.Noise {
		add("message_start", object{"message": message})
		add("something_new", object{"surprise": true})
	}
	index := -1
	begin := func(block object) {
		index++
		add("content_block_start", object{"index": index, "content_block": block})
	}
	delta := func(at int, d object) *wireEvent { return add("content_block_delta", object{"index": at, "delta": d}) }
	end := func(at int) { add("content_block_stop", object{"index": at}) }
	if r.Reasoning != "" {
		begin(object{"type": "thinking", "thinking": "", "signature": ""})
		delta(index, object{"type": "thinking_delta", "thinking": r.Reasoning})
		delta(index, object{"type": "signature_delta", "signature": "c2lnbmVk"})
		end(index)
	}
	if r.text() != "" {
		begin(object{"type": "text", "text": ""})
		for _, text := range r.chunks() {
			delta(index, object{"type": "text_delta", "text": text}).content = true
		}
		end(index)
	}
	first := index + 1
	for _, c := range r.ToolCalls {
		begin(object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": object{}})
		delta(index, object{"type": "input_json_delta", "partial_json": ""})
	}
	for half := range 2 {
		for i, c := range r.ToolCalls {
			args := string(c.Arguments)
			piece := args[:len(args)/2]
			if half == 1 {
				piece = args[len(args)/2:]
			}
			delta(first+i, object{"type": "input_json_delta", "partial_json": piece})
		}
	}
	for i := range r.ToolCalls {
		end(first + i)
	}
	last := object{"delta": object{"stop_reason": anthropicStop(r), "stop_sequence": nil, "stop_details": anthropicDetails(r)}}
	if u := r.usage(); !r.Wire.NoUsage && r.Wire.UsageEarly {
		last["usage"] = object{"output_tokens": u.OutputTokens} // the rest was in message_start
	} else if !r.Wire.NoUsage {
		last["usage"] = anthropicUsage(u)
	}
	add("message_delta", last)
	if !r.Wire.NoTerminator {
		add("message_stop", object{})
	}
	return events
}

// errorEvent translates the codes of [Wire.ErrorEvent].
func (anthropicFormat) errorEvent(code string) wireEvent {
	switch code {
	case "server_error":
		code = "api_error"
	case "rate_limit_exceeded":
		code = "rate_limit_error"
	case "insufficient_quota":
		code = "billing_error"
	}
	return wireEvent{name: "error", data: mustJSON(object{"type": "error", "error": object{"type": code, "message": "The stream failed."}})}
}

func anthropicStop(r Reply) string {
	if r.ProviderStopReason != "" {
		return r.ProviderStopReason
	}
	switch r.stopReason() {
	case ai.StopLength:
		return "max_tokens"
	case ai.StopSequence:
		return "stop_sequence"
	case ai.StopToolCalls:
		return "tool_use"
	case ai.StopRefusal, ai.StopContentFilter:
		return "refusal"
	case ai.StopUnknown:
		return "something_new"
	}
	return "end_turn"
}

func anthropicDetails(r Reply) any {
	if r.Refusal == "" {
		return nil
	}
	return object{"type": "refusal", "category": "cyber", "explanation": r.Refusal}
}

// anthropicUsage counts the input without what the cache had or got.
func anthropicUsage(u ai.Usage) object {
	return object{
		"input_tokens": u.UncachedTokens(), "cache_read_input_tokens": u.CacheReadTokens,
		"cache_creation_input_tokens": u.CacheWriteTokens, "output_tokens": u.OutputTokens,
		"output_tokens_details": object{"thinking_tokens": u.ReasoningTokens},
	}
}
