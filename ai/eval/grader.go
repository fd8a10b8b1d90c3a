package eval

import (
	"context"
	"fmt"
	"math"
)

// A Grader scores answers.
type Grader[In, Want, Out any] struct {
	// Name, unique in the suite.
	Name string

	// Version changes when other grades are to be expected, such as another rubric.
	// Grades that a results file has under another version are made again.
	Version string

	// Grade scores one answer. It is called from several goroutines. An error says
	// that the grader failed, not the answer.
	Grade func(ctx context.Context, c Case[In, Want], out Out) (Grade, error)

	// failed is the grade of an answer that did not come. If nil, zero.
	failed func(Want) Grade
}

// A Grade is what a grader says of an answer.
type Grade struct {
	// Score from 0 to 1.
	Score float64 `json:"score"`

	// Reason for a score below 1, in few words. Reports show it.
	Reason string `json:"reason,omitempty"`

	// Want and Got are the classes of a classifier's case, see [Classes].
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}

// Code returns a grader that is a function.
func Code[In, Want, Out any](name string, grade func(ctx context.Context, c Case[In, Want], out Out) (Grade, error)) Grader[In, Want, Out] {
	return Grader[In, Want, Out]{Name: name, Grade: grade}
}

// Is returns what it is given: what is wanted, or the answer, as it is.
func Is[T any](v T) T { return v }

func yes(ok bool) Grade {
	if ok {
		return Grade{Score: 1}
	}
	return Grade{}
}

// Exact returns a grader that scores 1 if two values are equal, else 0. The functions
// take them from what is wanted and from the answer; see [Is].
func Exact[In, Want, Out any, T comparable](name string, want func(Want) T, got func(Out) T) Grader[In, Want, Out] {
	return Code(name, func(_ context.Context, c Case[In, Want], out Out) (Grade, error) {
		return yes(want(c.Want) == got(out)), nil
	})
}

// Classes is [Exact] for a classifier: besides, the report has precision, recall and
// F1 of every class and their macro-average.
func Classes[In, Want, Out any, T ~string](name string, want func(Want) T, got func(Out) T) Grader[In, Want, Out] {
	g := Code(name, func(_ context.Context, c Case[In, Want], out Out) (Grade, error) {
		w, g := string(want(c.Want)), string(got(out))
		grade := yes(w == g)
		grade.Want, grade.Got = w, g
		return grade, nil
	})
	g.failed = func(w Want) Grade { return Grade{Want: string(want(w))} }
	return g
}

// SetF1 returns a grader of sets: the score is the harmonic mean of precision and
// recall, 2·|both| / (|wanted| + |got|), and 1 if both are empty. Order and
// repetition make no difference.
func SetF1[In, Want, Out any, T comparable](name string, want func(Want) []T, got func(Out) []T) Grader[In, Want, Out] {
	return Code(name, func(_ context.Context, c Case[In, Want], out Out) (Grade, error) {
		wanted, found, both := map[T]bool{}, map[T]bool{}, 0
		for _, v := range want(c.Want) {
			wanted[v] = true
		}
		for _, v := range got(out) {
			if found[v] {
				continue
			}
			found[v] = true
			if wanted[v] {
				both++
			}
		}
		if len(wanted)+len(found) == 0 {
			return Grade{Score: 1}, nil
		}
		g := Grade{Score: 2 * float64(both) / float64(len(wanted)+len(found))}
		if g.Score < 1 {
			g.Reason = fmt.Sprintf("%d missing, %d too many", len(wanted)-both, len(found)-both)
		}
		return g, nil
	})
}

// A Tolerance is how far a number may be off: by Abs, or by Rel times what is wanted,
// whichever allows more. The zero value is exactly.
type Tolerance struct{ Abs, Rel float64 }

// Numeric returns a grader that scores 1 if a number is within the tolerance, else 0.
// NaN and infinity are never.
func Numeric[In, Want, Out any](name string, tolerance Tolerance, want func(Want) float64, got func(Out) float64) Grader[In, Want, Out] {
	return Code(name, func(_ context.Context, c Case[In, Want], out Out) (Grade, error) {
		w, g := want(c.Want), got(out)
		off := math.Abs(w - g)
		if math.IsNaN(off) || math.IsInf(off, 0) {
			return Grade{Reason: "not a finite number"}, nil
		}
		if off <= max(tolerance.Abs, tolerance.Rel*math.Abs(w)) {
			return Grade{Score: 1}, nil
		}
		return Grade{Reason: fmt.Sprintf("off by %.4g", off)}, nil
	})
}

func (g *Grader[In, Want, Out]) ofFailed(want Want) Grade {
	if g.failed == nil {
		return Grade{}
	}
	return g.failed(want)
}
