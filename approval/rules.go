package approval

import (
	"context"
	"fmt"
)

// Condition says whether a rule is about a request. An error means that it
// cannot tell, and so asks people.
type Condition func(*Request) (bool, error)

// Rule is one line of [Rules]: what holds for a request that it is about.
type Rule struct {
	When Condition // nil: every request
	Then Ruling
}

// Rules returns the policy in which the first rule decides that is about the
// request. If none is, or a condition fails before, people are asked.
func Rules(version string, rules ...Rule) Policy {
	rules = append([]Rule(nil), rules...)
	return PolicyFunc(version, func(_ context.Context, r *Request) (Ruling, error) {
		for i, rule := range rules {
			match := true
			if rule.When != nil {
				var err error
				if match, err = rule.When(r); err != nil {
					return Ruling{}, fmt.Errorf("rule %d: %w", i+1, err)
				}
			}
			if match {
				return rule.Then, nil
			}
		}
		return Ruling{}, nil
	})
}

// KindIs is about actions of this kind.
func KindIs(kind string) Condition {
	return func(r *Request) (bool, error) { return r.Kind == kind, nil }
}

// AmountAbove is about requests whose amount is greater than limit, a decimal
// such as "500.00", in the given currency. It compares exactly. It fails, and
// so asks people, where the request has no amount, one that is malformed or
// negative, or one in another currency.
func AmountAbove(limit, currency string) Condition {
	bound := Money{Amount: limit, Currency: currency}
	return func(r *Request) (bool, error) {
		if err := r.Amount.check(); err != nil {
			return false, fmt.Errorf("the amount of the request: %w", err)
		}
		order, err := r.Amount.Cmp(bound)
		return order > 0, err
	}
}
