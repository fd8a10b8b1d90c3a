package openai

import (
	"errors"
	"fmt"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// chatParams puts a request into the form of Chat Completions.
// https://platform.openai.com/docs/api-reference/chat/create
func (m *Model) chatParams(req *ai.Request) (sdk.ChatCompletionNewParams, []ai.Warning, error) {
	p := sdk.ChatCompletionNewParams{
		Model:           m.info.Model,
		ReasoningEffort: shared.ReasoningEffort(req.Effort),
	}
	var w adapter.Warnings
	if req.System != "" {
		p.Messages = append(p.Messages, sdk.SystemMessage(req.System))
	}
	for i, msg := range req.Messages {
		converted, err := chatMessages(msg, &w)
		if err != nil {
			return p, nil, fmt.Errorf("%w: Messages[%d]: %w", ai.ErrInvalidRequest, i, err)
		}
		p.Messages = append(p.Messages, converted...)
	}
	if req.MaxOutputTokens > 0 {
		if m.legacyMaxTokens {
			p.MaxTokens = sdk.Int(int64(req.MaxOutputTokens))
		} else {
			p.MaxCompletionTokens = sdk.Int(int64(req.MaxOutputTokens))
		}
	}
	if req.Temperature != nil {
		p.Temperature = sdk.Float(*req.Temperature)
	}
	if req.TopP != nil {
		p.TopP = sdk.Float(*req.TopP)
	}
	if len(req.Stop) > 0 {
		p.Stop.OfStringArray = req.Stop
	}
	if o := req.Output; o != nil {
		schema, isStrict, notes := strictSchema(o.Schema, "Output")
		w.Add(notes...)
		format := shared.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: o.Name, Strict: sdk.Bool(isStrict), Schema: schema,
		}
		if o.Description != "" {
			format.Description = sdk.String(o.Description)
		}
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: format}
	}
	chatTools(&p, req, &w)
	return p, w.List, nil
}

func chatTools(p *sdk.ChatCompletionNewParams, req *ai.Request, w *adapter.Warnings) {
	for _, t := range req.Tools {
		schema, isStrict := t.Input, true
		if schema != nil {
			var notes []ai.Warning
			schema, isStrict, notes = strictSchema(schema, "Tools")
			w.Add(notes...)
		}
		f := shared.FunctionDefinitionParam{Name: t.Name, Strict: sdk.Bool(isStrict), Parameters: adapter.RawSchema(schema)}
		if t.Description != "" {
			f.Description = sdk.String(t.Description)
		}
		p.Tools = append(p.Tools, sdk.ChatCompletionFunctionTool(f))
	}
	switch req.ToolChoice.Mode {
	case ai.ToolNone, ai.ToolRequired:
		p.ToolChoice.OfAuto = sdk.String(string(req.ToolChoice.Mode))
	case ai.ToolNamed:
		p.ToolChoice = sdk.ToolChoiceOptionFunctionToolChoice(
			sdk.ChatCompletionNamedToolChoiceFunctionParam{Name: req.ToolChoice.Name})
	}
}

// chatMessages converts one message. Each tool result is a message of its own.
func chatMessages(m ai.Message, w *adapter.Warnings) ([]sdk.ChatCompletionMessageParamUnion, error) {
	switch m.Role {
	case ai.RoleUser:
		return chatUser(m)
	case ai.RoleAssistant:
		return chatAssistant(m, w), nil
	}
	var out []sdk.ChatCompletionMessageParamUnion
	for _, p := range m.Parts {
		if r, ok := p.(ai.ToolResult); ok {
			text, err := resultText(r)
			if err != nil {
				return nil, err
			}
			out = append(out, sdk.ToolMessage(text, r.CallID))
		}
	}
	return out, nil
}

func chatUser(m ai.Message) ([]sdk.ChatCompletionMessageParamUnion, error) {
	if len(m.Parts) == 1 {
		if t, ok := m.Parts[0].(ai.Text); ok {
			// A plain string: some compatible servers take nothing else.
			return []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage(t.Text)}, nil
		}
	}
	parts := make([]sdk.ChatCompletionContentPartUnionParam, 0, len(m.Parts))
	for _, p := range m.Parts {
		switch p := p.(type) {
		case ai.Text:
			parts = append(parts, sdk.TextContentPart(p.Text))
		case ai.Image:
			parts = append(parts, sdk.ImageContentPart(
				sdk.ChatCompletionContentPartImageImageURLParam{URL: adapter.DataURL(p.Data, p.MediaType, p.URL)}))
		case ai.File:
			if p.URL != "" {
				return nil, errors.New("a file by URL is not supported by Chat Completions")
			}
			file := sdk.ChatCompletionContentPartFileFileParam{FileData: sdk.String(adapter.DataURL(p.Data, p.MediaType, ""))}
			if p.Name != "" {
				file.Filename = sdk.String(p.Name)
			}
			parts = append(parts, sdk.FileContentPart(file))
		default:
			return nil, fmt.Errorf("%T is not supported", p)
		}
	}
	return []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage(parts)}, nil
}

func chatAssistant(m ai.Message, w *adapter.Warnings) []sdk.ChatCompletionMessageParamUnion {
	var out sdk.ChatCompletionAssistantMessageParam
	if text := m.Text(); text != "" {
		out.Content.OfString = sdk.String(text)
	}
	for _, p := range m.Parts {
		switch p := p.(type) {
		case ai.Reasoning:
			w.Add(ai.Warning{Setting: "Messages", Detail: "Chat Completions takes no reasoning: it is left out"})
		case ai.Unknown:
			w.Add(unknownPart)
		case ai.ToolCall:
			out.ToolCalls = append(out.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{
				OfFunction: &sdk.ChatCompletionMessageFunctionToolCallParam{
					ID: p.ID,
					Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{
						Name: p.Name, Arguments: string(p.Arguments),
					},
				},
			})
		}
	}
	if m.Text() == "" && len(out.ToolCalls) == 0 {
		return nil // nothing that could be sent
	}
	return []sdk.ChatCompletionMessageParamUnion{{OfAssistant: &out}}
}

// resultText returns a tool result as text, which is all that there is place for.
func resultText(r ai.ToolResult) (string, error) {
	var b strings.Builder
	if r.IsError {
		b.WriteString("Error: ")
	}
	for _, p := range r.Content {
		t, ok := p.(ai.Text)
		if !ok {
			return "", fmt.Errorf("%T in a tool result is not supported", p)
		}
		b.WriteString(t.Text)
	}
	return b.String(), nil
}

// unknownPart is the warning about parts that neither API takes back.
var unknownPart = ai.Warning{Setting: "Messages", Detail: "a part of an unknown kind is left out"}
