package approval

import (
	"context"
	"strconv"
	"time"

	"github.com/posai-go/posai/audit"
)

// escalate takes the steps of escalation whose time has come, and returns how
// long it is until there is more to do.
func (q *Queue) escalate(ctx context.Context, rec *Record, now time.Time) (time.Duration, error) {
	r := &rec.Request
	ruled := r.ruledAt()
	due := r.Escalated
	for due < len(r.Ruling.Escalation) && !now.Before(ruled.Add(r.Ruling.Escalation[due].After)) {
		due++
	}
	next := r.ExpiresAt
	if due < len(r.Ruling.Escalation) {
		next = ruled.Add(r.Ruling.Escalation[due].After)
	}
	if due == r.Escalated {
		return next.Sub(now), nil
	}
	r.Escalated, r.ChangedAt = due, now
	for len(r.EscalatedAt) < due {
		r.EscalatedAt = append(r.EscalatedAt, now)
	}
	e := newEntry(r, "escalated/"+strconv.Itoa(r.Revision)+"/"+strconv.Itoa(due), audit.KindRuled, queueActor, now)
	e.Attributes = map[string]string{"step": "escalated", "need": cut(r.Need().String(), audit.MaxValueSize), "digest": r.Digest}
	if err := rec.emit(e); err != nil {
		return 0, err
	}
	stored, err := q.store.Update(ctx, rec)
	if err != nil {
		return 0, err
	}
	q.changed(&stored.Request)
	_, err = q.flush(ctx, stored)
	return max(next.Sub(now), time.Millisecond), err
}
