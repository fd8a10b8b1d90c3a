package eval_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/eval"
	"github.com/posai-go/posai/internal/testbrowser"
)

// right is right for the first n of 100.
func right(n int) func(context.Context, string) (string, error) {
	return func(_ context.Context, in string) (string, error) {
		i, err := strconv.Atoi(in)
		if i < n {
			return strconv.Itoa(i % 2), err
		}
		return "wrong", err
	}
}

// The gates, on versions whose quality is known.
func TestGates(t *testing.T) {
	partial := eval.Code("in part", func(_ context.Context, c textCase, out string) (eval.Grade, error) {
		if out == c.Want {
			return eval.Grade{Score: 0.9}, nil
		}
		return eval.Grade{Score: 0.3}, nil
	})
	suite := &textSuite{Name: "gates", Cases: cases(100), Graders: []textGrader{exact, partial}, Contestants: []textContestant{
		{Name: "old", Ask: right(80)}, {Name: "same", Ask: right(80)}, {Name: "little worse", Ask: right(78)}, {Name: "much worse", Ask: right(55)}, {Name: "better", Ask: right(95)},
	}}
	results, err := suite.Run(t.Context(), &eval.Options{Seed: 42})
	require.NoError(t, err)
	r := results.Report()
	for name, want := range map[string]struct{ passes, nonInferior bool }{
		"same": {true, true}, "little worse": {true, false}, "much worse": {false, false}, "better": {true, true},
	} {
		for _, figure := range []string{"right", "in part"} {
			c, err := r.Compare(figure, "old", name)
			require.NoError(t, err)
			assert.Equal(t, want.passes, c.Worse(0.02) == nil, "%s, %s: %v", name, figure, c.Worse(0.02))
			assert.Equal(t, want.nonInferior, c.NonInferior(0.02) == nil, "%s, %s: %v", name, figure, c.NonInferior(0.02))
		}
	}
	c, err := r.Compare("right", "old", "much worse")
	require.NoError(t, err)
	assert.Equal(t, []int{0, 25, 100}, []int{c.Better, c.Worsened, c.Pairs})
	assert.InDelta(t, -0.25, c.Difference, 1e-12)
	// A paired difference has the interval of its own 25 of 100, not that of two rates.
	assert.InDelta(t, -0.25-1.96*0.0433, c.Low, 0.012)
	assert.InDelta(t, -0.25+1.96*0.0433, c.High, 0.012)
	assert.InDelta(t, 2.0/(1<<25), c.P, 1e-12)
	require.ErrorContains(t, c.Worse(0), `right: "much worse" is worse than "old"`)
	c, err = r.Compare("in part", "old", "much worse")
	require.NoError(t, err)
	assert.Equal(t, "permutation of signs, at random", c.Test)
	assert.Less(t, c.P, 0.001)
}

// The page, as people see it.
func TestPageInABrowser(t *testing.T) {
	level := func(n int) aitest.Reply {
		return aitest.JSON(map[string]any{"reason": "<script>alert(1)</script> «würde»", "level": n})
	}
	var judgments []aitest.Reply
	for i := range 120 {
		judgments = append(judgments, level(i%3))
	}
	better := func(s string) aitest.Reply { return aitest.JSON(map[string]string{"reason": "", "better": s}) }
	var choices []aitest.Reply
	for i := range 40 {
		choices = append(choices, better([]string{"first", "second"}[i/2%2]), better([]string{"second", "second", "first"}[i%3]))
	}
	suite := &textSuite{
		Name: "Which reason a note gives <b>", Cases: cases(40),
		Graders: []textGrader{eval.Classes[string]("reason", eval.Is[string], eval.Is[string]), eval.Judge("helpful", aitest.NewModel(t, judgments...), rubric, show)},
		Contestants: []textContestant{
			{Name: "keywords", Ask: right(31)},
			{Name: "gpt-5-mini, prompt 3", Version: "3f9a", Ask: asks(aitest.NewModel(t, replies(40, "0")...))},
			{Name: "gpt-5-mini, prompt 4 with a name that is long enough to need two lines", Version: "b01d", Ask: right(20)},
		},
	}
	results, err := suite.Run(t.Context(), &eval.Options{Prices: prices(t), Parallel: 1})
	require.NoError(t, err)
	_, err = results.Prefer(t.Context(), aitest.NewModel(t, choices...), rubric, "keywords", "gpt-5-mini, prompt 3", show)
	require.NoError(t, err)
	r := results.Report()
	r.Stopped = "ai: budget does not allow the call"
	var page bytes.Buffer
	require.NoError(t, r.WriteHTML(&page))
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			if r.URL.Path != "/favicon.ico" {
				requests.Add(1)
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", eval.ContentSecurityPolicy)
		_, _ = w.Write(page.Bytes())
	}))
	defer server.Close()
	p := testbrowser.Open(t, server.URL+"/page")
	testbrowser.Eval[bool](p, `document.querySelectorAll("details").forEach(d => d.open = true) || true`)
	text := testbrowser.Eval[string](p, `document.body.innerText`)
	for _, want := range []string{"Which reason a note gives <b>", "The run ended early:", "p95", "McNemar, exact", "<script>alert(1)</script> «würde»", "macro-F1", "fifth", "By order alone", "Judges made 120 calls"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "NaN")
	assert.Zero(t, requests.Load(), "nothing is fetched")
	assert.Zero(t, testbrowser.Eval[int](p, `document.querySelectorAll("script,link,img,iframe").length`))
	assert.Equal(t, 2, testbrowser.Eval[int](p, `[...document.querySelectorAll("svg[role=img]")].filter(s => document.getElementById(s.getAttribute("aria-labelledby")).textContent).length`))
	assert.Zero(t, testbrowser.Eval[int](p, `[...document.querySelectorAll("table")].filter(t => !t.querySelector("th[scope=col]") || !t.querySelector("th[scope=row]")).length`))
	assert.Zero(t, testbrowser.Eval[int](p, `[...document.querySelectorAll(".scroll")].filter(e => e.tabIndex !== 0 || !e.getAttribute("aria-label")).length`), "what scrolls can be scrolled with keys")
	testbrowser.Eval[bool](p, `document.querySelectorAll("details").forEach(d => d.open = false) || true`)
	p.Looks("eval", "svg .range,svg .point", 1100, 390)
}
