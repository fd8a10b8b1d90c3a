package approval

import (
	"context"
	"errors"
	"time"
)

const (
	maxID       = 256
	subjectType = "approval"
)

func (q *Queue) look(ctx context.Context, w Wake) (time.Duration, error) {
	return 0, errors.New("soon")
}

func (q *Queue) Propose(ctx context.Context, a Action, p Proposal) (*Request, error) {
	return nil, errors.New("soon")
}

func (q *Queue) Decide(ctx context.Context, d Decision) (*Request, error) {
	return nil, errors.New("soon")
}
func (q *Queue) MayDecide(r *Request, by Principal) error  { return errors.New("soon") }
func (q *Queue) MayResolve(r *Request, by Principal) error { return errors.New("soon") }
func (q *Queue) MarkShown(ctx context.Context, id, digest string, by Principal, channel string) error {
	return errors.New("soon")
}

func (q *Queue) Resolve(ctx context.Context, id string, outcome Outcome, by Principal, reason string) (*Request, error) {
	return nil, errors.New("soon")
}
func (r *Request) ComputeDigest() (string, error) { return "", errors.New("soon") }
