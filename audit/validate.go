package audit

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// word is the form of kinds and attribute keys. Keys of this form sort the
// same way by bytes and by UTF-16 units, which the canonical form relies on.
var word = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,63}$`)

// maxCount is the largest integer that every JSON reader keeps exactly.
const maxCount = 1<<53 - 1

// Validate reports the first rule of the schema that e breaks, as a
// [*FieldError], or nil. An empty ID and a zero Time are fine: Append fills
// them in. The size of the whole entry is checked by [Log.Append] and
// [Entry.MarshalJSON].
func (e *Entry) Validate() error {
	c := &checker{}
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
		c.id("model.prompt_digest", m.PromptDigest, false)
		c.id("model.output_digest", m.OutputDigest, false)
		c.count("model.input_tokens", m.InputTokens)
		c.count("model.output_tokens", m.OutputTokens)
	}
	if p := e.Policy; p != nil {
		c.id("policy.version", p.Version, false)
		c.id("policy.verdict", p.Verdict, false)
		c.text("policy.reason", p.Reason, MaxTextSize)
	}
	if d := e.Decision; d != nil {
		c.id("decision.verdict", d.Verdict, false)
		c.text("decision.reason", d.Reason, MaxTextSize)
		c.id("decision.digest", d.Digest, false)
	}
	if f := e.Effect; f != nil {
		c.id("effect.idempotency_key", f.IdempotencyKey, false)
		c.count("effect.attempt", f.Attempt)
		c.id("effect.request_id", f.RequestID, false)
		c.check(len(f.IDs) <= MaxEffectIDs, "effect.ids", "too many")
		for i, id := range f.IDs {
			c.at = i
			c.id("effect.ids[%d]", id, true)
		}
		c.id("effect.outcome", f.Outcome, false)
	}
	c.text("note", e.Note, MaxTextSize)
	c.check(len(e.Attributes) <= MaxAttributes, "attributes", "too many")
	for k, v := range e.Attributes {
		if !word.MatchString(k) {
			c.check(false, "attributes", "a key is not a lower-case word")
			continue
		}
		c.text("attributes."+k, v, MaxValueSize)
	}
	return c.err
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
