package ai

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Role says who speaks in a [Message].
type Role string

// The roles. The system instruction is not a message but [Request.System].
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool" // results of tool calls
)

// A Message is one turn of a conversation.
type Message struct {
	Role  Role
	Parts []Part
}

// User returns a user's message of one text.
func User(text string) Message {
	return Message{Role: RoleUser, Parts: []Part{Text{Text: text}}}
}

// Assistant returns a model's message of one text.
func Assistant(text string) Message {
	return Message{Role: RoleAssistant, Parts: []Part{Text{Text: text}}}
}

// ToolResults returns the message that answers a model's tool calls.
func ToolResults(results ...ToolResult) Message {
	m := Message{Role: RoleTool, Parts: make([]Part, len(results))}
	for i, r := range results {
		m.Parts[i] = r
	}
	return m
}

// Text returns the text parts of the message, joined.
func (m Message) Text() string {
	if len(m.Parts) == 1 {
		t, _ := m.Parts[0].(Text)
		return t.Text
	}
	var b strings.Builder
	for _, p := range m.Parts {
		if t, ok := p.(Text); ok {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}

// ToolCalls returns the tool calls of the message in order.
func (m Message) ToolCalls() []ToolCall {
	var calls []ToolCall
	for _, p := range m.Parts {
		if c, ok := p.(ToolCall); ok {
			calls = append(calls, c)
		}
	}
	return calls
}

// A Part is a piece of a [Message]: [Text], [Image], [File], [Reasoning],
// [ToolCall], [ToolResult] or [Unknown]. The set is closed; later versions may
// add to it, so a switch over it needs a default.
type Part interface{ part() }

// Text is plain text.
type Text struct {
	Text string

	// Untrusted marks text that somebody outside wrote: a customer's note, a
	// product description, a web page. It may hold instructions of theirs, so it
	// taints the request, see [Request.Tainted]. Providers are not told, and it is
	// no part of [Request.Digest].
	Untrusted bool
}

// UntrustedUser returns a user's message of one text that somebody outside wrote.
func UntrustedUser(text string) Message {
	return Message{Role: RoleUser, Parts: []Part{Text{Text: text, Untrusted: true}}}
}

// An Image is a picture in a user's message or a tool result. Either Data or
// URL is set.
type Image struct {
	Data      []byte
	MediaType string // of Data, such as "image/png"
	URL       string // the provider fetches it
}

// A File is a document in a user's message, see [PDF]. Either Data or URL is set.
type File struct {
	Name      string
	Data      []byte
	MediaType string // of Data, such as "application/pdf"
	URL       string // the provider fetches it
}

// PDF returns a PDF file. The name may be empty.
func PDF(name string, data []byte) File {
	return File{Name: name, Data: data, MediaType: "application/pdf"}
}

// Reasoning is what a model thought before it answered, as far as the provider
// tells it.
type Reasoning struct {
	// Text is a summary or the text itself; often empty.
	Text string

	// Opaque is the provider's own data (a signature, encrypted content), a JSON
	// object whose member "provider" is the name in [Info]. Sent back unchanged
	// with the conversation, it lets the model go on from where it was. Another
	// provider's adapter leaves it out, with a warning. Nil for providers that have
	// none.
	Opaque json.RawMessage
}

// A ToolCall is a model's wish that the caller run a tool.
type ToolCall struct {
	// ID ties the [ToolResult] to the call.
	ID string

	// Name of the tool. It comes from the model and may be none of the request's.
	Name string

	// Arguments as the model wrote them: usually a JSON object, "{}" when there
	// are none, but not checked; it may be invalid JSON.
	Arguments json.RawMessage

	// Opaque is the provider's own data, to be sent back unchanged; an object with
	// a member "provider", as in [Reasoning].
	Opaque json.RawMessage
}

// A ToolResult is the outcome of a [ToolCall].
type ToolResult struct {
	CallID string
	Name   string // of the tool; some providers match results by it

	// Content is what the model sees: [Text] and, where the provider can, [Image].
	Content []Part

	// IsError tells the model that the call failed.
	IsError bool
}

// Unknown is a part of a model's message that this package has no type for, kept
// as the provider wrote it. Sent back with the conversation, the same provider
// gets it unchanged; another one's adapter leaves it out, with a warning.
type Unknown struct {
	Provider string          // the name in [Info]
	Kind     string          // the provider's word for it
	Raw      json.RawMessage // as it came
}

func (Text) part()       {}
func (Image) part()      {}
func (File) part()       {}
func (Reasoning) part()  {}
func (ToolCall) part()   {}
func (ToolResult) part() {}
func (Unknown) part()    {}

// validate checks the parts against the role.
func (m Message) validate() error {
	if m.Role != RoleUser && m.Role != RoleAssistant && m.Role != RoleTool {
		return errors.New("unknown role")
	}
	if len(m.Parts) == 0 {
		return errors.New("no parts")
	}
	for i, p := range m.Parts {
		if err := validatePart(m.Role, p); err != nil {
			return fmt.Errorf("part %d: %w", i, err)
		}
	}
	return nil
}

func validatePart(role Role, p Part) error {
	allowed := RoleUser
	switch p := p.(type) {
	case nil:
		return errors.New("nil part")
	case Text:
		if role != RoleTool {
			allowed = role
		}
	case Image:
		return validateMedia(role, p.Data, p.MediaType, p.URL)
	case File:
		return validateMedia(role, p.Data, p.MediaType, p.URL)
	case Reasoning, ToolCall, Unknown:
		allowed = RoleAssistant
	case ToolResult:
		allowed = RoleTool
		for _, c := range p.Content {
			switch c.(type) {
			case Text, Image:
			default:
				return fmt.Errorf("%T in a tool result", c)
			}
		}
	}
	if role != allowed {
		return fmt.Errorf("%T in a message of role %q", p, role)
	}
	return nil
}

func validateMedia(role Role, data []byte, mediaType, url string) error {
	switch {
	case role != RoleUser:
		return fmt.Errorf("image or file in a message of role %q", role)
	case (len(data) == 0) == (url == ""):
		return errors.New("either Data or URL must be set")
	case len(data) > 0 && mediaType == "":
		return errors.New("no MediaType for Data")
	}
	return nil
}
