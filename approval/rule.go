package approval

import (
	"context"
	"errors"
)

func (q *Queue) policyVersion() (version string, err error) {
	err = guard(func() error {
		version = q.policy.Version()
		return nil
	})
	c := &checker{}
	c.required("policy version", version, maxVersion)
	return version, firstError(err, c.err)
}

// rule asks the policy about r. Whatever goes wrong asks people.
func (q *Queue) rule(ctx context.Context, r *Request) Ruling {
	var ruling Ruling
	err := guard(func() (err error) {
		copied, err := cloneRecord(&Record{Request: *r}) // the policy may not change the original
		if err == nil {
			ruling, err = q.policy.Rule(ctx, &copied.Request)
		}
		return err
	})
	switch {
	case err != nil:
		// The text may quote the action, so it is not logged.
		q.opts.Logger.ErrorContext(ctx, "approval: the policy failed, people are asked", "kind", r.Kind, "request", r.ID)
		ruling = Ruling{Verdict: RuleAsk, Reason: "the policy could not rule on it"}
	case ruling.Verdict == RuleAllow || ruling.Verdict == RuleDeny:
		return Ruling{Verdict: ruling.Verdict, Reason: cut(ruling.Reason, maxRuling)}
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
	if r.Ruling.Verdict == RuleAllow || r.Ruling.Verdict == RuleAsk && r.Ruling.Need.Met(r.approvers()) {
		return nil
	}
	return errAltered
}
