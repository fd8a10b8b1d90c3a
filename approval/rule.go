package approval

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

func policyVersion(policy Policy) (version string, err error) {
	err = guard(func() error {
		version = policy.Version()
		return nil
	})
	c := &checker{}
	c.required("policy version", version, maxVersion)
	return version, firstError(err, c.err)
}

// rule asks the policy about r, whose typed action is a if it is at hand and
// nobody else's. Whatever goes wrong asks people.
func (q *Queue) rule(ctx context.Context, policy Policy, r *Request, a Action) Ruling {
	var ruling Ruling
	err := guard(func() (err error) {
		copied := r.clone() // the policy may not change the original
		copied.action = a
		ruling, err = policy.Rule(ctx, copied)
		return err
	})
	switch {
	case err != nil:
		// The text may quote the action, so it is not logged.
		q.opts.Logger.ErrorContext(ctx, "approval: the policy failed, people are asked", "kind", r.Kind, "request", r.ID)
		ruling = Ruling{Verdict: RuleAsk, Reason: "the policy could not rule on it"}
	case ruling.Verdict == RuleAllow || ruling.Verdict == RuleDeny:
		return Ruling{Verdict: ruling.Verdict, Reason: cut(ruling.Reason, maxRuling), Rule: cut(ruling.Rule, maxRuleName)}
	case ruling.Verdict != RuleAsk:
		ruling.Verdict = RuleAsk
		if ruling.Reason == "" {
			ruling.Reason = "no rule is about it"
		}
	}
	ruling.Reason = cut(ruling.Reason, maxRuling)
	if ruling.Need.Validate() != nil {
		ruling.Need = q.opts.DefaultNeed
	}
	if ruling.Expiry <= 0 {
		ruling.Expiry = q.opts.DefaultExpiry
	}
	if ruling.validateEscalation() != nil {
		ruling.Escalation = nil // it asks the same people, for as long
	}
	ruling.Rule, ruling.Standing = cut(ruling.Rule, maxRuleName), ""
	return ruling
}

// clone returns a copy of r, as a policy is asked about it, that shares nothing with
// r which somebody could change. It does not go through JSON: people wait for it.
func (r *Request) clone() *Request {
	c := *r
	c.Args = bytes.Clone(r.Args)
	c.Preview.Fields = slices.Clone(r.Preview.Fields)
	c.Form = slices.Clone(r.Form)
	for i := range c.Form {
		c.Form[i].Options = slices.Clone(c.Form[i].Options)
	}
	c.Proposer = r.Proposer.clone()
	c.Subjects, c.Evidence = slices.Clone(r.Subjects), slices.Clone(r.Evidence)
	if r.Model != nil {
		model := *r.Model
		model.Parameters = maps.Clone(model.Parameters)
		c.Model = &model
	}
	if r.Confidence != nil {
		confidence := *r.Confidence
		c.Confidence = &confidence
	}
	c.Decisions = slices.Clone(r.Decisions)
	for i := range c.Decisions {
		c.Decisions[i] = c.Decisions[i].clone()
	}
	c.Edits = slices.Clone(r.Edits)
	for i := range c.Edits {
		c.Edits[i] = c.Edits[i].clone()
	}
	// What follows a ruling is not there to be judged, nor what an earlier one said.
	c.Ruling, c.Digest, c.Escalated, c.EscalatedAt = Ruling{}, "", 0, nil
	c.PolicyRuling, c.Shadow, c.Execution, c.Resolution = nil, nil, nil, nil
	return &c
}

// clone returns a copy that shares nothing with e.
func (e Edit) clone() Edit {
	e.By, e.Changes = e.By.clone(), slices.Clone(e.Changes)
	for i, d := range e.Changes {
		e.Changes[i].Before, e.Changes[i].After = bytes.Clone(d.Before), bytes.Clone(d.After)
	}
	return e
}

// maxRuling bounds the reason of a ruling, in bytes.
const maxRuling = 1 << 10

// errAltered: a stored request is not what was approved.
var errAltered = errors.New("the stored request is not what was approved")

// intact makes sure, before it is executed, that a stored request is the one
// that was judged and approved.
func (r *Request) intact() error {
	digest, err := r.ComputeDigest()
	if err != nil {
		return errAltered
	}
	first := false
	if digest != r.Digest {
		if digest, err = r.digest(firstDigestPrefix, "", time.Time{}); err != nil || digest != r.Digest {
			return errAltered
		}
		first = true
	}
	if r.Ruling.Verdict == RuleAllow {
		return nil
	}
	// Which steps of escalation have come is not part of the digest. Requests with
	// digests of the first version did not note when they came.
	if r.Ruling.Verdict == RuleAsk && (first || r.escalatedInTime()) && r.Need().Met(r.approvers()) {
		return nil
	}
	return errAltered
}

// escalatedInTime reports whether each step of escalation that has come came
// when it was due.
func (r *Request) escalatedInTime() bool {
	if r.Escalated != len(r.EscalatedAt) || r.Escalated > len(r.Ruling.Escalation) {
		return false
	}
	for i, at := range r.EscalatedAt {
		if at.Before(r.ruledAt().Add(r.Ruling.Escalation[i].After)) {
			return false
		}
	}
	return true
}

// ruledAt is when the present revision was ruled on.
func (r *Request) ruledAt() time.Time {
	if n := len(r.Edits); n > 0 {
		return r.Edits[n-1].At
	}
	return r.CreatedAt
}
