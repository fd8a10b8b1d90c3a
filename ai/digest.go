package ai

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest returns the SHA-256 of the request in hexadecimal: a name for what was
// asked that can be logged, since it tells nothing about the texts to one who
// does not have them (short texts that can be guessed aside).
//
// Hashed is the line "posai.ai.request.v1" with a line feed, then one JSON object
// without spaces: system, messages (role, parts), tools (name, description,
// input), tool_choice (mode, name), max_output_tokens, temperature, top_p, stop,
// effort, output (name, description, schema), in this order and each left out
// when it is empty. A part is an object of type (text, image, file, reasoning,
// tool_call, tool_result, unknown), name, text, data, media_type, url, id, arguments,
// call_id, content, is_error, opaque, in this order and each but the type left
// out when it is empty; bytes are base64, arguments and opaque data are JSON
// strings that hold their text. The name of an unknown part is provider, slash,
// kind, and its raw JSON is its opaque. The characters <, > and & are not escaped.
//
// Equal requests have equal digests in every version. The request must be one
// that [Request.Validate] accepts.
func (r *Request) Digest() string {
	w := wireRequest{
		System:          r.System,
		Messages:        wireMessages(r.Messages),
		MaxOutputTokens: r.MaxOutputTokens,
		Temperature:     r.Temperature,
		TopP:            r.TopP,
		Stop:            r.Stop,
		Effort:          r.Effort,
	}
	for _, t := range r.Tools {
		w.Tools = append(w.Tools, wireTool(t))
	}
	if r.ToolChoice != (ToolChoice{}) {
		w.ToolChoice = &wireToolChoice{Mode: r.ToolChoice.Mode, Name: r.ToolChoice.Name}
	}
	if o := r.Output; o != nil {
		w.Output = &wireOutput{Name: o.Name, Description: o.Description, Schema: o.Schema}
	}
	return digest("posai.ai.request.v1\n", w)
}

// Digest returns the SHA-256 of what the model answered, in hexadecimal. Hashed
// is the line "posai.ai.response.v1" with a line feed, then one JSON object in
// the encoding of [Request.Digest]: message (role, parts), stop_reason, refusal.
// What differs between two equal answers (ID, usage, model name) is left out.
func (r *Response) Digest() string {
	return digest("posai.ai.response.v1\n", wireResponse{
		Message:    wireMessages([]Message{r.Message})[0],
		StopReason: r.StopReason,
		Refusal:    r.Refusal,
	})
}

func digest(domain string, v any) string {
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write(marshalPlain(v))
	return hex.EncodeToString(h.Sum(nil))
}

type wireRequest struct {
	System          string          `json:"system,omitempty"`
	Messages        []wireMessage   `json:"messages,omitempty"`
	Tools           []wireTool      `json:"tools,omitempty"`
	ToolChoice      *wireToolChoice `json:"tool_choice,omitempty"`
	MaxOutputTokens int             `json:"max_output_tokens,omitempty"`
	Temperature     *float64        `json:"temperature,omitempty"`
	TopP            *float64        `json:"top_p,omitempty"`
	Stop            []string        `json:"stop,omitempty"`
	Effort          Effort          `json:"effort,omitempty"`
	Output          *wireOutput     `json:"output,omitempty"`
}

type wireResponse struct {
	Message    wireMessage `json:"message"`
	StopReason StopReason  `json:"stop_reason,omitempty"`
	Refusal    string      `json:"refusal,omitempty"`
}

type wireTool struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Input       *Schema `json:"input,omitempty"`
}

type wireToolChoice struct {
	Mode ToolMode `json:"mode,omitempty"`
	Name string   `json:"name,omitempty"`
}

type wireOutput struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Schema      *Schema `json:"schema,omitempty"`
}

type wireMessage struct {
	Role  Role       `json:"role"`
	Parts []wirePart `json:"parts,omitempty"`
}

// A wirePart has the fields of all parts; the type says which apply.
type wirePart struct {
	Type      string     `json:"type"`
	Name      string     `json:"name,omitempty"`
	Text      string     `json:"text,omitempty"`
	Data      []byte     `json:"data,omitempty"`
	MediaType string     `json:"media_type,omitempty"`
	URL       string     `json:"url,omitempty"`
	ID        string     `json:"id,omitempty"`
	Arguments string     `json:"arguments,omitempty"`
	CallID    string     `json:"call_id,omitempty"`
	Content   []wirePart `json:"content,omitempty"`
	IsError   bool       `json:"is_error,omitempty"`
	Opaque    string     `json:"opaque,omitempty"`

	// Untrusted is for MarshalMessages alone; no digest has it.
	Untrusted bool `json:"untrusted,omitempty"`
}

func wireMessages(messages []Message) []wireMessage {
	out := make([]wireMessage, len(messages))
	for i, m := range messages {
		out[i] = wireMessage{Role: m.Role, Parts: wireParts(m.Parts)}
	}
	return out
}

func wireParts(parts []Part) []wirePart {
	var out []wirePart
	for _, p := range parts {
		switch p := p.(type) {
		case Text:
			out = append(out, wirePart{Type: "text", Text: p.Text})
		case Image:
			out = append(out, wirePart{Type: "image", Data: p.Data, MediaType: p.MediaType, URL: p.URL})
		case File:
			out = append(out, wirePart{Type: "file", Name: p.Name, Data: p.Data, MediaType: p.MediaType, URL: p.URL})
		case Reasoning:
			out = append(out, wirePart{Type: "reasoning", Text: p.Text, Opaque: string(p.Opaque)})
		case ToolCall:
			out = append(out, wirePart{
				Type: "tool_call", ID: p.ID, Name: p.Name, Arguments: string(p.Arguments), Opaque: string(p.Opaque),
			})
		case ToolResult:
			out = append(out, wirePart{
				Type: "tool_result", CallID: p.CallID, Name: p.Name, Content: wireParts(p.Content), IsError: p.IsError,
			})
		case Unknown:
			out = append(out, wirePart{Type: "unknown", Name: p.Provider + "/" + p.Kind, Opaque: string(p.Raw)})
		}
	}
	return out
}

// marshalPlain encodes v without escaping <, > and &. The types it is used with
// always encode.
func marshalPlain(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
