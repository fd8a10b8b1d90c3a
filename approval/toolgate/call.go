package toolgate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
)

// Kind is the kind of the actions that the gate proposes.
const Kind = "ai.toolcall"

// Call is the action: a tool call that a model made.
type Call struct {
	Tool      string          `json:"tool"`
	Effect    ai.Effect       `json:"effect"`           // as the tool declares it
	Tainted   bool            `json:"tainted,omitzero"` // the model had read text from outside
	Arguments json.RawMessage `json:"arguments"`        // a JSON object that meets the tool's schema

	// Amount is what [Options].Amount said is at stake.
	Amount approval.Money `json:"amount,omitzero"`

	// Title is what [Options].Title said.
	Title string `json:"title,omitzero"`
}

// Kind implements [approval.Action].
func (Call) Kind() string { return Kind }

// Validate implements [approval.Action].
func (c Call) Validate() error {
	switch {
	case c.Tool == "":
		return errors.New("no tool is named")
	case !slices.Contains([]ai.Effect{ai.EffectRead, ai.EffectWrite, ai.EffectMoney, ai.EffectIrreversible}, c.Effect):
		return errors.New("the effect of the tool is not known")
	case !json.Valid(c.Arguments):
		return errors.New("the arguments are not JSON")
	}
	return nil
}

// AmountAtStake implements [approval.Priced].
func (c Call) AmountAtStake() approval.Money { return c.Amount }

// maxFields bounds what is shown line by line; the rest is shown as JSON.
const maxFields = 32

// Preview implements [approval.Previewer].
func (c Call) Preview() approval.Preview {
	p := approval.Preview{Title: c.Title, Summary: effectWords[c.Effect]}
	if p.Title == "" {
		p.Title = "Run " + c.Tool
	}
	if c.Tainted {
		p.Summary += " The model had read text that somebody outside wrote, so this may be their wish."
	}
	var arguments map[string]json.RawMessage
	if json.Unmarshal(c.Arguments, &arguments) != nil || len(arguments) > maxFields {
		p.Fields = []approval.PreviewField{{Label: "Arguments", Value: indent(c.Arguments)}}
		return p
	}
	names := make([]string, 0, len(arguments))
	for name := range arguments {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.Fields = append(p.Fields, approval.PreviewField{Label: label(name), Value: plain(arguments[name])})
	}
	return p
}

var effectWords = map[ai.Effect]string{
	ai.EffectRead:         "It changes nothing.",
	ai.EffectWrite:        "It changes something that can be changed back.",
	ai.EffectMoney:        "It moves money or gives away something of value.",
	ai.EffectIrreversible: "It cannot be undone.",
}

// label bounds a name that came from the model.
func label(name string) string {
	const limit = 200
	for len(name) > limit {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, name)
}

// plain shows a string as it is and everything else as JSON.
func plain(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text
	}
	return indent(v)
}

func indent(v json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, v, "", "  ") != nil {
		return ""
	}
	return b.String()
}

// ToolIs is about calls of one of the tools.
func ToolIs(names ...string) approval.Condition {
	return onCall(func(c Call) bool { return slices.Contains(names, c.Tool) })
}

// EffectAtLeast is about calls of tools whose effect is as grave, or graver; the
// order is read, write, money, irreversible.
func EffectAtLeast(e ai.Effect) approval.Condition {
	return onCall(func(c Call) bool { return gravity(c.Effect) >= gravity(e) })
}

// Tainted is about calls that the model made after it had read text that
// somebody outside wrote.
func Tainted() approval.Condition { return onCall(func(c Call) bool { return c.Tainted }) }

func gravity(e ai.Effect) int {
	return slices.Index([]ai.Effect{ai.EffectRead, ai.EffectWrite, ai.EffectMoney, ai.EffectIrreversible}, e)
}

func onCall(is func(Call) bool) approval.Condition {
	return func(r *approval.Request) (bool, error) {
		if r.Kind != Kind {
			return false, nil
		}
		c, ok := approval.ActionOf[Call](r)
		if !ok {
			return false, fmt.Errorf("toolgate: request %s holds no call", r.ID)
		}
		return is(c), nil
	}
}

// Rules is a policy for tool calls to start from: calls that can be changed back
// and that nobody outside can have asked for are allowed, all others ask need.
// Actions of other kinds ask too.
func Rules(version string, need approval.Need) approval.Policy {
	return approval.Rules(version,
		approval.Rule{
			Name: "no outside influence, can be changed back",
			When: approval.AllOf(approval.KindIs(Kind), approval.Not(EffectAtLeast(ai.EffectMoney)), approval.Not(Tainted())),
			Then: approval.Allow("It can be changed back, and nobody outside can have asked for it."),
		},
		approval.Rule{Name: "ask", Then: approval.Ask(need, 0, "It moves money, cannot be undone, or may be somebody else's wish.")},
	)
}
