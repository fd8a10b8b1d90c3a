package approval

import (
	"fmt"
	"regexp"
)

// Action is a typed value that says what is to be done, such as a struct with
// the fields of a draft order. It is stored as JSON and must survive the way
// there and back: what a person saw is what the executor gets.
type Action interface {
	// Kind names the type of the action for good: a lower-case word of at most
	// 64 letters, digits, '.', '_' and '-' that begins with a letter, such as
	// "postpurchase.followup". It is also called on the zero value.
	Kind() string

	// Validate reports why the action makes no sense. It is called when the
	// action is proposed, after every edit and before it is executed. Its text
	// is shown to people.
	Validate() error
}

// Previewer is an [Action] that says how people see it. Without it they see
// its JSON.
type Previewer interface {
	Preview() Preview
}

// Priced is an [Action] that knows what is at stake. Its amount stands in for
// [Proposal].Amount, also after an edit, so that policies judge what the edit
// made.
type Priced interface {
	AmountAtStake() Money
}

// Preview is what people see of an action: plain text, never markup. It is
// part of the digest that a decision is bound to.
type Preview struct {
	Title   string         `json:"title,omitzero"`   // one line, at most 256 bytes
	Summary string         `json:"summary,omitzero"` // at most 16 KiB
	Fields  []PreviewField `json:"fields,omitempty"` // at most 64
}

// PreviewField is one line of a [Preview].
type PreviewField struct {
	Label string `json:"label"` // at most 256 bytes
	Value string `json:"value"` // at most 16 KiB
}

// Editor is an [Action] that people may change before they approve it.
type Editor interface {
	Action

	// EditForm returns the fields that may be changed, with their present
	// values; at most 64.
	EditForm() []FormField

	// ApplyEdit returns a copy of the action, of the same type, with the given
	// values by field name. Only names and values that EditForm allows arrive.
	// The text of its error is shown to the person who edits.
	ApplyEdit(values map[string]string) (Action, error)
}

// FieldType says how a [FormField] is edited.
type FieldType string

// The types of form fields.
const (
	FieldText     FieldType = "text"     // one line
	FieldTextArea FieldType = "textarea" // several lines
	FieldCheckbox FieldType = "checkbox" // "true" or ""
	FieldSelect   FieldType = "select"   // one of Options
	FieldInteger  FieldType = "integer"  // digits, perhaps after a minus
	FieldDecimal  FieldType = "decimal"  // such as "12.50": an exact number without exponent
	FieldList     FieldType = "list"     // one text per line
)

// FormField is one field that a person may change.
type FormField struct {
	Name      string    `json:"name"`
	Label     string    `json:"label,omitzero"`
	Type      FieldType `json:"type,omitzero"` // if empty, FieldText
	Value     string    `json:"value,omitzero"`
	MaxLength int       `json:"max_length,omitzero"` // in characters; if zero, 4,000
	Options   []Option  `json:"options,omitempty"`   // of a FieldSelect
	Required  bool      `json:"required,omitzero"`
}

// Option is one choice of a [FormField] of type [FieldSelect].
type Option struct {
	Value string `json:"value"`
	Label string `json:"label,omitzero"` // if empty, Value
}

// kindPattern is also what package audit demands of a word.
var kindPattern = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,63}$`)

func checkKind(kind string) error {
	if !kindPattern.MatchString(kind) {
		return fmt.Errorf("approval: the kind %.80q is not a lower-case word", kind)
	}
	return nil
}
