package ai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
)

// A Partial is a value that a model is still writing, from [ExtractPartial].
type Partial[T any] struct {
	// Value is what there is so far: fields that have not come are zero, lists and
	// maps may grow, and the last string may go on. Numbers, booleans, and strings
	// that mean something else before their end (enums, dates, decimals) are there
	// when they are complete. Nothing of it is validated before Complete.
	Value T

	// Complete: the value is the answer, as valid as that of [Extract]. It is the
	// last one.
	Complete bool

	// Response is the reply; nil before Complete.
	Response *Response
}

// ExtractPartial is [Extract] as a stream, for a page that shows an answer as it is
// written. What it yields before a [Partial] with Complete set is unfinished and
// not validated: show it, but do not act on it.
//
// There is no round of repair, since what was shown cannot be taken back: a reply
// that is not accepted ends the sequence with the error that [Extract] would
// have corrected. An error is yielded once and is the last. Leaving the loop early
// frees everything. Options and errors are those of [Extract], but for Repairs, and
// those of [Model.Stream].
//
// Beyond 4 KiB, a value of which less than a sixteenth is new may not be yielded, so
// that a long reply does not cost the square of its length.
func ExtractPartial[T any](ctx context.Context, m Model, req *Request, opts *ExtractOptions[T]) iter.Seq2[Partial[T], error] {
	return func(yield func(Partial[T], error) bool) {
		if opts == nil {
			opts = new(ExtractOptions[T])
		}
		schema, err := SchemaFor[T]()
		if err != nil {
			yield(Partial[T]{}, &Error{Class: ErrUnsupportedSchema, Detail: "of the Go type", Err: err})
			return
		}
		x, err := newExtraction(m, req, schema, settings{
			name: opts.Name, description: opts.Description, mode: opts.Mode, repairs: -1, maxBytes: opts.MaxBytes,
		})
		if err != nil {
			yield(Partial[T]{}, err)
			return
		}
		var value T
		partial := func(data []byte) bool {
			value, ok := decodePartial[T](data, x.wrapped)
			return !ok || yield(Partial[T]{Value: value}, nil)
		}
		decode := func(data []byte) *rejection {
			decoded, rejected := decodeValid(data, x.wrapped, opts.Validate)
			if rejected == nil {
				value = decoded
			}
			return rejected
		}
		resp, err := x.stream(ctx, partial, decode)
		switch {
		case errors.Is(err, errPartialLeft):
		case err != nil:
			yield(Partial[T]{}, err)
		default:
			yield(Partial[T]{Value: value, Complete: true, Response: resp}, nil)
		}
	}
}

// shortPartial is the length up to which every piece is worth a look, in bytes.
const shortPartial = 4 << 10

// errPartialLeft is the end of a sequence that its consumer left.
var errPartialLeft = errors.New("ai: sequence left")

func decodePartial[T any](data []byte, wrapped bool) (value T, ok bool) {
	if !wrapped {
		return value, json.Unmarshal(data, &value) == nil
	}
	var outer struct {
		Value T `json:"value"`
	}
	err := json.Unmarshal(data, &outer)
	return outer.Value, err == nil
}

// stream asks in one mode after the other until the provider takes the schema.
func (x *extraction) stream(ctx context.Context, partial func([]byte) bool, decode func([]byte) *rejection) (*Response, error) {
	var err error
	for i, mode := range x.modes() {
		var resp *Response
		resp, err = x.streamOnce(ctx, mode, partial)
		if err != nil && errors.Is(err, ErrUnsupportedSchema) {
			if _, delivered := errors.AsType[*PartialError](err); !delivered {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		if rejected := x.judge(resp, mode, decode); rejected != nil {
			return nil, rejected.err(x.model.Info().Provider)
		}
		return noteMode(resp, i, mode), nil
	}
	return nil, err
}

// streamOnce reads one reply and passes on what is new of it, as JSON.
func (x *extraction) streamOnce(ctx context.Context, mode Mode, partial func([]byte) bool) (*Response, error) {
	g := growing{extraction: x, mode: mode, partial: partial}
	for ev, err := range x.model.Stream(ctx, x.request(mode)) {
		if err != nil {
			return nil, err
		}
		more := true
		switch ev := ev.(type) {
		case Done:
			return ev.Response, nil
		case TextDelta:
			more = mode == ModeTool || g.add(ev.Text)
		case ToolCallDelta:
			more = mode != ModeTool || ev.Index != 0 || g.add(ev.Arguments)
		}
		if !more {
			return nil, errPartialLeft
		}
	}
	return Accumulate(func(func(Event, error) bool) {}) // the model broke its contract
}

// A growing is the JSON of a reply as it grows.
type growing struct {
	*extraction
	mode    Mode
	partial func([]byte) bool
	text    []byte
	looked  int    // how much of the text was looked at
	last    []byte // what was passed on last
	broken  bool   // it is no JSON: the end will tell
}

// add returns false if the consumer has left.
func (g *growing) add(delta string) bool {
	if g.broken || len(g.text)+len(delta) > g.maxBytes {
		g.broken = true
		return true
	}
	g.text = append(g.text, delta...)
	if len(g.text) > shortPartial && len(g.text)-g.looked < len(g.text)/16 {
		return true
	}
	g.looked = len(g.text)
	text := g.text
	if g.mode == ModePrompt { // there may be a fence or prose before it
		start := bytes.IndexByte(text, '{')
		if start < 0 {
			return true
		}
		text = text[start:]
	}
	data, err := partialJSON(text, g.schema)
	if err != nil {
		g.broken = true
		return true
	}
	if data == nil || bytes.Equal(data, g.last) {
		return true
	}
	g.last = data
	return g.partial(data)
}
