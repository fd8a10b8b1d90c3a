package aitest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/posai-go/posai/ai"
)

// NewGeminiServer starts a server for Google's Gemini API, generation and
// embeddings. See [NewOpenAIServer].
func NewGeminiServer(t testing.TB, replies ...Reply) *Server {
	return newServer(t, geminiDialect{}, replies)
}

// geminiDialect is the Gemini API.
// https://ai.google.dev/api/generate-content
type geminiDialect struct{}

func (geminiDialect) base() string      { return "/" }
func (geminiDialect) requestID() string { return "X-Request-Id" }

func (geminiDialect) writeError(w http.ResponseWriter, f refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	message := "The request failed."
	if f.param != "" {
		message = f.param + " is invalid"
	}
	_ = json.NewEncoder(w).Encode(object{"error": object{"code": f.status, "message": message, "status": f.code}})
}

// A geminiRequest holds the fields that the server looks at.
type geminiRequest struct {
	Contents []struct {
		Role  string       `json:"role"`
		Parts []geminiPart `json:"parts"`
	} `json:"contents"`
	GenerationConfig struct {
		ResponseMIMEType   string         `json:"responseMimeType"`
		ResponseJSONSchema map[string]any `json:"responseJsonSchema"`
	} `json:"generationConfig"`
	Tools []struct {
		FunctionDeclarations []struct {
			Name       string         `json:"name"`
			Parameters map[string]any `json:"parametersJsonSchema"`
		} `json:"functionDeclarations"`
	} `json:"tools"`
	Requests []json.RawMessage `json:"requests"`
}

type geminiPart struct {
	FunctionCall *struct {
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
	FunctionResponse *struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	} `json:"functionResponse"`
}

func (geminiDialect) check(r *http.Request, body []byte) (question, *refusal) {
	q := question{format: geminiFormat{}}
	model, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1beta/models/"), ":")
	if !ok || !strings.HasPrefix(r.URL.Path, "/v1beta/models/") || !slices.Contains([]string{"generateContent", "streamGenerateContent", "batchEmbedContents"}, method) {
		return q, &refusal{http.StatusNotFound, "NOT_FOUND", ""}
	}
	invalid := func(param string) (question, *refusal) {
		return q, &refusal{http.StatusBadRequest, "INVALID_ARGUMENT", param}
	}
	var req geminiRequest
	q.model, q.stream = model, method == "streamGenerateContent"
	switch {
	case r.Method != http.MethodPost:
		return q, &refusal{http.StatusMethodNotAllowed, "INVALID_ARGUMENT", ""}
	case r.Header.Get("X-Goog-Api-Key") == "" && r.Header.Get("Authorization") == "":
		return q, &refusal{http.StatusForbidden, "PERMISSION_DENIED", ""}
	case json.Unmarshal(body, &req) != nil:
		return invalid("body")
	case method == "batchEmbedContents":
		q.format = geminiEmbedding{}
		if len(req.Requests) == 0 || len(req.Requests) > 100 {
			return invalid("requests")
		}
		return q, nil
	case q.stream && r.URL.Query().Get("alt") != "sse":
		return invalid("alt")
	case !req.conversation():
		return invalid("contents")
	}
	if c := req.GenerationConfig; c.ResponseJSONSchema != nil && (c.ResponseMIMEType != "application/json" || !geminiSchema(c.ResponseJSONSchema)) {
		return invalid("response_json_schema")
	}
	for _, t := range req.Tools {
		for _, d := range t.FunctionDeclarations {
			if d.Name == "" || d.Parameters["type"] != "object" {
				return invalid("parameters_json_schema")
			}
		}
	}
	return q, nil
}

// conversation checks the order of roles, and that the calls of a turn are
// answered by as many results in the next.
func (req *geminiRequest) conversation() bool {
	open := 0
	for i, c := range req.Contents {
		if len(c.Parts) == 0 || c.Role != []string{"user", "model"}[i%2] {
			return false
		}
		calls, results := 0, 0
		for _, p := range c.Parts {
			switch {
			case p.FunctionCall != nil:
				if p.FunctionCall.Name == "" || c.Role != "model" || len(p.FunctionCall.Args) > 0 && p.FunctionCall.Args[0] != '{' {
					return false
				}
				calls++
			case p.FunctionResponse != nil:
				if p.FunctionResponse.Name == "" || len(p.FunctionResponse.Response) == 0 || p.FunctionResponse.Response[0] != '{' {
					return false
				}
				results++
			}
		}
		if results != open {
			return false
		}
		open = calls
	}
	return len(req.Contents) > 0
}

// geminiKeywords are the keywords of a schema that is enforced.
// https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support
var geminiKeywords = map[string]bool{
	"type": true, "description": true, "title": true, "enum": true, "format": true, "properties": true, "required": true,
	"additionalProperties": true, "items": true, "prefixItems": true, "minItems": true, "maxItems": true, "minimum": true, "maximum": true,
	"anyOf": true, "oneOf": true,
}

func geminiSchema(schema map[string]any) bool {
	for keyword := range schema {
		if !geminiKeywords[keyword] {
			return false
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	children := []any{schema["items"], schema["additionalProperties"]}
	for _, child := range properties {
		children = append(children, child)
	}
	alternatives, _ := schema["anyOf"].([]any)
	for _, child := range append(children, alternatives...) {
		if c, ok := child.(map[string]any); ok && !geminiSchema(c) {
			return false
		}
	}
	return true
}

// geminiFormat is the JSON of a reply.
type geminiFormat struct{}

// piece returns a reply of the given parts; finish is nil but for the last one.
func (geminiFormat) piece(r Reply, id, model string, parts []object, finish, usage any) object {
	candidate := object{"index": 0, "content": object{"role": "model", "parts": parts}}
	if finish != nil {
		candidate["finishReason"] = finish
	}
	out := object{"candidates": []object{candidate}, "modelVersion": model, "responseId": id}
	if usage != nil && !r.Wire.NoUsage {
		out["usageMetadata"] = usage
	}
	return out
}

func geminiParts(r Reply) []object {
	parts := []object{}
	for _, c := range r.ToolCalls {
		call := object{"name": c.Name, "id": c.ID}
		if len(c.Arguments) > 0 {
			call["args"] = c.Arguments
		}
		parts = append(parts, object{"functionCall": call, "thoughtSignature": geminiSignature(c)})
		if parts[len(parts)-1]["thoughtSignature"] == "" {
			delete(parts[len(parts)-1], "thoughtSignature")
		}
	}
	return parts
}

// geminiSignature returns the signature that a scripted call wants to have.
func geminiSignature(c ai.ToolCall) string {
	var o struct{ Signature string }
	_ = json.Unmarshal(c.Opaque, &o) // it may have none
	return o.Signature
}

func (f geminiFormat) whole(r Reply, id, model string) any {
	var parts []object
	if r.Reasoning != "" {
		parts = append(parts, object{"text": r.Reasoning, "thought": true})
	}
	if text := r.text(); text != "" {
		parts = append(parts, object{"text": text})
	}
	return f.piece(r, id, model, append(parts, geminiParts(r)...), geminiFinish(r), geminiUsage(r.usage()))
}

func (f geminiFormat) events(r Reply, id, model string) []wireEvent {
	var events []wireEvent
	add := func(piece object, content bool) {
		events = append(events, wireEvent{data: mustJSON(piece), content: content})
	}
	soFar := object{"promptTokenCount": 1} // each piece has the sum so far
	if r.Wire.UsageEarly {
		soFar = geminiUsage(r.usage())
	}
	if r.Reasoning != "" {
		add(f.piece(r, id, model, []object{{"text": r.Reasoning, "thought": true}}, nil, soFar), false)
	}
	if r.text() != "" {
		for _, text := range r.chunks() {
			add(f.piece(r, id, model, []object{{"text": text}}, nil, soFar), true)
		}
	}
	for _, part := range geminiParts(r) {
		add(f.piece(r, id, model, []object{part}, nil, soFar), false)
	}
	var last any = geminiUsage(r.usage())
	if r.Wire.UsageEarly {
		last = nil
	}
	add(f.piece(r, id, model, []object{{"text": ""}}, geminiFinish(r), last), false)
	return events
}

// errorEvent translates the codes of [Wire.ErrorEvent].
func (geminiFormat) errorEvent(code string) wireEvent {
	e := object{"code": http.StatusInternalServerError, "message": "The stream failed.", "status": "INTERNAL"}
	switch code {
	case "rate_limit_exceeded", "insufficient_quota":
		e["code"], e["status"] = http.StatusTooManyRequests, "RESOURCE_EXHAUSTED"
		if code == "insufficient_quota" {
			e["details"] = []object{{
				"@type":      "type.googleapis.com/google.rpc.QuotaFailure",
				"violations": []object{{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}},
			}}
		}
	}
	return wireEvent{data: mustJSON(object{"error": e})}
}

func geminiFinish(r Reply) string {
	if r.ProviderStopReason != "" {
		return r.ProviderStopReason
	}
	switch r.stopReason() {
	case ai.StopLength:
		return "MAX_TOKENS"
	case ai.StopContentFilter, ai.StopRefusal:
		return "SAFETY"
	case ai.StopUnknown:
		return "SOMETHING_NEW"
	}
	return "STOP" // with tool calls as well
}

// geminiUsage counts the output without the thoughts.
func geminiUsage(u ai.Usage) object {
	return object{
		"promptTokenCount": u.InputTokens, "cachedContentTokenCount": u.CacheReadTokens,
		"candidatesTokenCount": u.TextTokens(), "thoughtsTokenCount": u.ReasoningTokens, "totalTokenCount": u.Total(),
	}
}

// geminiEmbedding is the JSON of embeddings.
type geminiEmbedding struct{}

func (geminiEmbedding) whole(r Reply, _, _ string) any {
	list := []object{}
	for _, v := range r.Vectors {
		list = append(list, object{"values": v})
	}
	out := object{"embeddings": list}
	if !r.Wire.NoUsage {
		out["usageMetadata"] = object{"promptTokenCount": r.usage().InputTokens}
	}
	return out
}

func (geminiEmbedding) events(Reply, string, string) []wireEvent { return nil }
func (geminiEmbedding) errorEvent(string) wireEvent              { return wireEvent{} }
