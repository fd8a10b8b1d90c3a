package approval

import (
	"context"
	"errors"
	"time"
)

// Decide takes the decision of a person. The first rejection settles a request,
// and so does the approval that completes its need; what comes later fails with
// a [*DecidedError] that says who was first. It returns the request as it is
// then: [Approved], [Rejected], or still [Pending] where more people are
// needed.
//
// Errors: [ErrNotFound], [ErrInvalid], [ErrStale] where the digest is not the
// present one, [ErrDecided], [ErrExpired], [ErrForbidden], and [ErrUnrecorded]
// where the decision is stored but not yet in the audit log: nothing is
// executed before it is.
func (q *Queue) Decide(ctx context.Context, d Decision) (*Request, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	stored, err := q.storeDecision(ctx, d)
	if err != nil {
		return nil, err
	}
	q.changed(&stored.Request)
	q.tellDecided(ctx, &stored.Request)
	if err := q.record(ctx, stored); err != nil {
		return nil, err
	}
	return &stored.Request, nil
}

// storeDecision decides and stores, in turn with others in this process.
func (q *Queue) storeDecision(ctx context.Context, d Decision) (*Record, error) {
	turn, err := q.deciding.take(ctx, d.RequestID)
	if err != nil {
		return nil, err
	}
	defer q.deciding.leave(turn)
	if turn.settled != nil {
		if d.By.Type != Human {
			return nil, notHuman
		}
		return nil, &DecidedError{State: turn.settled.State, Decision: turn.settled.Decision.clone()}
	}
	for {
		rec, controls, now, err := q.snapshot(ctx, d.RequestID)
		if err != nil {
			return nil, err
		}
		if err := q.decide(ctx, rec, controls, d, now); err != nil {
			return nil, err
		}
		// The look at once puts the outbox into the log should this process
		// die, and executes what is approved.
		stored, err := q.store.Update(ctx, rec, time.Time{})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err == nil && stored.Request.State != Pending {
			turn.settled = &DecidedError{State: stored.Request.State, Decision: stored.Request.settled().clone()}
		}
		return stored, err
	}
}

// decide applies d to rec, or says why not.
func (q *Queue) decide(ctx context.Context, rec *Record, c *Controls, d Decision, now time.Time) error {
	r := &rec.Request
	if d.By.Type != Human {
		return notHuman
	}
	if err := r.open(now); err != nil {
		return err
	}
	if d.Digest != r.Digest {
		return &StaleError{Revision: r.Revision, Digest: r.Digest}
	}
	d.By = c.acting(d.By, r, now)
	role, err := r.may(d.By)
	if err != nil {
		return err
	}
	if d.Verdict == Approve {
		if !r.Need().helps(r.approvers(), d.By) {
			return filled
		}
		if stop := c.stopped(r, now); stop != nil && stop.Switch.Mode == Kill {
			return stop
		}
	}
	d.At = now
	if d.Edit != nil {
		if err := q.edit(ctx, rec, d, now); err != nil {
			return err
		}
		if d.EditDigest != "" && d.EditDigest != r.Digest {
			return &StaleError{Revision: r.Revision, Digest: r.Digest}
		}
		d.Digest = r.Digest
	}
	d.Revision = r.Revision
	r.Decisions = append(r.Decisions, d)
	switch {
	case d.Verdict == Reject:
		r.State = Rejected
	case r.Ruling.Verdict == RuleAllow, r.Need().Met(r.approvers()):
		r.State = Approved
	}
	r.ChangedAt = now
	return rec.emit(decidedEntry(r, role))
}

var (
	notHuman = &ForbiddenError{WhyNotHuman, "Only a person can decide this."}
	proposer = &ForbiddenError{WhyProposer, "You proposed this, so somebody else has to decide it."}
	location = &ForbiddenError{WhyLocation, "This is for people of another location."}
	filled   = &ForbiddenError{WhyFilled, "Your part is done already; it waits for somebody else."}
)

// open reports why r takes no decision.
func (r *Request) open(now time.Time) error {
	switch {
	case r.State == Expired, r.State == Pending && !now.Before(r.ExpiresAt):
		return &ExpiredError{ExpiresAt: r.ExpiresAt}
	case r.State != Pending:
		return &DecidedError{State: r.State, Decision: r.settled()}
	}
	return nil
}

// settled returns the decision that settled r: the last one or the policy's.
func (r *Request) settled() Decision {
	if n := len(r.Decisions); n > 0 {
		return r.Decisions[n-1]
	}
	d := Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: Approve, Reason: r.Ruling.Reason, Revision: r.Revision, At: r.CreatedAt,
		By: Principal{ID: "policy", Name: "policy", Type: System}, Channel: "policy",
	}
	if r.State == Denied {
		d.Verdict = Reject
	}
	return d
}

// approvers returns who approved the present revision as it is.
func (r *Request) approvers() []Principal {
	var list []Principal
	for _, d := range r.Decisions {
		if d.Verdict == Approve && d.Revision == r.Revision && d.Digest == r.Digest {
			list = append(list, d.By)
		}
	}
	return list
}

// may reports in what role by is asked, or why not.
func (r *Request) may(by Principal) (role string, err error) {
	return mayFill(r, by, r.Need())
}

// Need returns who can approve r as it stands: the need of its ruling, and of
// the steps of escalation whose time has come.
func (r *Request) Need() Need { return r.Ruling.need(r.Escalated) }

func mayFill(r *Request, by Principal, need Need) (role string, err error) {
	switch {
	case by.Type != Human || by.ID == "":
		return "", notHuman
	case by.ID == r.Proposer.ID:
		return "", proposer
	case !by.At(r.Location):
		return "", location
	}
	role, ok := need.admits(by)
	if !ok {
		return "", &ForbiddenError{WhyRole, "This needs " + need.String() + "."}
	}
	return role, nil
}

// MayDecide returns nil if by may approve r as it is now, or the error that
// [Queue.Decide] would give. It is for showing buttons only to those for whom
// they work; the queue checks every decision itself. Delegations are read from the
// store, once a second at most; where it does not answer before ctx ends, they are
// left out.
func (q *Queue) MayDecide(ctx context.Context, r *Request, by Principal) error {
	// The time of expiry is checked by the store's clock when it counts.
	if err := r.open(time.Time{}); err != nil {
		return err
	}
	if c, err := q.recentControls(ctx); err == nil {
		by = c.acting(by, r, time.Now())
	}
	if _, err := r.may(by); err != nil {
		return err
	}
	if !r.Need().helps(r.approvers(), by) {
		return filled
	}
	return nil
}
