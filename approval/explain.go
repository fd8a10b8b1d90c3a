package approval

import (
	"context"
	"fmt"
)

// RuleTrace is what one rule of a policy says about a request.
type RuleTrace struct {
	Rule    string `json:"rule"`    // its name, or "rule 3" counted from 1
	Matched bool   `json:"matched"` // it is about the request

	// Failed says that its condition could not tell, and so asked people.
	Failed bool `json:"failed,omitzero"`

	// Reached says that the rules before it left the request to it. The first
	// rule that was reached and matched, or failed, decided.
	Reached bool `json:"reached"`
}

// Explainer is a [Policy] that says how it comes to its ruling.
type Explainer interface {
	Explain(ctx context.Context, r *Request) []RuleTrace
}

// Explanation says why a request got its ruling.
type Explanation struct {
	Ruling        Ruling `json:"ruling"`         // as stored
	PolicyVersion string `json:"policy_version"` // that ruled

	// Rules are those of the policy in force now. Nil where the policy does not
	// explain itself, or has another version by now.
	Rules []RuleTrace `json:"rules,omitempty"`
}

// Explain says why the request got its ruling.
//
// Errors: [ErrNotFound].
func (q *Queue) Explain(ctx context.Context, id string) (*Explanation, error) {
	r, err := q.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Ruling: r.Ruling, PolicyVersion: r.PolicyVersion}
	if e, ok := q.policy.(Explainer); ok && q.ruledNow(r) {
		_ = guard(func() error { // a policy that panics here explains nothing
			x.Rules = e.Explain(ctx, r)
			return nil
		})
	}
	return x, nil
}

// ruledNow reports whether the policy that ruled on r is the one in force.
func (q *Queue) ruledNow(r *Request) bool {
	version, err := policyVersion(q.policy)
	return err == nil && version == r.PolicyVersion
}

func ruleName(name string, i int) string {
	if name == "" {
		return fmt.Sprintf("rule %d", i+1)
	}
	return name
}
