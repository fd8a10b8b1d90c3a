package tracing

import (
	"encoding/json"

	"go.opentelemetry.io/otel/attribute"

	"github.com/posai-go/posai/ai"
)

// A message is one in the conventions' JSON.
// https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md
type message struct {
	Role         string `json:"role"`
	Parts        []part `json:"parts"`
	FinishReason string `json:"finish_reason,omitempty"`
}

type part struct {
	Type      string `json:"type"`
	Content   string `json:"content,omitempty"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Arguments any    `json:"arguments,omitempty"`
	Response  any    `json:"response,omitempty"`
}

func requestContent(req *ai.Request) []attribute.KeyValue {
	messages := make([]message, len(req.Messages))
	for i, m := range req.Messages {
		messages[i] = message{Role: string(m.Role), Parts: parts(m.Parts)}
	}
	attrs := []attribute.KeyValue{attribute.String(inputMessages, text(messages))}
	if req.System != "" {
		attrs = append(attrs, attribute.String(systemInstructions, text([]part{{Type: "text", Content: req.System}})))
	}
	return attrs
}

func responseContent(resp *ai.Response) attribute.KeyValue {
	return attribute.String(outputMessages, text([]message{{
		Role: string(ai.RoleAssistant), Parts: parts(resp.Message.Parts), FinishReason: finishReason(resp.StopReason),
	}}))
}

// parts leaves out the data of images and files.
func parts(in []ai.Part) []part {
	out := make([]part, 0, len(in))
	for _, p := range in {
		switch p := p.(type) {
		case ai.Text:
			out = append(out, part{Type: "text", Content: p.Text})
		case ai.Reasoning:
			out = append(out, part{Type: "reasoning", Content: p.Text})
		case ai.ToolCall:
			out = append(out, part{Type: "tool_call", ID: p.ID, Name: p.Name, Arguments: string(p.Arguments)})
		case ai.ToolResult:
			out = append(out, part{Type: "tool_call_response", ID: p.CallID, Response: parts(p.Content)})
		case ai.Image:
			out = append(out, part{Type: "image"})
		case ai.File:
			out = append(out, part{Type: "file", Name: p.Name})
		}
	}
	return out
}

func partsJSON(in []ai.Part) string { return text(parts(in)) }

// text returns v as JSON. The types it is used with always encode.
func text(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}
