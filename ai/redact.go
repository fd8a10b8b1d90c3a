package ai

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
)

// RedactOptions are the options of [Redact]. The zero value is the default.
type RedactOptions struct {
	// AllowMedia lets images and files through as they are. Without it, a request
	// that holds one is refused with [ErrNotRedacted], since nobody can tell what
	// is on a picture.
	AllowMedia bool
}

// Redact returns middleware that hides personal data from the model: in the
// request, values become placeholders; in the reply, placeholders become values
// again, also in the pieces of a stream and in the arguments of tool calls. What is
// inside of it (a cache, traces, a recording of the provider's traffic) sees
// placeholders alone.
//
// The values are kept in the [Vault] of the context, see [WithVault], or else in
// one that lasts for the call and knows patterns alone.
//
// Redacted are the system instruction, all texts, file names, tool calls and results of the
// messages. Descriptions of tools, schemas, and a provider's opaque data go as
// they are; [Response.Raw] keeps the placeholders.
func Redact(opts *RedactOptions) Middleware {
	var o RedactOptions
	if opts != nil {
		o = *opts
	}
	return func(m Model) Model { return &redactor{Model: m, opts: o} }
}

type redactor struct {
	Model
	opts RedactOptions
}

// Generate implements [Model].
func (r *redactor) Generate(ctx context.Context, req *Request) (*Response, error) {
	vault, redacted, err := r.redact(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, err := r.Model.Generate(ctx, redacted)
	if err != nil {
		return nil, vault.restoreError(err, req.Output != nil)
	}
	return vault.restoreResponse(resp, req.Output != nil), nil
}

// Stream implements [Model].
func (r *redactor) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		vault, redacted, err := r.redact(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		out := restorer{vault: vault, yield: yield, asJSON: req.Output != nil}
		for ev, err := range r.Model.Stream(ctx, redacted) {
			if err != nil {
				if out.flush() {
					yield(nil, vault.restoreError(err, req.Output != nil))
				}
				return
			}
			if !out.event(ev) {
				return
			}
		}
	}
}

func (r *redactor) redact(ctx context.Context, req *Request) (*Vault, *Request, error) {
	if err := req.Validate(); err != nil {
		return nil, nil, err
	}
	vault := VaultFrom(ctx)
	if vault == nil {
		vault = new(Vault)
	}
	redacted := *req
	redacted.System = vault.Redact(req.System)
	for i, m := range req.Messages {
		parts, changed, err := r.parts(vault, m.Parts)
		if err != nil {
			return nil, nil, err
		}
		if !changed {
			continue
		}
		if &redacted.Messages[0] == &req.Messages[0] {
			redacted.Messages = slices.Clone(req.Messages)
		}
		redacted.Messages[i].Parts = parts
	}
	return vault, &redacted, nil
}

// parts returns the parts redacted. The given ones do not change.
func (r *redactor) parts(vault *Vault, parts []Part) (out []Part, changed bool, err error) {
	out = parts
	for i, p := range parts {
		q, err := r.part(vault, p)
		if err != nil {
			return nil, false, err
		}
		if q == nil {
			continue
		}
		if !changed {
			out, changed = slices.Clone(parts), true
		}
		out[i] = q
	}
	return out, changed, nil
}

// part returns the part redacted, or nil if there is nothing to change.
func (r *redactor) part(vault *Vault, p Part) (Part, error) {
	switch p := p.(type) {
	case Text:
		text := vault.redactAny(p.Text)
		if text != p.Text {
			return Text{Text: text, Untrusted: p.Untrusted}, nil
		}
	case Reasoning:
		if text := vault.Redact(p.Text); text != p.Text {
			p.Text = text
			return p, nil
		}
	case ToolCall:
		if arguments := vault.redactArguments(p.Arguments); string(arguments) != string(p.Arguments) {
			p.Arguments = arguments
			return p, nil
		}
	case ToolResult:
		content, changed, err := r.parts(vault, p.Content)
		if err != nil || !changed {
			return nil, err
		}
		p.Content = content
		return p, nil
	case Image:
		if !r.opts.AllowMedia {
			return nil, &Error{Class: ErrNotRedacted, Detail: "an image"}
		}
	case File:
		if !r.opts.AllowMedia {
			return nil, &Error{Class: ErrNotRedacted, Detail: "a file"}
		}
		if name := vault.Redact(p.Name); name != p.Name {
			p.Name = name
			return p, nil
		}
	}
	return nil, nil
}

// restoreResponse returns the response with the values put back.
func (v *Vault) restoreResponse(resp *Response, asJSON bool) *Response {
	if resp == nil {
		return nil
	}
	restored := resp
	change := func() {
		if restored == resp {
			copied := *resp
			copied.Message.Parts = slices.Clone(resp.Message.Parts)
			restored = &copied
		}
	}
	if refusal := v.Restore(resp.Refusal); refusal != resp.Refusal {
		change()
		restored.Refusal = refusal
	}
	for i, p := range resp.Message.Parts {
		var q Part
		switch p := p.(type) {
		case Text:
			if text := v.restore(p.Text, asJSON || looksLikeJSON(p.Text)); text != p.Text {
				q = Text{Text: text, Untrusted: p.Untrusted}
			}
		case Reasoning:
			if text := v.Restore(p.Text); text != p.Text {
				p.Text = text
				q = p
			}
		case ToolCall:
			if arguments := v.restoreArguments(p.Arguments); string(arguments) != string(p.Arguments) {
				p.Arguments = arguments
				q = p
			}
		}
		if q == nil {
			continue
		}
		change()
		restored.Message.Parts[i] = q
	}
	return restored
}

// looksLikeJSON reports whether a text begins like the JSON that [Extract] asks for
// in words: values that are put back into it must be escaped.
func looksLikeJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "```json")
}

// restoreError puts the values back into what a stream had delivered.
func (v *Vault) restoreError(err error, asJSON bool) error {
	if partial, ok := errors.AsType[*PartialError](err); ok {
		return &PartialError{Response: v.restoreResponse(partial.Response, asJSON), Err: partial.Err}
	}
	return err
}

// A restorer puts values back into the events of a stream. It holds back what may
// be the beginning of a placeholder until it is known.
type restorer struct {
	vault     *Vault
	yield     func(Event, error) bool
	asJSON    bool // values in the text must be escaped
	begun     bool // there was enough text to tell
	head      string
	text      string
	reasoning string
	calls     map[int]string // arguments by index
}

func (r *restorer) event(ev Event) bool {
	switch ev := ev.(type) {
	case TextDelta:
		if !r.asJSON && !r.begun {
			r.head += ev.Text
			r.asJSON = looksLikeJSON(r.head)
			r.begun = len(r.head) > 64 || len(strings.TrimSpace(r.head)) >= len("```json")
		}
		out, held := r.vault.restorePrefix(r.text+ev.Text, r.asJSON)
		r.text = held
		return out == "" || r.yield(TextDelta{Text: out}, nil)
	case ReasoningDelta:
		out, held := r.vault.restorePrefix(r.reasoning+ev.Text, false)
		r.reasoning = held
		return out == "" || r.yield(ReasoningDelta{Text: out}, nil)
	case ToolCallDelta:
		if r.calls == nil {
			r.calls = map[int]string{}
		}
		out, held := r.vault.restorePrefix(r.calls[ev.Index]+ev.Arguments, true)
		r.calls[ev.Index] = held
		ev.Arguments = out
		return out == "" && ev.ID == "" && ev.Name == "" || r.yield(ev, nil)
	case Done:
		return r.flush() && r.yield(Done{Response: r.vault.restoreResponse(ev.Response, r.asJSON)}, nil)
	}
	return r.yield(ev, nil)
}

// flush yields what was held back: it did not become a placeholder.
func (r *restorer) flush() bool {
	if r.reasoning != "" && !r.yield(ReasoningDelta{Text: r.reasoning}, nil) ||
		r.text != "" && !r.yield(TextDelta{Text: r.text}, nil) {
		return false
	}
	for _, index := range slices.Sorted(maps.Keys(r.calls)) {
		if held := r.calls[index]; held != "" && !r.yield(ToolCallDelta{Index: index, Arguments: held}, nil) {
			return false
		}
	}
	return true
}

// restorePrefix restores a text that may go on, but for an end that may be the
// beginning of a placeholder.
func (v *Vault) restorePrefix(text string, inJSON bool) (out, held string) {
	for i := len(text) - 1; i >= 0 && len(text)-i <= maxKindLen+11; i-- {
		if text[i] == '[' {
			if end, ok := placeholderPrefix(text[i:]); ok && end == 0 {
				return v.restore(text[:i], inJSON), text[i:]
			}
			break
		}
	}
	return v.restore(text, inJSON), ""
}
