package openai

import (
	"encoding/json"
	"fmt"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// An opaqueReasoning is the content of [ai.Reasoning.Opaque]: what the API wants
// back of a reasoning item.
type opaqueReasoning struct {
	Provider  string   `json:"provider"` // so that another provider's is told apart
	ID        string   `json:"id"`
	Encrypted string   `json:"encrypted_content,omitempty"`
	Summary   []string `json:"summary,omitempty"`
}

// responsesParams puts a request into the form of the Responses API.
// https://platform.openai.com/docs/api-reference/responses/create
func (m *Model) responsesParams(req *ai.Request) (responses.ResponseNewParams, []ai.Warning, error) {
	p := responses.ResponseNewParams{
		Model:     m.info.Model,
		Store:     sdk.Bool(false),
		Include:   []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent},
		Reasoning: shared.ReasoningParam{Effort: shared.ReasoningEffort(req.Effort)},
	}
	var w adapter.Warnings
	if req.System != "" {
		p.Instructions = sdk.String(req.System)
	}
	for i, msg := range req.Messages {
		items, err := responsesItems(msg, &w)
		if err != nil {
			return p, nil, fmt.Errorf("%w: Messages[%d]: %w", ai.ErrInvalidRequest, i, err)
		}
		p.Input.OfInputItemList = append(p.Input.OfInputItemList, items...)
	}
	if req.MaxOutputTokens > 0 {
		p.MaxOutputTokens = sdk.Int(int64(req.MaxOutputTokens))
	}
	if req.Temperature != nil {
		p.Temperature = sdk.Float(*req.Temperature)
	}
	if req.TopP != nil {
		p.TopP = sdk.Float(*req.TopP)
	}
	if len(req.Stop) > 0 {
		w.Add(ai.Warning{Setting: "Stop", Detail: "the Responses API has no stop sequences"})
	}
	if o := req.Output; o != nil {
		schema, isStrict, notes := strictSchema(o.Schema, "Output")
		w.Add(notes...)
		format := &responses.ResponseFormatTextJSONSchemaConfigParam{
			Name: o.Name, Strict: sdk.Bool(isStrict), Schema: adapter.RawSchema(schema),
		}
		if o.Description != "" {
			format.Description = sdk.String(o.Description)
		}
		p.Text.Format.OfJSONSchema = format
	}
	responsesTools(&p, req, &w)
	return p, w.List, nil
}

func responsesTools(p *responses.ResponseNewParams, req *ai.Request, w *adapter.Warnings) {
	for _, t := range req.Tools {
		schema, isStrict := t.Input, true
		if schema != nil {
			var notes []ai.Warning
			schema, isStrict, notes = strictSchema(schema, "Tools")
			w.Add(notes...)
		}
		f := &responses.FunctionToolParam{Name: t.Name, Strict: sdk.Bool(isStrict), Parameters: adapter.RawSchema(schema)}
		if t.Description != "" {
			f.Description = sdk.String(t.Description)
		}
		p.Tools = append(p.Tools, responses.ToolUnionParam{OfFunction: f})
	}
	switch req.ToolChoice.Mode {
	case ai.ToolNone, ai.ToolRequired:
		p.ToolChoice.OfToolChoiceMode = param.NewOpt(responses.ToolChoiceOptions(req.ToolChoice.Mode))
	case ai.ToolNamed:
		p.ToolChoice.OfFunctionTool = &responses.ToolChoiceFunctionParam{Name: req.ToolChoice.Name}
	}
}

// responsesItems converts one message. Tool calls, their results and reasoning
// are items beside the messages.
func responsesItems(m ai.Message, w *adapter.Warnings) ([]responses.ResponseInputItemUnionParam, error) {
	var items []responses.ResponseInputItemUnionParam
	var content responses.ResponseInputMessageContentListParam
	for _, p := range m.Parts {
		switch p := p.(type) {
		case ai.Text:
			if m.Role == ai.RoleAssistant {
				items = append(items, responses.ResponseInputItemParamOfMessage(p.Text, responses.EasyInputMessageRoleAssistant))
			} else {
				content = append(content, responses.ResponseInputContentParamOfInputText(p.Text))
			}
		case ai.Image:
			content = append(content, responses.ResponseInputContentUnionParam{OfInputImage: &responses.ResponseInputImageParam{
				Detail: responses.ResponseInputImageDetailAuto, ImageURL: sdk.String(adapter.DataURL(p.Data, p.MediaType, p.URL)),
			}})
		case ai.File:
			content = append(content, responses.ResponseInputContentUnionParam{OfInputFile: responsesFile(p)})
		case ai.Reasoning:
			items = append(items, responsesReasoning(p, w)...)
		case ai.ToolCall:
			items = append(items, responses.ResponseInputItemParamOfFunctionCall(string(p.Arguments), p.ID, p.Name))
		case ai.ToolResult:
			text, err := resultText(p)
			if err != nil {
				return nil, err
			}
			item := responses.ResponseInputItemParamOfFunctionCallOutput(text)
			item.OfFunctionCallOutput.CallID = sdk.String(p.CallID)
			items = append(items, item)
		case ai.Unknown:
			w.Add(unknownPart)
		default:
			return nil, fmt.Errorf("%T is not supported", p)
		}
	}
	if len(content) > 0 {
		items = append(items, responses.ResponseInputItemParamOfMessage(content, responses.EasyInputMessageRoleUser))
	}
	return items, nil
}

func responsesFile(f ai.File) *responses.ResponseInputFileParam {
	out := &responses.ResponseInputFileParam{}
	if f.URL != "" {
		out.FileURL = sdk.String(f.URL)
		return out
	}
	out.FileData = sdk.String(adapter.DataURL(f.Data, f.MediaType, ""))
	if f.Name != "" {
		out.Filename = sdk.String(f.Name)
	}
	return out
}

// responsesReasoning sends back what the model thought, if it was this API's.
func responsesReasoning(r ai.Reasoning, w *adapter.Warnings) []responses.ResponseInputItemUnionParam {
	var o opaqueReasoning
	if json.Unmarshal(r.Opaque, &o) != nil || o.Provider != provider || o.ID == "" {
		w.Add(ai.Warning{Setting: "Messages", Detail: "reasoning that is not of the Responses API is left out"})
		return nil
	}
	summary := []responses.ResponseReasoningItemSummaryParam{}
	for _, text := range o.Summary {
		summary = append(summary, responses.ResponseReasoningItemSummaryParam{Text: text})
	}
	item := responses.ResponseInputItemParamOfReasoning(o.ID, summary)
	if o.Encrypted != "" {
		item.OfReasoning.EncryptedContent = sdk.String(o.Encrypted)
	}
	return []responses.ResponseInputItemUnionParam{item}
}
