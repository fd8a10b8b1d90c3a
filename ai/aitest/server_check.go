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

// checkRequest returns the request, or the status and error that the real server
// would answer.
func checkRequest(r *http.Request, body []byte) (req openAIRequest, status int, code, param string) {
	switch {
	case r.Method != http.MethodPost:
		return req, http.StatusMethodNotAllowed, "invalid_request_error", ""
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		return req, http.StatusUnauthorized, "invalid_api_key", ""
	case json.Unmarshal(body, &req) != nil:
		return req, http.StatusBadRequest, "invalid_request_error", ""
	case req.Model == "":
		return req, http.StatusBadRequest, "missing_required_parameter", "model"
	case len(req.Messages) == 0 && len(req.Input) == 0:
		return req, http.StatusBadRequest, "missing_required_parameter", "messages"
	}
	if req.Format != nil && req.Format.JSONSchema != nil && !req.Format.JSONSchema.valid() {
		return req, http.StatusBadRequest, "invalid_json_schema", "response_format"
	}
	if req.Text != nil && req.Text.Format != nil && !req.Text.Format.valid() {
		return req, http.StatusBadRequest, "invalid_json_schema", "text.format.schema"
	}
	for _, t := range req.Tools {
		schema := &t.namedSchema
		if t.Function != nil {
			schema = t.Function
		}
		if !schema.valid() {
			return req, http.StatusBadRequest, "invalid_function_parameters", "tools"
		}
	}
	return req, 0, "", ""
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
