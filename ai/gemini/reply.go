package gemini

import (
	"crypto/rand"
	"encoding/json"
	"strconv"

	"google.golang.org/genai"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// An opaque is the content of [ai.Reasoning.Opaque] and [ai.ToolCall.Opaque]: what
// the API wants back with a part.
type opaque struct {
	Provider  string `json:"provider"` // so that another provider's is told apart
	Signature string `json:"signature,omitempty"`

	// Text: the signature is that of the text before, or of an empty part of text.
	Text bool `json:"text,omitempty"`

	// NoID: the call came without an ID; the one that it has is ours.
	NoID bool `json:"no_id,omitempty"`
}

func (o opaque) json() json.RawMessage {
	if o == (opaque{}) {
		return nil
	}
	o.Provider = provider
	data, _ := json.Marshal(o) // strings always marshal
	return data
}

// readOpaque returns the opaque data if it is this provider's.
func readOpaque(data json.RawMessage) (opaque, bool) {
	var o opaque
	if json.Unmarshal(data, &o) != nil || o.Provider != provider {
		return opaque{}, false
	}
	return o, true
}

// A wireReply is a reply or a piece of one.
// https://ai.google.dev/api/generate-content#generatecontentresponse
type wireReply struct {
	Candidates []struct {
		Index   int
		Content struct {
			Parts []json.RawMessage
		}
		FinishReason string
	}
	PromptFeedback struct {
		BlockReason string
	}
	UsageMetadata *struct {
		PromptTokenCount        int64
		ToolUsePromptTokenCount int64
		CachedContentTokenCount int64
		CandidatesTokenCount    int64
		ThoughtsTokenCount      int64
	}
	ModelVersion string
	ResponseID   string `json:"responseId"`
}

type wirePart struct {
	Text             *string `json:"text"`
	Thought          bool    `json:"thought"`
	ThoughtSignature string  `json:"thoughtSignature"`
	FunctionCall     *struct {
		ID   string          `json:"id"`
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
}

// A reader puts a reply together from its pieces.
type reader struct {
	adapter.Reply
	model *Model
	out   adapter.Sender
	usage ai.Usage // as far as it was told
}

func newReader(m *Model, yield func(ai.Event, error) bool) *reader {
	r := &reader{model: m}
	r.Usage.Missing = true
	r.usage.Missing = true
	r.out = adapter.Sender{Reply: &r.Reply, Yield: yield}
	return r
}

// complete reports whether there was a candidate, or the reason for none.
func (r *reader) complete() bool { return r.Stop != "" }

// read adds a piece. It returns false when nobody listens any more.
func (r *reader) read(raw []byte) (bool, error) {
	if api, ok := parseError(raw); ok {
		g := r.model.guard
		return false, &ai.Error{
			Class: classify(api.Code, api), Provider: provider, Code: g.Public(api.Status), RetryAfter: ai.ParseRetryInfo(raw),
		}
	}
	var w wireReply
	if json.Unmarshal(raw, &w) != nil {
		return false, r.model.guard.Malformed("not in the form of the API")
	}
	r.ID, r.Model = adapter.First(r.ID, w.ResponseID), adapter.First(r.Model, w.ModelVersion)
	if u := w.UsageMetadata; u != nil { // each piece has the sum so far
		r.usage = ai.NewUsage(u.PromptTokenCount+u.ToolUsePromptTokenCount, u.CachedContentTokenCount, 0,
			u.CandidatesTokenCount+u.ThoughtsTokenCount, u.ThoughtsTokenCount)
		r.Usage = r.usage
		r.Usage.Missing = true // until the end
	}
	for _, c := range w.Candidates {
		if c.Index != 0 {
			continue
		}
		for _, part := range c.Content.Parts {
			listening, err := r.part(part)
			if err != nil || !listening {
				return listening, err
			}
		}
		if c.FinishReason != "" {
			r.Stop = c.FinishReason
		} else if r.out.Yield == nil && r.Stop == "" {
			r.Stop = string(genai.FinishReasonUnspecified) // a whole reply that does not say
		}
	}
	if w.PromptFeedback.BlockReason != "" && len(w.Candidates) == 0 {
		r.Stop = w.PromptFeedback.BlockReason
		r.StopReason = ai.StopContentFilter
	} else if r.Stop != "" {
		r.StopReason = stopReason(r.Stop, r.Calls() > 0)
	}
	if r.Stop != "" {
		r.Usage = r.usage
	}
	return true, nil
}

func (r *reader) part(raw json.RawMessage) (bool, error) {
	var p wirePart
	if json.Unmarshal(raw, &p) != nil {
		return false, r.model.guard.Malformed("a part is not in the form of the API")
	}
	switch {
	case p.FunctionCall != nil:
		o := opaque{Signature: p.ThoughtSignature, NoID: p.FunctionCall.ID == ""}
		id := p.FunctionCall.ID
		if o.NoID {
			id = r.callID()
		}
		b := r.AddCall(id, p.FunctionCall.Name)
		b.Opaque = o.json()
		return r.out.Begin(b) && r.out.Arguments(b, string(p.FunctionCall.Args)), nil
	case p.Text != nil && p.Thought:
		b := r.Last("reasoning")
		if b == nil || b.Opaque != nil {
			b = r.AddReasoning()
		}
		if p.ThoughtSignature != "" {
			b.Opaque = opaque{Signature: p.ThoughtSignature}.json()
		}
		return r.out.Reasoning(b, *p.Text), nil
	case p.Text != nil:
		b := r.Last("text")
		if b == nil && *p.Text != "" {
			b = r.AddText()
		}
		listening := *p.Text == "" || r.out.Text(b, *p.Text)
		if p.ThoughtSignature != "" {
			r.AddReasoning().Opaque = opaque{Signature: p.ThoughtSignature, Text: true}.json()
		}
		return listening, nil
	default:
		r.AddUnknown(ai.Unknown{Provider: provider, Kind: kind(raw), Raw: raw})
		return true, nil
	}
}

// callID returns an ID for a call that came without one.
func (r *reader) callID() string {
	return adapter.First(r.ID, rand.Text()) + "-" + strconv.Itoa(r.Calls())
}

// kind returns the name of the member that makes a part what it is.
func kind(raw json.RawMessage) string {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members) // it is an object
	kind := "unknown"
	for name := range members {
		switch name {
		case "executableCode", "codeExecutionResult", "inlineData", "fileData", "functionResponse", "toolCall", "toolResponse":
			kind = name
		}
	}
	return kind
}

// stopReason translates finishReason. Gemini says STOP with tool calls as well.
// https://ai.google.dev/api/generate-content#FinishReason
func stopReason(reason string, calls bool) ai.StopReason {
	switch genai.FinishReason(reason) {
	case genai.FinishReasonStop:
		if calls {
			return ai.StopToolCalls
		}
		return ai.StopEnd
	case "FUNCTION_CALL": // of some gateways
		return ai.StopToolCalls
	case genai.FinishReasonMaxTokens:
		return ai.StopLength
	case genai.FinishReasonSafety, genai.FinishReasonRecitation, genai.FinishReasonBlocklist, genai.FinishReasonProhibitedContent,
		genai.FinishReasonSPII, genai.FinishReasonImageSafety, genai.FinishReasonImageProhibitedContent, genai.FinishReasonImageRecitation:
		return ai.StopContentFilter
	}
	return ai.StopUnknown // also MALFORMED_FUNCTION_CALL, LANGUAGE, OTHER
}
