package aitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
)

// A Reply is one answer of a scripted model or a fake provider, in the terms of
// package ai. A fake provider puts it into its own wire format.
type Reply struct {
	// Text of the answer.
	Text string

	// Chunks are the pieces in which Text is streamed. If nil, Text is split
	// after each word; if set, Text is ignored.
	Chunks []string

	// Reasoning that comes before the text.
	Reasoning string

	// ToolCalls come after the text.
	ToolCalls []ai.ToolCall

	// Refusal makes the model refuse, with this explanation.
	Refusal string

	// StopReason of the reply. If empty, the one that fits the content.
	StopReason ai.StopReason

	// ProviderStopReason is the provider's word for it. If empty, the one that
	// fits StopReason.
	ProviderStopReason string

	// Usage of the reply. If zero, 10 input and 5 output tokens.
	Usage ai.Usage

	// Model and ID of the reply. If empty, the model that was asked, and
	// "reply-1", "reply-2" and so on.
	Model, ID string

	// Vectors are the answer to a request for embeddings; for a [Server] alone.
	Vectors [][]float32

	// Warnings of the reply; for [Model] alone.
	Warnings []ai.Warning

	// Delay passes before the answer, ChunkDelay before each streamed piece of text
	// but the first.
	Delay, ChunkDelay time.Duration

	// Err is returned instead of an answer, or after CutAfter pieces of it; for
	// [Model] alone.
	Err error

	// CutAfter breaks a stream off after so many pieces of text; if negative,
	// before the first. If zero, the stream is whole.
	CutAfter int

	// Wire is what a fake provider does wrong. [Model] ignores it.
	Wire Wire
}

// Wire is a fault, or a habit of some server, below the level of replies.
type Wire struct {
	// Status, with Body and Header, is answered instead of the reply. If zero,
	// there is a reply.
	Status int
	Body   string
	Header http.Header

	// Code is the provider's error code in a generated error Body.
	Code string

	// WriteBytes is the size of the pieces in which a stream is written to the
	// connection. If zero, one event at a time.
	WriteBytes int

	// CRLF ends the lines of a stream with CR LF.
	CRLF bool

	// Noise puts a byte order mark, comments, pings and unknown events into a
	// stream.
	Noise bool

	// NoTerminator leaves out what marks the end of a stream: [DONE] or, in the
	// Responses API, response.completed.
	NoTerminator bool

	// NoUsage leaves out the token counts, UsageEarly sends them together with
	// the content instead of at the end.
	NoUsage, UsageEarly bool

	// ErrorEvent sends an error with this code in a stream, where CutAfter says.
	// server_error, rate_limit_exceeded and insufficient_quota are OpenAI's codes;
	// servers of other providers send their own for them.
	ErrorEvent string
}

// Text returns a reply of that text.
func Text(text string) Reply { return Reply{Text: text} }

// JSON returns a reply whose text is v in JSON. It panics if v cannot be
// marshaled.
func JSON(v any) Reply {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("aitest: JSON: %v", err))
	}
	return Reply{Text: string(data)}
}

// Truncated returns a reply that was cut off after text, at the limit of tokens.
func Truncated(text string) Reply { return Reply{Text: text, StopReason: ai.StopLength} }

// Refusal returns a reply of a model that refuses to answer.
func Refusal(explanation string) Reply { return Reply{Refusal: explanation} }

// ToolCall returns a reply that calls a tool with v in JSON as its arguments. It
// panics if v cannot be marshaled.
func ToolCall(id, name string, v any) Reply {
	return Reply{ToolCalls: []ai.ToolCall{{ID: id, Name: name, Arguments: json.RawMessage(JSON(v).Text)}}}
}

// Error returns a failed call. It is for [Model]; a fake provider fails by
// [Wire].
func Error(err error) Reply { return Reply{Err: err} }

// chunks returns the pieces of text that are streamed.
func (r Reply) chunks() []string {
	if r.Chunks != nil {
		return r.Chunks
	}
	return strings.SplitAfter(r.Text, " ")
}

func (r Reply) text() string {
	if r.Chunks != nil {
		return strings.Join(r.Chunks, "")
	}
	return r.Text
}

func (r Reply) stopReason() ai.StopReason {
	switch {
	case r.StopReason != "":
		return r.StopReason
	case r.Refusal != "":
		return ai.StopRefusal
	case len(r.ToolCalls) > 0:
		return ai.StopToolCalls
	}
	return ai.StopEnd
}

func (r Reply) usage() ai.Usage {
	if r.Usage == (ai.Usage{}) {
		return ai.Usage{InputTokens: 10, OutputTokens: 5}
	}
	return r.Usage
}
