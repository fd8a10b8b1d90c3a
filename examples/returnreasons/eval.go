package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/stats"
)

// evaluate measures the baseline, and the model if there is one, on the notes.
func evaluate(ctx context.Context, model ai.Model, timeout time.Duration, out io.Writer) error {
	for _, split := range []string{"dev", "test"} {
		set, err := labeledNotes(split)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d notes in %d languages", split, len(set), languages(set))
		if split == "dev" {
			fmt.Fprint(out, " (the keywords were written with a view to these: the test set counts)")
		}
		fmt.Fprintln(out)
		answers := keywordAnswers(set)
		table(out, "baseline "+baselineName, answers)
		if model == nil {
			continue
		}
		theirs, fell, err := modelAnswers(ctx, model, timeout, set)
		if err != nil {
			return err
		}
		table(out, fmt.Sprintf("model %s %s (%d of %d answers were not usable: the baseline stood in, as in production)", model.Info().Provider, model.Info().Model, fell, len(set)), theirs)
		compare(out, answers, theirs)
	}
	if model == nil {
		fmt.Fprintln(out, "model: none was asked; name one with -model, and its key with -model-key or the provider's variable")
	}
	return nil
}

func keywordAnswers(set []Note) []stats.Labeled {
	out := make([]stats.Labeled, len(set))
	for i, n := range set {
		out[i] = stats.Labeled{Want: string(n.Reason), Got: string(judgeByKeywords(n.item()).Reason)}
	}
	return out
}

// atOnce is how many notes are before the model at a time.
const atOnce = 4

// modelAnswers asks the model about each note as the program would, and returns
// how often the baseline had to stand in.
func modelAnswers(ctx context.Context, model ai.Model, timeout time.Duration, set []Note) (answers []stats.Labeled, fell int, err error) {
	answers = make([]stats.Labeled, len(set))
	fallbacks := make([]bool, len(set))
	errs := make([]error, len(set))
	var work sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, n := range set {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			v, err := judge(ctx, model, timeout, &Goods{Items: []Item{n.item()}}, offeredDefinitions(nil))
			if err != nil {
				errs[i] = err
				return
			}
			answers[i] = stats.Labeled{Want: string(n.Reason), Got: string(v.Items[0].Reason)}
			fallbacks[i] = v.Fallback != ""
		})
	}
	work.Wait()
	for i := range set {
		if errs[i] != nil {
			return nil, 0, errs[i]
		}
		if fallbacks[i] {
			fell++
		}
	}
	return answers, fell, nil
}

func table(out io.Writer, who string, answers []stats.Labeled) {
	classes := names(reasons)
	low, high := stats.Bootstrap(len(answers), func(sample []int) float64 { return stats.MacroF1(drawn(answers, sample), classes) })
	fmt.Fprintf(out, "\n  %s\n  macro-F1 %.3f (95 %% interval %.3f to %.3f, bootstrap), accuracy %.3f\n", who, stats.MacroF1(answers, classes), low, high, stats.Accuracy(answers))
	fmt.Fprintf(out, "    %-18s %5s  %9s  %6s  %5s\n", "class", "notes", "precision", "recall", "F1")
	for _, f := range stats.PerClass(answers, classes) {
		fmt.Fprintf(out, "    %-18s %5d  %9.3f  %6.3f  %5.3f\n", f.Class, f.Cases, f.Precision, f.Recall, f.F1)
	}
	fmt.Fprintln(out)
}

// compare says whether the model is better, by the difference on the same notes.
func compare(out io.Writer, base, model []stats.Labeled) {
	classes := names(reasons)
	difference := func(sample []int) float64 {
		return stats.MacroF1(drawn(model, sample), classes) - stats.MacroF1(drawn(base, sample), classes)
	}
	low, high := stats.Bootstrap(len(base), difference)
	verdict := "the notes do not tell them apart"
	switch {
	case low > 0:
		verdict = "the model is better"
	case high < 0:
		verdict = "the baseline is better"
	}
	fmt.Fprintf(out, "  model less baseline: macro-F1 %+.3f (95 %% interval %+.3f to %+.3f, paired bootstrap): %s\n\n",
		stats.MacroF1(model, classes)-stats.MacroF1(base, classes), low, high, verdict)
}

func drawn(answers []stats.Labeled, sample []int) []stats.Labeled {
	out := make([]stats.Labeled, len(sample))
	for i, at := range sample {
		out[i] = answers[at]
	}
	return out
}

func languages(set []Note) int {
	seen := map[string]bool{}
	for _, n := range set {
		seen[strings.ToLower(n.Lang)] = true
	}
	return len(seen)
}

// runEval is -eval.
func runEval(ctx context.Context, cfg *demo.Config, out io.Writer) error {
	model, err := cfg.OpenModel()
	if err != nil {
		return err
	}
	return evaluate(ctx, model, cfg.ModelTimeout, out)
}
