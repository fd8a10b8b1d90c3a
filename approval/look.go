package approval

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How soon the queue looks again.
const (
	againUnrecorded = 5 * time.Second  // the audit log does not take entries
	againElsewhere  = 5 * time.Second  // another worker is at it
	againStopped    = 3 * time.Second  // a switch holds it, and was just set
	longestStopped  = 5 * time.Minute  // a switch holds it, since long ago
	againUnknown    = 30 * time.Second // the kind is not registered here
)

// look does whatever is due for a request: it is what every alarm rings for.
// Looking once too often does no harm.
func (q *Queue) look(ctx context.Context, w Wake) (time.Duration, error) {
	rec, err := q.store.Get(ctx, w.RequestID)
	if err == nil && rec.Request.State == Recording {
		if _, err = q.reveal(ctx, rec); err == nil {
			rec, err = q.store.Get(ctx, w.RequestID)
		}
	}
	var again time.Duration
	if err == nil {
		switch rec.Request.State {
		case Approved, Executing:
			again, err = q.advance(ctx, rec, w)
		case Pending:
			again, err = q.wait(ctx, rec)
		default:
			_, err = q.flush(ctx, rec)
		}
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case errors.Is(err, ErrConflict): // whoever was faster does what is due next
		return time.Second, nil
	case errors.Is(err, ErrUnrecorded):
		q.opts.Logger.ErrorContext(ctx, "approval: the audit log takes no entries, so nothing is executed", "request", w.RequestID)
		return againUnrecorded, nil
	}
	return again, err
}

// wait lets a pending request expire when its time has come.
func (q *Queue) wait(ctx context.Context, rec *Record) (time.Duration, error) {
	rec, err := q.flush(ctx, rec)
	if err != nil {
		return 0, err
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return 0, err
	}
	r := &rec.Request
	if left := r.ExpiresAt.Sub(now); left > 0 {
		return q.escalate(ctx, rec, now)
	}
	r.State, r.ChangedAt = Expired, now
	if err := rec.emit(newEntry(r, "expired", "expired", queueActor, now)); err != nil {
		return 0, err
	}
	stored, err := q.store.Update(ctx, rec)
	if err != nil {
		return 0, err
	}
	q.changed(&stored.Request)
	q.tellSettled(ctx, &stored.Request)
	_, err = q.flush(ctx, stored)
	return 0, err
}

// flush makes the outbox of rec durable in the log and empties it.
func (q *Queue) flush(ctx context.Context, rec *Record) (*Record, error) {
	if len(rec.Outbox) == 0 {
		return rec, nil
	}
	if err := q.record(ctx, rec); err != nil {
		return nil, err
	}
	rec.Outbox = nil
	return q.store.Update(ctx, rec)
}

// stoppedFor returns how long a request that a switch holds is left alone. The wait
// doubles, up to a bound, since whoever clears the switch, or sets a Kill, rings for
// what it held, see ringFor: the bound matters where that process dies in between.
func stoppedFor(s *Switch, now time.Time) time.Duration {
	wait := min(max(now.Sub(s.At), againStopped), longestStopped)
	if !s.Until.IsZero() {
		wait = min(wait, max(s.Until.Sub(now), time.Millisecond))
	}
	return wait
}

// ringFor looks at the approved requests in a scope soon, in whatever process: what
// held them has been cleared, or they are not to wait any more. It is help alone:
// their own alarms ring too, later.
func (q *Queue) ringFor(ctx context.Context, s Scope) {
	const page = 100
	var ids []string
	ring := func() error {
		defer func() { ids = ids[:0] }()
		if w, ok := q.store.(Waker); ok {
			return w.Wake(ctx, ids)
		}
		for _, id := range ids {
			rec, err := q.store.Get(ctx, id)
			if err == nil && rec.Request.State == Approved {
				_, err = q.store.Update(ctx, rec, time.Time{})
			}
			if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return nil
	}
	err := func() error {
		f := Filter{States: []State{Approved}, Shop: s.Shop, Location: s.Location, Kind: s.Kind}
		for r, err := range q.List(ctx, f) {
			if err != nil {
				return err
			}
			if !s.Covers(r) {
				continue
			}
			if ids = append(ids, r.ID); len(ids) == page {
				if err := ring(); err != nil {
					return err
				}
			}
		}
		if len(ids) == 0 {
			return nil
		}
		return ring()
	}()
	if err != nil {
		q.opts.Logger.WarnContext(ctx, "approval: what a switch held is looked at later", "type", fmt.Sprintf("%T", err))
	}
}
