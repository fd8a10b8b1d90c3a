package rollout

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/posai-go/posai/approval"
)

// Report is what the data say at the present stage.
type Report struct {
	Stage string `json:"stage"`

	// Primary is nil where the plan has no goal. With less than two units in an
	// arm only the counts are set.
	Primary *Estimate `json:"primary,omitempty"`

	Guardrails []GuardrailReport `json:"guardrails,omitempty"`
}

// GuardrailReport is the state of one guardrail.
type GuardrailReport struct {
	Guardrail Guardrail `json:"guardrail"`
	Units     int       `json:"units"` // of the treatment arm
	Mean      float64   `json:"mean"`
	Broken    bool      `json:"broken"`
}

// Report computes what the data say at the present stage.
func (r *Rollout) Report(ctx context.Context) (*Report, error) {
	s, err := r.State(ctx)
	if err != nil {
		return nil, err
	}
	rep := &Report{Stage: r.stageName(s.Stage)}
	if r.source == nil || s.Stage < 0 {
		return rep, nil
	}
	var all []Observation
	for ob, err := range r.source(ctx, &r.plan, s.Since) {
		if err != nil {
			return nil, fmt.Errorf("rollout: observations: %w", err)
		}
		all = append(all, ob)
	}
	if g := r.plan.Primary; g != (Goal{}) {
		rep.Primary, err = r.plan.Compare(g.Metric, all, &CompareOptions{Adjust: g.Adjust})
		if err != nil && !errors.Is(err, ErrTooFew) && !errors.Is(err, ErrNoPrePeriod) {
			return nil, err
		}
	}
	for _, g := range r.plan.Guardrails {
		units, err := r.plan.byStore(g.Metric, all)
		if err != nil {
			return nil, err
		}
		v, err := guardrail(g, units)
		if err != nil {
			return nil, err
		}
		rep.Guardrails = append(rep.Guardrails, v)
	}
	return rep, nil
}

func guardrail(g Guardrail, all []Observation) (GuardrailReport, error) {
	units, err := collect(g.Metric, all)
	if err != nil {
		return GuardrailReport{}, err
	}
	v := GuardrailReport{Guardrail: g}
	for _, u := range units {
		if u.treated {
			v.Units++
			v.Mean += u.y
		}
	}
	if v.Units > 0 {
		v.Mean /= float64(v.Units)
	}
	v.Broken = v.Units >= g.MinUnits && v.Mean > g.Max
	return v, nil
}

// missing returns why the data do not allow the next stage.
func (r *Rollout) missing(rep *Report) (reasons []string) {
	for _, g := range rep.Guardrails {
		if g.Broken {
			reasons = append(reasons, fmt.Sprintf("%s is %.4g, above %.4g", g.Guardrail.Metric, g.Mean, g.Guardrail.Max))
		}
	}
	goal := r.plan.Primary
	if goal == (Goal{}) {
		return reasons
	}
	c := rep.Primary
	if c == nil || c.Treatment < goal.MinUnits || c.Control < goal.MinUnits {
		with, without := 0, 0
		if c != nil {
			with, without = c.Treatment, c.Control
		}
		reason := fmt.Sprintf("%d units with and %d without it, %d of each are needed", with, without, goal.MinUnits)
		if c != nil && c.LeftOut > 0 && goal.Adjust.needs() {
			reason += fmt.Sprintf(" (%d more have no value from before, or no partner that has one)", c.LeftOut)
		}
		return append(reasons, reason)
	}
	gain := c.Effect
	if goal.Lower {
		gain = -gain
	}
	switch {
	case goal.MaxP > 0 && (gain <= 0 || c.P > goal.MaxP):
		reasons = append(reasons, fmt.Sprintf("%s is not shown to be better: %+.4g, p = %.3g", goal.Metric, c.Effect, c.P))
	case goal.MaxP == 0 && gain < 0 && c.P <= 0.05:
		reasons = append(reasons, fmt.Sprintf("%s is worse: %+.4g, p = %.3g", goal.Metric, c.Effect, c.P))
	}
	return reasons
}

// Check looks at the guardrails, and pauses the plan when one is broken. Call it
// now and then, such as every few minutes.
func (r *Rollout) Check(ctx context.Context) (*Report, error) {
	rep, err := r.Report(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range rep.Guardrails {
		if g.Broken {
			reason := fmt.Sprintf("the guardrail %s broke: %.4g, above %.4g, over %d units", g.Guardrail.Metric, g.Mean, g.Guardrail.Max, g.Units)
			return rep, r.Pause(ctx, approval.Principal{ID: "rollout", Name: "Guardrail", Type: approval.System}, reason)
		}
	}
	return rep, nil
}

// Fields are the figures as people see them.
func (rep *Report) Fields() []approval.PreviewField {
	if rep == nil {
		return nil
	}
	var list []approval.PreviewField
	if c := rep.Primary; c != nil {
		list = append(list, approval.PreviewField{Label: c.Metric, Value: fmt.Sprintf(
			"%.4g with it, %.4g without: a difference of %+.4g (95 %% from %+.4g to %+.4g), p = %.3g, over %d and %d units, %s",
			c.MeanTreatment, c.MeanControl, c.Effect, c.Low, c.High, c.P, c.Treatment, c.Control, c.method())})
	}
	for _, g := range rep.Guardrails {
		list = append(list, approval.PreviewField{
			Label: g.Guardrail.Metric, Value: fmt.Sprintf("%.4g, at most %.4g is allowed, over %s units", g.Mean, g.Guardrail.Max, strconv.Itoa(g.Units)),
		})
	}
	return list
}

// method says how it was compared.
func (c *Estimate) method() string {
	text := "by " + c.Adjustment.words()
	if c.Strata > 1 {
		text += fmt.Sprintf(" within %d groups", c.Strata)
	}
	if c.LeftOut > 0 {
		text += fmt.Sprintf(", %d units left out", c.LeftOut)
	}
	return text
}
