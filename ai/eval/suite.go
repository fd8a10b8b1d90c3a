package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/ai"
)

// A Suite is what is measured. It is not changed by a run.
type Suite[In, Want, Out any] struct {
	// Name of the suite, for reports.
	Name string

	// Cases, see [ReadFile]. There must be one at least, and no ID twice.
	Cases []Case[In, Want]

	// Contestants answer the cases. The first one is what the others are compared
	// with: the baseline, or the version in production.
	Contestants []Contestant[In, Out]

	// Graders score the answers. There must be one at least.
	Graders []Grader[In, Want, Out]
}

// A Contestant answers cases: a prompt with a model, or a function without one.
type Contestant[In, Out any] struct {
	// Name, unique in the suite, such as "gpt-5-mini, prompt 3".
	Name string

	// Version changes when other answers are to be expected, such as a digest of
	// prompt, model and settings. Answers that a results file has under another
	// version do not count. May be empty.
	Version string

	// Ask answers one input. It is called from several goroutines. Models in it that
	// are wrapped by [Meter] are counted. If nil, only answers count that the results
	// file has already, of a version that can no longer be asked.
	Ask func(ctx context.Context, in In) (Out, error)
}

// Options are the options of [Suite.Run]. The zero value is the default.
type Options struct {
	// Results is a file to which every finished answer and grade is appended, as a
	// line of JSON. What it has already is not asked again, so that a run that was
	// interrupted goes on. If empty, nothing is kept. One run at a time may write it.
	Results string

	// RetryFailed asks again where the results file has an error. Without it an error
	// is as final as an answer: it is what that version did.
	RetryFailed bool

	// Parallel is how many cases are worked on at once. If zero, 4.
	Parallel int

	// Timeout is the longest that one answer, and one grade, takes. If zero, 2 minutes.
	Timeout time.Duration

	// Prices turn tokens into money. If nil, only tokens are reported.
	Prices *ai.Prices

	// MaxCost is the most that models of [Meter] and judges may cost, with what the
	// results file says was spent before. Each call reserves its worst case, so it is
	// never exceeded; when a call does not fit in, the run ends with an error that
	// matches [ai.ErrBudget]. It needs Prices. If zero, there is no cap.
	MaxCost ai.Cost

	// Seed of the resampling in reports. Zero is a seed like any other.
	Seed uint64

	// Progress is called after every answer that was finished, one call at a time. May be nil.
	Progress func(done, total int)
}

// ErrInvalidSuite is what [Suite.Run] returns for a suite that cannot be run.
var ErrInvalidSuite = errors.New("eval: invalid suite")

func (s *Suite[In, Want, Out]) validate(o *Options) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalidSuite}, args...)...)
	}
	if len(s.Cases) == 0 || len(s.Contestants) == 0 || len(s.Graders) == 0 {
		return fail("it needs cases, contestants and graders")
	}
	ids := make(map[string]bool, len(s.Cases))
	for i := range s.Cases {
		c := &s.Cases[i]
		if p := c.problem(); p != "" {
			return fail("case %d: %s", i+1, p)
		}
		if ids[c.ID] {
			return fail("case %d: its id is there twice", i+1)
		}
		ids[c.ID] = true
	}
	names := map[string]bool{}
	for i, c := range s.Contestants {
		if p := nameProblem(c.Name); p != "" || names[c.Name] || len(c.Version) > maxName {
			return fail("contestant %d: its name is empty, not proper or there twice", i+1)
		}
		names[c.Name] = true
		if c.Ask == nil && o.Results == "" {
			return fail("contestant %d has neither Ask nor a results file", i+1)
		}
	}
	clear(names)
	for i, g := range s.Graders {
		if p := nameProblem(g.Name); p != "" || names[g.Name] || g.Grade == nil {
			return fail("grader %d: its name is empty, not proper or there twice, or it has no function", i+1)
		}
		names[g.Name] = true
	}
	if o.MaxCost > 0 && o.Prices == nil {
		return fail("MaxCost needs Prices")
	}
	return nil
}
