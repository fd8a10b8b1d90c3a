package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/posai-go/posai/internal/stats"
)

// macroF1 is the end of the name of a figure of [Classes].
const macroF1 = " macro-F1"

// A Comparison holds a candidate against a base, on the cases that both were asked and
// that were graded for both.
type Comparison struct {
	// Figure is the name of a grader, or of a [Classes] grader with " macro-F1".
	Figure string `json:"figure"`

	Base      string `json:"base"`
	Candidate string `json:"candidate"`

	// Pairs are the cases. Better and Worsened count those whose score differs.
	Pairs    int `json:"pairs"`
	Better   int `json:"better"`
	Worsened int `json:"worse"`

	BaseScore      float64 `json:"base_score"`
	CandidateScore float64 `json:"candidate_score"`

	// Difference is CandidateScore less BaseScore, with its 95 % interval, by a paired
	// bootstrap.
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`

	// P is the two-sided p-value of Test; 1 if there is none, as for macro-F1.
	P    float64 `json:"p"`
	Test string  `json:"test,omitempty"`
}

// ErrRegression is what [Comparison.Worse] and [Comparison.NonInferior] return.
var ErrRegression = errors.New("eval: regression")

// Compare compares two contestants by a grader's score, or by a classifier's macro-F1:
// the grader's name with " macro-F1". It fails if there is no such figure, or no case
// that both have.
func (r *Report) Compare(figure, base, candidate string) (*Comparison, error) {
	b, okBase := r.column(figure, base)
	c, okCandidate := r.column(figure, candidate)
	if !okBase || !okCandidate {
		return nil, fmt.Errorf("eval: no figure %q of both %q and %q", figure, base, candidate)
	}
	out := &Comparison{Figure: figure, Base: base, Candidate: candidate, P: 1}
	var before, after, differences []float64
	var labelsBefore, labelsAfter []stats.Labeled
	for i := range b.scores {
		if math.IsNaN(b.scores[i]) || math.IsNaN(c.scores[i]) {
			continue
		}
		before, after = append(before, b.scores[i]), append(after, c.scores[i])
		d := c.scores[i] - b.scores[i]
		differences = append(differences, d)
		switch {
		case d > 0:
			out.Better++
		case d < 0:
			out.Worsened++
		}
		if b.labels != nil && c.labels != nil {
			labelsBefore, labelsAfter = append(labelsBefore, b.labels[i]), append(labelsAfter, c.labels[i])
		}
	}
	if out.Pairs = len(differences); out.Pairs == 0 {
		return nil, fmt.Errorf("eval: %q and %q have no case in common that %q graded", base, candidate, figure)
	}
	if strings.HasSuffix(figure, macroF1) && labelsBefore != nil {
		out.classes(labelsBefore, labelsAfter, r.Seed)
		return out, nil
	}
	out.BaseScore, out.CandidateScore, out.Difference = mean(before), mean(after), mean(differences)
	out.Low, out.High = stats.Bootstrap(out.Pairs, r.Seed, func(sample []int) float64 {
		sum := 0.0
		for _, i := range sample {
			sum += differences[i]
		}
		return sum / float64(len(sample))
	})
	if binary(before) && binary(after) {
		out.P, out.Test = stats.Binomial(out.Better, out.Better+out.Worsened), "McNemar, exact"
		return out, nil
	}
	p, exact := stats.SignFlip(differences, r.Seed)
	out.P, out.Test = p, "permutation of signs, at random"
	if exact {
		out.Test = "permutation of signs, exact"
	}
	return out, nil
}

func (c *Comparison) classes(before, after []stats.Labeled, seed uint64) {
	seen := map[string]bool{}
	for i := range before {
		for _, w := range []string{before[i].Want, after[i].Want} {
			if w != "" {
				seen[w] = true
			}
		}
	}
	names := sortedKeys(seen)
	c.BaseScore, c.CandidateScore = stats.MacroF1(before, names), stats.MacroF1(after, names)
	c.Difference = c.CandidateScore - c.BaseScore
	c.Low, c.High = stats.Bootstrap(len(before), seed, func(sample []int) float64 {
		return stats.MacroF1(drawn(after, sample), names) - stats.MacroF1(drawn(before, sample), names)
	})
}

func (r *Report) column(figure, contestant string) (scoreColumn, bool) {
	at := slices.IndexFunc(r.Contestants, func(c ContestantReport) bool { return c.Name == contestant })
	if at < 0 {
		return scoreColumn{}, false
	}
	for g, f := range r.Contestants[at].Figures {
		if f.Grader == figure || f.MacroF1 != nil && f.Grader+macroF1 == figure {
			return r.columns[contestant][g], true
		}
	}
	return scoreColumn{}, false
}

// Worse returns an error if the cases show that the candidate is worse than the base by
// more than a margin, from 0 to 1: if the whole interval of the difference lies below
// it. Few cases show little, so that a small suite lets much pass; see NonInferior. The
// error matches [ErrRegression].
func (c *Comparison) Worse(margin float64) error {
	if c.High >= -margin {
		return nil
	}
	return c.regression("is worse than", margin)
}

// NonInferior returns an error unless the cases show that the candidate is not worse
// than the base by more than a margin, from 0 to 1: unless the whole interval of the
// difference lies above it. It needs enough cases for that. The error matches
// [ErrRegression].
func (c *Comparison) NonInferior(margin float64) error {
	if c.Low >= -margin {
		return nil
	}
	return c.regression("is not shown to be as good as", margin)
}

func (c *Comparison) regression(what string, margin float64) error {
	return fmt.Errorf("%w: %s: %q %s %q, by a margin of %.3g: %.3f against %.3f, difference %+.3f (95 %% interval %+.3f to %+.3f, %d cases)",
		ErrRegression, c.Figure, c.Candidate, what, c.Base, margin, c.CandidateScore, c.BaseScore, c.Difference, c.Low, c.High, c.Pairs)
}
