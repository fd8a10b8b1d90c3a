package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/posai-go/posai/approval"
)

// registry is the rollouts of one queue, by the names of their plans.
type registry map[string]*Rollout

// Register tells the queue how to execute the promotions and resumptions of
// rollouts. All rollouts of a queue are registered by one call, before
// [approval.Queue.Start]. If it fails, none of them is.
func Register(q *approval.Queue, rollouts ...*Rollout) error {
	if q == nil || len(rollouts) == 0 {
		return errors.New("rollout: Register needs a queue and a rollout")
	}
	reg := registry{}
	for _, r := range rollouts {
		switch {
		case r == nil:
			return errors.New("rollout: Register needs rollouts that are not nil")
		case reg[r.plan.Name] != nil:
			return fmt.Errorf("rollout: two plans are named %q", r.plan.Name)
		case r.queue != nil:
			return fmt.Errorf("rollout: %q is registered already", r.plan.Name)
		}
		reg[r.plan.Name] = r
	}
	err := approval.Register(q, approval.Executor[Promotion, State]{
		Execute: func(ctx context.Context, e approval.Execution, p Promotion) (State, error) {
			r, err := reg.find(p.Plan)
			if err != nil {
				return State{}, approval.Retry(err)
			}
			return r.promote(ctx, e, p)
		},
		Find: func(ctx context.Context, _ approval.Execution, p Promotion) (State, bool, error) {
			r, err := reg.find(p.Plan)
			if err != nil {
				return State{}, false, err
			}
			return r.promoted(ctx, p)
		},
	})
	if err == nil {
		err = approval.Register(q, approval.Executor[Resumption, State]{
			Execute: func(ctx context.Context, e approval.Execution, p Resumption) (State, error) {
				r, err := reg.find(p.Plan)
				if err != nil {
					return State{}, approval.Retry(err)
				}
				return r.resume(ctx, e)
			},
			Find: func(ctx context.Context, _ approval.Execution, p Resumption) (State, bool, error) {
				r, err := reg.find(p.Plan)
				if err != nil {
					return State{}, false, err
				}
				return r.resumed(ctx)
			},
		})
	}
	if err != nil {
		return fmt.Errorf("rollout: the rollouts of a queue are registered by one call of Register: %w", err)
	}
	for _, r := range rollouts {
		r.queue = q
	}
	return nil
}

// find returns the rollout of a plan. That it is unknown may be this process
// alone, so the queue tries again.
func (reg registry) find(plan string) (*Rollout, error) {
	if r := reg[plan]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("rollout: no plan %q is registered here", plan)
}
