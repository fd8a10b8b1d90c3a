package ai

import (
	"encoding/json"
	"slices"
)

// A Response is a model's whole reply.
type Response struct {
	// Message has role assistant. It may have no parts at all.
	Message Message

	// StopReason says why the reply ended.
	StopReason StopReason

	// ProviderStopReason is the provider's own word for it.
	ProviderStopReason string

	// Refusal is the explanation of a model that refused, if it gave one. It is
	// never part of Message, so that it cannot be taken for an answer.
	Refusal string

	// Usage counts the tokens.
	Usage Usage

	// Model is the name of the model that answered, as the provider reports it.
	Model string

	// ID is the provider's name for this reply, for its support and logs.
	ID string

	// Warnings name what the request asked for and the provider cannot do.
	Warnings []Warning

	// Cached: the reply comes from a [Cache], not from the provider. Its Usage is
	// zero then.
	Cached bool

	// Raw is the provider's reply as it came, for fields that this package does
	// not know. Nil when the reply was streamed. It holds all that the reply
	// holds: do not log it.
	Raw json.RawMessage
}

// Text returns the text of the reply; see [Message.Text].
func (r *Response) Text() string { return r.Message.Text() }

// ToolCalls returns the tool calls of the reply; see [Message.ToolCalls].
func (r *Response) ToolCalls() []ToolCall { return r.Message.ToolCalls() }

// A StopReason says why a reply ended.
type StopReason string

// The reasons for the end of a reply.
const (
	StopEnd           StopReason = "end"            // the model had said everything
	StopLength        StopReason = "length"         // MaxOutputTokens or the context window was reached: the reply is cut off
	StopSequence      StopReason = "stop_sequence"  // one of Request.Stop came up, where the provider tells this from StopEnd
	StopToolCalls     StopReason = "tool_calls"     // the model waits for the results of tool calls
	StopRefusal       StopReason = "refusal"        // the model refused to answer
	StopContentFilter StopReason = "content_filter" // the provider's filter withheld the reply or part of it
	StopUnknown       StopReason = "unknown"        // something newer than this package; see ProviderStopReason
)

// A Warning says that a setting of the request had no effect.
type Warning struct {
	// Setting is the field of [Request], such as "Stop".
	Setting string

	// Detail says why, in words. It contains nothing of the request's texts.
	Detail string
}

// mergeWarnings returns a with those of b that it lacks. It does not change a.
func mergeWarnings(a, b []Warning) []Warning {
	a = slices.Clip(a)
	for _, w := range b {
		if !slices.Contains(a, w) {
			a = append(a, w)
		}
	}
	return a
}
