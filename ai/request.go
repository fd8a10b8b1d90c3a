package ai

import (
	"fmt"
	"math"
	"slices"
)

// A Request is what a model is asked. Models do not change it, so one request
// may be sent to several models, also at the same time.
type Request struct {
	// System is the instruction that stands above the conversation.
	System string

	// Messages is the conversation, oldest first. At least one is required.
	Messages []Message

	// Tools are the functions that the model may ask the caller to run.
	Tools []Tool

	// ToolChoice says whether the model must call a tool. The zero value leaves
	// the choice to the model.
	ToolChoice ToolChoice

	// MaxOutputTokens is the largest number of tokens of the reply, reasoning
	// included. If zero, the provider's own limit applies, which may be large:
	// set it where a reply costs money.
	MaxOutputTokens int

	// Temperature is the randomness of sampling, from 0. If nil, the provider's
	// default.
	Temperature *float64

	// TopP is the probability mass that is sampled from, in (0, 1]. If nil, the
	// provider's default.
	TopP *float64

	// Stop are texts at which the reply ends; they are not part of it.
	Stop []string

	// Effort is how much the model reasons before it answers. If empty, the
	// provider's default.
	Effort Effort

	// Output asks for a JSON reply of a certain shape. If nil, the reply is text.
	// [Extract] sets it.
	Output *Output
}

// An Effort is how much a model reasons before it answers.
type Effort string

// The levels of effort that providers share.
const (
	EffortNone    Effort = "none"
	EffortMinimal Effort = "minimal"
	EffortLow     Effort = "low"
	EffortMedium  Effort = "medium"
	EffortHigh    Effort = "high"
)

// An Output asks for a reply that is one JSON object.
type Output struct {
	// Name of the schema: 1 to 64 of a-z, A-Z, 0-9, "_" and "-".
	Name string

	// Description tells the model what the object is for. Optional.
	Description string

	// Schema of the object. Adapters restrict it to what their provider
	// understands, see [Schema.Adapt]; whoever reads the reply must still
	// validate it.
	Schema *Schema
}

// A Tool is a function that the model may ask the caller to run.
type Tool struct {
	// Name: 1 to 64 of a-z, A-Z, 0-9, "_" and "-".
	Name string

	// Description tells the model when and how to use the tool.
	Description string

	// Input is the schema of the arguments, an object. If nil, the tool takes no
	// arguments.
	Input *Schema
}

// A ToolChoice says whether and which tool the model must call.
type ToolChoice struct {
	Mode ToolMode

	// Name of the tool; for [ToolNamed] alone.
	Name string
}

// A ToolMode is the kind of a [ToolChoice].
type ToolMode string

// The kinds of tool choice.
const (
	ToolAuto     ToolMode = ""         // the model decides
	ToolNone     ToolMode = "none"     // no tool may be called
	ToolRequired ToolMode = "required" // some tool must be called
	ToolNamed    ToolMode = "named"    // the tool of that name must be called
)

// Tainted reports whether the request holds anything that somebody outside may
// have written and that the model might take for an instruction: [Text] marked
// Untrusted, also inside of tool results, and any [Image] or [File]. A loop of
// tools asks before it changes anything then, see [Gate].
func (r *Request) Tainted() bool {
	for _, m := range r.Messages {
		if taints(m.Parts) {
			return true
		}
	}
	return false
}

func taints(parts []Part) bool {
	for _, p := range parts {
		switch p := p.(type) {
		case Text:
			if p.Untrusted {
				return true
			}
		case Image, File:
			return true
		case ToolResult:
			if taints(p.Content) {
				return true
			}
		}
	}
	return false
}

// Validate checks what no provider could accept. Its error matches
// [ErrInvalidRequest] and names the field. Adapters call it first.
func (r *Request) Validate() error {
	switch {
	case r == nil:
		return invalid("request is nil")
	case len(r.Messages) == 0:
		return invalid("no messages")
	case r.MaxOutputTokens < 0:
		return invalid("negative MaxOutputTokens")
	case r.Temperature != nil && !(*r.Temperature >= 0 && *r.Temperature <= math.MaxFloat64):
		return invalid("Temperature must be a number from 0")
	case r.TopP != nil && !(*r.TopP > 0 && *r.TopP <= 1):
		return invalid("TopP outside (0, 1]")
	case slices.Contains(r.Stop, ""):
		return invalid("empty text in Stop")
	case r.Output != nil && r.Output.Schema == nil:
		return invalid("Output without Schema")
	case r.Output != nil && !validName(r.Output.Name):
		return invalid("Output.Name must be 1 to 64 letters, digits, _ or -")
	}
	if err := r.validateTools(); err != nil {
		return err
	}
	for i, m := range r.Messages {
		if err := m.validate(); err != nil {
			return invalid(fmt.Sprintf("Messages[%d]: %s", i, err))
		}
	}
	return nil
}

func (r *Request) validateTools() error {
	names := make(map[string]bool, len(r.Tools))
	for i, t := range r.Tools {
		if !validName(t.Name) {
			return invalid(fmt.Sprintf("Tools[%d].Name must be 1 to 64 letters, digits, _ or -", i))
		}
		if names[t.Name] {
			return invalid(fmt.Sprintf("Tools[%d]: second tool of that name", i))
		}
		names[t.Name] = true
	}
	switch c := r.ToolChoice; c.Mode {
	case ToolAuto, ToolNone:
	case ToolRequired:
		if len(r.Tools) == 0 {
			return invalid("ToolChoice requires a tool, but there are none")
		}
	case ToolNamed:
		if !names[c.Name] {
			return invalid("ToolChoice names a tool that is not in Tools")
		}
	default:
		return invalid("unknown ToolChoice.Mode")
	}
	return nil
}

// validName reports whether a provider takes s as the name of a schema or tool.
func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func invalid(detail string) error {
	return fmt.Errorf("%w: %s", ErrInvalidRequest, detail)
}
