package approval

import (
	"context"
	"time"
)

// Observer is told what happens to requests through this queue, for metrics. Its
// functions may be nil; they are called after the step is stored, one after the
// other, on the goroutine that took it, so they are quick. What a process did not
// live to tell is not told. Nothing of a request's content is passed on.
type Observer struct {
	Proposed func(context.Context, ProposedEvent)
	Decided  func(context.Context, DecidedEvent)
	Settled  func(context.Context, SettledEvent)
}

// ProposedEvent is a proposal that was ruled on.
type ProposedEvent struct {
	Kind    string
	Verdict RulingVerdict
}

// DecidedEvent is a decision of a person that counts.
type DecidedEvent struct {
	Kind    string
	Verdict Verdict
	Edited  bool
	Person  string // ID, for telling one from another; keep it out of metrics
	Role    string // in which they were asked; empty for somebody asked by name
	Channel string

	Viewed time.Duration // between showing and deciding; negative where it is not known
	Waited time.Duration // between the proposal and the decision
}

// SettledEvent is a request that reached a final state, or became Uncertain.
type SettledEvent struct {
	Kind  string
	State State
	Took  time.Duration // since the proposal
}

func (q *Queue) tellProposed(ctx context.Context, r *Request) {
	if f := q.opts.Observer.Proposed; f != nil {
		f(ctx, ProposedEvent{Kind: r.Kind, Verdict: r.Ruling.Verdict})
	}
	q.tellSettled(ctx, r)
}

// tellDecided tells of the last decision about r.
func (q *Queue) tellDecided(ctx context.Context, r *Request) {
	if f := q.opts.Observer.Decided; f != nil {
		d := r.Decisions[len(r.Decisions)-1]
		role, _ := r.Need().admits(d.By)
		e := DecidedEvent{
			Kind: r.Kind, Verdict: d.Verdict, Edited: d.Edit != nil, Person: d.By.ID, Role: role, Channel: d.Channel,
			Viewed: -1, Waited: max(0, d.At.Sub(r.CreatedAt)),
		}
		if !d.ShownAt.IsZero() && !d.At.Before(d.ShownAt) {
			e.Viewed = d.At.Sub(d.ShownAt)
		}
		f(ctx, e)
	}
	q.tellSettled(ctx, r)
}

func (q *Queue) tellSettled(ctx context.Context, r *Request) {
	f := q.opts.Observer.Settled
	if f == nil || !r.State.Final() && r.State != Uncertain {
		return
	}
	f(ctx, SettledEvent{Kind: r.Kind, State: r.State, Took: max(0, r.ChangedAt.Sub(r.CreatedAt))})
}
