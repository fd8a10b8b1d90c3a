package audit

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// word is the form of kinds and attribute keys. Keys of this form sort the
// same way by bytes and by UTF-16 units, which the canonical form relies on.
var word = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,63}$`)

var (
	decimal  = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
)

// maxCount is the largest integer that every JSON reader keeps exactly.
const maxCount = 1<<53 - 1

// Validate reports the first rule of the schema that e breaks, as a
// [*FieldError], or nil. An empty ID and a zero Time are fine: Append fills
// them in. The size of the whole entry is checked by [Log.Append] and
// [Entry.MarshalJSON].
func (e *Entry) Validate() error {
	c := &checker{}
	if e.SchemaVersion() == 1 {
		c.check(reflect.DeepEqual(*e, e.firstSchema()), "v", "a field that schema version 1 does not have")
	}
	c.id("id", e.ID, false)
	c.instant("time", e.Time)
	c.check(word.MatchString(string(e.Kind)), "kind", "must be a lower-case word")
	c.id("correlation", e.Correlation, false)
	c.id("shop", e.Shop, false)
	c.id("location", e.Location, false)
	c.check(e.Actor.Type == Human || e.Actor.Type == AI || e.Actor.Type == System, "actor.type", "must be human, ai or system")
	c.id("actor.id", e.Actor.ID, false)
	c.id("actor.role", e.Actor.Role, false)
	c.id("actor.channel", e.Actor.Channel, false)
	c.id("actor.assurance", e.Actor.Assurance, false)
	c.id("actor.methods", e.Actor.Methods, false)
	c.id("action", e.Action, false)
	c.check(len(e.Subjects) <= MaxSubjects, "subjects", "too many")
	for i, s := range e.Subjects {
		c.at = i
		c.id("subjects[%d].type", s.Type, true)
		c.id("subjects[%d].id", s.ID, true)
	}
	if m := e.Model; m != nil {
		c.id("model.provider", m.Provider, false)
		c.id("model.name", m.Name, false)
		c.words("model.parameters", m.Parameters, MaxParameters)
		c.id("model.prompt_digest", m.PromptDigest, false)
		c.id("model.input_digest", m.InputDigest, false)
		c.id("model.output_digest", m.OutputDigest, false)
		c.count("model.input_tokens", m.InputTokens)
		c.count("model.output_tokens", m.OutputTokens)
	}
	if p := e.Policy; p != nil {
		c.id("policy.version", p.Version, false)
		c.id("policy.rule", p.Rule, false)
		c.id("policy.verdict", p.Verdict, false)
		c.text("policy.reason", p.Reason, MaxTextSize)
	}
	if d := e.Decision; d != nil {
		c.id("decision.verdict", d.Verdict, false)
		c.text("decision.reason", d.Reason, MaxTextSize)
		c.id("decision.digest", d.Digest, false)
		c.instant("decision.shown_at", d.ShownAt)
		c.count("decision.view_ms", d.ViewMillis)
		c.check(len(d.Edits) <= MaxEdits, "decision.edits", "too many")
		for i, x := range d.Edits {
			c.at = i
			c.id("decision.edits[%d].path", x.Path, true)
			c.text("decision.edits[%d].before", x.Before, MaxValueSize)
			c.text("decision.edits[%d].after", x.After, MaxValueSize)
		}
	}
	if f := e.Effect; f != nil {
		c.id("effect.idempotency_key", f.IdempotencyKey, false)
		c.count("effect.attempt", f.Attempt)
		c.id("effect.operation", f.Operation, false)
		c.id("effect.request_id", f.RequestID, false)
		c.check(len(f.IDs) <= MaxEffectIDs, "effect.ids", "too many")
		for i, id := range f.IDs {
			c.at = i
			c.id("effect.ids[%d]", id, true)
		}
		c.id("effect.outcome", f.Outcome, false)
	}
	c.id("preview_digest", e.Preview, false)
	if e.Cost != (Cost{}) {
		c.check(decimal.MatchString(e.Cost.Amount), "cost.amount", "must be a decimal number")
		c.check(currency.MatchString(e.Cost.Currency), "cost.currency", "must be three capital letters")
	}
	c.id("trace_id", e.TraceID, false)
	c.text("note", e.Note, MaxTextSize)
	c.words("attributes", e.Attributes, MaxAttributes)
	c.parts(e.Sealed)
	return c.err
}

// firstSchema returns e with the fields that schema version 1 had.
func (e *Entry) firstSchema() Entry {
	v1 := *e
	v1.Actor.Assurance, v1.Actor.Methods = "", ""
	v1.Preview, v1.Cost, v1.TraceID, v1.Sealed = "", Cost{}, "", nil
	if m := e.Model; m != nil {
		v1.Model = new(*m)
		v1.Model.Parameters, v1.Model.InputDigest = nil, ""
	}
	if p := e.Policy; p != nil {
		v1.Policy = new(*p)
		v1.Policy.Rule = ""
	}
	if d := e.Decision; d != nil {
		v1.Decision = &Decision{Verdict: d.Verdict, Reason: d.Reason, Digest: d.Digest}
	}
	if f := e.Effect; f != nil {
		v1.Effect = new(*f)
		v1.Effect.Operation = ""
	}
	return v1
}

// words accepts a map whose keys are lower-case words.
func (c *checker) words(field string, m map[string]string, limit int) {
	c.check(len(m) <= limit, field, "too many")
	for k, v := range m {
		if !word.MatchString(k) {
			c.check(false, field, "a key is not a lower-case word")
			continue
		}
		c.text(field+"."+k, v, MaxValueSize)
	}
}

func (c *checker) parts(parts []Part) {
	c.check(len(parts) <= MaxParts, "sealed", "too many")
	names, total := map[string]bool{}, 0
	for i, p := range parts {
		c.at = i
		c.check(word.MatchString(p.Name), "sealed[%d].name", "must be a lower-case word")
		c.check(!names[p.Name], "sealed[%d].name", "there twice")
		names[p.Name] = true
		c.check(len(p.Data) <= MaxPartSize, "sealed[%d]", fmt.Sprintf("larger than %d bytes", MaxPartSize))
		total += len(p.Data)
		c.check(total <= MaxSealedSize, "sealed", fmt.Sprintf("larger than %d bytes altogether", MaxSealedSize))
		c.check(len(p.Of) <= MaxSubjects && len(p.Subjects) <= MaxSubjects, "sealed[%d].of", "too many")
		for _, of := range p.Of {
			c.id("sealed[%d].of", of, true)
		}
		for _, s := range p.Subjects {
			c.id("sealed[%d].subjects.type", s.Type, true)
			c.id("sealed[%d].subjects.id", s.ID, true)
		}
	}
}

// checker keeps the first broken rule.
type checker struct {
	err error
	at  int // replaces %d in the name of a field
}

func (c *checker) check(ok bool, field, reason string) {
	if !ok && c.err == nil {
		c.err = &FieldError{Field: strings.Replace(field, "%d", strconv.Itoa(c.at), 1), Reason: reason}
	}
}

// text accepts UTF-8 of at most limit bytes.
func (c *checker) text(field, s string, limit int) {
	if len(s) > limit {
		c.check(false, field, fmt.Sprintf("longer than %d bytes", limit))
		return
	}
	c.check(utf8.ValidString(s), field, "not UTF-8")
}

// id accepts UTF-8 without control characters.
func (c *checker) id(field, s string, required bool) {
	c.text(field, s, MaxIDSize)
	c.check(!required || s != "", field, "missing")
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			c.check(false, field, "contains a control character")
			return
		}
	}
}

func (c *checker) count(field string, n int64) {
	c.check(n >= 0 && n <= maxCount, field, "out of range")
}

// instant accepts the years 1 to 9999, which RFC 3339 can write.
func (c *checker) instant(field string, t time.Time) {
	c.check(t.IsZero() || t.UTC().Year() >= 1 && t.UTC().Year() <= 9999, field, "out of range")
}
