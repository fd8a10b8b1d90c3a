package slacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Message is a message in a channel.
type Message struct {
	TeamID, Channel string
	TS              string // its ID within the channel
	ThreadTS        string // of the message that it answers, or empty
	Broadcast       bool   // an answer that the channel sees too
	Text            string
	Blocks          json.RawMessage
	Metadata        json.RawMessage
	Edits           int // how often it was updated
}

func (m *Message) copy() Message {
	c := *m
	c.Blocks, c.Metadata = bytes.Clone(m.Blocks), bytes.Clone(m.Metadata)
	return c
}

// Shown returns all texts in the blocks, one a line, as people read them.
func (m Message) Shown() string { return texts(m.Blocks) }

// Button returns the value of the button with an action ID, and false if there
// is none.
func (m Message) Button(actionID string) (value string, ok bool) {
	b := findElement(m.Blocks, actionID)
	value, _ = b["value"].(string)
	return value, b != nil
}

// Ephemeral is a message that one person sees.
type Ephemeral struct {
	TeamID, Channel, User string
	Text                  string
	Blocks                json.RawMessage
}

// View is a modal.
type View struct {
	ID, Hash, ExternalID string
	RootID               string
	TeamID, User         string // who sees it
	CallbackID           string
	PrivateMetadata      string
	JSON                 json.RawMessage   // as the app sent it
	Errors               map[string]string // by block, that the app answered with
	Closed               bool
}

func (v *View) copy() View {
	c := *v
	c.JSON, c.Errors = bytes.Clone(v.JSON), maps.Clone(v.Errors)
	return c
}

// Shown returns all texts in the modal, one a line.
func (v View) Shown() string { return texts(v.JSON) }

// Inputs returns the IDs of the blocks that take input, in their order.
func (v View) Inputs() []string {
	var ids []string
	for _, b := range blocksOf(v.JSON) {
		if b["type"] == "input" {
			id, _ := b["block_id"].(string)
			ids = append(ids, id)
		}
	}
	return ids
}

// Initial returns what an input says before anybody types.
func (v View) Initial(blockID string) string {
	for _, b := range blocksOf(v.JSON) {
		if b["block_id"] != blockID {
			continue
		}
		e, _ := b["element"].(map[string]any)
		return initialOf(e)
	}
	return ""
}

func initialOf(e map[string]any) string {
	if o, ok := e["initial_option"].(map[string]any); ok {
		value, _ := o["value"].(string)
		return value
	}
	if list, ok := e["initial_options"].([]any); ok {
		var values []string
		for _, o := range list {
			if o, ok := o.(map[string]any); ok {
				values = append(values, fmt.Sprint(o["value"]))
			}
		}
		return strings.Join(values, ",")
	}
	value, _ := e["initial_value"].(string)
	return value
}

// set replaces what a modal shows. The lock of the server is held.
func (v *View) set(raw json.RawMessage, hash string) {
	var head struct {
		CallbackID      string `json:"callback_id"`
		PrivateMetadata string `json:"private_metadata"`
		ExternalID      string `json:"external_id"`
	}
	_ = json.Unmarshal(raw, &head)
	v.CallbackID, v.PrivateMetadata, v.ExternalID = head.CallbackID, head.PrivateMetadata, head.ExternalID
	v.JSON, v.Hash, v.Errors = bytes.Clone(raw), hash, nil
}

func blocksOf(view json.RawMessage) []map[string]any {
	var v struct {
		Blocks []map[string]any `json:"blocks"`
	}
	_ = json.Unmarshal(view, &v)
	return v.Blocks
}

// texts collects all texts in order of appearance.
func texts(raw json.RawMessage) string {
	var lines []string
	dec := json.NewDecoder(bytes.NewReader(raw))
	var walk func(key string) bool
	walk = func(key string) bool {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		switch t := token.(type) {
		case json.Delim:
			for dec.More() {
				name := ""
				if t == '{' {
					token, err := dec.Token()
					if err != nil {
						return false
					}
					name, _ = token.(string)
				}
				if !walk(name) {
					return false
				}
			}
			_, err := dec.Token()
			return err == nil
		case string:
			if key == "text" {
				lines = append(lines, t)
			}
		}
		return true
	}
	walk("")
	return strings.Join(lines, "\n")
}

// findElement returns the element with an action ID among blocks.
func findElement(raw json.RawMessage, actionID string) map[string]any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	var walk func(v any) map[string]any
	walk = func(v any) map[string]any {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				if found := walk(e); found != nil {
					return found
				}
			}
		case map[string]any:
			if v["action_id"] == actionID {
				return v
			}
			for _, e := range v {
				if found := walk(e); found != nil {
					return found
				}
			}
		}
		return nil
	}
	return walk(v)
}

func base36(n int) string { return strconv.FormatInt(int64(n), 36) }

func formatTS(t time.Time, serial int) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), serial%1_000_000)
}
