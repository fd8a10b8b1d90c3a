package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/internal/stats"
)

// A Preference says which of two contestants a judge prefers, case by case.
type Preference struct {
	Judge     string `json:"judge"`
	Base      string `json:"base"`
	Candidate string `json:"candidate"`

	// Wins and Losses of the candidate, and Ties. Inconsistent are those of the ties
	// in which the judge changed its mind with the order of the answers.
	Wins         int `json:"wins"`
	Losses       int `json:"losses"`
	Ties         int `json:"ties"`
	Inconsistent int `json:"inconsistent"`

	// Failed are cases that the judge could not decide, by its own failure. They count
	// in none of the above.
	Failed int `json:"failed"`

	// Share of wins among wins and losses, with Wilson's 95 % interval, and the p-value
	// of the sign test.
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	P     float64 `json:"p"`

	Spent Spent `json:"spent"`
}

type verdictKind string

const (
	win          verdictKind = "win" // of the candidate
	loss         verdictKind = "loss"
	tie          verdictKind = "tie"
	inconsistent verdictKind = "inconsistent"
)

type choice struct {
	Reason string `json:"reason" description:"why, in one or two sentences" jsonschema:"maxLength=600"`
	Better string `json:"better" description:"which answer is better by the criterion" jsonschema:"enum=first|second|same"`
}

type pair struct {
	Question string `json:"question"`
	Wanted   string `json:"wanted,omitempty"`
	First    string `json:"first"`
	Second   string `json:"second"`
}

// Prefer asks a model, for every case that both contestants were asked, which answer
// is better by the rubric's criterion. Each pair is judged twice, with the answers in
// both orders, since judges prefer a place: only a choice that survives the change is
// one. An answer that did not come loses to one that did, without a question.
//
// Verdicts are kept in the results file and count in MaxCost like grades. Errors are
// those of [Suite.Run]; the preference is then nil. It is part of reports that are
// made after it.
func (r *Results[In, Want, Out]) Prefer(ctx context.Context, m ai.Model, rubric Rubric, base, candidate string, show func(c Case[In, Want], out Out) Shown) (*Preference, error) {
	b, c := r.run.contestant(base), r.run.contestant(candidate)
	if b < 0 || c < 0 || b == c || rubric.Criterion == "" {
		return nil, fmt.Errorf("%w: a preference needs two contestants of the suite and a criterion", ErrInvalidSuite)
	}
	journal, err := openJournal(r.run.opts.Results)
	if err != nil {
		return nil, err
	}
	if r.run.opts.Results != "" {
		r.run.journal = journal
	}
	if err := r.run.refill(); err != nil {
		return nil, errors.Join(err, journal.close())
	}
	j := &pairwise[In, Want, Out]{
		run: r.run, model: Meter(m), by: rubric.version(m), base: b, candidate: c, show: show,
		system: fmt.Sprintf("%s\n\nThe task of the program: %s\n\nCriterion: %s", judgeSystem, rubric.Task, rubric.Criterion),
		sum:    Preference{Judge: m.Info().Model, Base: base, Candidate: candidate},
	}
	err = j.work(ctx)
	if e := journal.close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	p := &j.sum
	p.Low, p.High = stats.Wilson(p.Wins, p.Wins+p.Losses)
	if n := p.Wins + p.Losses; n > 0 {
		p.Share = float64(p.Wins) / float64(n)
	}
	p.P = stats.Binomial(p.Wins, p.Wins+p.Losses)
	r.preferences = append(r.preferences, *p)
	return p, nil
}

type pairwise[In, Want, Out any] struct {
	*run[In, Want, Out]
	model           ai.Model
	by, system      string
	base, candidate int
	show            func(Case[In, Want], Out) Shown
	mu              sync.Mutex
	sum             Preference
}

func (j *pairwise[In, Want, Out]) work(ctx context.Context) error {
	return each(ctx, j.opts.Parallel, len(j.Cases), func(i int) error {
		base, candidate := j.records[i][j.base], j.records[i][j.candidate]
		if base == nil || candidate == nil {
			return nil
		}
		return j.one(ctx, i, base, candidate)
	})
}

func (j *pairwise[In, Want, Out]) one(ctx context.Context, i int, base, candidate *Record[Out]) error {
	switch {
	case base.Error != "" && candidate.Error != "":
		j.count(tie, Spent{})
		return nil
	case base.Error != "":
		j.count(win, Spent{})
		return nil
	case candidate.Error != "":
		j.count(loss, Spent{})
		return nil
	}
	shown, other := j.show(j.Cases[i], base.Output), j.show(j.Cases[i], candidate.Output)
	l := j.line("preference", i, j.candidate)
	l.Against, l.Grader, l.By = j.Contestants[j.base].Name, "preference", j.by
	var err error
	if l.Judged, err = digest(shown, other); err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	if have := j.journal.find(l.key()); have != nil && have.Verdict != "" {
		j.count(have.Verdict, have.Spent)
		return nil
	}
	var verdict verdictKind
	m, failed, ends := j.metered(ctx, i, j.candidate, func(ctx context.Context) (err error) {
		verdict, err = j.judge(ctx, shown, other)
		return err
	})
	if ends != nil {
		return ends
	}
	l.Spent = m.spent
	if failed != nil {
		l.Error, l.Class = errorText(failed), class(failed)
	} else {
		l.Verdict = verdict
	}
	j.count(l.Verdict, l.Spent)
	return j.journal.append(l)
}

func (j *pairwise[In, Want, Out]) judge(ctx context.Context, base, candidate Shown) (verdictKind, error) {
	first, err := j.ask(ctx, pair{base.Question, base.Wanted, base.Answer, candidate.Answer})
	if err != nil {
		return "", err
	}
	second, err := j.ask(ctx, pair{base.Question, base.Wanted, candidate.Answer, base.Answer})
	if err != nil {
		return "", err
	}
	switch [2]string{first, second} {
	case [2]string{"second", "first"}:
		return win, nil
	case [2]string{"first", "second"}:
		return loss, nil
	case [2]string{"same", "same"}:
		return tie, nil
	}
	return inconsistent, nil
}

func (j *pairwise[In, Want, Out]) ask(ctx context.Context, p pair) (string, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrJudge, err)
	}
	req := &ai.Request{System: j.system, Messages: []ai.Message{ai.UntrustedUser(string(data))}, MaxOutputTokens: judgeTokens}
	c, _, err := ai.Extract(ctx, j.model, req, &ai.ExtractOptions[choice]{Name: "choice"})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrJudge, err)
	}
	return c.Better, nil
}

func (j *pairwise[In, Want, Out]) count(v verdictKind, s Spent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sum.Spent.add(s)
	switch v {
	case win:
		j.sum.Wins++
	case loss:
		j.sum.Losses++
	case inconsistent:
		j.sum.Inconsistent++
		j.sum.Ties++
	case tie:
		j.sum.Ties++
	default:
		j.sum.Failed++
	}
}
