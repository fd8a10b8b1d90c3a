package slacktest

import (
	"encoding/json"
	"fmt"
	"unicode/utf16"
)

// length counts as JavaScript does, which is never less than any other count of
// characters.
func length(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// checkMessageBlocks returns what Slack would refuse of a message's blocks.
// https://docs.slack.dev/reference/block-kit/blocks/
func checkMessageBlocks(raw json.RawMessage) string {
	var blocks []map[string]any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return "not a list of blocks"
	}
	if len(blocks) > 50 {
		return "more than 50 blocks"
	}
	return checkBlocks(blocks)
}

// checkView returns what Slack would refuse of a modal.
// https://docs.slack.dev/reference/views/modal-views
func checkView(raw json.RawMessage) string {
	var v struct {
		Type            string           `json:"type"`
		Title           map[string]any   `json:"title"`
		Submit          map[string]any   `json:"submit"`
		Close           map[string]any   `json:"close"`
		PrivateMetadata string           `json:"private_metadata"`
		CallbackID      string           `json:"callback_id"`
		ExternalID      string           `json:"external_id"`
		Blocks          []map[string]any `json:"blocks"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return "not a view"
	}
	inputs := false
	for _, b := range v.Blocks {
		inputs = inputs || b["type"] == "input"
	}
	switch {
	case v.Type != "modal":
		return "not a modal"
	case v.Title == nil:
		return "no title"
	case length(v.PrivateMetadata) > 3000:
		return "private_metadata of more than 3000 characters"
	case length(v.CallbackID) > 255 || length(v.ExternalID) > 255:
		return "an ID of more than 255 characters"
	case len(v.Blocks) == 0 || len(v.Blocks) > 100:
		return "1 to 100 blocks"
	case inputs && v.Submit == nil:
		return "inputs without submit"
	}
	for name, text := range map[string]map[string]any{"title": v.Title, "submit": v.Submit, "close": v.Close} {
		if text != nil {
			if problem := checkText(text, 24, true); problem != "" {
				return name + ": " + problem
			}
		}
	}
	return checkBlocks(v.Blocks)
}

func checkBlocks(blocks []map[string]any) string {
	seen := make(map[string]bool)
	for i, b := range blocks {
		if id, _ := b["block_id"].(string); id != "" {
			if seen[id] {
				return "block_id " + id + " is there twice"
			}
			if length(id) > 255 {
				return "block_id of more than 255 characters"
			}
			seen[id] = true
		}
		if problem := checkBlock(b); problem != "" {
			return fmt.Sprintf("block %d, %v: %s", i, b["type"], problem)
		}
	}
	return ""
}

func checkBlock(b map[string]any) string {
	switch b["type"] {
	case "divider":
		return ""
	case "header":
		return checkText(b["text"], 150, true)
	case "section":
		fields, _ := b["fields"].([]any)
		if b["text"] == nil && len(fields) == 0 || len(fields) > 10 {
			return "text or 1 to 10 fields"
		}
		for _, f := range fields {
			if problem := checkText(f, 2000, false); problem != "" {
				return "field: " + problem
			}
		}
		if b["text"] != nil {
			return checkText(b["text"], 3000, false)
		}
		return ""
	case "context":
		list, _ := b["elements"].([]any)
		if len(list) == 0 || len(list) > 10 {
			return "1 to 10 elements"
		}
		for _, e := range list {
			if problem := checkText(e, 3000, false); problem != "" {
				return problem
			}
		}
		return ""
	case "actions":
		list, _ := b["elements"].([]any)
		if len(list) == 0 || len(list) > 25 {
			return "1 to 25 elements"
		}
		for _, e := range list {
			if problem := checkElement(e); problem != "" {
				return problem
			}
		}
		return ""
	case "input":
		if problem := checkText(b["label"], 2000, true); problem != "" {
			return "label: " + problem
		}
		if b["hint"] != nil {
			if problem := checkText(b["hint"], 2000, true); problem != "" {
				return "hint: " + problem
			}
		}
		return checkElement(b["element"])
	}
	return "unknown type"
}

// checkText checks a text object.
func checkText(v any, limit int, plainOnly bool) string {
	t, _ := v.(map[string]any)
	text, _ := t["text"].(string)
	switch {
	case t["type"] != "plain_text" && (plainOnly || t["type"] != "mrkdwn"):
		return "wrong type of text"
	case text == "" || length(text) > limit:
		return fmt.Sprintf("text of 1 to %d characters", limit)
	}
	return ""
}

func checkElement(v any) string {
	e, _ := v.(map[string]any)
	action, _ := e["action_id"].(string)
	if length(action) > 255 {
		return "action_id of more than 255 characters"
	}
	value, _ := e["value"].(string)
	initial, _ := e["initial_value"].(string)
	if e["placeholder"] != nil {
		if problem := checkText(e["placeholder"], 150, true); problem != "" {
			return "placeholder: " + problem
		}
	}
	switch e["type"] {
	case "button":
		address, _ := e["url"].(string)
		if length(value) > 2000 || length(address) > 3000 {
			return "value of 2000 and url of 3000 characters"
		}
		return checkText(e["text"], 75, true)
	case "plain_text_input":
		longest, ok := e["max_length"].(float64)
		if ok && (longest < 1 || longest > 3000) {
			return "max_length of 1 to 3000"
		}
		if !ok {
			longest = 3000
		}
		if length(initial) > int(longest) {
			return "initial_value longer than max_length"
		}
		return ""
	case "number_input":
		if _, ok := e["is_decimal_allowed"].(bool); !ok {
			return "is_decimal_allowed is required"
		}
		return ""
	case "static_select", "checkboxes":
		return checkOptions(e)
	}
	return fmt.Sprintf("unknown element %v", e["type"])
}

func checkOptions(e map[string]any) string {
	most := 100
	if e["type"] == "checkboxes" {
		most = 10
	}
	options, _ := e["options"].([]any)
	if len(options) == 0 || len(options) > most {
		return fmt.Sprintf("1 to %d options", most)
	}
	known := make(map[any]bool)
	for _, o := range options {
		o, _ := o.(map[string]any)
		value, _ := o["value"].(string)
		if problem := checkText(o["text"], 75, false); problem != "" {
			return "option: " + problem
		}
		if value == "" || length(value) > 150 {
			return "option value of 1 to 150 characters"
		}
		known[value] = true
	}
	initial, _ := e["initial_options"].([]any)
	if o, ok := e["initial_option"].(map[string]any); ok {
		initial = append(initial, o)
	}
	for _, o := range initial {
		if o, _ := o.(map[string]any); !known[o["value"]] {
			return "an initial option that is none of the options"
		}
	}
	return ""
}
