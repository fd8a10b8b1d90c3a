package anthropic

import (
	"context"
	"encoding/json"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// An opaqueReasoning is the content of [ai.Reasoning.Opaque]: what the API wants
// back of a block of thinking.
type opaqueReasoning struct {
	Provider  string `json:"provider"` // so that another provider's is told apart
	Signature string `json:"signature,omitempty"`
	Redacted  string `json:"redacted,omitempty"` // the data of a redacted block
}

func (o opaqueReasoning) json() json.RawMessage {
	o.Provider = provider
	data, _ := json.Marshal(o) // strings always marshal
	return data
}

// A block is a content block on its way.
type block struct {
	part  *adapter.Block
	kind  string
	raw   string // of a kind that is not known
	input string // its pieces
}

// A reader puts a message together, from whole blocks or from events.
type reader struct {
	adapter.Reply
	out    adapter.Sender
	usage  counts
	blocks map[int64]*block
}

func newReader(yield func(ai.Event, error) bool) *reader {
	r := &reader{blocks: map[int64]*block{}}
	r.Usage.Missing = true
	r.out = adapter.Sender{Reply: &r.Reply, Yield: yield}
	return r
}

// whole reads a message that came as one.
func (m *Model) whole(message *sdk.Message, notes []ai.Warning) (*ai.Response, error) {
	r := newReader(nil)
	r.ID, r.Model = message.ID, message.Model
	for i, b := range message.Content {
		index := int64(i)
		r.start(index, b.Type, b.ID, b.Name, b.Data, b.RawJSON())
		switch b.Type {
		case "text":
			r.delta(index, "text_delta", b.Text)
		case "thinking":
			r.delta(index, "thinking_delta", b.Thinking)
			r.delta(index, "signature_delta", b.Signature)
		case "tool_use":
			r.delta(index, "input_json_delta", string(b.Input))
		}
		r.finish(index)
	}
	r.stop(message.StopReason, message.StopDetails)
	if u := message.Usage; u.JSON.InputTokens.Valid() || u.JSON.OutputTokens.Valid() {
		r.usage.set(&r.usage.input, u.JSON.InputTokens.Valid(), u.InputTokens)
		r.usage.set(&r.usage.cacheRead, u.JSON.CacheReadInputTokens.Valid(), u.CacheReadInputTokens)
		r.usage.set(&r.usage.cacheWrite, u.JSON.CacheCreationInputTokens.Valid(), u.CacheCreationInputTokens)
		r.usage.set(&r.usage.output, u.JSON.OutputTokens.Valid(), u.OutputTokens)
		r.usage.set(&r.usage.thinking, u.JSON.OutputTokensDetails.Valid(), u.OutputTokensDetails.ThinkingTokens)
		r.Usage = r.usage.usage()
	}
	return r.Response(m.info.Model, notes), nil
}

func (m *Model) stream(ctx context.Context, params sdk.MessageNewParams, notes []ai.Warning, yield func(ai.Event, error) bool) {
	stream := m.messages.NewStreaming(ctx, params)
	defer func() { _ = stream.Close() }()
	r := newReader(yield)
	for stream.Next() {
		ev := stream.Current()
		ok := true
		switch ev.Type {
		case "message_start":
			r.begin(ev.Message)
		case "content_block_start":
			b := ev.ContentBlock
			ok = r.start(ev.Index, b.Type, b.ID, b.Name, b.Data, b.RawJSON()) &&
				r.delta(ev.Index, "text_delta", b.Text) && r.delta(ev.Index, "thinking_delta", b.Thinking) &&
				r.delta(ev.Index, "signature_delta", b.Signature)
		case "content_block_delta":
			d := ev.Delta
			ok = r.delta(ev.Index, d.Type, d.Text+d.PartialJSON+d.Thinking+d.Signature)
		case "content_block_stop":
			r.finish(ev.Index)
		case "message_delta":
			r.stop(ev.Delta.StopReason, ev.Delta.StopDetails)
			r.count(ev.Usage)
		}
		if !ok {
			return
		}
		if ev.Type == "message_stop" {
			break
		}
	}
	switch err := stream.Err(); {
	case err != nil:
		r.out.Fail(m.failure(ctx, err))
	case ctx.Err() != nil:
		r.out.Fail(ai.ContextError(provider, ctx.Err()))
	case r.Stop == "":
		r.out.Fail(m.guard.EndedEarly())
	default:
		yield(ai.Done{Response: r.Response(m.info.Model, notes)}, nil)
	}
}

// begin reads message_start. A second one, which some gateways send, adds
// nothing.
func (r *reader) begin(message sdk.Message) {
	r.ID, r.Model = adapter.First(r.ID, message.ID), adapter.First(r.Model, message.Model)
	u := message.Usage
	r.usage.set(&r.usage.input, u.JSON.InputTokens.Valid(), u.InputTokens)
	r.usage.set(&r.usage.cacheRead, u.JSON.CacheReadInputTokens.Valid(), u.CacheReadInputTokens)
	r.usage.set(&r.usage.cacheWrite, u.JSON.CacheCreationInputTokens.Valid(), u.CacheCreationInputTokens)
	// Its output tokens are those of the beginning alone. What is known so far is
	// told in a partial reply, as incomplete.
	r.Usage = r.usage.usage()
	r.Usage.Missing = true
}

// start opens a block.
func (r *reader) start(index int64, kind, id, name, data, raw string) bool {
	b := &block{kind: kind}
	r.blocks[index] = b
	switch kind {
	case "text":
		b.part = r.AddText()
	case "thinking":
		b.part = r.AddReasoning()
	case "redacted_thinking":
		b.part = r.AddReasoning()
		b.part.Opaque = opaqueReasoning{Redacted: data}.json()
	case "tool_use":
		b.part = r.AddCall(id, name)
		return r.out.Begin(b.part)
	default:
		b.raw = raw
		b.part = r.AddUnknown(ai.Unknown{Provider: provider, Kind: kind, Raw: json.RawMessage(raw)})
	}
	return true
}

// delta continues a block.
func (r *reader) delta(index int64, kind, delta string) bool {
	b := r.blocks[index]
	if b == nil || delta == "" {
		return true
	}
	switch {
	case b.kind == "text" && kind == "text_delta":
		return r.out.Text(b.part, delta)
	case b.kind == "thinking" && kind == "thinking_delta":
		return r.out.Reasoning(b.part, delta)
	case b.kind == "thinking" && kind == "signature_delta":
		b.part.Opaque = opaqueReasoning{Signature: delta}.json()
	case b.kind == "tool_use" && kind == "input_json_delta":
		return r.out.Arguments(b.part, delta)
	case kind == "input_json_delta":
		b.input += delta
	}
	return true
}

// finish closes a block. One of an unknown kind gets its input, which came in
// pieces.
func (r *reader) finish(index int64) {
	b := r.blocks[index]
	if b == nil || b.input == "" || !json.Valid([]byte(b.input)) {
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(b.raw), &fields) != nil {
		return
	}
	fields["input"] = json.RawMessage(b.input)
	b.part.Unknown.Raw, _ = json.Marshal(fields)
}

// stop translates the stop reason.
// https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
func (r *reader) stop(reason sdk.StopReason, details sdk.RefusalStopDetails) {
	if reason == "" {
		return
	}
	r.Stop = string(reason)
	switch reason {
	case sdk.StopReasonEndTurn:
		r.StopReason = ai.StopEnd
	case sdk.StopReasonMaxTokens, sdk.StopReasonModelContextWindowExceeded:
		r.StopReason = ai.StopLength
	case sdk.StopReasonStopSequence:
		r.StopReason = ai.StopSequence
	case sdk.StopReasonToolUse:
		r.StopReason = ai.StopToolCalls
	case sdk.StopReasonRefusal:
		r.StopReason = ai.StopRefusal
		r.Refusal = details.Explanation
	default: // pause_turn too: it ends a step of the provider's own tools, which are not offered
		r.StopReason = ai.StopUnknown
	}
}

// count reads the usage of message_delta, which is cumulative.
func (r *reader) count(u sdk.MessageDeltaUsage) {
	r.usage.set(&r.usage.input, u.JSON.InputTokens.Valid(), u.InputTokens)
	r.usage.set(&r.usage.cacheRead, u.JSON.CacheReadInputTokens.Valid(), u.CacheReadInputTokens)
	r.usage.set(&r.usage.cacheWrite, u.JSON.CacheCreationInputTokens.Valid(), u.CacheCreationInputTokens)
	r.usage.set(&r.usage.output, u.JSON.OutputTokens.Valid(), u.OutputTokens)
	r.usage.set(&r.usage.thinking, u.JSON.OutputTokensDetails.Valid(), u.OutputTokensDetails.ThinkingTokens)
	r.Usage = r.usage.usage()
}

// counts are the token counts of the API, whose input excludes what was read
// from or written to the cache. A count is nil until it was told.
type counts struct{ input, cacheRead, cacheWrite, output, thinking *int64 }

func (c *counts) set(field **int64, told bool, n int64) {
	if told {
		*field = &n
	}
}

func (c *counts) usage() ai.Usage {
	value := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return max(*n, 0)
	}
	u := ai.NewUsage(value(c.input)+value(c.cacheRead)+value(c.cacheWrite), value(c.cacheRead), value(c.cacheWrite),
		value(c.output), value(c.thinking))
	u.Missing = c.input == nil || c.output == nil
	return u
}
