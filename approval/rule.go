package approval

import (
	"context"
	"errors"
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

// rule asks the policy about r. Whatever goes wrong asks people.
func (q *Queue) rule(ctx context.Context, policy Policy, r *Request) Ruling {
	var ruling Ruling
	err := guard(func() (err error) {
		copied, err := cloneRecord(&Record{Request: *r}) // the policy may not change the original
		if err == nil {
			ruling, err = policy.Rule(ctx, &copied.Request)
		}
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

// maxRuling bounds the reason of a ruling, in bytes.
const maxRuling = 1 << 10

// errAltered: a stored request is not what was approved.
var errAltered = errors.New("the stored request is not what was approved")

// intact makes sure, before it is executed, that a stored request is the one
// that was judged and approved.
func (r *Request) intact() error {
	digest, err := r.ComputeDigest()
	if err != nil || digest != r.Digest {
		return errAltered
	}
	if r.Ruling.Verdict == RuleAllow || r.Ruling.Verdict == RuleAsk && r.Need().Met(r.approvers()) {
		return nil
	}
	return errAltered
}
