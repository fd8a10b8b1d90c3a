package ai

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MarshalMessages returns a conversation as JSON, to be stored and gone on with
// later: everything that [UnmarshalMessages] needs to return equal messages. The
// form is that of [Request.Digest], with "untrusted" for text that is. It holds all
// that the messages hold, so it belongs where personal data may be.
func MarshalMessages(messages []Message) ([]byte, error) {
	out := wireMessages(messages)
	for i, m := range messages {
		if err := m.validate(); err != nil {
			return nil, invalid(fmt.Sprintf("Messages[%d]: %s", i, err))
		}
		markUntrusted(out[i].Parts, m.Parts)
	}
	return marshalPlain(out), nil
}

func markUntrusted(out []wirePart, parts []Part) {
	for i, p := range parts {
		switch p := p.(type) {
		case Text:
			out[i].Untrusted = p.Untrusted
		case ToolResult:
			markUntrusted(out[i].Content, p.Content)
		}
	}
}

// UnmarshalMessages reads what [MarshalMessages] wrote. The error matches
// [ErrInvalidRequest] if it is something else, and quotes nothing of it.
func UnmarshalMessages(data []byte) ([]Message, error) {
	var in []wireMessage
	if json.Unmarshal(data, &in) != nil {
		return nil, invalid("not a JSON list of messages")
	}
	messages := make([]Message, len(in))
	for i, w := range in {
		parts, err := partsOf(w.Parts)
		messages[i] = Message{Role: w.Role, Parts: parts}
		if err == nil {
			err = messages[i].validate()
		}
		if err != nil {
			return nil, invalid(fmt.Sprintf("Messages[%d]: %s", i, err))
		}
	}
	return messages, nil
}

func partsOf(in []wirePart) ([]Part, error) {
	var parts []Part
	for _, w := range in {
		switch w.Type {
		case "text":
			parts = append(parts, Text{Text: w.Text, Untrusted: w.Untrusted})
		case "image":
			parts = append(parts, Image{Data: w.Data, MediaType: w.MediaType, URL: w.URL})
		case "file":
			parts = append(parts, File{Name: w.Name, Data: w.Data, MediaType: w.MediaType, URL: w.URL})
		case "reasoning":
			parts = append(parts, Reasoning{Text: w.Text, Opaque: rawOf(w.Opaque)})
		case "tool_call":
			parts = append(parts, ToolCall{ID: w.ID, Name: w.Name, Arguments: rawOf(w.Arguments), Opaque: rawOf(w.Opaque)})
		case "tool_result":
			content, err := partsOf(w.Content)
			if err != nil {
				return nil, err
			}
			parts = append(parts, ToolResult{CallID: w.CallID, Name: w.Name, Content: content, IsError: w.IsError})
		case "unknown":
			provider, kind, _ := strings.Cut(w.Name, "/")
			parts = append(parts, Unknown{Provider: provider, Kind: kind, Raw: rawOf(w.Opaque)})
		default:
			return nil, errors.New("a part of unknown type")
		}
	}
	return parts, nil
}

// rawOf returns nil for an empty text.
func rawOf(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
