package anthropic

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// enforced is what the API enforces of a schema.
// https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
var enforced = ai.Dialect{
	OptionalProperties: true, NonEmpty: true, MaxOptional: 24, MaxNullable: 16,
	Formats: []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
}

// maxStrictTools is how many tools of a request may be strict.
const maxStrictTools = 20

// params puts a request into the form of the Messages API.
// https://platform.claude.com/docs/en/api/messages/create
func (m *Model) params(req *ai.Request) (sdk.MessageNewParams, []ai.Warning, error) {
	var p sdk.MessageNewParams
	if err := req.Validate(); err != nil {
		return p, nil, err
	}
	var w adapter.Warnings
	p.Model = m.info.Model
	p.MaxTokens = int64(req.MaxOutputTokens)
	if p.MaxTokens == 0 {
		p.MaxTokens = int64(m.maxTokens)
	}
	if req.System != "" {
		p.System = []sdk.TextBlockParam{{Text: req.System}}
	}
	messages, err := conversation(req.Messages, &w)
	if err != nil {
		return p, nil, err
	}
	p.Messages = messages
	p.StopSequences = req.Stop
	if o := req.Output; o != nil {
		schema, err := o.Schema.Adapt(enforced)
		if err != nil {
			return p, nil, err
		}
		p.OutputConfig.Format.Schema = adapter.RawSchema(schema)
	}
	tools(&p, req, &w)
	m.think(&p, req, &w)
	m.sampling(&p, req, &w)
	return p, w.List, nil
}

func tools(p *sdk.MessageNewParams, req *ai.Request, w *adapter.Warnings) {
	strict := 0
	for _, t := range req.Tools {
		schema, isStrict := t.Input, strict < maxStrictTools
		if schema != nil {
			adapted, err := schema.Adapt(enforced)
			if err != nil {
				isStrict = false
				w.Add(ai.Warning{Setting: "Tools", Detail: "the schema cannot be enforced: " + err.Error()})
			} else {
				schema = adapted
			}
		}
		tool := &sdk.ToolParam{Name: t.Name, InputSchema: inputSchema(schema)}
		if isStrict {
			strict++
			tool.Strict = sdk.Bool(true)
		}
		if t.Description != "" {
			tool.Description = sdk.String(t.Description)
		}
		p.Tools = append(p.Tools, sdk.ToolUnionParam{OfTool: tool})
	}
	switch c := req.ToolChoice; c.Mode {
	case ai.ToolNone:
		if len(req.Tools) > 0 {
			p.ToolChoice.OfNone = &sdk.ToolChoiceNoneParam{}
		}
	case ai.ToolRequired:
		p.ToolChoice.OfAny = &sdk.ToolChoiceAnyParam{}
	case ai.ToolNamed:
		p.ToolChoice.OfTool = &sdk.ToolChoiceToolParam{Name: c.Name}
	}
}

func inputSchema(s *ai.Schema) sdk.ToolInputSchemaParam {
	data, err := json.Marshal(adapter.RawSchema(s))
	if err != nil { // it is made of JSON
		return sdk.ToolInputSchemaParam{}
	}
	return param.Override[sdk.ToolInputSchemaParam](json.RawMessage(data))
}

// think sets how much the model reasons.
// https://platform.claude.com/docs/en/build-with-claude/effort
func (m *Model) think(p *sdk.MessageNewParams, req *ai.Request, w *adapter.Warnings) {
	switch {
	case req.Effort == "":
		return
	case req.Effort == ai.EffortNone:
		p.Thinking.OfDisabled = &sdk.ThinkingConfigDisabledParam{}
		return
	case req.ToolChoice.Mode == ai.ToolRequired || req.ToolChoice.Mode == ai.ToolNamed:
		w.Add(ai.Warning{Setting: "Effort", Detail: "a demanded tool call excludes thinking"})
		return
	}
	if m.budgets != nil {
		budget := int64(m.budgets[req.Effort])
		switch {
		case budget == 0:
			w.Add(ai.Warning{Setting: "Effort", Detail: "no budget for thinking is set for this level"})
		case budget >= p.MaxTokens:
			w.Add(ai.Warning{Setting: "Effort", Detail: "the budget for thinking is not below the limit of output tokens"})
		default:
			p.Thinking.OfEnabled = &sdk.ThinkingConfigEnabledParam{BudgetTokens: budget}
		}
		return
	}
	effort := sdk.OutputConfigEffort(req.Effort)
	if req.Effort == ai.EffortMinimal {
		effort = sdk.OutputConfigEffortLow
		w.Add(ai.Warning{Setting: "Effort", Detail: "there is no level below low"})
	}
	p.OutputConfig.Effort = effort
	p.Thinking.OfAdaptive = &sdk.ThinkingConfigAdaptiveParam{Display: sdk.ThinkingConfigAdaptiveDisplaySummarized}
}

// sampling sets temperature and top-p, which thinking restricts.
func (m *Model) sampling(p *sdk.MessageNewParams, req *ai.Request, w *adapter.Warnings) {
	thinking := p.Thinking.OfEnabled != nil || p.Thinking.OfAdaptive != nil
	if t := req.Temperature; t != nil {
		switch {
		case thinking:
			w.Add(ai.Warning{Setting: "Temperature", Detail: "not together with thinking"})
		case *t > 1:
			w.Add(ai.Warning{Setting: "Temperature", Detail: "the highest is 1"})
			p.Temperature = sdk.Float(1)
		default:
			p.Temperature = sdk.Float(*t)
		}
	}
	if t := req.TopP; t != nil {
		if thinking && *t < 0.95 {
			w.Add(ai.Warning{Setting: "TopP", Detail: "not below 0.95 together with thinking"})
		} else {
			p.TopP = sdk.Float(*t)
		}
	}
}

// conversation converts the messages. Consecutive ones of one role become one,
// and in it the results of tools come first, as the API wants them.
func conversation(messages []ai.Message, w *adapter.Warnings) ([]sdk.MessageParam, error) {
	var out []sdk.MessageParam
	for i, msg := range messages {
		blocks, err := contentBlocks(msg, w)
		if err != nil {
			return nil, fmt.Errorf("%w: Messages[%d]: %w", ai.ErrInvalidRequest, i, err)
		}
		role := sdk.MessageParamRoleUser
		if msg.Role == ai.RoleAssistant {
			role = sdk.MessageParamRoleAssistant
		}
		switch {
		case len(blocks) == 0:
		case len(out) > 0 && out[len(out)-1].Role == role:
			out[len(out)-1].Content = append(out[len(out)-1].Content, blocks...)
		default:
			out = append(out, sdk.MessageParam{Role: role, Content: blocks})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no message with content", ai.ErrInvalidRequest)
	}
	if out[0].Role == sdk.MessageParamRoleAssistant {
		w.Add(ai.Warning{Setting: "Messages", Detail: "a conversation begins with the user: a line that says so was put in front"})
		first := sdk.NewUserMessage(sdk.NewTextBlock("(The assistant begins.)"))
		out = append([]sdk.MessageParam{first}, out...)
	}
	for _, m := range out {
		slices.SortStableFunc(m.Content, func(a, b sdk.ContentBlockParamUnion) int { return rank(a) - rank(b) })
	}
	return out, nil
}

func rank(b sdk.ContentBlockParamUnion) int {
	if b.OfToolResult != nil {
		return 0
	}
	return 1
}

func contentBlocks(m ai.Message, w *adapter.Warnings) ([]sdk.ContentBlockParamUnion, error) {
	var out []sdk.ContentBlockParamUnion
	for _, p := range m.Parts {
		switch p := p.(type) {
		case ai.Text:
			if strings.TrimSpace(p.Text) != "" { // the API refuses blank text
				out = append(out, sdk.NewTextBlock(p.Text))
			}
		case ai.Image:
			image, err := imageBlock(p)
			if err != nil {
				return nil, err
			}
			out = append(out, sdk.ContentBlockParamUnion{OfImage: image})
		case ai.File:
			file, err := documentBlock(p)
			if err != nil {
				return nil, err
			}
			out = append(out, sdk.ContentBlockParamUnion{OfDocument: file})
		case ai.Reasoning:
			out = append(out, thinkingBlock(p, w)...)
		case ai.ToolCall:
			out = append(out, sdk.ContentBlockParamUnion{OfToolUse: &sdk.ToolUseBlockParam{ID: p.ID, Name: p.Name, Input: toolInput(p.Arguments)}})
		case ai.ToolResult:
			result, err := toolResult(p)
			if err != nil {
				return nil, err
			}
			out = append(out, sdk.ContentBlockParamUnion{OfToolResult: result})
		case ai.Unknown:
			if p.Provider != provider || !json.Valid(p.Raw) {
				w.Add(ai.Warning{Setting: "Messages", Detail: "a part of another provider is left out"})
				continue
			}
			out = append(out, param.Override[sdk.ContentBlockParamUnion](p.Raw))
		default:
			return nil, fmt.Errorf("%T is not supported", p)
		}
	}
	return out, nil
}

func imageBlock(p ai.Image) (*sdk.ImageBlockParam, error) {
	out := &sdk.ImageBlockParam{}
	if p.URL != "" {
		out.Source.OfURL = &sdk.URLImageSourceParam{URL: p.URL}
		return out, nil
	}
	switch p.MediaType {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
	default:
		return nil, errors.New("an image must be JPEG, PNG, GIF or WebP")
	}
	out.Source.OfBase64 = &sdk.Base64ImageSourceParam{
		Data: base64.StdEncoding.EncodeToString(p.Data), MediaType: sdk.Base64ImageSourceMediaType(p.MediaType),
	}
	return out, nil
}

func documentBlock(p ai.File) (*sdk.DocumentBlockParam, error) {
	out := &sdk.DocumentBlockParam{}
	if p.Name != "" {
		out.Title = sdk.String(p.Name)
	}
	switch {
	case p.URL != "":
		out.Source.OfURL = &sdk.URLPDFSourceParam{URL: p.URL}
	case p.MediaType == "application/pdf":
		out.Source.OfBase64 = &sdk.Base64PDFSourceParam{Data: base64.StdEncoding.EncodeToString(p.Data)}
	case p.MediaType == "text/plain":
		out.Source.OfText = &sdk.PlainTextSourceParam{Data: string(p.Data)}
	default:
		return nil, errors.New("a file must be a PDF or plain text")
	}
	return out, nil
}

// thinkingBlock sends back what the model thought, if it was this API's.
func thinkingBlock(r ai.Reasoning, w *adapter.Warnings) []sdk.ContentBlockParamUnion {
	var o opaqueReasoning
	if json.Unmarshal(r.Opaque, &o) != nil || o.Provider != provider {
		w.Add(ai.Warning{Setting: "Messages", Detail: "reasoning without a signature of this provider is left out"})
		return nil
	}
	if o.Redacted != "" {
		return []sdk.ContentBlockParamUnion{sdk.NewRedactedThinkingBlock(o.Redacted)}
	}
	return []sdk.ContentBlockParamUnion{sdk.NewThinkingBlock(o.Signature, r.Text)}
}

// toolInput returns arguments as the object that the API wants. Invalid ones are
// wrapped, so that the model still sees what it wrote.
func toolInput(arguments json.RawMessage) any {
	var object map[string]json.RawMessage
	if json.Unmarshal(arguments, &object) == nil && object != nil {
		return arguments
	}
	return map[string]string{"invalid_arguments": string(arguments)}
}

func toolResult(r ai.ToolResult) (*sdk.ToolResultBlockParam, error) {
	out := &sdk.ToolResultBlockParam{ToolUseID: r.CallID}
	if r.IsError {
		out.IsError = sdk.Bool(true)
	}
	for _, p := range r.Content {
		switch p := p.(type) {
		case ai.Text:
			if p.Text != "" {
				out.Content = append(out.Content, sdk.ToolResultBlockParamContentUnion{OfText: &sdk.TextBlockParam{Text: p.Text}})
			}
		case ai.Image:
			image, err := imageBlock(p)
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, sdk.ToolResultBlockParamContentUnion{OfImage: image})
		}
	}
	return out, nil
}
