package console

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// Bounds of what a page says about edits; the request has all of it.
const (
	maxEdits     = 20    // the newest
	maxChanges   = 100   // of one edit
	maxValueText = 4_000 // characters of one value
)

// editItem is what one person changed, as a page shows it.
type editItem struct {
	Who, Where string
	Reason     string
	At         *moment
	Changes    []change
	More       int // further changes
}

// edits are what people changed about q, newest first: what is approved now is
// not what was proposed, and whoever decides next sees where they differ.
func (c *Console) edits(q *approval.Request, clock clock) []editItem {
	var list []editItem
	for i := len(q.Edits) - 1; i >= 0 && len(list) < maxEdits; i-- {
		e := q.Edits[i]
		item := editItem{Who: name(e.By), Where: channelName(e.Channel), At: clock.moment(e.At), Reason: editReason(q, e)}
		for _, d := range e.Changes {
			if len(item.Changes) == maxChanges {
				item.More = len(e.Changes) - maxChanges
				break
			}
			item.Changes = append(item.Changes, change{Label: fieldLabel(q, d.Path), Was: valueText(d.Before), Now: valueText(d.After)})
		}
		list = append(list, item)
	}
	return list
}

// editReason is the reason of the decision that made the edit.
func editReason(q *approval.Request, e approval.Edit) string {
	for _, d := range q.Decisions {
		if d.Edit != nil && d.Revision == e.Revision && d.By.ID == e.By.ID {
			return d.Reason
		}
	}
	return ""
}

// fieldLabel is what people call the value at a JSON pointer: the label of the
// form's field of the same name where there is one, else the path in words.
func fieldLabel(q *approval.Request, path string) string {
	path = strings.TrimPrefix(path, "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, f := range q.Form {
		if f.Name == path || f.Name == strings.ReplaceAll(path, "/", ".") {
			return cmp.Or(f.Label, f.Name)
		}
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(unescape.Replace(p), "_", " ")
	}
	label := cmp.Or(strings.Join(parts, " › "), "the whole action")
	first, size := utf8.DecodeRuneInString(label)
	return string(unicode.ToUpper(first)) + label[size:]
}

// valueText is a JSON value in words, "" for one that is not there.
func valueText(raw json.RawMessage) string {
	if raw == nil {
		return ""
	}
	text := string(raw)
	switch text {
	case "true":
		return "yes"
	case "false":
		return "no"
	case "null", `""`:
		return "(empty)"
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		text = s
	}
	if utf8.RuneCountInString(text) <= maxValueText {
		return text
	}
	return string([]rune(text)[:maxValueText]) + "… (cut here)"
}
