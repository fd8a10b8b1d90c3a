package approval

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/audit"
)

// Bounds of what a queue takes, in bytes of UTF-8 unless said otherwise.
const (
	maxID       = audit.MaxIDSize
	maxKey      = 200
	maxVersion  = 100
	maxLabel    = 256
	maxReason   = 4 << 10
	maxText     = 16 << 10
	maxArgs     = 64 << 10
	maxRecord   = 512 << 10
	maxResult   = 256 << 10
	maxError    = 1 << 10
	maxSubjects = 32
	maxEvidence = 32
	maxFields   = 64
	maxRoles    = 32
)

// checker keeps the first thing that is wrong with an input.
type checker struct{ err error }

func (c *checker) check(ok bool, field, reason string) {
	if !ok && c.err == nil {
		c.err = invalid(field, reason)
	}
}

// text accepts UTF-8 of at most limit bytes.
func (c *checker) text(field, s string, limit int) {
	c.check(len(s) <= limit, field, fmt.Sprintf("is longer than %d bytes", limit))
	c.check(utf8.ValidString(s), field, "is not UTF-8")
	c.check(!strings.ContainsRune(s, 0), field, "contains a zero byte")
}

// id accepts UTF-8 without control characters.
func (c *checker) id(field, s string, limit int) {
	c.text(field, s, limit)
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			c.check(false, field, "contains a control character")
			return
		}
	}
}

func (c *checker) required(field, s string, limit int) {
	c.check(s != "", field, "is missing")
	c.id(field, s, limit)
}

func (c *checker) principal(field string, p Principal) {
	c.required(field+".id", p.ID, maxID)
	c.id(field+".name", p.Name, maxLabel)
	c.check(p.Type == Human || p.Type == AI || p.Type == System, field+".type", "must be human, ai or system")
	c.check(len(p.Roles) <= maxRoles, field+".roles", "are too many")
	for _, role := range p.Roles {
		c.required(field+".roles", role, maxID)
	}
	for _, location := range p.Locations {
		c.required(field+".locations", location, maxID)
	}
}

func (p *Proposal) validate() error {
	c := &checker{}
	c.required("key", p.Key, maxKey)
	c.id("shop", p.Shop, maxID)
	c.id("location", p.Location, maxID)
	c.id("correlation", p.Correlation, maxID)
	c.principal("proposer", p.Proposer)
	c.text("reason", p.Reason, maxReason)
	c.check(len(p.Subjects) <= maxSubjects, "subjects", "are too many")
	for _, s := range p.Subjects {
		c.required("subjects.type", s.Type, maxID)
		c.required("subjects.id", s.ID, maxID)
	}
	c.check(len(p.Evidence) <= maxEvidence, "evidence", "is too much")
	for _, e := range p.Evidence {
		c.id("evidence.label", e.Label, maxLabel)
		c.text("evidence.text", e.Text, maxText)
	}
	if v := p.Confidence; v != nil {
		c.check(!math.IsNaN(*v) && *v >= 0 && *v <= 1, "confidence", "must be from 0 to 1")
	}
	if c.err == nil {
		c.amount(p.Amount)
	}
	return c.err
}

// timely refuses a proposal whose time is over.
func (p *Proposal) timely(now time.Time) error {
	if !p.ExpiresAt.IsZero() && !p.ExpiresAt.After(now) {
		return invalid("expires_at", "is in the past")
	}
	return nil
}

func (c *checker) amount(m Money) {
	if m != (Money{}) {
		c.check(m.check() == nil, "amount", "must be a decimal that is not negative and a currency code")
	}
}

func (p *Preview) validate() error {
	c := &checker{}
	c.id("preview.title", p.Title, maxLabel)
	c.text("preview.summary", p.Summary, maxText)
	c.check(len(p.Fields) <= maxFields, "preview.fields", "are too many")
	for _, f := range p.Fields {
		c.id("preview.fields.label", f.Label, maxLabel)
		c.text("preview.fields.value", f.Value, maxText)
	}
	return c.err
}

func validateForm(form []FormField) error {
	c := &checker{}
	c.check(len(form) <= maxFields, "form", "has too many fields")
	seen := make(map[string]bool)
	for _, f := range form {
		c.required("form.name", f.Name, maxLabel)
		c.check(!seen[f.Name], "form.name", "is there twice")
		seen[f.Name] = true
		c.id("form.label", f.Label, maxLabel)
		c.text("form.value", f.Value, maxText)
		switch f.Type {
		case "", FieldText, FieldTextArea, FieldCheckbox, FieldInteger, FieldDecimal, FieldList:
		case FieldSelect:
			c.check(len(f.Options) > 0, "form.options", "are missing")
		default:
			c.check(false, "form.type", "is not known")
		}
		c.check(f.MaxLength >= 0, "form.max_length", "is negative")
	}
	return c.err
}

func (d *Decision) validate() error {
	c := &checker{}
	c.required("request_id", d.RequestID, maxID)
	c.id("digest", d.Digest, maxID)
	c.id("edit_digest", d.EditDigest, maxID)
	c.check(d.Verdict == Approve || d.Verdict == Reject, "verdict", "must be approve or reject")
	c.text("reason", d.Reason, maxReason)
	c.principal("by", d.By)
	c.id("channel", d.Channel, maxID)
	c.check(d.Edit == nil || d.Verdict == Approve, "edit", "goes with approve alone")
	return c.err
}

// cut returns at most limit bytes of s, whole characters.
func cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
