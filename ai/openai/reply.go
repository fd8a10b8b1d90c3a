package openai

import (
	"encoding/json"
	"strings"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// A reply is what has arrived of an answer, from either API, whole or in pieces.
type reply struct {
	id, model string
	stop      string // the server's word
	text      strings.Builder
	reasoning strings.Builder
	refusal   strings.Builder
	opaque    []json.RawMessage // one reasoning part each; instead of reasoning
	calls     []*call
	usage     ai.Usage
	hasUsage  bool
}

type call struct {
	id, name  string
	arguments string
	pieces    strings.Builder // of arguments, when streamed
}

func (c *call) json() json.RawMessage {
	arguments := c.arguments + c.pieces.String()
	if trimmed := strings.TrimSpace(arguments); trimmed == "" || trimmed == "null" {
		return json.RawMessage("{}") // servers differ in how they write "no arguments"
	}
	return json.RawMessage(arguments)
}

// message returns the parts so far.
func (r *reply) message() ai.Message {
	m := ai.Message{Role: ai.RoleAssistant}
	switch {
	case len(r.opaque) > 0:
		for i, opaque := range r.opaque {
			part := ai.Reasoning{Opaque: opaque}
			if i == 0 {
				part.Text = r.reasoning.String()
			}
			m.Parts = append(m.Parts, part)
		}
	case r.reasoning.Len() > 0:
		m.Parts = append(m.Parts, ai.Reasoning{Text: r.reasoning.String()})
	}
	if r.text.Len() > 0 {
		m.Parts = append(m.Parts, ai.Text{Text: r.text.String()})
	}
	for _, c := range r.calls {
		m.Parts = append(m.Parts, ai.ToolCall{ID: c.id, Name: c.name, Arguments: c.json()})
	}
	return m
}

// response returns the whole reply. The name of the model that was asked stands
// in for one that the server does not tell.
func (r *reply) response(asked string, stop func(string) ai.StopReason, notes []ai.Warning) *ai.Response {
	resp := &ai.Response{
		Message:            r.message(),
		StopReason:         stop(r.stop),
		ProviderStopReason: r.stop,
		Refusal:            r.refusal.String(),
		Usage:              r.usage,
		Model:              adapter.First(r.model, asked),
		ID:                 r.id,
		Warnings:           notes,
	}
	resp.Usage.Missing = !r.hasUsage
	switch {
	case resp.Refusal != "":
		resp.StopReason = ai.StopRefusal // the server says "stop"
	case len(r.calls) > 0 && resp.StopReason == ai.StopEnd:
		resp.StopReason = ai.StopToolCalls // the server says "stop" when the call was demanded
	}
	return resp
}

// A sender yields events and keeps the reply up to date with what was yielded.
type sender struct {
	yield func(ai.Event, error) bool
	sent  bool
}

func (s *sender) send(ev ai.Event) bool {
	s.sent = true
	return s.yield(ev, nil)
}

func (s *sender) text(r *reply, delta string) bool {
	if delta == "" {
		return true
	}
	r.text.WriteString(delta)
	return s.send(ai.TextDelta{Text: delta})
}

func (s *sender) reasoning(r *reply, delta string) bool {
	if delta == "" {
		return true
	}
	r.reasoning.WriteString(delta)
	return s.send(ai.ReasoningDelta{Text: delta})
}

func (s *sender) call(r *reply, position int, id, name, arguments string) bool {
	if id == "" && name == "" && arguments == "" {
		return true
	}
	r.calls[position].pieces.WriteString(arguments)
	return s.send(ai.ToolCallDelta{Index: position, ID: id, Name: name, Arguments: arguments})
}

// fail yields the error, with what had arrived if something was delivered.
func (s *sender) fail(r *reply, err error) {
	if s.sent {
		partial := &ai.Response{
			Message: r.message(), StopReason: ai.StopUnknown, ProviderStopReason: r.stop,
			Usage: r.usage, Model: r.model, ID: r.id,
		}
		partial.Usage.Missing = !r.hasUsage
		err = &ai.PartialError{Response: partial, Err: err}
	}
	s.yield(nil, err)
}
