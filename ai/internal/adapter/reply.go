package adapter

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/posai-go/posai/ai"
)

// A Reply is what has arrived of an answer that is a list of blocks, whole or in
// pieces.
type Reply struct {
	ID, Model  string
	Stop       string // the provider's word
	StopReason ai.StopReason
	Refusal    string
	Usage      ai.Usage // Missing until the provider has reported all of it

	blocks []*Block
	calls  int
}

// A Block is one part of a reply.
type Block struct {
	kind     blockKind
	text     strings.Builder // of text and reasoning; the arguments of a call
	id, name string          // of a call
	position int             // of a call among the calls

	// Opaque is the provider's own data of a reasoning or a call.
	Opaque json.RawMessage

	// Unknown is the part itself.
	Unknown ai.Unknown
}

type blockKind int

const (
	textBlock blockKind = iota
	reasoningBlock
	callBlock
	unknownBlock
)

// AddText appends a block of text, AddReasoning one of reasoning, AddCall a tool
// call, AddUnknown anything else.
func (r *Reply) AddText() *Block { return r.add(&Block{kind: textBlock}) }

// AddReasoning appends a block of reasoning.
func (r *Reply) AddReasoning() *Block { return r.add(&Block{kind: reasoningBlock}) }

// AddCall appends a tool call.
func (r *Reply) AddCall(id, name string) *Block {
	r.calls++
	return r.add(&Block{kind: callBlock, id: id, name: name, position: r.calls - 1})
}

// AddUnknown appends a block that has no type here.
func (r *Reply) AddUnknown(u ai.Unknown) *Block {
	return r.add(&Block{kind: unknownBlock, Unknown: u})
}

func (r *Reply) add(b *Block) *Block {
	r.blocks = append(r.blocks, b)
	return b
}

// Last returns the last block if it is of that kind: "text" or "reasoning".
func (r *Reply) Last(kind string) *Block {
	if len(r.blocks) == 0 {
		return nil
	}
	last := r.blocks[len(r.blocks)-1]
	if kind == "text" && last.kind == textBlock || kind == "reasoning" && last.kind == reasoningBlock {
		return last
	}
	return nil
}

// Calls returns the number of tool calls.
func (r *Reply) Calls() int { return r.calls }

// Message returns the parts so far. Blocks without content are left out.
func (r *Reply) Message() ai.Message {
	m := ai.Message{Role: ai.RoleAssistant}
	for _, b := range r.blocks {
		switch b.kind {
		case textBlock:
			if b.text.Len() > 0 {
				m.Parts = append(m.Parts, ai.Text{Text: b.text.String()})
			}
		case reasoningBlock:
			if b.text.Len() > 0 || b.Opaque != nil {
				m.Parts = append(m.Parts, ai.Reasoning{Text: b.text.String(), Opaque: b.Opaque})
			}
		case callBlock:
			m.Parts = append(m.Parts, ai.ToolCall{ID: b.id, Name: b.name, Arguments: arguments(b.text.String()), Opaque: b.Opaque})
		case unknownBlock:
			m.Parts = append(m.Parts, b.Unknown)
		}
	}
	return m
}

// arguments returns those of a call; servers differ in how they write "none".
func arguments(text string) json.RawMessage {
	if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed == "null" {
		return json.RawMessage("{}")
	}
	return json.RawMessage(text)
}

// Response returns the whole reply. The name of the model that was asked stands
// in for one that the server does not tell.
func (r *Reply) Response(asked string, notes []ai.Warning) *ai.Response {
	return &ai.Response{
		Message: r.Message(), StopReason: r.StopReason, ProviderStopReason: r.Stop, Refusal: r.Refusal,
		Usage: r.Usage, Model: First(r.Model, asked), ID: r.ID, Warnings: slices.Clip(notes),
	}
}

// A Sender puts the pieces of a reply together and, when it streams, yields them.
type Sender struct {
	Reply *Reply
	Yield func(ai.Event, error) bool // nil: nothing is streamed
	sent  bool
}

func (s *Sender) send(ev ai.Event) bool {
	if s.Yield == nil {
		return true
	}
	s.sent = true
	return s.Yield(ev, nil)
}

// Text appends to a block of text. Like its brothers, it returns false when
// nobody listens any more.
func (s *Sender) Text(b *Block, delta string) bool {
	if delta == "" {
		return true
	}
	b.text.WriteString(delta)
	return s.send(ai.TextDelta{Text: delta})
}

// Reasoning appends to a block of reasoning.
func (s *Sender) Reasoning(b *Block, delta string) bool {
	if delta == "" {
		return true
	}
	b.text.WriteString(delta)
	return s.send(ai.ReasoningDelta{Text: delta})
}

// Begin announces a tool call.
func (s *Sender) Begin(b *Block) bool {
	return s.send(ai.ToolCallDelta{Index: b.position, ID: b.id, Name: b.name})
}

// Arguments appends to the arguments of a tool call.
func (s *Sender) Arguments(b *Block, delta string) bool {
	if delta == "" {
		return true
	}
	b.text.WriteString(delta)
	return s.send(ai.ToolCallDelta{Index: b.position, Arguments: delta})
}

// Fail yields the error, with what had arrived if something was delivered.
func (s *Sender) Fail(err error) {
	if s.sent {
		partial := s.Reply.Response("", nil)
		partial.StopReason = ai.StopUnknown
		err = &ai.PartialError{Response: partial, Err: err}
	}
	s.Yield(nil, err)
}
