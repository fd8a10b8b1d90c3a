package rollout_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/rollout"
)

const (
	main  = "gid://shopify/Location/1"
	other = "gid://shopify/Location/2"
)

func plan(change ...func(*rollout.Plan)) rollout.Plan {
	p := rollout.Plan{
		Name: "upsell", Version: "1", Holdout: 0.2,
		Stages: []rollout.Stage{
			{Name: "pilot", Locations: []string{main}, Roles: []string{"lead"}, Share: 0.25},
			{Name: "store", Locations: []string{main}, Share: 0.5},
			{Name: "everybody", Share: 1},
		},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func arms(p *rollout.Plan, stage int, s rollout.Subject, n int) map[string]rollout.Arm {
	m := make(map[string]rollout.Arm, n)
	for i := range n {
		s.Unit = "customer-" + strconv.Itoa(i)
		m[s.Unit] = p.Assign(stage, s)
	}
	return m
}

func share(m map[string]rollout.Arm, arm rollout.Arm) float64 {
	n := 0
	for _, a := range m {
		if a == arm {
			n++
		}
	}
	return float64(n) / float64(len(m))
}

// TestAssignVector pins the hash: another one would move running units.
func TestAssignVector(t *testing.T) {
	p := plan()
	var got []byte
	for i := range 24 {
		got = append(got, p.Assign(2, rollout.Subject{Unit: strconv.Itoa(i)})[0])
	}
	assert.Equal(t, "ttttttttttttttctttttcttt", string(got))
}

func TestAssign(t *testing.T) {
	p := plan()
	lead := rollout.Subject{Location: main, Role: "lead"}
	const n = 20_000
	pilot, store, everybody := arms(&p, 0, lead, n), arms(&p, 1, lead, n), arms(&p, 2, lead, n)
	for stage, want := range map[*map[string]rollout.Arm]float64{&pilot: 0.8 * 0.25, &store: 0.8 * 0.5, &everybody: 0.8} {
		assert.InDelta(t, want, share(*stage, rollout.Treatment), 0.01)
		assert.InDelta(t, 0.2, share(*stage, rollout.Control), 0.01)
	}
	for unit, arm := range pilot {
		assert.Equal(t, arm == rollout.Control, everybody[unit] == rollout.Control, "the control group stays")
		if arm == rollout.Treatment {
			require.Equal(t, rollout.Treatment, store[unit], "who has it keeps it")
			require.Equal(t, rollout.Treatment, everybody[unit])
		}
	}
	salted := plan(func(p *rollout.Plan) { p.Salt = "x" })
	same := 0
	for unit, arm := range arms(&salted, 2, lead, n) {
		if arm == rollout.Control && everybody[unit] == rollout.Control {
			same++
		}
	}
	assert.InDelta(t, 0.04, float64(same)/n, 0.01, "another salt is independent")

	for name, s := range map[string]rollout.Subject{
		"another store": {Unit: "a", Location: other, Role: "lead"},
		"another role":  {Unit: "a", Location: main, Role: "clerk"},
		"no unit":       {Location: main, Role: "lead"},
	} {
		assert.Equal(t, rollout.Off, p.Assign(0, s), name)
	}
	assert.Equal(t, rollout.Off, p.Assign(-1, lead))
	assert.Equal(t, rollout.Off, p.Assign(3, lead))
}

func TestPlanRefused(t *testing.T) {
	valid := plan()
	require.NoError(t, valid.Validate())
	for name, change := range map[string]func(*rollout.Plan){
		"no name":          func(p *rollout.Plan) { p.Name = "" },
		"no version":       func(p *rollout.Plan) { p.Version = "" },
		"no stage":         func(p *rollout.Plan) { p.Stages = nil },
		"a full holdout":   func(p *rollout.Plan) { p.Holdout = 1 },
		"a share of two":   func(p *rollout.Plan) { p.Stages[2].Share = 2 },
		"a smaller share":  func(p *rollout.Plan) { p.Stages[2].Share = 0.4 },
		"a lost store":     func(p *rollout.Plan) { p.Stages[1].Locations = []string{other} },
		"fewer stores":     func(p *rollout.Plan) { p.Stages[0].Locations = nil },
		"a lost role":      func(p *rollout.Plan) { p.Stages[1].Roles = []string{"clerk"} },
		"goal, no holdout": func(p *rollout.Plan) { p.Holdout, p.Primary = 0, rollout.Goal{Metric: "a", MinUnits: 2} },
		"goal of one":      func(p *rollout.Plan) { p.Primary = rollout.Goal{Metric: "a", MinUnits: 1} },
		"infinite": func(p *rollout.Plan) {
			p.Guardrails = []rollout.Guardrail{{Metric: "a", MinUnits: 1, Max: math.Inf(1)}}
		},
		"an adjustment": func(p *rollout.Plan) { p.Primary = rollout.Goal{Metric: "a", MinUnits: 2, Adjust: "magic"} },
		"too large":     func(p *rollout.Plan) { p.Stages[2].Roles = make([]string, 30_000) },
		"no metric":     func(p *rollout.Plan) { p.Guardrails = []rollout.Guardrail{{MinUnits: 1}} },
	} {
		p := plan(change)
		assert.ErrorIs(t, p.Validate(), rollout.ErrInvalid, name)
	}
}
