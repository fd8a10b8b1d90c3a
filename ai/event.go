package ai

import (
	"io"
	"iter"
)

// An Event is a piece of a streamed reply: [TextDelta], [ReasoningDelta],
// [ToolCallDelta] or [Done]. The set is closed; later versions may add to it, so
// a switch over it needs a default.
type Event interface{ event() }

// TextDelta is the next piece of the text. It is never empty and never splits a
// UTF-8 sequence.
type TextDelta struct {
	Text string
}

// ReasoningDelta is the next piece of what the model thinks.
type ReasoningDelta struct {
	Text string
}

// ToolCallDelta is the next piece of a tool call. Calls may be interleaved.
type ToolCallDelta struct {
	// Index is the position of the call among the calls of the reply, from 0.
	Index int

	// ID and Name are in the first delta of a call and empty in the others.
	ID, Name string

	// Arguments is the next piece of the JSON text of the arguments.
	Arguments string
}

// Done is the last event of a reply that arrived whole.
type Done struct {
	// Response is the same as [Model.Generate] would have returned for this
	// reply, but for Raw.
	Response *Response
}

func (TextDelta) event()      {}
func (ReasoningDelta) event() {}
func (ToolCallDelta) event()  {}
func (Done) event()           {}

// Accumulate reads a stream to its end and returns the whole reply.
func Accumulate(stream iter.Seq2[Event, error]) (*Response, error) {
	for ev, err := range stream {
		if err != nil {
			return nil, err
		}
		if done, ok := ev.(Done); ok {
			return done.Response, nil
		}
	}
	return nil, &Error{Class: ErrTransport, Err: io.ErrUnexpectedEOF}
}
