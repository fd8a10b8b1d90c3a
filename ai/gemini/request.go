package gemini

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"google.golang.org/genai"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// enforced is what the API enforces of a schema. References are allowed there,
// but not in required properties, and so not for a type that refers to itself.
// https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support
var enforced = ai.Dialect{
	OptionalProperties: true, Maps: true, Bounds: true, Items: true,
	Formats: []string{"date-time", "date", "time"},
}

// placeholder stands for the conversation, which [Model.config] puts into the
// request as it is.
var placeholder = genai.Text("-")

// A wireContent is one turn of the conversation.
// https://ai.google.dev/api/caching#Content
type wireContent struct {
	Role  string `json:"role"`
	Parts []any  `json:"parts"`
}

// config puts a request into the form of the API.
// https://ai.google.dev/api/generate-content#generationconfig
func (m *Model) config(req *ai.Request) (*genai.GenerateContentConfig, []ai.Warning, error) {
	if err := req.Validate(); err != nil {
		return nil, nil, err
	}
	var w adapter.Warnings
	contents, err := conversation(req.Messages, &w)
	if err != nil {
		return nil, nil, err
	}
	c := &genai.GenerateContentConfig{
		MaxOutputTokens: int32(min(req.MaxOutputTokens, math.MaxInt32)),
		StopSequences:   req.Stop,
	}
	if req.System != "" {
		c.SystemInstruction = &genai.Content{Parts: []*genai.Part{{Text: req.System}}}
	}
	if req.Temperature != nil {
		c.Temperature = new(float32(*req.Temperature))
	}
	if req.TopP != nil {
		c.TopP = new(float32(*req.TopP))
	}
	m.think(c, req, &w)
	var output any
	if o := req.Output; o != nil {
		schema, err := o.Schema.Adapt(enforced)
		if err != nil {
			return nil, nil, err
		}
		c.ResponseMIMEType = "application/json"
		output = adapter.RawSchema(schema)
	}
	declarations := declarations(req.Tools, &w)
	chooseTool(c, req.ToolChoice)
	// The SDK would sort the properties of schemas, and models fill them in one
	// after the other.
	c.HTTPOptions = &genai.HTTPOptions{ExtrasRequestProvider: func(body map[string]any) map[string]any {
		body["contents"] = contents
		if declarations != nil {
			body["tools"] = []object{{"functionDeclarations": declarations}}
		}
		if config, ok := body["generationConfig"].(map[string]any); ok && output != nil {
			config["responseJsonSchema"] = output
		}
		return body
	}}
	return c, w.List, nil
}

// declarations returns the tools in the form of the API.
// https://ai.google.dev/api/caching#FunctionDeclaration
func declarations(tools []ai.Tool, w *adapter.Warnings) []object {
	var list []object
	for _, t := range tools {
		schema := t.Input
		if schema != nil {
			if adapted, err := schema.Adapt(enforced); err != nil {
				w.Add(ai.Warning{Setting: "Tools", Detail: "the schema cannot be enforced: " + err.Error()})
			} else {
				schema = adapted
			}
		}
		declaration := object{"name": t.Name, "parametersJsonSchema": adapter.RawSchema(schema)}
		if t.Description != "" {
			declaration["description"] = t.Description
		}
		list = append(list, declaration)
	}
	return list
}

func chooseTool(c *genai.GenerateContentConfig, choice ai.ToolChoice) {
	calling := &genai.FunctionCallingConfig{}
	switch choice.Mode {
	case ai.ToolNone:
		calling.Mode = genai.FunctionCallingConfigModeNone
	case ai.ToolRequired:
		calling.Mode = genai.FunctionCallingConfigModeAny
	case ai.ToolNamed:
		calling.Mode, calling.AllowedFunctionNames = genai.FunctionCallingConfigModeAny, []string{choice.Name}
	default:
		return
	}
	c.ToolConfig = &genai.ToolConfig{FunctionCallingConfig: calling}
}

// think sets how much the model reasons.
// https://ai.google.dev/gemini-api/docs/thinking
func (m *Model) think(c *genai.GenerateContentConfig, req *ai.Request, w *adapter.Warnings) {
	if req.Effort == "" {
		return
	}
	c.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: req.Effort != ai.EffortNone}
	if m.budgets != nil {
		budget, ok := m.budgets[req.Effort]
		if !ok && req.Effort != ai.EffortNone {
			w.Add(ai.Warning{Setting: "Effort", Detail: "no budget for thinking is set for this level"})
			c.ThinkingConfig = nil
			return
		}
		c.ThinkingConfig.ThinkingBudget = new(int32(budget))
		return
	}
	level := req.Effort
	if level == ai.EffortNone {
		level = ai.EffortMinimal
		w.Add(ai.Warning{Setting: "Effort", Detail: "there is no level below minimal"})
	}
	c.ThinkingConfig.ThinkingLevel = genai.ThinkingLevel(strings.ToUpper(string(level)))
}

// A knownCall is a tool call of the conversation, to which a result belongs.
type knownCall struct {
	name string
	noID bool
}

// conversation converts the messages. Consecutive ones of one role become one.
func conversation(messages []ai.Message, w *adapter.Warnings) ([]wireContent, error) {
	calls := map[string]knownCall{}
	var out []wireContent
	for i, msg := range messages {
		var parts []any
		for _, p := range msg.Parts {
			converted, err := part(p, calls, w)
			if err != nil {
				return nil, fmt.Errorf("%w: Messages[%d]: %w", ai.ErrInvalidRequest, i, err)
			}
			if converted != nil {
				parts = append(parts, converted)
			}
		}
		role := "user"
		if msg.Role == ai.RoleAssistant {
			role = "model"
		}
		switch {
		case len(parts) == 0:
		case len(out) > 0 && out[len(out)-1].Role == role:
			out[len(out)-1].Parts = append(out[len(out)-1].Parts, parts...)
		default:
			out = append(out, wireContent{Role: role, Parts: parts})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no message with content", ai.ErrInvalidRequest)
	}
	if out[0].Role == "model" {
		w.Add(ai.Warning{Setting: "Messages", Detail: "a conversation begins with the user: a line that says so was put in front"})
		first := wireContent{Role: "user", Parts: []any{object{"text": "(The assistant begins.)"}}}
		out = append([]wireContent{first}, out...)
	}
	return out, nil
}

// object is a JSON object.
type object map[string]any

// part converts a part. It returns nil for one that is left out.
func part(p ai.Part, calls map[string]knownCall, w *adapter.Warnings) (any, error) {
	switch p := p.(type) {
	case ai.Text:
		if p.Text == "" {
			return nil, nil
		}
		return object{"text": p.Text}, nil
	case ai.Image:
		return media(p.Data, p.MediaType, p.URL), nil
	case ai.File:
		return media(p.Data, p.MediaType, p.URL), nil
	case ai.Reasoning:
		return thought(p, w), nil
	case ai.ToolCall:
		return call(p, calls, w), nil
	case ai.ToolResult:
		return result(p, calls)
	case ai.Unknown:
		if p.Provider != provider || !json.Valid(p.Raw) {
			w.Add(ai.Warning{Setting: "Messages", Detail: "a part of another provider is left out"})
			return nil, nil
		}
		return p.Raw, nil
	}
	return nil, fmt.Errorf("%T is not supported", p)
}

func media(data []byte, mediaType, url string) object {
	if url != "" {
		file := object{"fileUri": url}
		if mediaType != "" {
			file["mimeType"] = mediaType
		}
		return object{"fileData": file}
	}
	return object{"inlineData": object{"mimeType": mediaType, "data": data}}
}

// thought sends back what the model thought, if it was signed here. Its text alone
// is of no use to the API.
func thought(r ai.Reasoning, w *adapter.Warnings) any {
	o, ok := readOpaque(r.Opaque)
	switch {
	case !ok && r.Opaque != nil:
		w.Add(ai.Warning{Setting: "Messages", Detail: "reasoning of another provider is left out"})
		return nil
	case o.Signature == "":
		return nil
	case o.Text:
		return object{"text": "", "thoughtSignature": o.Signature}
	}
	return object{"text": r.Text, "thought": true, "thoughtSignature": o.Signature}
}

func call(c ai.ToolCall, calls map[string]knownCall, w *adapter.Warnings) object {
	o, ok := readOpaque(c.Opaque)
	if !ok && c.Opaque != nil {
		w.Add(ai.Warning{Setting: "Messages", Detail: "another provider's data of a tool call is left out"})
	}
	calls[c.ID] = knownCall{name: c.Name, noID: o.NoID}
	fields := object{"name": c.Name, "args": arguments(c.Arguments)}
	if !o.NoID && c.ID != "" {
		fields["id"] = c.ID
	}
	out := object{"functionCall": fields}
	if o.Signature != "" {
		out["thoughtSignature"] = o.Signature
	}
	return out
}

// arguments returns them as the object that the API wants. Invalid ones are
// wrapped, so that the model still sees what it wrote.
func arguments(raw json.RawMessage) any {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) == nil && fields != nil {
		return raw
	}
	return object{"invalid_arguments": string(raw)}
}

// result converts a tool's result, which belongs to its call by name.
func result(r ai.ToolResult, calls map[string]knownCall) (any, error) {
	known := calls[r.CallID]
	name := adapter.First(r.Name, known.name)
	if name == "" {
		return nil, errors.New("a tool result needs the name of its tool, or its call before it")
	}
	var text strings.Builder
	var images []any
	for _, p := range r.Content {
		switch p := p.(type) {
		case ai.Text:
			text.WriteString(p.Text)
		case ai.Image:
			if p.URL != "" {
				return nil, errors.New("an image by URL in a tool result is not supported")
			}
			images = append(images, media(p.Data, p.MediaType, ""))
		}
	}
	key := "output"
	if r.IsError {
		key = "error"
	}
	fields := object{"name": name, "response": object{key: text.String()}}
	if !known.noID && r.CallID != "" {
		fields["id"] = r.CallID
	}
	if images != nil {
		fields["parts"] = images
	}
	return object{"functionResponse": fields}, nil
}
