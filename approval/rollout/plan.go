package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrInvalid says that a plan makes no sense.
var ErrInvalid = errors.New("rollout: invalid plan")

// maxPlan is the largest plan, in bytes of JSON: the state has to hold its audit
// entries until they are in the log.
const maxPlan = 64 << 10

// Plan is how a feature is brought to the stores. It is data: keep it in a file
// under version control.
type Plan struct {
	// Name names the feature for good, at most 64 bytes; required.
	Name string `json:"name"`

	// Version is changed with the plan; required, at most 64 bytes.
	Version string `json:"version"`

	// Salt makes assignments independent of those of other plans with the same
	// units, beyond the name. It never changes while the plan runs.
	Salt string `json:"salt,omitzero"`

	// Holdout is the share of units that never gets the feature, from 0 to
	// 0.9, for comparison.
	Holdout float64 `json:"holdout"`

	// Pairs are stores that are compared with each other, see [MatchPairs]. They
	// take the place of the holdout: stores are assigned, not units, one of each
	// pair gets the feature at the stage that reaches both, and the other one
	// not while the plan runs. Pairs never change while it does. At most 500.
	Pairs []Pair `json:"pairs,omitempty"`

	// Stages are the steps, each at least as wide as the one before; required.
	Stages []Stage `json:"stages"`

	// Primary is what has to be shown before a promotion. The zero Goal asks
	// for nothing but a person.
	Primary Goal `json:"primary,omitzero"`

	// Guardrails pause the plan when they break.
	Guardrails []Guardrail `json:"guardrails,omitempty"`
}

// Stage is one step of a plan.
type Stage struct {
	Name      string   `json:"name"`                // required
	Locations []string `json:"locations,omitempty"` // GIDs; empty: all
	Roles     []string `json:"roles,omitempty"`     // of the associate; empty: all

	// Share of the units in reach that are not held out, from 0 to 1.
	Share float64 `json:"share"`
}

// Goal is what the primary metric has to show.
type Goal struct {
	Metric string `json:"metric"`

	// MinUnits is how many units each arm needs. With pairs, units are stores.
	MinUnits int `json:"min_units"`

	// MaxP is the largest p-value at which the treatment counts as better, such
	// as 0.05. If zero, it need not be better, only not significantly worse at
	// 0.05.
	MaxP float64 `json:"max_p,omitzero"`

	// Lower says that less is better, such as a waiting time.
	Lower bool `json:"lower,omitzero"`

	// Adjust says what is made of values from before the plan. With AdjustCUPED
	// and AdjustDiD, units without one are left out, and without any the gate
	// stays shut. If empty, AdjustAuto.
	Adjust Adjustment `json:"adjust,omitzero"`
}

// Guardrail bounds the mean of a metric in the treatment arm.
type Guardrail struct {
	Metric   string  `json:"metric"`
	Max      float64 `json:"max"`       // it breaks above this
	MinUnits int     `json:"min_units"` // of the treatment arm, before it can break; at least 1
}

// Validate reports why the plan makes no sense. The error matches [ErrInvalid].
func (p *Plan) Validate() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
	}
	switch {
	case p.Name == "" || len(p.Name) > 64:
		return wrong("a name of at most 64 bytes is required")
	case p.Version == "" || len(p.Version) > 64:
		return wrong("a version of at most 64 bytes is required")
	case !(p.Holdout >= 0 && p.Holdout <= 0.9):
		return wrong("the holdout is not from 0 to 0.9")
	case len(p.Stages) == 0 || len(p.Stages) > 50:
		return wrong("1 to 50 stages are required")
	}
	for i, s := range p.Stages {
		if s.Name == "" || len(s.Name) > 200 || !(s.Share >= 0 && s.Share <= 1) {
			return wrong("stage %d needs a name of at most 200 bytes, and a share from 0 to 1", i+1)
		}
		if i > 0 && !s.wider(p.Stages[i-1]) {
			return wrong("stage %d takes the feature away from somebody who has it at the stage before", i+1)
		}
	}
	if g := p.Primary; g != (Goal{}) {
		if g.Metric == "" || g.MinUnits < 2 || !(g.MaxP >= 0 && g.MaxP < 1) {
			return wrong("the primary goal needs a metric, at least 2 units and a p-value below 1")
		}
		if p.Holdout == 0 && len(p.Pairs) == 0 {
			return wrong("a goal needs a holdout or pairs to compare with")
		}
		if !g.Adjust.known() {
			return wrong("no adjustment is called %q", string(g.Adjust))
		}
	}
	for _, g := range p.Guardrails {
		if g.Metric == "" || g.MinUnits < 1 || math.IsNaN(g.Max) || math.IsInf(g.Max, 0) {
			return wrong("a guardrail needs a metric, a finite bound and at least 1 unit")
		}
	}
	if err := p.checkPairs(); err != nil {
		return wrong("%w", err)
	}
	if n := len(p.canonical()); n > maxPlan {
		return wrong("it takes %d bytes as JSON, %d are allowed", n, maxPlan)
	}
	return nil
}

// wider reports whether whoever has the feature at the stage before has it at s.
func (s Stage) wider(before Stage) bool {
	return s.Share >= before.Share && covers(s.Locations, before.Locations) && covers(s.Roles, before.Roles)
}

func covers(wide, narrow []string) bool {
	if len(wide) == 0 {
		return true
	}
	if len(narrow) == 0 {
		return false
	}
	return !slices.ContainsFunc(narrow, func(v string) bool { return !slices.Contains(wide, v) })
}

// clone returns a copy that shares nothing with p.
func (p *Plan) clone() Plan {
	v := *p
	v.Stages = slices.Clone(p.Stages)
	for i := range v.Stages {
		v.Stages[i].Locations, v.Stages[i].Roles = slices.Clone(v.Stages[i].Locations), slices.Clone(v.Stages[i].Roles)
	}
	v.Pairs, v.Guardrails = slices.Clone(p.Pairs), slices.Clone(p.Guardrails)
	return v
}

// canonical is the plan as JSON, always the same for the same plan.
func (p *Plan) canonical() string {
	data, err := json.Marshal(p)
	if err != nil {
		panic("rollout: a valid plan cannot be written: " + err.Error())
	}
	return string(data)
}

// digest names the plan's content.
func (p *Plan) digest() string {
	sum := sha256.Sum256([]byte(p.canonical()))
	return "sha256:" + hex.EncodeToString(sum[:])
}
