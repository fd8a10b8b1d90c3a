package policyfile

import (
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

func wrong(path, format string, args ...any) error {
	return &Error{Path: path, Reason: fmt.Sprintf(format, args...)}
}

func (f *File) validate() error {
	switch {
	case f.Version == "" || len(f.Version) > 60 || strings.ContainsFunc(f.Version, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return wrong("version", "is required: a word of at most 60 bytes")
	case len(f.Rules) == 0:
		return wrong("rules", "are missing")
	case len(f.Rules) > maxRules:
		return wrong("rules", "are more than %d", maxRules)
	}
	names := map[string]bool{}
	for i := range f.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		r := &f.Rules[i]
		if r.Name == "" || len(r.Name) > 200 {
			return wrong(path+".name", "is required, in at most 200 bytes")
		}
		if names[r.Name] {
			return wrong(path+".name", "is used twice")
		}
		names[r.Name] = true
		if err := r.validate(path); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) validate(path string) error {
	says := 0
	for _, set := range []bool{r.Allow != nil, r.Deny != nil, r.Ask != nil} {
		if set {
			says++
		}
	}
	if says != 1 {
		return wrong(path, "needs exactly one of allow, deny and ask")
	}
	for field, reason := range map[string]*string{"allow": r.Allow, "deny": r.Deny} {
		if reason != nil && (*reason == "" || len(*reason) > 1024) {
			return wrong(path+"."+field, "is the reason: a text of at most 1024 bytes")
		}
	}
	if r.Ask != nil {
		if err := r.Ask.validate(path + ".ask"); err != nil {
			return err
		}
	}
	if r.When != nil {
		return r.When.validate(path+".when", 0)
	}
	return nil
}

func (a *Ask) validate(path string) error {
	if err := a.Need.Validate(); err != nil {
		return wrong(path+".need", "%s", strings.TrimPrefix(err.Error(), "approval: need: "))
	}
	if len(a.Reason) > 1024 {
		return wrong(path+".reason", "is longer than 1024 bytes")
	}
	if len(a.Escalation) > 8 {
		return wrong(path+".escalation", "has more than 8 steps")
	}
	if len(a.Escalation) > 0 && a.Expiry == 0 {
		return wrong(path+".expiry", "is required where there is an escalation")
	}
	var last Duration
	needs := []approval.Need{a.Need}
	for i, e := range a.Escalation {
		path := fmt.Sprintf("%s.escalation[%d]", path, i)
		if e.After <= last || e.After >= a.Expiry {
			return wrong(path+".after", "must be later than the step before, and before the expiry of %s", time.Duration(a.Expiry))
		}
		if err := e.Need.Validate(); err != nil {
			return wrong(path+".need", "%s", strings.TrimPrefix(err.Error(), "approval: need: "))
		}
		last = e.After
		needs = append(needs, e.Need)
	}
	if err := approval.Any(needs...).Validate(); err != nil {
		return wrong(path, "asks too many people in too many ways")
	}
	return nil
}

func (c *Condition) validate(path string, depth int) error {
	if depth > maxDepth {
		return wrong(path, "is nested too deeply")
	}
	empty := len(c.Kind) == 0 && len(c.Location) == 0 && c.Shop == "" && c.Model == "" && c.Actor == "" && c.AmountAbove == nil &&
		c.AmountAtMost == nil && c.ConfidenceBelow == nil && len(c.Args) == 0 && len(c.All) == 0 && len(c.Any) == 0 && c.Not == nil
	if empty {
		return wrong(path, "says nothing; leave it out for every request")
	}
	for field, m := range map[string]*approval.Money{"amount_above": c.AmountAbove, "amount_at_most": c.AmountAtMost} {
		if m == nil {
			continue
		}
		if order, err := m.Cmp(approval.Money{Amount: "0", Currency: m.Currency}); err != nil || order < 0 {
			return wrong(path+"."+field, `needs an amount such as "20.00" that is not negative, and a currency code`)
		}
	}
	if p := c.ConfidenceBelow; p != nil && (*p < 0 || *p > 1) {
		return wrong(path+".confidence_below", "must be from 0 to 1")
	}
	for i, m := range c.Args {
		if err := m.Validate(); err != nil {
			return wrong(fmt.Sprintf("%s.args[%d]", path, i), "needs a path, and either equal or decimal bounds in quotes")
		}
	}
	for field, list := range map[string][]Condition{"all": c.All, "any": c.Any} {
		for i := range list {
			if err := list[i].validate(fmt.Sprintf("%s.%s[%d]", path, field, i), depth+1); err != nil {
				return err
			}
		}
	}
	if c.Not != nil {
		return c.Not.validate(path+".not", depth+1)
	}
	return nil
}
