package approval

import (
	"context"
	"time"
)

// judging says what for an action is judged.
type judging int

const (
	asProposal judging = iota // fuses and standing rules are used up
	asEdit                    // a person is about to approve it: neither matters
	asDryRun                  // nothing is stored, so nothing is used up
)

// overlay applies what stands above the policy: switches, standing rules and
// fuses.
func (q *Queue) overlay(ctx context.Context, r *Request, ruling Ruling, now time.Time, as judging) (Ruling, error) {
	c, err := q.readControls(ctx)
	if err != nil {
		return Ruling{}, err
	}
	if stop := c.stopped(r, now); stop != nil && stop.Switch.Mode == Kill {
		return Ruling{Verdict: RuleDeny, Reason: cut("A switch stops it. "+stop.Switch.Reason, maxRuling)}, nil
	}
	if as == asEdit {
		return ruling, nil
	}
	if ruling.Verdict == RuleAsk {
		if ruling, err = q.standing(ctx, c, r, ruling, now, as); err != nil {
			return Ruling{}, err
		}
	}
	if ruling.Verdict == RuleAllow && as == asProposal {
		return q.fuses(ctx, r, ruling, now)
	}
	return ruling, nil
}

// standing turns an ask into an allow where somebody approved it in advance.
func (q *Queue) standing(ctx context.Context, c *Controls, r *Request, ruling Ruling, now time.Time, as judging) (Ruling, error) {
	for i := range c.Standing {
		s := &c.Standing[i]
		if !s.matches(r, ruling, now) {
			continue
		}
		if as == asProposal {
			ok, err := q.use(ctx, s)
			if err != nil {
				return Ruling{}, err
			}
			if !ok {
				continue
			}
		}
		reason := "Approved in advance, until " + s.Until.UTC().Format(time.DateOnly) + "."
		return Ruling{Verdict: RuleAllow, Reason: reason, Rule: ruling.Rule, Standing: s.ID}, nil
	}
	return ruling, nil
}

// DryRun returns the request that [Queue.Propose] would make of an action now:
// ruling, preview, digest. Nothing is stored, recorded, counted or executed, and
// its ID is not that of a stored request. Fuses are not asked.
//
// Errors: [ErrInvalid].
func (q *Queue) DryRun(ctx context.Context, a Action, p Proposal) (*Request, error) {
	k, err := q.kindOfAction(a)
	if err != nil {
		return nil, err
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	r := q.newRequest(k, p, now)
	if err := q.judge(ctx, k, r, a, now, asDryRun); err != nil {
		return nil, err
	}
	switch r.Ruling.Verdict {
	case RuleAllow:
		r.State = Approved
	case RuleDeny:
		r.State = Denied
	default:
		r.State = Pending
	}
	return r, nil
}
