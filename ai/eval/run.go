package eval

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
)

// Run lets every contestant answer every case, and grades the answers. Contestants
// take turns case by case, so that what a run has when it ends early can be compared.
//
// The results are not nil unless the suite or the results file is invalid. Beside an
// error they are what was finished: when a call did not fit into Options.MaxCost, the
// error matches [ai.ErrBudget]; when ctx ended, it is its error. A case that fails is
// no error of the run. Nil options are the defaults.
func (s *Suite[In, Want, Out]) Run(ctx context.Context, opts *Options) (*Results[In, Want, Out], error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	if err := s.validate(&o); err != nil {
		return nil, err
	}
	journal, err := openJournal(o.Results)
	if err != nil {
		return nil, err
	}
	r := &run[In, Want, Out]{Suite: s, opts: o, journal: journal}
	if err := r.prepare(); err != nil {
		return nil, errors.Join(err, journal.close())
	}
	err = r.work(ctx)
	if e := journal.close(); err == nil && e != nil {
		err = fmt.Errorf("eval: %w", e)
	}
	results := &Results[In, Want, Out]{run: r, stopped: err}
	return results, err
}

// Results are what a run found.
type Results[In, Want, Out any] struct {
	run         *run[In, Want, Out]
	stopped     error
	preferences []Preference
}

// A Record is one answer and its grades.
type Record[Out any] struct {
	Case       string
	Contestant string

	// Output is the answer; zero if there is an Error, whose class is in Class, such
	// as "ai: timed out".
	Output       Out
	Error, Class string

	// Fallback: the answer is that of the program's own baseline, see [Fallback].
	Fallback bool

	Duration time.Duration
	Spent    Spent

	// Grades by grader. One that is missing failed: the answer is ungraded by it. An
	// answer with an Error has a score of 0 by every grader.
	Grades map[string]Grade
}

// Record returns the answer of a contestant to a case, or nil if there is none.
func (r *Results[In, Want, Out]) Record(contestant, id string) *Record[Out] {
	c := r.run.contestant(contestant)
	i := slices.IndexFunc(r.run.Cases, func(c Case[In, Want]) bool { return c.ID == id })
	if c < 0 || i < 0 {
		return nil
	}
	return r.run.records[i][c]
}

type run[In, Want, Out any] struct {
	*Suite[In, Want, Out]
	opts    Options
	journal *journal
	budget  *ai.Budget
	inputs  []string         // digests
	records [][]*Record[Out] // by case and contestant
	judged  Spent            // by graders
	mu      sync.Mutex
	done    int
	total   int
}

// prepare computes what lines of the journal are found by, and the budget that is left.
func (r *run[In, Want, Out]) prepare() error {
	r.inputs = make([]string, len(r.Cases))
	r.records = make([][]*Record[Out], len(r.Cases))
	r.total = len(r.Cases) * len(r.Contestants)
	for i := range r.Cases {
		var err error
		if r.inputs[i], err = digest(r.Cases[i].Input); err != nil {
			return fmt.Errorf("%w: case %d: its input does not marshal: %w", ErrInvalidSuite, i+1, err)
		}
		r.records[i] = make([]*Record[Out], len(r.Contestants))
	}
	return r.refill()
}

// refill makes a budget of what was not spent yet.
func (r *run[In, Want, Out]) refill() (err error) {
	if r.opts.MaxCost <= 0 {
		return nil
	}
	left := r.opts.MaxCost
	for _, c := range r.Contestants {
		left -= min(left, r.journal.paid[[2]string{c.Name, c.Version}].Cost)
	}
	// A limit must be positive: 10⁻¹² buys no token.
	r.budget, err = ai.NewBudget(new(ledger), r.opts.Prices, []ai.Cap{{Period: ai.Forever, Limit: max(left, 1)}}, nil)
	return err
}

func (r *run[In, Want, Out]) contestant(name string) int {
	return slices.IndexFunc(r.Contestants, func(c Contestant[In, Out]) bool { return c.Name == name })
}

// work runs the cases.
func (r *run[In, Want, Out]) work(ctx context.Context) error {
	return each(ctx, r.opts.Parallel, r.total, func(n int) error {
		return r.one(ctx, n/len(r.Contestants), n%len(r.Contestants))
	})
}

// each calls fn for 0 to n-1, a few at once, and begins no more after the first error,
// which it returns. What was begun goes on to its end: it is paid for.
func each(ctx context.Context, parallel, n int, fn func(int) error) error {
	var (
		mu    sync.Mutex
		first error
		busy  sync.WaitGroup
	)
	failed := func(err error) error {
		mu.Lock()
		defer mu.Unlock()
		first = cmp.Or(first, err)
		return first
	}
	slots := make(chan struct{}, parallel)
	for i := range n {
		slots <- struct{}{}
		if failed(ctx.Err()) != nil {
			break
		}
		busy.Go(func() {
			defer func() { <-slots }()
			_ = failed(fn(i))
		})
	}
	busy.Wait()
	return failed(ctx.Err())
}

// one answers and grades one case. An error ends the run.
func (r *run[In, Want, Out]) one(ctx context.Context, i, c int) error {
	record, err := r.answer(ctx, i, c)
	if record == nil || err != nil {
		return err
	}
	record.Grades = map[string]Grade{}
	for g := range r.Graders {
		if record.Error != "" {
			record.Grades[r.Graders[g].Name] = r.Graders[g].ofFailed(r.Cases[i].Want)
			continue
		}
		if err := r.grade(ctx, i, c, g, record); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[i][c] = record
	r.done++
	if r.opts.Progress != nil {
		r.opts.Progress(r.done, r.total)
	}
	return nil
}

func (r *run[In, Want, Out]) line(kind string, i, c int) *line {
	who := &r.Contestants[c]
	return &line{Kind: kind, Time: time.Now().UTC(), Contestant: who.Name, Version: who.Version, Case: r.Cases[i].ID, Input: r.inputs[i]}
}

// metered calls fn within the time limit and counts what it uses. The error ends the
// run: the budget is spent, or ctx has ended.
func (r *run[In, Want, Out]) metered(ctx context.Context, i, c int, fn func(context.Context) error) (m *meter, failed, ends error) {
	m = &meter{prices: r.opts.Prices, budget: r.budget}
	limited, cancel := context.WithTimeout(context.WithValue(ctx, meterKey{}, m), r.opts.Timeout)
	failed = fn(limited)
	cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.stopped != nil:
		ends = m.stopped
	case failed != nil && ctx.Err() != nil:
		ends = ctx.Err()
	default:
		return m, failed, nil
	}
	if m.spent.Calls > 0 { // paid for, and of no use
		l := r.line("spent", i, c)
		l.Spent = m.spent
		if err := r.journal.append(l); err != nil {
			return m, failed, err
		}
	}
	return m, failed, ends
}

// answer returns the contestant's answer, or nil if it cannot be had.
func (r *run[In, Want, Out]) answer(ctx context.Context, i, c int) (*Record[Out], error) {
	who := &r.Contestants[c]
	l := r.line("answer", i, c)
	if have := r.journal.find(l.key()); have != nil && (have.Error == "" || !r.opts.RetryFailed || who.Ask == nil) {
		return recordOf[Out](have)
	}
	if who.Ask == nil {
		return nil, nil
	}
	var out Out
	start := time.Now()
	m, failed, ends := r.metered(ctx, i, c, func(ctx context.Context) (err error) {
		out, err = who.Ask(ctx, r.Cases[i].Input)
		return err
	})
	if ends != nil {
		return nil, ends
	}
	l.DurationMS = float64(time.Since(start).Microseconds()) / 1000
	l.Spent, l.Fallback = m.spent, m.fallback
	if failed == nil {
		l.Output, failed = json.Marshal(out)
	}
	if failed != nil {
		l.Output, l.Error, l.Class = nil, errorText(failed), class(failed)
	}
	if err := r.journal.append(l); err != nil {
		return nil, err
	}
	return recordOf[Out](l)
}

func errorText(err error) string {
	if text := err.Error(); text != "" {
		return text
	}
	return "an error without a text"
}

// recordOf reads the answer back, so that one that was just made and one from the file
// are the same to graders.
func recordOf[Out any](l *line) (*Record[Out], error) {
	record := &Record[Out]{
		Case: l.Case, Contestant: l.Contestant, Error: l.Error, Class: l.Class, Fallback: l.Fallback,
		Duration: time.Duration(l.DurationMS * float64(time.Millisecond)), Spent: l.Spent,
	}
	if l.Error == "" {
		if err := json.Unmarshal(l.Output, &record.Output); err != nil {
			return nil, fmt.Errorf("%w: the answer of %s to case %s is not of this type: %s", ErrResults, l.Contestant, l.Case, decodeDetail(err))
		}
	}
	return record, nil
}

func (r *run[In, Want, Out]) grade(ctx context.Context, i, c, g int, record *Record[Out]) error {
	grader := &r.Graders[g]
	l := r.line("grade", i, c)
	judged, err := digest(r.Cases[i].Want, record.Output)
	if err != nil {
		return fmt.Errorf("%w: case %d: what is wanted does not marshal: %w", ErrInvalidSuite, i+1, err)
	}
	l.Grader, l.By, l.Judged = grader.Name, grader.Version, judged
	// What costs nothing is graded again: its function may be another one by now.
	if have := r.journal.find(l.key()); have != nil && have.Grade != nil && have.Spent.Calls > 0 {
		record.Grades[grader.Name] = *have.Grade
		r.judges(have.Spent)
		return nil
	}
	var grade Grade
	m, failed, ends := r.metered(ctx, i, c, func(ctx context.Context) (err error) {
		grade, err = grader.Grade(ctx, r.Cases[i], record.Output)
		return err
	})
	if ends != nil {
		return ends
	}
	if failed == nil && !(grade.Score >= 0 && grade.Score <= 1) {
		failed = errors.New("a score that is not from 0 to 1")
	}
	if failed == nil {
		record.Grades[grader.Name] = grade
		l.Grade = &grade
	} else {
		l.Error, l.Class = errorText(failed), class(failed)
	}
	r.judges(m.spent)
	if l.Spent = m.spent; l.Spent.Calls == 0 && failed == nil {
		return nil
	}
	return r.journal.append(l)
}

func (r *run[In, Want, Out]) judges(s Spent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judged.add(s)
}

// class names the kind of an error without a word of it that could be personal.
func class(err error) string {
	if e, ok := errors.AsType[*ai.Error](err); ok && e.Class != nil {
		return e.Class.Error()
	}
	for _, known := range []error{
		ai.ErrInvalidOutput, ai.ErrMalformedReply, ai.ErrTruncated, ai.ErrRefused, ai.ErrContentFiltered, ai.ErrEmptyReply,
		ai.ErrBlocked, ai.ErrLimit, ai.ErrToolPending, ai.ErrAccessDenied, ai.ErrNotRedacted, ai.ErrTimeout,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timed out"
	}
	return "error of the program"
}
