package ai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Effect says what running a tool does to the world. It decides which calls of
// a [Loop] need a [Gate].
type Effect string

// The effects, from the least to the gravest.
const (
	EffectRead         Effect = "read"         // changes nothing
	EffectWrite        Effect = "write"        // changes something that can be changed back
	EffectMoney        Effect = "money"        // moves money or gives away something of value
	EffectIrreversible Effect = "irreversible" // cannot be undone: a message sent, a record erased
)

var effects = []Effect{EffectRead, EffectWrite, EffectMoney, EffectIrreversible}

const defaultToolResultBytes = 64 << 10

// ToolOptions are the options of [NewTool]. The zero value is the default.
type ToolOptions struct {
	// Untrusted says that results hold text that somebody outside wrote: a
	// customer's note, a product description, a web page. It taints the
	// conversation, see [Request.Tainted].
	Untrusted bool

	// Timeout is the longest that one call takes. If zero, 30 s.
	Timeout time.Duration

	// MaxResultBytes is the largest result, in bytes of text, that is handed to
	// the model; a larger one is an error that tells it so. If zero, 64 KiB.
	MaxResultBytes int
}

// A BoundTool is a [Tool] with the Go function that it runs. It is immutable and
// safe for concurrent use if its function is.
type BoundTool struct {
	tool   Tool
	effect Effect
	opts   ToolOptions
	call   func(ctx context.Context, arguments []byte) (parts []Part, told string, err error)
}

// NewTool binds a function to the name and description under which a model may
// call it. The effect must be declared: a program that does not know what a tool
// does cannot let a model call it.
//
// The schema of the arguments is that of In, which is a struct; struct{} takes
// no arguments. Arguments that do not meet the schema and its constraints, or that
// fail In's method Validate() error if it has one, never reach fn; the model is
// told what is wrong and may call again.
//
// The model sees Out as JSON, a string as it is, and [][Part] (of [Text] and
// [Image]) as those parts. Of an error of fn the model sees nothing but that the
// tool failed, since errors may hold what is not meant for it; what [ToolErrorf]
// returns is shown.
func NewTool[In, Out any](
	name, description string, effect Effect,
	fn func(ctx context.Context, in In) (Out, error), opts *ToolOptions,
) (*BoundTool, error) {
	t := &BoundTool{tool: Tool{Name: name, Description: description}, effect: effect}
	if opts != nil {
		t.opts = *opts
	}
	if t.opts.Timeout <= 0 {
		t.opts.Timeout = 30 * time.Second
	}
	if t.opts.MaxResultBytes <= 0 {
		t.opts.MaxResultBytes = defaultToolResultBytes
	}
	schema, err := SchemaFor[In]()
	switch {
	case err != nil:
		return nil, &Error{Class: ErrUnsupportedSchema, Detail: "of the tool's arguments", Err: err}
	case !schema.IsObject():
		return nil, invalid("the arguments of a tool must be a struct")
	case !validName(name):
		return nil, invalid("the name of a tool must be 1 to 64 letters, digits, _ or -")
	case !slices.Contains(effects, effect):
		return nil, invalid("a tool must declare its Effect")
	case fn == nil:
		return nil, invalid("a tool needs a function")
	}
	if len(schema.root.properties) > 0 || schema.root.values != nil {
		t.tool.Input = schema
	}
	t.call = func(ctx context.Context, arguments []byte) ([]Part, string, error) {
		in, rejected := decodeArguments[In](arguments, schema)
		if rejected != nil {
			return nil, "The arguments were not accepted: " + rejected.forModel() + ".", rejected.err("")
		}
		out, err := fn(ctx, in)
		if err != nil {
			if shown, ok := errors.AsType[*toolError](err); ok {
				return nil, shown.text, err
			}
			return nil, "", err
		}
		parts, err := resultParts(out)
		return parts, "", err
	}
	return t, nil
}

// Tool returns what the model is told about the tool.
func (t *BoundTool) Tool() Tool { return t.tool }

// Effect returns the declared effect.
func (t *BoundTool) Effect() Effect { return t.effect }

// Untrusted reports whether the results taint the conversation.
func (t *BoundTool) Untrusted() bool { return t.opts.Untrusted }

// Run runs the tool for one call. The result is always what the model is to be
// told; beside an error it has IsError set. The error is for the program: it is
// of class [ErrInvalidOutput], [ErrMalformedReply] or [ErrTruncated] when the
// arguments were not accepted, else that of the function.
func (t *BoundTool) Run(ctx context.Context, call ToolCall) (ToolResult, error) {
	ctx, cancel := context.WithTimeout(ctx, t.opts.Timeout)
	defer cancel()
	parts, told, err := t.call(ctx, call.Arguments)
	if err == nil {
		size := 0
		for _, p := range parts {
			if text, ok := p.(Text); ok {
				size += len(text.Text)
			}
		}
		if size > t.opts.MaxResultBytes {
			told = fmt.Sprintf("The result is larger than %d bytes. Ask for less.", t.opts.MaxResultBytes)
			err = &Error{Class: ErrInvalidRequest, Detail: "result of a tool larger than MaxResultBytes"}
		}
	}
	if err != nil {
		if told == "" {
			told = "The tool failed."
		}
		return toolFailure(call, told), err
	}
	if t.opts.Untrusted {
		for i, p := range parts {
			if text, ok := p.(Text); ok {
				text.Untrusted = true
				parts[i] = text
			}
		}
	}
	return ToolResult{CallID: call.ID, Name: call.Name, Content: parts}, nil
}

// check returns nil if Run would pass the arguments to the function.
func (t *BoundTool) check(arguments []byte) *rejection {
	schema := t.tool.Input
	if schema == nil {
		schema = noArguments
	}
	_, rejected := parseArguments(arguments, schema)
	return rejected
}

var noArguments = &Schema{root: &node{kind: kindObject}}

// toolFailure is the result of a call that failed.
func toolFailure(call ToolCall, text string) ToolResult {
	return ToolResult{CallID: call.ID, Name: call.Name, IsError: true, Content: []Part{Text{Text: text}}}
}

// ToolErrorf returns an error of a tool whose text is meant for the model, unlike
// that of all other errors. It must not hold what the provider may not see.
func ToolErrorf(format string, args ...any) error {
	return &toolError{text: fmt.Sprintf(format, args...)}
}

// IsToolError reports whether err, or what it wraps, was made by [ToolErrorf].
func IsToolError(err error) bool {
	_, ok := errors.AsType[*toolError](err)
	return ok
}

type toolError struct{ text string }

func (e *toolError) Error() string { return e.text }

func decodeArguments[In any](arguments []byte, schema *Schema) (In, *rejection) {
	data, rejected := parseArguments(arguments, schema)
	if rejected != nil {
		var none In
		return none, rejected
	}
	return decodeValid[In](data, false, nil)
}

// parseArguments checks arguments against the schema. No arguments at all are an
// empty object.
func parseArguments(arguments []byte, schema *Schema) ([]byte, *rejection) {
	data := bytes.TrimSpace(arguments)
	switch {
	case len(data) == 0, bytes.Equal(data, []byte("null")), bytes.Equal(data, []byte(`""`)):
		data = []byte("{}")
	case len(data) > defaultExtractBytes:
		return nil, &rejection{class: ErrMalformedReply, detail: "too long"}
	}
	value, err := parseJSON(data)
	if err != nil {
		return nil, rejectJSON(err)
	}
	if violations := schema.validate(value); len(violations) > 0 {
		return nil, rejectViolations(violations)
	}
	return data, nil
}

// resultParts returns what a function returned as the parts of a tool result.
func resultParts(out any) ([]Part, error) {
	switch out := out.(type) {
	case string:
		return []Part{Text{Text: out}}, nil
	case []Part:
		for _, p := range out {
			switch p.(type) {
			case Text, Image:
			default:
				return nil, invalid(fmt.Sprintf("%T in the result of a tool", p))
			}
		}
		return slices.Clone(out), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, err
	}
	return []Part{Text{Text: string(bytes.TrimRight(b.Bytes(), "\n"))}}, nil
}
