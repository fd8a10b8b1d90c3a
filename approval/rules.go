package approval

import (
	"context"
	"fmt"
)

// Condition says whether a rule is about a request. An error means that it
// cannot tell, and so asks people. It does not change the request.
type Condition func(*Request) (bool, error)

// Rule is one line of [Rules]: what holds for a request that it is about.
type Rule struct {
	Name string    // for [Ruling].Rule; if empty, "rule 3", counted from 1
	When Condition // nil: every request
	Then Ruling
}

// Rules returns the policy in which the first rule decides that is about the
// request. If none is, or a condition fails before, people are asked. The
// policy is an [Explainer].
func Rules(version string, rules ...Rule) Policy {
	p := ruleList{version: version, rules: append([]Rule(nil), rules...)}
	for i := range p.rules {
		p.rules[i].Name = ruleName(p.rules[i].Name, i)
		p.rules[i].Then.Rule = p.rules[i].Name
	}
	return &p
}

type ruleList struct {
	version string
	rules   []Rule
}

func (p *ruleList) Version() string { return p.version }

func (p *ruleList) Rule(_ context.Context, r *Request) (Ruling, error) {
	for i := range p.rules {
		rule := &p.rules[i]
		match, err := rule.matches(r)
		if err != nil {
			return Ruling{}, fmt.Errorf("%s: %w", rule.Name, err)
		}
		if match {
			return rule.Then, nil
		}
	}
	return Ruling{}, nil
}

func (p *ruleList) Explain(_ context.Context, r *Request) []RuleTrace {
	list := make([]RuleTrace, len(p.rules))
	reached := true
	for i := range p.rules {
		match, err := p.rules[i].matches(r)
		list[i] = RuleTrace{Rule: p.rules[i].Name, Matched: match, Failed: err != nil, Reached: reached}
		reached = reached && !match && err == nil
	}
	return list
}

func (r *Rule) matches(req *Request) (bool, error) {
	if r.When == nil {
		return true, nil
	}
	return r.When(req)
}

// KindIs is about actions of this kind.
func KindIs(kind string) Condition {
	return func(r *Request) (bool, error) { return r.Kind == kind, nil }
}

// InScope is about requests in the scope.
func InScope(s Scope) Condition {
	return func(r *Request) (bool, error) { return s.Covers(r), nil }
}

// AllOf is about requests that all conditions are about. Where one fails, it
// fails, whatever the others say.
func AllOf(conditions ...Condition) Condition {
	return func(r *Request) (bool, error) {
		all := true
		for _, c := range conditions {
			match, err := c(r)
			if err != nil {
				return false, err
			}
			all = all && match
		}
		return all, nil
	}
}

// AnyOf is about requests that one of the conditions is about. Where one fails,
// it fails, whatever the others say.
func AnyOf(conditions ...Condition) Condition {
	return func(r *Request) (bool, error) {
		any := false
		for _, c := range conditions {
			match, err := c(r)
			if err != nil {
				return false, err
			}
			any = any || match
		}
		return any, nil
	}
}

// Not is about requests that the condition is not about.
func Not(condition Condition) Condition {
	return func(r *Request) (bool, error) {
		match, err := condition(r)
		return !match && err == nil, err
	}
}

// AmountAbove is about requests whose amount is greater than limit, a decimal
// such as "500.00", in the given currency. It compares exactly. It fails, and
// so asks people, where the request has no amount, one that is malformed or
// negative, or one in another currency.
func AmountAbove(limit, currency string) Condition {
	bound := newBound(limit, currency)
	return func(r *Request) (bool, error) {
		order, err := bound.cmp(r.Amount)
		if err != nil {
			return false, fmt.Errorf("the amount of the request: %w", err)
		}
		return order > 0, nil
	}
}

// ConfidenceBelow is about requests whose proposer was less sure than min, from
// 0 to 1, or did not say.
func ConfidenceBelow(min float64) Condition {
	return func(r *Request) (bool, error) { return r.Confidence == nil || *r.Confidence < min, nil }
}

// ArgIs is about requests whose arguments satisfy the conditions.
func ArgIs(matches ...ArgMatch) Condition {
	return func(r *Request) (bool, error) {
		for _, m := range matches {
			if err := m.Validate(); err != nil {
				return false, err
			}
			if !m.holds(r.Args) {
				return false, nil
			}
		}
		return true, nil
	}
}
