package rollout

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Arm is what a unit gets.
type Arm string

// The arms.
const (
	Treatment Arm = "treatment" // the feature
	Control   Arm = "control"   // held out, for comparison
	Off       Arm = "off"       // not part of the plan at this stage
)

// Subject is what is assigned.
type Subject struct {
	Unit     string // ID of a customer, a basket, a register's day, a store; with pairs it is not looked at
	Location string // GID; with pairs, it is what is assigned
	Role     string // of the associate
}

// Assign returns the arm of a subject at a stage, counted from 0. It is a pure
// function of the plan and the subject. Before the first stage and without a
// unit everything is Off.
func (p *Plan) Assign(stage int, s Subject) Arm {
	if stage < 0 || stage >= len(p.Stages) {
		return Off
	}
	return p.assign(&p.Stages[stage], s)
}

func (p *Plan) assign(st *Stage, s Subject) Arm {
	if len(st.Locations) > 0 && !slices.Contains(st.Locations, s.Location) || len(st.Roles) > 0 && !slices.Contains(st.Roles, s.Role) {
		return Off
	}
	if len(p.Pairs) > 0 {
		return p.assignStore(st, s.Location)
	}
	u := p.point(s.Unit)
	switch {
	case s.Unit == "":
		return Off
	case u < p.Holdout:
		return Control
	case (u-p.Holdout)/(1-p.Holdout) < st.Share:
		return Treatment
	}
	return Off
}

// point maps a unit to [0, 1), uniformly.
func (p *Plan) point(unit string) float64 {
	h := sha256.New()
	for _, part := range []string{"posai/rollout/v1", p.Name, p.Salt, unit} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	const bits = 53 // of a float64's mantissa
	return float64(binary.BigEndian.Uint64(h.Sum(nil))>>(64-bits)) / (1 << bits)
}
