package policyfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/approval"
)

// Limits of a file.
const (
	maxFile  = 256 << 10
	maxRules = 500
	maxDepth = 16 // of conditions and needs
)

// ErrInvalid says that a file is not a policy. The error is an [*Error].
var ErrInvalid = errors.New("policyfile: invalid")

// Error says where a file is wrong. It matches [ErrInvalid].
type Error struct {
	Path   string // such as "rules[2].ask.need"; empty for the file as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return "policyfile: " + e.Reason
	}
	return "policyfile: " + e.Path + ": " + e.Reason
}

// Is reports whether target is [ErrInvalid].
func (e *Error) Is(target error) bool { return target == ErrInvalid }

// File is a policy as a file has it.
type File struct {
	// Version is chosen by who writes the file, at most 60 bytes.
	Version string `json:"version"`

	Rules []Rule `json:"rules"`
}

// Rule is one rule. Exactly one of Allow, Deny and Ask is set.
type Rule struct {
	Name  string     `json:"name"` // required, and used once
	When  *Condition `json:"when,omitempty"`
	Allow *string    `json:"allow,omitempty"` // the reason, for people
	Deny  *string    `json:"deny,omitempty"`  // the reason, for people
	Ask   *Ask       `json:"ask,omitempty"`
}

// Ask is whom a rule asks.
type Ask struct {
	Need       approval.Need `json:"need"`
	Expiry     Duration      `json:"expiry,omitzero"` // if zero, the queue's default
	Reason     string        `json:"reason,omitzero"`
	Escalation []Escalation  `json:"escalation,omitempty"`
}

// Escalation is who is asked as well after a while.
type Escalation struct {
	After Duration      `json:"after"`
	Need  approval.Need `json:"need"`
}

// Condition says which requests a rule is about: those for which all that is
// set holds.
type Condition struct {
	Kind     []string `json:"kind,omitempty"` // one of these; a single one may stand without brackets
	Shop     string   `json:"shop,omitzero"`
	Location []string `json:"location,omitempty"` // one of these GIDs
	Model    string   `json:"model,omitzero"`
	Actor    string   `json:"actor,omitzero"` // ID of the proposer

	AmountAbove     *approval.Money     `json:"amount_above,omitempty"`
	AmountAtMost    *approval.Money     `json:"amount_at_most,omitempty"`
	ConfidenceBelow *float64            `json:"confidence_below,omitempty"` // from 0 to 1
	Args            []approval.ArgMatch `json:"args,omitempty"`             // all of these

	All []Condition `json:"all,omitempty"`
	Any []Condition `json:"any,omitempty"`
	Not *Condition  `json:"not,omitempty"`
}

// Duration is a time span, written as in Go: "90m", "48h".
type Duration time.Duration

// MarshalJSON implements [json.Marshaler].
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New(`is not a time span such as "90m"`)
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		return errors.New(`is not a positive time span such as "90m"`)
	}
	*d = Duration(v)
	return nil
}

// Parse reads a file, JSON or YAML.
func Parse(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, &Error{Reason: fmt.Sprintf("is larger than %d bytes", maxFile)}
	}
	tree, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := decode(tree, f); err != nil {
		return nil, err
	}
	if err := f.validate(); err != nil {
		return nil, err
	}
	return f, nil
}

// Policy returns the policy that the file says, an [approval.Explainer].
func (f *File) Policy() approval.Policy {
	rules := make([]approval.Rule, len(f.Rules))
	for i, r := range f.Rules {
		rules[i] = approval.Rule{Name: r.Name, Then: r.ruling()}
		if r.When != nil {
			rules[i].When = r.When.condition()
		}
	}
	return approval.Rules(f.Version+"+"+f.hash(), rules...)
}

// hash names what the file says, whatever its notation.
func (f *File) hash() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f.Rules); err != nil {
		panic("policyfile: a parsed file cannot be written: " + err.Error())
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:6])
}

func (r *Rule) ruling() approval.Ruling {
	switch {
	case r.Allow != nil:
		return approval.Allow(*r.Allow)
	case r.Deny != nil:
		return approval.Deny(*r.Deny)
	}
	ruling := approval.Ask(r.Ask.Need, time.Duration(r.Ask.Expiry), r.Ask.Reason)
	for _, e := range r.Ask.Escalation {
		ruling.Escalation = append(ruling.Escalation, approval.Escalation{After: time.Duration(e.After), Need: e.Need})
	}
	return ruling
}

// condition compiles c once, so that a request is judged without reading the
// file again.
func (c *Condition) condition() approval.Condition {
	var all []approval.Condition
	if len(c.Kind) > 0 {
		all = append(all, oneOf(c.Kind, approval.KindIs))
	}
	if len(c.Location) > 0 {
		all = append(all, oneOf(c.Location, func(l string) approval.Condition { return approval.InScope(approval.Scope{Location: l}) }))
	}
	if s := (approval.Scope{Shop: c.Shop, Model: c.Model, Actor: c.Actor}); s != (approval.Scope{}) {
		all = append(all, approval.InScope(s))
	}
	if m := c.AmountAbove; m != nil {
		all = append(all, approval.AmountAbove(m.Amount, m.Currency))
	}
	if m := c.AmountAtMost; m != nil {
		all = append(all, approval.Not(approval.AmountAbove(m.Amount, m.Currency)))
	}
	if c.ConfidenceBelow != nil {
		all = append(all, approval.ConfidenceBelow(*c.ConfidenceBelow))
	}
	if len(c.Args) > 0 {
		all = append(all, approval.ArgIs(c.Args...))
	}
	if len(c.All) > 0 {
		all = append(all, approval.AllOf(conditions(c.All)...))
	}
	if len(c.Any) > 0 {
		all = append(all, approval.AnyOf(conditions(c.Any)...))
	}
	if c.Not != nil {
		all = append(all, approval.Not(c.Not.condition()))
	}
	return first(all)
}

// first is about what all conditions are about, and asks them in order, so that
// the amount of a request of another kind, which may have none, fails nothing.
func first(all []approval.Condition) approval.Condition {
	return func(r *approval.Request) (bool, error) {
		for _, c := range all {
			if match, err := c(r); err != nil || !match {
				return false, err
			}
		}
		return true, nil
	}
}

func oneOf(values []string, is func(string) approval.Condition) approval.Condition {
	list := make([]approval.Condition, len(values))
	for i, v := range values {
		list[i] = is(v)
	}
	return approval.AnyOf(list...)
}

func conditions(list []Condition) []approval.Condition {
	out := make([]approval.Condition, len(list))
	for i := range list {
		out[i] = list[i].condition()
	}
	return out
}
