package rollout

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// Errors to branch on.
var (
	// ErrReassigned: the plan that runs has another salt, holdout or pairs, so units
	// would change their arms. Give a plan that does another name.
	ErrReassigned = errors.New("rollout: the plan would assign running units anew")

	// ErrWidened: the present stage of the plan would reach somebody whom the one
	// that runs does not. Add it as a later stage, and promote.
	ErrWidened = errors.New("rollout: the plan would reach more than what runs")

	// ErrPaused: the plan is paused.
	ErrPaused = errors.New("rollout: paused")

	// ErrNotBegun: this is not the plan that runs. [Rollout.Begin] comes first.
	ErrNotBegun = errors.New("rollout: another plan runs, or none")

	// ErrNobody: no person approved the step.
	ErrNobody = errors.New("rollout: no person approved this")

	// ErrLastStage: there is no stage after this one.
	ErrLastStage = errors.New("rollout: this is the last stage")

	// ErrGate: the data do not show yet what the plan asks for. The error is a
	// [*GateError].
	ErrGate = errors.New("rollout: the data do not allow the next stage")
)

// GateError says what is missing. It matches [ErrGate].
type GateError struct {
	Reasons []string // for people
	Report  *Report
}

func (e *GateError) Error() string {
	return ErrGate.Error() + ": " + strings.Join(e.Reasons, "; ")
}

// Is reports whether target is [ErrGate].
func (e *GateError) Is(target error) bool { return target == ErrGate }

// Source yields the observations of a plan, of all metrics, from the start of
// the present stage. An error is yielded once and ends it. It is the caller's
// own table, or its orders read back.
type Source func(ctx context.Context, p *Plan, since time.Time) iter.Seq2[Observation, error]

// Rollout runs a plan. It is safe for concurrent use; all that share a store
// run the same plan.
type Rollout struct {
	plan   Plan
	store  approval.Store
	log    *audit.Log
	source Source
	queue  *approval.Queue
	recent recent
}

// New returns a rollout of the plan, whose state is kept in the store of an
// approval queue. The source may be nil where the plan has neither a goal nor
// guardrails.
func New(plan Plan, store approval.Store, log *audit.Log, source Source) (*Rollout, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	if store == nil || log == nil {
		return nil, errors.New("rollout: a store and a log are needed")
	}
	if source == nil && (plan.Primary != (Goal{}) || len(plan.Guardrails) > 0) {
		return nil, errors.New("rollout: a plan with a goal or guardrails needs a source of observations")
	}
	return &Rollout{plan: plan.clone(), store: store, log: log, source: source}, nil
}

// Plan returns a copy of the plan.
func (r *Rollout) Plan() Plan { return r.plan.clone() }

// Register is [Register] for a queue with one rollout.
func (r *Rollout) Register(q *approval.Queue) error { return Register(q, r) }

// Begin makes the plan the one that runs, and records it in the audit log,
// whole. Call it when the program starts; it does nothing where this very plan
// runs already. A plan that changes keeps the stage at which it is, counted from
// the first, or its last one; that stage may reach less than what runs, but
// nobody else.
//
// Errors: [ErrReassigned], [ErrWidened]; [approval.ErrUnrecorded] where the log
// did not take the entry: then it is kept with the state, the next Begin tries
// again, and nothing is promoted before.
func (r *Rollout) Begin(ctx context.Context) error {
	s, err := r.recorded(ctx)
	digest := r.plan.digest()
	if err != nil || s.Plan == digest {
		return err
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	s, err = r.change(ctx, func(s *State) (bool, error) {
		if s.Plan == digest {
			return false, nil
		}
		stage := min(s.Stage, len(r.plan.Stages)-1)
		if stage >= 0 {
			next := r.plan.Stages[stage]
			if !s.Running.wider(next) {
				return false, fmt.Errorf("%w: %q of version %s, where %q of version %s runs", ErrWidened, next.Name, r.plan.Version, s.Running.Name, s.Version)
			}
			s.Running = next
		}
		s.Plan, s.Version, s.Stage = digest, r.plan.Version, stage
		s.Changes++
		return true, s.emit(r.planEntries(s.Changes, stage, now)...)
	})
	if err != nil {
		return err
	}
	_, err = r.record(ctx, s.Outbox)
	return err
}

// Arm returns what a subject gets now. While the plan is paused, or its state
// cannot be read, that is Off: the service does what it did before there was
// the feature.
func (r *Rollout) Arm(ctx context.Context, s Subject) Arm {
	state, ok := r.recent.get()
	if !ok {
		var err error
		if state, err = r.State(ctx); err != nil {
			return Off
		}
	}
	if state.Paused {
		return Off
	}
	if state.Stage < 0 {
		return Off
	}
	return r.plan.assign(&state.Running, s)
}

// Pause stops the feature everywhere, within about a second. Whoever is told to
// may: stopping does no harm.
//
// Errors: [approval.ErrUnrecorded] where the log did not take the entry. The
// plan is paused all the same, and the entry is kept with the state until the
// log takes it; nothing is promoted or resumed before.
func (r *Rollout) Pause(ctx context.Context, by approval.Principal, reason string) error {
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	state, err := r.change(ctx, func(s *State) (bool, error) {
		if s.Paused {
			return false, nil
		}
		s.Paused, s.Reason = true, reason
		s.Changes++
		return true, s.emit(r.pauseEntry(s.Changes, s.Stage, by, now))
	})
	if err != nil {
		return err
	}
	if _, err := r.record(ctx, state.Outbox); err != nil {
		return fmt.Errorf("rollout: paused: %w", err)
	}
	return nil
}

func (r *Rollout) stageName(i int) string {
	if i < 0 || i >= len(r.plan.Stages) {
		return "not begun"
	}
	return r.plan.Stages[i].Name
}
