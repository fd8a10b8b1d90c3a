package eval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/eval"
)

type (
	textCase       = eval.Case[string, string]
	textContestant = eval.Contestant[string, string]
	textGrader     = eval.Grader[string, string, string]
	textSuite      = eval.Suite[string, string, string]
)

func cases(n int) []textCase {
	out := make([]textCase, n)
	for i := range out {
		out[i] = textCase{ID: fmt.Sprintf("c%03d", i), Input: strconv.Itoa(i), Want: strconv.Itoa(i % 2)}
		if i%5 == 0 {
			out[i].Tags = []string{"fifth"}
		}
	}
	return out
}

var exact = eval.Exact[string]("right", eval.Is[string], eval.Is[string])

// zero says 0 to everything: right for every second case.
func zero(context.Context, string) (string, error) { return "0", nil }

// prices make an input token cost 1 and an output token 2 units of 10⁻⁶.
func prices(t *testing.T) *ai.Prices {
	one := decimal.NewFromInt(1)
	p, err := ai.NewPrices("USD", []ai.Price{{Provider: "aitest", Model: "*", Input: one, CacheRead: one, CacheWrite: one, Output: decimal.NewFromInt(2)}})
	require.NoError(t, err)
	return p
}

func asks(m ai.Model) func(context.Context, string) (string, error) {
	m = eval.Meter(m)
	return func(ctx context.Context, in string) (string, error) {
		resp, err := m.Generate(ctx, &ai.Request{Messages: []ai.Message{ai.User(in)}, MaxOutputTokens: 5})
		if err != nil {
			return "", err
		}
		return resp.Text(), nil
	}
}

func replies(n int, text string) []aitest.Reply {
	out := make([]aitest.Reply, n)
	for i := range out {
		out[i] = aitest.Text(text)
	}
	return out
}

// The time limit is that of a bubble, in which nothing takes time but what waits.
func TestRunMeasures(t *testing.T) { synctest.Test(t, testRunMeasures) }

func testRunMeasures(t *testing.T) {
	refused := errors.New("no")
	suite := &textSuite{
		Name: "sample", Cases: cases(20),
		Contestants: []textContestant{
			{Name: "base", Ask: zero},
			{Name: "model", Ask: asks(aitest.NewModel(t, replies(20, "0")...))},
			{Name: "failing", Ask: func(ctx context.Context, in string) (string, error) {
				switch in {
				case "0":
					return "", refused
				case "2":
					return "", &ai.Error{Class: ai.ErrRefused}
				case "4":
					<-ctx.Done()
					return "", ctx.Err()
				case "6":
					eval.Fallback(ctx)
				}
				return "0", nil
			}},
		},
		Graders: []textGrader{exact, eval.Code("sometimes", func(_ context.Context, c textCase, _ string) (eval.Grade, error) {
			if c.ID == "c001" {
				return eval.Grade{}, errors.New("the grader is broken")
			}
			if c.ID == "c003" {
				return eval.Grade{Score: 1.5}, nil
			}
			return eval.Grade{Score: 0.5, Reason: "middling"}, nil
		})},
	}
	var seen []int
	results, err := suite.Run(t.Context(), &eval.Options{Prices: prices(t), Timeout: 50 * time.Millisecond, Progress: func(done, total int) {
		assert.Equal(t, 60, total)
		seen = append(seen, done)
	}})
	require.NoError(t, err)
	assert.Len(t, seen, 60)
	assert.Equal(t, 60, seen[59])
	r := results.Report()
	require.Len(t, r.Contestants, 3)
	base, model, failing := r.Contestants[0], r.Contestants[1], r.Contestants[2]

	assert.InDelta(t, 0.5, base.Figures[0].Score, 1e-12)
	assert.True(t, base.Figures[0].Rate)
	assert.InDelta(t, 0.2993, base.Figures[0].Low, 5e-5, "Wilson of 10 of 20")
	assert.Zero(t, base.Spent)
	assert.Equal(t, "0", base.Cost.String(), "a baseline is a contestant like any other")
	assert.Equal(t, 20, model.Spent.Calls)
	assert.EqualValues(t, 200, model.Spent.Usage.InputTokens)
	assert.Equal(t, "0.0004", model.Cost.String(), "20 times 10 and 2 times 5 millionths")
	assert.Equal(t, "0.00002", model.CostPerCase.String())

	assert.Equal(t, 3, failing.Failed)
	assert.Equal(t, map[string]int{"error of the program": 1, "ai: refused by the model": 1, "timed out": 1}, failing.Errors)
	assert.Equal(t, 1, failing.Fallbacks)
	assert.InDelta(t, 7.0/20, failing.Figures[0].Score, 1e-12, "failed answers score 0")
	assert.GreaterOrEqual(t, failing.P95, 0.0)
	assert.Equal(t, 2, base.Figures[1].Ungraded, "what the grader failed at counts apart")
	assert.Equal(t, 18, base.Figures[1].Graded)
	assert.False(t, base.Figures[1].Rate)
	assert.Equal(t, []eval.Slice{{Tag: "fifth", Graded: 4, Score: 0.5, Low: base.Figures[0].Slices[0].Low, High: base.Figures[0].Slices[0].High}}, base.Figures[0].Slices)
	assert.Equal(t, 0.0, failing.Wrong[0].Score)
	record := results.Record("failing", "c002")
	require.NotNil(t, record)
	assert.Equal(t, "ai: refused by the model", record.Class)
	assert.Nil(t, results.Record("failing", "none"))

	c, err := r.Compare("right", "base", "failing")
	require.NoError(t, err)
	assert.Equal(t, 3, c.Worsened)
	assert.InDelta(t, 0.25, c.P, 1e-12, "McNemar: 0 of 3")
	require.NoError(t, c.Worse(0.02), "three cases are no proof")
	require.ErrorIs(t, c.NonInferior(0.02), eval.ErrRegression)
	_, err = r.Compare("right", "base", "nobody")
	require.Error(t, err)
	assert.Len(t, r.Comparisons, 4)

	// The same report each time, and its JSON and text hold no answer and no error's text.
	again := results.Report()
	again.Made = r.Made
	assert.JSONEq(t, asJSON(t, r), asJSON(t, again))
	var text, page, data bytes.Buffer
	require.NoError(t, r.WriteText(&text))
	require.NoError(t, r.WriteHTML(&page))
	require.NoError(t, r.WriteJSON(&data))
	for _, out := range []string{text.String(), page.String(), data.String()} {
		assert.Contains(t, out, "failing")
		assert.NotContains(t, out, "the grader is broken")
	}
	assert.Contains(t, text.String(), "the cases do not tell them apart")
	var back eval.Report
	require.NoError(t, json.Unmarshal(data.Bytes(), &back))
	assert.JSONEq(t, data.String(), asJSON(t, back))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// A run that is cut anywhere goes on and pays for nothing twice.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	var asked, graded atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	model := eval.Meter(aitest.NewModel(t, replies(60, "0")...))
	suite := &textSuite{
		Name: "sample", Cases: cases(30),
		Contestants: []textContestant{{Name: "base", Ask: zero}, {Name: "model", Version: "1", Ask: func(c context.Context, in string) (string, error) {
			if asked.Add(1) == 12 {
				cancel()
			}
			if in == "7" {
				return "", errors.New("it never answers this")
			}
			return asks(model)(c, in)
		}}},
		Graders: []textGrader{exact, eval.Code("free", func(context.Context, textCase, string) (eval.Grade, error) {
			graded.Add(1)
			return eval.Grade{Score: 1}, nil
		})},
	}
	results, err := suite.Run(ctx, &eval.Options{Results: path, Parallel: 1, Prices: prices(t)})
	require.ErrorIs(t, err, context.Canceled)
	r := results.Report()
	assert.NotEmpty(t, r.Stopped)
	assert.Equal(t, 11, r.Contestants[1].Asked)
	first := asked.Load()

	// A crash cut the last line off.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"kind":"answer","contestant":"model","ver` + strings.Repeat("x", 1<<20))
	require.NoError(t, err)
	require.NoError(t, f.Close())

	results, err = suite.Run(t.Context(), &eval.Options{Results: path, Prices: prices(t)})
	require.NoError(t, err)
	assert.EqualValues(t, 31, asked.Load(), "each case once, but for the one that was interrupted")
	assert.EqualValues(t, 12, first)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.HasSuffix(kept, []byte("}\n")), "what was cut off is gone")
	r = results.Report()
	assert.Equal(t, 30, r.Contestants[1].Asked)
	assert.Equal(t, 1, r.Contestants[1].Failed)
	assert.Equal(t, 29, r.Contestants[1].Spent.Calls)

	// All is there: nobody is asked, and one that can no longer be asked is compared.
	// Errors are asked again on demand.
	before := graded.Load()
	suite.Contestants[1].Ask = nil
	results, err = suite.Run(t.Context(), &eval.Options{Results: path, RetryFailed: true})
	require.NoError(t, err)
	assert.Equal(t, 30, results.Report().Contestants[1].Asked)
	assert.Greater(t, graded.Load(), before, "what costs nothing is graded anew, since its function may have changed")
	suite.Contestants[1].Ask = zero
	results, err = suite.Run(t.Context(), &eval.Options{Results: path, RetryFailed: true})
	require.NoError(t, err)
	assert.Zero(t, results.Report().Contestants[1].Failed)
	assert.Equal(t, 29, results.Report().Contestants[1].Spent.Calls)

	// Another version, or another input, is another answer.
	suite.Contestants[1].Version = "2"
	suite.Contestants[1].Ask = nil
	results, err = suite.Run(t.Context(), &eval.Options{Results: path})
	require.NoError(t, err)
	assert.Zero(t, results.Report().Contestants[1].Asked)
	suite.Contestants[1].Version = "1"
	suite.Cases[3].Input = "changed"
	results, err = suite.Run(t.Context(), &eval.Options{Results: path})
	require.NoError(t, err)
	assert.Equal(t, 29, results.Report().Contestants[1].Asked)
}

func TestResultsFileOfSomethingElse(t *testing.T) {
	suite := &textSuite{Name: "s", Cases: cases(1), Contestants: []textContestant{{Name: "b", Ask: zero}}, Graders: []textGrader{exact}}
	for name, text := range map[string]string{
		"no JSON": "{\"kind\":\"answer\",\"output\":\"x\"}\nsecret\n", "no kind": "{}\n{}\n", "no output": `{"kind":"answer"}` + "\n",
		"score": `{"kind":"grade","grade":{"score":7}}` + "\n", "cost": `{"kind":"spent","spent":{"cost":-1}}` + "\n",
		"long": strings.Repeat("x", 17<<20) + "\n",
	} {
		path := filepath.Join(t.TempDir(), "r.jsonl")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := suite.Run(t.Context(), &eval.Options{Results: path})
		require.ErrorIs(t, err, eval.ErrResults, name)
		assert.Contains(t, err.Error(), path+":", name)
		assert.NotContains(t, err.Error(), "secret")
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, text, string(left), "%s: it is left as it is", name)
	}
	// An answer of another type than the suite's.
	path := filepath.Join(t.TempDir(), "r.jsonl")
	_, err := suite.Run(t.Context(), &eval.Options{Results: path})
	require.NoError(t, err)
	other := &eval.Suite[string, string, int]{
		Name: "s", Cases: suite.Cases, Contestants: []eval.Contestant[string, int]{{Name: "b"}},
		Graders: []eval.Grader[string, string, int]{eval.Code("g", func(context.Context, textCase, int) (eval.Grade, error) { return eval.Grade{}, nil })},
	}
	_, err = other.Run(t.Context(), &eval.Options{Results: path})
	require.ErrorIs(t, err, eval.ErrResults)
}

// The cap ends a run before it is exceeded, and a resumed run keeps to what is left,
// also when the contestant hides the refusal behind a baseline of its own.
func TestBudgetCap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	model := aitest.NewModel(t, replies(100, "0")...)
	ask := asks(model)
	suite := &textSuite{
		Name: "sample", Cases: cases(50),
		Contestants: []textContestant{{Name: "base", Ask: zero}, {Name: "model", Ask: func(ctx context.Context, in string) (string, error) {
			out, err := ask(ctx, in)
			if err != nil {
				eval.Fallback(ctx)
				return "0", nil //nolint:nilerr // the program's baseline stands in
			}
			return out, nil
		}}},
		Graders: []textGrader{exact},
	}
	limit, err := ai.ParseCost("0.0003") // a call costs 0.00002
	require.NoError(t, err)
	opts := &eval.Options{Results: path, MaxCost: limit, Prices: prices(t)}
	results, err := suite.Run(t.Context(), opts)
	require.ErrorIs(t, err, ai.ErrBudget)
	r := results.Report()
	assert.Contains(t, r.Stopped, "budget")
	spent := r.Contestants[1].Spent.Cost
	assert.LessOrEqual(t, spent, limit)
	// Up to three other calls hold their worst case, which is 0.00006.
	assert.Greater(t, spent, limit*4/10, "and much of it was used")
	assert.Zero(t, r.Contestants[1].Fallbacks, "what the budget stopped is no answer")
	calls := 100 - model.Remaining()
	assert.Equal(t, calls, r.Contestants[1].Asked)
	var text bytes.Buffer
	require.NoError(t, r.WriteText(&text))
	assert.Contains(t, text.String(), "Ended early: ai: budget")

	_, err = suite.Run(t.Context(), opts)
	require.ErrorIs(t, err, ai.ErrBudget)
	assert.LessOrEqual(t, ai.Cost(100-model.Remaining())*20_000_000, limit, "the file's costs count")
	opts.MaxCost = 100 * limit
	results, err = suite.Run(t.Context(), opts)
	require.NoError(t, err)
	assert.Equal(t, 50, 100-model.Remaining(), "and finished cases are not paid twice")
	assert.Equal(t, "0.001", results.Report().Contestants[1].Cost.String())
}

// A call whose cost the provider does not tell counts at its worst.
func TestUnknownCost(t *testing.T) {
	model := aitest.NewModel(t, aitest.Reply{Text: "0", Usage: ai.Usage{Missing: true}}, aitest.Error(&ai.Error{Class: ai.ErrTimeout}), aitest.Error(&ai.Error{Class: ai.ErrRateLimited, Status: 429}))
	suite := &textSuite{Name: "s", Cases: cases(3), Contestants: []textContestant{{Name: "m", Ask: asks(model)}}, Graders: []textGrader{exact}}
	limit, err := ai.ParseCost("1")
	require.NoError(t, err)
	results, err := suite.Run(t.Context(), &eval.Options{Parallel: 1, MaxCost: limit, Prices: prices(t)})
	require.NoError(t, err)
	c := results.Report().Contestants[0]
	assert.True(t, c.Spent.Uncertain)
	assert.Greater(t, c.Spent.Cost, ai.Cost(20_000_000), "two reservations")
	assert.Equal(t, 2, c.Failed)
	assert.Equal(t, 3, c.Spent.Calls)
}

func TestStreamsAreMetered(t *testing.T) {
	model := eval.Meter(aitest.NewModel(t, replies(4, "0 and more")...))
	suite := &textSuite{Name: "s", Cases: cases(4), Graders: []textGrader{exact}, Contestants: []textContestant{{Name: "m", Ask: func(ctx context.Context, in string) (string, error) {
		for ev, err := range model.Stream(ctx, &ai.Request{Messages: []ai.Message{ai.User(in)}}) {
			if err != nil {
				return "", err
			}
			if d, ok := ev.(ai.TextDelta); ok && in == "3" {
				return d.Text, nil // left early
			}
		}
		return "0", nil
	}}}}
	results, err := suite.Run(t.Context(), &eval.Options{Prices: prices(t)})
	require.NoError(t, err)
	c := results.Report().Contestants[0]
	assert.Equal(t, 4, c.Spent.Calls)
	assert.EqualValues(t, 30, c.Spent.Usage.InputTokens)
	assert.True(t, c.Spent.Uncertain)
	outside, err := ai.Accumulate(eval.Meter(aitest.NewModel(t, aitest.Text("x"))).Stream(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("x")}}))
	require.NoError(t, err)
	assert.Equal(t, "x", outside.Text(), "outside of a run it does nothing")
}

func TestInvalidSuites(t *testing.T) {
	good := func() *textSuite {
		return &textSuite{Name: "s", Cases: cases(2), Contestants: []textContestant{{Name: "b", Ask: zero}}, Graders: []textGrader{exact}}
	}
	_, err := good().Run(t.Context(), nil)
	require.NoError(t, err)
	for name, change := range map[string]func(*textSuite) *eval.Options{
		"no cases":         func(s *textSuite) *eval.Options { s.Cases = nil; return nil },
		"no graders":       func(s *textSuite) *eval.Options { s.Graders = nil; return nil },
		"id twice":         func(s *textSuite) *eval.Options { s.Cases[1].ID = s.Cases[0].ID; return nil },
		"contestant twice": func(s *textSuite) *eval.Options { s.Contestants = append(s.Contestants, s.Contestants[0]); return nil },
		"nobody to ask":    func(s *textSuite) *eval.Options { s.Contestants[0].Ask = nil; return nil },
		"grader":           func(s *textSuite) *eval.Options { s.Graders[0].Grade = nil; return nil },
		"cap":              func(*textSuite) *eval.Options { return &eval.Options{MaxCost: 1} },
	} {
		s := good()
		opts := change(s)
		_, err := s.Run(t.Context(), opts)
		require.ErrorIs(t, err, eval.ErrInvalidSuite, name)
	}
}
