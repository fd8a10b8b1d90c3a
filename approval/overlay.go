package approval

import (
	"context"
	"time"
)

// judging says what for an action is judged.
type judging int

const (
	asProposal judging = iota
	asEdit             // a person is about to approve it: fuses and standing rules do not matter
)

// overlay applies what stands above the policy: switches, standing rules and
// fuses. The charges are what is used up of the last two once the request is
// stored.
func (q *Queue) overlay(ctx context.Context, r *Request, ruling Ruling, now time.Time, as judging) (_ Ruling, charges []Document, err error) {
	c, err := q.readControls(ctx)
	if err != nil {
		return Ruling{}, nil, err
	}
	if stop := c.stopped(r, now); stop != nil && stop.Switch.Mode == Kill {
		return Ruling{Verdict: RuleDeny, Reason: cut("A switch stops it. "+stop.Switch.Reason, maxRuling)}, nil, nil
	}
	if as == asEdit {
		return ruling, nil, nil
	}
	var used []Document
	asked := ruling
	if ruling.Verdict == RuleAsk {
		if ruling, used, err = q.standing(ctx, c, r, ruling, now); err != nil {
			return Ruling{}, nil, err
		}
	}
	if ruling.Verdict == RuleAllow {
		if ruling, charges, err = q.fuses(ctx, r, ruling, now); err != nil {
			return Ruling{}, nil, err
		}
	}
	if ruling.Verdict == RuleAllow {
		return ruling, append(charges, used...), nil
	}
	// People are asked, so nothing is used up. Where the policy wanted some before a
	// standing rule stood in for them, it is those.
	if asked.Verdict == RuleAsk {
		asked.Reason = ruling.Reason
		ruling = asked
	}
	return ruling, nil, nil
}

// standing turns an ask into an allow where somebody approved it in advance.
func (q *Queue) standing(ctx context.Context, c *Controls, r *Request, ruling Ruling, now time.Time) (_ Ruling, used []Document, err error) {
	for i := range c.Standing {
		s := &c.Standing[i]
		if !s.matches(r, ruling, now) {
			continue
		}
		doc, ok, err := q.use(ctx, s)
		if err != nil {
			return Ruling{}, nil, err
		}
		if !ok {
			continue
		}
		reason := "Approved in advance, until " + s.Until.UTC().Format(time.DateOnly) + "."
		return Ruling{Verdict: RuleAllow, Reason: reason, Rule: ruling.Rule, Standing: s.ID}, []Document{doc}, nil
	}
	return ruling, nil, nil
}

// DryRun returns the request that [Queue.Propose] would make of an action now:
// ruling, preview, digest. Nothing is stored, recorded, counted or executed, and
// its ID is not that of a stored request.
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
	if err := p.timely(now); err != nil {
		return nil, err
	}
	r := q.newRequest(k, p, now)
	if _, err := q.judge(ctx, k, r, a, now, asProposal); err != nil {
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
