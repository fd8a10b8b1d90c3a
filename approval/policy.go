package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Policy rules on actions before anybody else does. It is safe for concurrent
// use.
type Policy interface {
	// Version names the rules as they are now, in at most 100 bytes. It is
	// part of every digest, so change it whenever the rules change.
	Version() string

	// Rule returns what is to be done about r, which is not stored yet and has
	// no ruling and no digest; of an edit, it has the decisions and edits so far.
	// An error, a panic or the zero Ruling asks the people of
	// [Options].DefaultNeed. Reasons are recorded in the audit log: they hold
	// no personal data. [ActionOf] gives the typed action. r is a copy, but
	// neither it nor the action is to be changed.
	Rule(ctx context.Context, r *Request) (Ruling, error)
}

// PolicyFunc returns the policy that rule computes.
func PolicyFunc(version string, rule func(ctx context.Context, r *Request) (Ruling, error)) Policy {
	return policyFunc{version, rule}
}

type policyFunc struct {
	version string
	rule    func(context.Context, *Request) (Ruling, error)
}

func (p policyFunc) Version() string { return p.version }

func (p policyFunc) Rule(ctx context.Context, r *Request) (Ruling, error) { return p.rule(ctx, r) }

// RulingVerdict is what a policy says.
type RulingVerdict string

// The verdicts of policies.
const (
	RuleAllow RulingVerdict = "allow" // execute it
	RuleDeny  RulingVerdict = "deny"  // never execute it
	RuleAsk   RulingVerdict = "ask"   // ask people
)

// Ruling is what a policy says about an action. The zero Ruling says nothing,
// and so asks.
type Ruling struct {
	Verdict RulingVerdict `json:"verdict"`
	Reason  string        `json:"reason,omitzero"` // for people, at most 1 KiB; goes into the audit log
	Need    Need          `json:"need,omitzero"`   // of an ask: who has to approve

	// Expiry is how long an ask waits for people. If zero,
	// [Options].DefaultExpiry.
	Expiry time.Duration `json:"expiry,omitzero"`

	// Escalation says who may approve as well once nobody has for a while, in
	// the order of time; at most 8 steps.
	Escalation []Escalation `json:"escalation,omitempty"`

	// Rule names the rule that decided, if the policy says; at most 200 bytes.
	Rule string `json:"rule,omitzero"`

	// Standing is the ID of the [StandingRule] that turned an ask into an
	// allow. The queue sets it.
	Standing string `json:"standing,omitzero"`
}

// Escalation is one step of a [Ruling]: After so long without the approvals
// that it takes, the people of Need can give them too.
type Escalation struct {
	After time.Duration `json:"after"` // from the ruling; positive, less than its Expiry
	Need  Need          `json:"need"`
}

const (
	maxEscalation = 8
	maxRuleName   = 200
)

// need is who can approve at the given step of escalation.
func (r *Ruling) need(level int) Need {
	level = min(level, len(r.Escalation))
	if level <= 0 {
		return r.Need
	}
	any := []Need{r.Need}
	for _, e := range r.Escalation[:level] {
		any = append(any, e.Need)
	}
	return Any(any...)
}

// validateEscalation reports why the escalation makes no sense.
func (r *Ruling) validateEscalation() error {
	if len(r.Escalation) > maxEscalation {
		return errors.New("approval: escalation: too many steps")
	}
	var last time.Duration
	for _, e := range r.Escalation {
		if e.After <= last || e.After >= r.Expiry {
			return errors.New("approval: escalation: the steps are not in the order of time, or after the expiry")
		}
		last = e.After
	}
	return r.need(len(r.Escalation)).Validate()
}

// within returns an ask that waits no longer than limit. Steps of escalation that
// would come later are left out.
func (r Ruling) within(limit time.Duration) Ruling {
	if limit < r.Expiry {
		r.Expiry = max(limit, time.Microsecond)
		r.Escalation = slices.DeleteFunc(slices.Clone(r.Escalation), func(e Escalation) bool { return e.After >= r.Expiry })
	}
	return r
}

// WithEscalation returns an ask that others can approve too after a while.
func (r Ruling) WithEscalation(steps ...Escalation) Ruling {
	r.Escalation = steps
	return r
}

// Allow says that the action needs no approval.
func Allow(reason string) Ruling { return Ruling{Verdict: RuleAllow, Reason: reason} }

// Deny says that the action is never executed.
func Deny(reason string) Ruling { return Ruling{Verdict: RuleDeny, Reason: reason} }

// Ask says that the action waits for people, for as long as expiry (zero: the
// queue's default).
func Ask(need Need, expiry time.Duration, reason string) Ruling {
	return Ruling{Verdict: RuleAsk, Reason: reason, Need: need, Expiry: expiry}
}

// ActionOf returns the typed action of a request, and false if it is not an A.
func ActionOf[A Action](r *Request) (A, bool) {
	if a, ok := r.action.(A); ok {
		return a, true
	}
	var a A
	kind, err := kindOf(a)
	if err != nil || kind != r.Kind || json.Unmarshal(r.Args, &a) != nil {
		var zero A
		return zero, false
	}
	return a, true
}

// ResultOf returns what the executor of a request returned. It fails for a
// request that is not [Executed], and for one that a person settled, which has
// no result.
func ResultOf[R any](r *Request) (R, error) {
	var result R
	if r.State != Executed || r.Execution == nil || r.Execution.Result == nil {
		return result, fmt.Errorf("approval: request %s has no result: it is %s", r.ID, r.State)
	}
	if err := json.Unmarshal(r.Execution.Result, &result); err != nil {
		return result, fmt.Errorf("approval: the result of request %s is not a %T", r.ID, result)
	}
	return result, nil
}
