package aitest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// An openAIRequest holds the fields of both APIs that the server looks at.
type openAIRequest struct {
	Model    string            `json:"model"`
	Stream   bool              `json:"stream"`
	Messages []json.RawMessage `json:"messages"`
	Input    json.RawMessage   `json:"input"`
	Format   *struct {
		JSONSchema *namedSchema `json:"json_schema"`
	} `json:"response_format"`
	Text *struct {
		Format *namedSchema `json:"format"`
	} `json:"text"`
	Tools []struct {
		namedSchema
		Function *namedSchema `json:"function"`
	} `json:"tools"`
}

type namedSchema struct {
	Name       string          `json:"name"`
	Strict     bool            `json:"strict"`
	Schema     json.RawMessage `json:"schema"`
	Parameters json.RawMessage `json:"parameters"`
}

// openAIDialect is OpenAI's API.
type openAIDialect struct{}

func (openAIDialect) base() string      { return "/v1" }
func (openAIDialect) requestID() string { return "X-Request-Id" }

func (openAIDialect) writeError(w http.ResponseWriter, f refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(object{"error": object{
		"message": "The request failed.", "type": f.code, "code": f.code, "param": f.param,
	}})
}

func (openAIDialect) check(r *http.Request, body []byte) (question, *refusal) {
	var q question
	switch r.URL.Path {
	case "/v1/chat/completions":
		q.format = chatFormat{}
	case "/v1/responses":
		q.format = responsesFormat{}
	case "/v1/embeddings":
		q.format = embeddingFormat{}
	default:
		return q, &refusal{http.StatusNotFound, "unknown_url", ""}
	}
	var req openAIRequest
	switch {
	case r.Method != http.MethodPost:
		return q, &refusal{http.StatusMethodNotAllowed, "invalid_request_error", ""}
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		return q, &refusal{http.StatusUnauthorized, "invalid_api_key", ""}
	case json.Unmarshal(body, &req) != nil:
		return q, &refusal{http.StatusBadRequest, "invalid_request_error", ""}
	case req.Model == "":
		return q, &refusal{http.StatusBadRequest, "missing_required_parameter", "model"}
	case len(req.Messages) == 0 && len(req.Input) == 0:
		return q, &refusal{http.StatusBadRequest, "missing_required_parameter", "messages"}
	}
	if req.Format != nil && req.Format.JSONSchema != nil && !req.Format.JSONSchema.valid() {
		return q, &refusal{http.StatusBadRequest, "invalid_json_schema", "response_format"}
	}
	if req.Text != nil && req.Text.Format != nil && !req.Text.Format.valid() {
		return q, &refusal{http.StatusBadRequest, "invalid_json_schema", "text.format.schema"}
	}
	for _, t := range req.Tools {
		schema := &t.namedSchema
		if t.Function != nil {
			schema = t.Function
		}
		if !schema.valid() {
			return q, &refusal{http.StatusBadRequest, "invalid_function_parameters", "tools"}
		}
	}
	q.model, q.stream = req.Model, req.Stream
	return q, nil
}

// valid checks the rules of strict mode.
// https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
func (s *namedSchema) valid() bool {
	if s.Name == "" {
		return false
	}
	if !s.Strict {
		return true
	}
	data := s.Schema
	if len(data) == 0 {
		data = s.Parameters
	}
	var schema map[string]any
	return json.Unmarshal(data, &schema) == nil && schema["type"] == "object" && strictSchema(schema)
}

// strictKeywords are the keywords that this server takes in strict mode: those
// that every model takes.
var strictKeywords = map[string]bool{
	"type": true, "description": true, "enum": true, "properties": true, "required": true, "anyOf": true,
	"additionalProperties": true, "items": true, "$ref": true, "$defs": true,
}

func strictSchema(schema map[string]any) bool {
	for keyword := range schema {
		if !strictKeywords[keyword] {
			return false
		}
	}
	if _, ref := schema["$ref"]; ref && len(schema) > 1 {
		return false
	}
	properties, _ := schema["properties"].(map[string]any)
	if isObject(schema["type"]) {
		required, _ := schema["required"].([]any)
		if schema["additionalProperties"] != false || len(required) != len(properties) {
			return false
		}
	}
	defs, _ := schema["$defs"].(map[string]any)
	for _, group := range []map[string]any{properties, defs} {
		for _, child := range group {
			if c, ok := child.(map[string]any); !ok || !strictSchema(c) {
				return false
			}
		}
	}
	if items, ok := schema["items"].(map[string]any); ok && !strictSchema(items) {
		return false
	}
	alternatives, _ := schema["anyOf"].([]any)
	for _, child := range alternatives {
		if c, ok := child.(map[string]any); !ok || !strictSchema(c) {
			return false
		}
	}
	return true
}

func isObject(kind any) bool {
	if list, ok := kind.([]any); ok {
		for _, k := range list {
			if k == "object" {
				return true
			}
		}
		return false
	}
	return kind == "object"
}
