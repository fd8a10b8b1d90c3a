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
	// ErrReassigned: the plan that runs has another salt or holdout, so units
	// would change their arms. Give a plan that does another name.
	ErrReassigned = errors.New("rollout: the plan would assign running units anew")

	// ErrPaused: the plan is paused.
	ErrPaused = errors.New("rollout: paused")

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
	return &Rollout{plan: plan, store: store, log: log, source: source}, nil
}

// Plan returns the plan.
func (r *Rollout) Plan() Plan { return r.plan }

// Register tells the queue how to execute promotions and resumptions. It comes
// before [approval.Queue.Start].
func (r *Rollout) Register(q *approval.Queue) error {
	r.queue = q
	return errors.Join(
		approval.Register(q, approval.Executor[Promotion, State]{Execute: r.promote, Find: r.promoted}),
		approval.Register(q, approval.Executor[Resumption, State]{Execute: r.resume, Find: r.resumed}),
	)
}

// Begin records the plan in the audit log and makes it the one that runs. Call
// it when the program starts; it does nothing where this very plan runs already.
//
// Errors: [ErrReassigned].
func (r *Rollout) Begin(ctx context.Context) error {
	digest := r.plan.digest()
	s, err := r.State(ctx)
	if err != nil || s.Plan == digest {
		return err
	}
	e := r.entry("plan/"+digest, audit.Actor{Type: audit.System, ID: "rollout"}, time.Now())
	e.Attributes["version"], e.Attributes["digest"] = r.plan.Version, digest
	if _, err := r.log.Append(ctx, e); err != nil && !errors.Is(err, audit.ErrConflict) {
		return fmt.Errorf("rollout: %w", err)
	}
	_, err = r.change(ctx, func(s *State) (bool, error) {
		s.Plan, s.Version = digest, r.plan.Version
		s.Stage = min(s.Stage, len(r.plan.Stages)-1)
		return true, nil
	})
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
	return r.plan.Assign(state.Stage, s)
}

// Pause stops the feature everywhere, within about a second. Whoever is told to
// may: stopping does no harm.
func (r *Rollout) Pause(ctx context.Context, by approval.Principal, reason string) error {
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	paused := false
	state, err := r.change(ctx, func(s *State) (bool, error) {
		paused = !s.Paused
		s.Paused, s.Reason = true, reason
		return paused, nil
	})
	if err != nil || !paused {
		return err
	}
	e := r.entry(fmt.Sprintf("paused/%d", now.UnixNano()), audit.Actor{Type: audit.ActorType(by.Type), ID: by.ID}, now)
	e.Attributes["step"], e.Attributes["stage"] = "paused", r.stageName(state.Stage)
	if _, err := r.log.Append(ctx, e); err != nil && !errors.Is(err, audit.ErrConflict) {
		return fmt.Errorf("rollout: paused, but this is not in the audit log: %w", err)
	}
	return nil
}

func (r *Rollout) entry(step string, by audit.Actor, at time.Time) audit.Entry {
	return audit.Entry{
		ID: "rollout/" + r.plan.Name + "/" + step, Time: at, Kind: audit.KindConfigured, Actor: by,
		Correlation: "rollout/" + r.plan.Name, Action: "rollout",
		Subjects:   []audit.Subject{{Type: "rollout", ID: r.plan.Name}},
		Attributes: map[string]string{"step": "plan"},
	}
}

func (r *Rollout) stageName(i int) string {
	if i < 0 || i >= len(r.plan.Stages) {
		return "not begun"
	}
	return r.plan.Stages[i].Name
}
