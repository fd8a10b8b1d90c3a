package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// Promotion is the action that takes a plan to its next stage.
type Promotion struct {
	Plan   string  `json:"plan"`   // name
	Digest string  `json:"digest"` // of the plan
	From   int     `json:"from"`   // stage, -1 before the first
	To     int     `json:"to"`
	Before string  `json:"before"` // name of the stage
	After  string  `json:"after"`
	Report *Report `json:"report,omitempty"` // on which it is proposed
}

// Kind implements [approval.Action].
func (Promotion) Kind() string { return "rollout.promote" }

// Validate implements [approval.Action].
func (p Promotion) Validate() error {
	if p.Plan == "" || p.To != p.From+1 {
		return errors.New("a promotion goes one stage on")
	}
	return nil
}

// Preview implements [approval.Previewer].
func (p Promotion) Preview() approval.Preview {
	return approval.Preview{
		Title: fmt.Sprintf("Roll out %s: %s", p.Plan, p.After), Summary: fmt.Sprintf("From “%s” to “%s”.", p.Before, p.After),
		Fields: p.Report.Fields(),
	}
}

// Resumption is the action that ends a pause.
type Resumption struct {
	Plan   string  `json:"plan"`
	Stage  string  `json:"stage"`
	Reason string  `json:"reason,omitzero"` // of the pause
	Report *Report `json:"report,omitempty"`
}

// Kind implements [approval.Action].
func (Resumption) Kind() string { return "rollout.resume" }

// Validate implements [approval.Action].
func (p Resumption) Validate() error {
	if p.Plan == "" {
		return errors.New("no plan is named")
	}
	return nil
}

// Preview implements [approval.Previewer].
func (p Resumption) Preview() approval.Preview {
	return approval.Preview{Title: "Resume the rollout of " + p.Plan, Summary: "It was paused at “" + p.Stage + "”. " + p.Reason, Fields: p.Report.Fields()}
}

// Promote proposes the next stage, if the data allow it. The queue's policy says
// who decides. It has to be a person: where the policy or a standing rule
// allows rollout.promote by itself, the execution fails with [ErrNobody].
//
// Errors: [ErrNotBegun], [ErrPaused], [ErrLastStage], [ErrGate], those of
// [Rollout.Begin] and of [approval.Queue.Propose].
func (r *Rollout) Promote(ctx context.Context, by approval.Principal, reason string) (*approval.Request, error) {
	s, err := r.recorded(ctx)
	switch {
	case err != nil:
		return nil, err
	case s.Plan != r.plan.digest():
		return nil, ErrNotBegun
	case s.Paused:
		return nil, fmt.Errorf("%w: %s", ErrPaused, s.Reason)
	case s.Stage+1 >= len(r.plan.Stages):
		return nil, ErrLastStage
	}
	p := Promotion{Plan: r.plan.Name, Digest: r.plan.digest(), From: s.Stage, To: s.Stage + 1, Before: r.stageName(s.Stage), After: r.stageName(s.Stage + 1)}
	if s.Stage >= 0 {
		if p.Report, err = r.Report(ctx); err != nil {
			return nil, err
		}
		if reasons := r.missing(p.Report); len(reasons) > 0 {
			return nil, &GateError{Reasons: reasons, Report: p.Report}
		}
	}
	return r.propose(ctx, p, by, reason, s.Asked)
}

// Resume proposes to end the pause. Somebody else than by decides, a person as
// with [Rollout.Promote].
//
// Errors: [ErrInvalid] where the plan is not paused, those of
// [approval.Queue.Propose].
func (r *Rollout) Resume(ctx context.Context, by approval.Principal, reason string) (*approval.Request, error) {
	s, err := r.State(ctx)
	if err != nil {
		return nil, err
	}
	if !s.Paused {
		return nil, fmt.Errorf("%w: it is not paused", ErrInvalid)
	}
	rep, err := r.Report(ctx)
	if err != nil {
		return nil, err
	}
	return r.propose(ctx, Resumption{Plan: r.plan.Name, Stage: r.stageName(s.Stage), Reason: s.Reason, Report: rep}, by, reason, s.Asked)
}

// propose returns the request that is open, or a new one.
func (r *Rollout) propose(ctx context.Context, a approval.Action, by approval.Principal, reason string, asked int) (*approval.Request, error) {
	if r.queue == nil {
		return nil, errors.New("rollout: Register comes first")
	}
	for {
		req, err := approval.KeepFirst(r.queue.Propose(ctx, a, approval.Proposal{
			Key: fmt.Sprintf("%s/%d", r.plan.Name, asked), Correlation: "rollout/" + r.plan.Name, Proposer: by, Reason: reason,
			Subjects: []audit.Subject{{Type: "rollout", ID: r.plan.Name}},
		}))
		if err != nil || !req.State.Final() {
			return req, err
		}
		// The one before is settled: this is a new one.
		s, err := r.change(ctx, func(s *State) (bool, error) {
			if s.Asked != asked {
				return false, nil
			}
			s.Asked++
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		asked = s.Asked
	}
}

// approved returns nil if a person approved what is executed. What the policy
// or a standing rule allowed nobody looked at.
func approved(e approval.Execution) error {
	if !slices.ContainsFunc(e.Request.Decisions, func(d approval.Decision) bool {
		return d.Verdict == approval.Approve && d.By.Type == approval.Human && d.Revision == e.Request.Revision
	}) {
		return approval.Permanent(ErrNobody)
	}
	return nil
}

// promote takes the step, once: from the stage before, and from no other.
func (r *Rollout) promote(ctx context.Context, e approval.Execution, p Promotion) (State, error) {
	if err := approved(e); err != nil {
		return State{}, err
	}
	if p.From >= 0 && r.plan.Primary != (Goal{}) && (p.Report == nil || len(r.missing(p.Report)) > 0) {
		return State{}, approval.Permanent(fmt.Errorf("%w: it was proposed without them", ErrGate))
	}
	if _, err := r.recorded(ctx); err != nil {
		return State{}, approval.Retry(err)
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return State{}, approval.Retry(err)
	}
	return r.change(ctx, func(s *State) (bool, error) {
		switch {
		case p.Digest != r.plan.digest() || p.Digest != s.Plan:
			return false, approval.Permanent(errors.New("the plan has changed since it was decided"))
		case s.Paused:
			return false, approval.Permanent(ErrPaused)
		case s.Stage == p.To:
			return false, nil
		case s.Stage != p.From || p.To >= len(r.plan.Stages):
			return false, approval.Permanent(errors.New("the plan is at another stage by now"))
		}
		s.Stage, s.Since, s.Running = p.To, now, r.plan.Stages[p.To]
		return true, nil
	})
}

func (r *Rollout) promoted(ctx context.Context, p Promotion) (State, bool, error) {
	s, err := r.State(ctx)
	return s, s.Stage == p.To, err
}

func (r *Rollout) resume(ctx context.Context, e approval.Execution) (State, error) {
	if err := approved(e); err != nil {
		return State{}, err
	}
	if _, err := r.recorded(ctx); err != nil {
		return State{}, approval.Retry(err)
	}
	return r.change(ctx, func(s *State) (bool, error) {
		if !s.Paused {
			return false, nil
		}
		s.Paused, s.Reason = false, ""
		return true, nil
	})
}

func (r *Rollout) resumed(ctx context.Context) (State, bool, error) {
	s, err := r.State(ctx)
	return s, !s.Paused, err
}
