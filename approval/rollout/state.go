package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
)

// State is where a plan stands.
type State struct {
	Plan    string  `json:"plan"`    // digest of the plan that runs
	Version string  `json:"version"` // of that plan
	Salt    string  `json:"salt,omitzero"`
	Holdout float64 `json:"holdout"`
	Pairs   string  `json:"pairs,omitzero"` // digest of the pairs

	// Stage counts from 0; -1 before the first.
	Stage int       `json:"stage"`
	Since time.Time `json:"since,omitzero"` // of the stage

	// Running is whom the feature reaches now, and what [Rollout.Arm] goes by:
	// the stage as it was when it was promoted or last narrowed. A plan with a
	// wider one does not begin, see [ErrWidened].
	Running Stage `json:"running,omitzero"`

	Paused bool   `json:"paused,omitzero"`
	Reason string `json:"reason,omitzero"` // of the pause

	// Asked counts the promotions and resumptions that were proposed, so that
	// one that was rejected can be proposed again.
	Asked int `json:"asked,omitzero"`

	// Changes counts the plans that began and the pauses, so that each has an
	// audit entry of its own.
	Changes int `json:"changes,omitzero"`

	// Outbox holds the audit entries of changes that may not be in the log yet,
	// each in its canonical JSON.
	Outbox []string `json:"outbox,omitempty"`
}

// stateAge is how old the state may be that [Rollout.Arm] goes by.
const stateAge = time.Second

const maxConflicts = 1000

func (r *Rollout) document() string { return "rollout/" + r.plan.Name }

// State returns where the plan stands.
func (r *Rollout) State(ctx context.Context) (State, error) {
	s, _, err := r.read(ctx)
	return s, err
}

// recorded returns the state, all of which is in the audit log.
func (r *Rollout) recorded(ctx context.Context) (State, error) {
	s, _, err := r.read(ctx)
	if err != nil || len(s.Outbox) == 0 {
		return s, err
	}
	return r.record(ctx, s.Outbox)
}

func (r *Rollout) read(ctx context.Context) (State, int64, error) {
	s, asOf := State{Stage: -1}, time.Now()
	doc, err := r.store.Document(ctx, r.document())
	if err != nil {
		return s, 0, err
	}
	if doc.Version > 0 {
		if err := json.Unmarshal(doc.Data, &s); err != nil {
			return s, 0, errors.New("rollout: the stored state cannot be read")
		}
	}
	if doc.Version > 0 && (s.Salt != r.plan.Salt || s.Holdout != r.plan.Holdout || s.Pairs != r.plan.pairing()) {
		return s, 0, ErrReassigned
	}
	r.recent.set(s, asOf)
	return s, doc.Version, nil
}

// change applies fn to the state until nobody else wrote it in between. fn says
// whether there is anything to write. It does not record what fn puts into the
// outbox; see [Rollout.record].
func (r *Rollout) change(ctx context.Context, fn func(*State) (bool, error)) (State, error) {
	for range maxConflicts {
		s, version, err := r.read(ctx)
		if err != nil {
			return s, err
		}
		if version == 0 {
			s.Salt, s.Holdout, s.Pairs = r.plan.Salt, r.plan.Holdout, r.plan.pairing()
		}
		write, err := fn(&s)
		if err != nil || !write {
			return s, err
		}
		data, err := json.Marshal(s)
		if err != nil {
			return s, fmt.Errorf("rollout: state: %w", err)
		}
		_, err = r.store.SetDocument(ctx, approval.Document{Name: r.document(), Version: version, Data: data})
		switch {
		case errors.Is(err, approval.ErrConflict):
			continue
		case err != nil:
			return s, err
		}
		r.recent.set(s, time.Now())
		return s, nil
	}
	return State{}, approval.ErrConflict
}

// recent is the state as it was a moment ago.
type recent struct {
	mu sync.Mutex
	s  State
	at time.Time
}

// set keeps a state that held at a time, unless a later one is known: who reads it
// and is held up must not put it in the place of what was written meanwhile.
func (r *recent) set(s State, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !at.Before(r.at) {
		r.s, r.at = s, at
	}
}

func (r *recent) get() (State, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.s, !r.at.IsZero() && time.Since(r.at) <= stateAge
}
