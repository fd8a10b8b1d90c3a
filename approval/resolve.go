package approval

import (
	"context"
	"errors"
	"time"

	"github.com/posai-go/posai/audit"
)

// Resolve settles an [Uncertain] request after a person has looked at what is
// the case outside.
//
// Errors: [ErrNotFound], [ErrInvalid] (also where the request is not
// uncertain), [ErrDecided] where somebody else resolved it, [ErrForbidden],
// [ErrUnrecorded].
func (q *Queue) Resolve(ctx context.Context, id string, outcome Outcome, by Principal, reason string) (*Request, error) {
	c := &checker{}
	c.check(outcome == Happened || outcome == TryAgain || outcome == Abandon, "outcome", "must be happened, try_again or abandon")
	c.principal("by", by)
	c.text("reason", reason, maxReason)
	if c.err != nil {
		return nil, c.err
	}
	for {
		rec, err := q.get(ctx, id)
		if err != nil {
			return nil, err
		}
		now, err := q.store.Now(ctx)
		if err != nil {
			return nil, err
		}
		if err := q.resolve(rec, &Resolution{Outcome: outcome, By: by, Reason: reason, At: now}); err != nil {
			return nil, err
		}
		stored, err := q.store.Update(ctx, rec, time.Time{})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		q.changed(&stored.Request)
		q.tellSettled(ctx, &stored.Request)
		if err := q.record(ctx, stored); err != nil {
			return nil, err
		}
		return &stored.Request, nil
	}
}

func (q *Queue) resolve(rec *Record, res *Resolution) error {
	r := &rec.Request
	if err := r.resolvable(); err != nil {
		return err
	}
	role, err := mayFill(r, res.By, q.resolvers(r))
	if err != nil {
		return err
	}
	r.Resolution, r.ChangedAt = res, res.At
	e := r.Execution
	e.UnknownSince, e.Looks = time.Time{}, 0
	entry := newEntry(r, rec.step("resolved"), audit.KindDecided, res.By.actor(role, ""), res.At)
	entry.Decision = &audit.Decision{Verdict: string(res.Outcome), Digest: r.Digest}
	if res.Reason != "" {
		entry.Attributes = map[string]string{"reason_digest": reasonDigest(r.ID, res.Reason)}
	}
	entries := []audit.Entry{entry}
	switch res.Outcome {
	case Happened:
		r.State, e.FinishedAt, e.Error = Executed, res.At, ""
		entries = append(entries, effectEntry(rec, rec.step("effect"), audit.KindEffect, "seen by a person", res.At))
	case TryAgain:
		r.State = Approved
	case Abandon:
		r.State, e.FinishedAt = Failed, res.At
	}
	return rec.emit(entries...)
}

// resolvable reports why r cannot be resolved.
func (r *Request) resolvable() error {
	switch {
	case r.State == Uncertain:
		return nil
	case r.Resolution != nil:
		d := r.settled()
		d.By, d.At, d.Reason, d.Channel, d.Edit = r.Resolution.By, r.Resolution.At, r.Resolution.Reason, "", nil
		d.Verdict = Verdict(r.Resolution.Outcome)
		return &DecidedError{State: r.State, Decision: d}
	}
	return invalid("state", "is not uncertain")
}

// resolvers are those who were asked to approve, or would have been.
func (q *Queue) resolvers(r *Request) Need {
	if r.Ruling.Verdict == RuleAsk {
		return r.Need()
	}
	return q.opts.DefaultNeed
}

// MayResolve returns nil if by may resolve r as it is now, or the error that
// [Queue.Resolve] would give.
func (q *Queue) MayResolve(r *Request, by Principal) error {
	if err := r.resolvable(); err != nil {
		return err
	}
	_, err := mayFill(r, by, q.resolvers(r))
	return err
}
