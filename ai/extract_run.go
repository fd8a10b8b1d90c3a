package ai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	defaultExtractName  = "answer"
	defaultExtractBytes = 1 << 20
)

// settings are the parts of [ExtractOptions] that do not depend on T.
type settings struct {
	name, description string
	mode              Mode
	repairs, maxBytes int
}

// An extraction is one call of [Extract], without its type.
type extraction struct {
	settings
	model   Model
	req     *Request
	schema  *Schema // an object
	wrapped bool    // the value is in the property "value"
}

func newExtraction(m Model, req *Request, schema *Schema, s settings) (*extraction, error) {
	if s.name == "" {
		s.name = defaultExtractName
	}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultExtractBytes
	}
	if s.repairs == 0 {
		s.repairs = 1
	}
	switch {
	case req == nil:
		return nil, invalid("request is nil")
	case req.Output != nil || len(req.Tools) > 0:
		return nil, invalid("Extract needs a request without Output and Tools")
	case !validName(s.name):
		return nil, invalid("ExtractOptions.Name must be 1 to 64 letters, digits, _ or -")
	case !slices.Contains([]Mode{ModeAuto, ModeNative, ModeTool, ModePrompt}, s.mode):
		return nil, invalid("unknown ExtractOptions.Mode")
	}
	x := &extraction{settings: s, model: m, req: req, schema: schema}
	if !schema.IsObject() {
		x.schema, x.wrapped = schema.wrapped(), true
	}
	return x, nil
}

// run asks in one mode after the other until the provider takes the schema.
func (x *extraction) run(ctx context.Context, decode func([]byte) *rejection) (*Response, error) {
	var resp *Response
	var err error
	for i, mode := range x.modes() {
		resp, err = x.converse(ctx, mode, decode)
		if resp != nil || !errors.Is(err, ErrUnsupportedSchema) {
			return noteMode(resp, i, mode), err
		}
	}
	return resp, err
}

// noteMode warns of a mode that is not the first choice.
func noteMode(resp *Response, tries int, mode Mode) *Response {
	if resp == nil || tries == 0 {
		return resp
	}
	noted := *resp
	noted.Warnings = mergeWarnings(resp.Warnings, []Warning{{
		Setting: "Output", Detail: "the provider does not support the schema; asked in mode " + string(mode),
	}})
	return &noted
}

func (x *extraction) modes() []Mode {
	if x.mode != ModeAuto {
		return []Mode{x.mode}
	}
	var modes []Mode
	can := x.model.Info().Capabilities
	if can.StructuredOutput {
		modes = append(modes, ModeNative)
	}
	if can.Tools {
		modes = append(modes, ModeTool)
	}
	return append(modes, ModePrompt)
}

// converse asks, and asks again after a reply that was rejected.
func (x *extraction) converse(ctx context.Context, mode Mode, decode func([]byte) *rejection) (*Response, error) {
	req := x.request(mode)
	var last *Response
	for round := 0; ; round++ {
		resp, err := x.model.Generate(ctx, req)
		if err != nil {
			return last, err
		}
		last = addRound(last, resp)
		rejected := x.judge(resp, mode, decode)
		if rejected == nil {
			return last, nil
		}
		if rejected.final || round >= x.repairs {
			return last, rejected.err(x.model.Info().Provider)
		}
		req.Messages = append(slices.Clip(req.Messages), x.repair(resp, mode, rejected)...)
	}
}

// addRound returns a copy of resp that accounts for the rounds before.
func addRound(before, resp *Response) *Response {
	sum := *resp
	if before == nil {
		return &sum
	}
	sum.Usage = before.Usage.Add(resp.Usage)
	sum.Warnings = mergeWarnings(before.Warnings, resp.Warnings)
	return &sum
}

// request returns the caller's request with the demand for JSON.
func (x *extraction) request(mode Mode) *Request {
	req := *x.req
	switch mode {
	case ModeNative:
		req.Output = &Output{Name: x.name, Description: x.description, Schema: x.schema}
	case ModeTool:
		req.Tools = []Tool{{Name: x.name, Description: x.toolDescription(), Input: x.schema}}
		req.ToolChoice = ToolChoice{Mode: ToolNamed, Name: x.name}
	default:
		schema, _ := x.schema.MarshalJSON() // never fails
		req.System = strings.TrimSpace(req.System + "\n\n" + x.toolDescription() +
			" Answer with one JSON object that meets the JSON Schema below, and with nothing else:" +
			" no explanation, no code fence.\n" + string(schema))
	}
	return &req
}

func (x *extraction) toolDescription() string {
	if x.description != "" {
		return x.description
	}
	return "Gives the answer."
}

// judge returns nil if the reply is accepted.
func (x *extraction) judge(resp *Response, mode Mode, decode func([]byte) *rejection) *rejection {
	switch resp.StopReason {
	case StopRefusal:
		return &rejection{class: ErrRefused, final: true}
	case StopContentFilter:
		return &rejection{class: ErrContentFiltered, final: true}
	case StopLength:
		return &rejection{class: ErrTruncated, final: true}
	}
	data, rejected := x.payload(resp, mode)
	if rejected != nil {
		return rejected
	}
	if len(data) > x.maxBytes {
		return &rejection{class: ErrMalformedReply, final: true, detail: fmt.Sprintf("longer than %d bytes", x.maxBytes)}
	}
	value, err := parseJSON(data)
	if err != nil {
		return rejectJSON(err)
	}
	if violations := x.schema.validate(value); len(violations) > 0 {
		return rejectViolations(violations)
	}
	return decode(data)
}

// payload returns the part of the reply that should be the JSON.
func (x *extraction) payload(resp *Response, mode Mode) ([]byte, *rejection) {
	if mode == ModeTool {
		calls := resp.ToolCalls()
		switch {
		case len(calls) == 0:
			return nil, &rejection{class: ErrEmptyReply, detail: "no call of the tool"}
		case len(calls) > 1 || calls[0].Name != x.name:
			return nil, &rejection{class: ErrMalformedReply, detail: "not one call of the tool"}
		}
		return bytes.TrimSpace(calls[0].Arguments), nil
	}
	text := strings.TrimSpace(resp.Text())
	switch {
	case text == "":
		return nil, &rejection{class: ErrEmptyReply}
	case mode == ModePrompt && len(text) <= x.maxBytes:
		data, err := findJSON(text)
		if err != nil {
			return nil, rejectJSON(err)
		}
		return data, nil
	}
	return []byte(text), nil
}

// repair returns the rejected reply and the demand for a better one.
func (x *extraction) repair(resp *Response, mode Mode, rejected *rejection) []Message {
	text := "Your answer was not accepted: " + rejected.forModel() +
		". Answer again with the complete, corrected JSON object."
	var messages []Message
	if len(resp.Message.Parts) > 0 {
		messages = append(messages, resp.Message)
	}
	calls := resp.ToolCalls()
	if mode != ModeTool || len(calls) == 0 {
		return append(messages, User(text))
	}
	var results []ToolResult
	for _, c := range calls { // every call must be answered
		results = append(results, ToolResult{
			CallID: c.ID, Name: c.Name, IsError: true, Content: []Part{Text{Text: text}},
		})
	}
	return append(messages, ToolResults(results...))
}

// A rejection is the reason why a reply was not accepted.
type rejection struct {
	class  error
	detail string // quotes nothing of the reply
	told   string // to the model, instead of detail; may quote its own reply
	cause  error
	final  bool // asking again would not help
}

func (r *rejection) err(provider string) error {
	return &Error{Class: r.class, Provider: provider, Detail: r.detail, Err: r.cause}
}

func (r *rejection) forModel() string {
	switch {
	case r.told != "":
		return r.told
	case r.detail != "":
		return r.detail
	}
	return strings.TrimPrefix(r.class.Error(), "ai: ")
}

func rejectJSON(err error) *rejection {
	if errors.Is(err, errIncompleteJSON) {
		return &rejection{class: ErrTruncated, detail: err.Error()}
	}
	return &rejection{class: ErrMalformedReply, detail: err.Error()}
}

func rejectViolations(violations []violation) *rejection {
	var plain, told []string
	for _, v := range violations {
		plain = append(plain, v.String())
		told = append(told, v.forModel())
	}
	return &rejection{
		class:  ErrInvalidOutput,
		detail: strings.Join(plain, "; "),
		told:   strings.Join(told, "; "),
	}
}

// rejectDecoding is for JSON that meets the schema and still does not fit the Go
// type: an integer too large for its field, a decimal that is none.
func rejectDecoding(err error) *rejection {
	detail := "a value does not fit its Go type"
	if typeError, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && typeError.Field != "" {
		detail = fmt.Sprintf("$.%s: does not fit the Go type %s", typeError.Field, typeError.Type)
	}
	return &rejection{class: ErrInvalidOutput, detail: detail, told: detail + ": " + err.Error(), cause: err}
}

func rejectValidation(err error) *rejection {
	return &rejection{class: ErrInvalidOutput, detail: "validation failed", told: err.Error(), cause: err}
}
