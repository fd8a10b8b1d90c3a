package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/eval"
	"github.com/posai-go/posai/examples/internal/demo"
)

// noteSuite lets the baseline, and the model if there is one, read the notes.
func noteSuite(split string, set []eval.Case[Note, Reason], model ai.Model, timeout time.Duration) *eval.Suite[Note, Reason, Reason] {
	suite := &eval.Suite[Note, Reason, Reason]{
		Name: split, Cases: set,
		Contestants: []eval.Contestant[Note, Reason]{{Name: baselineName, Ask: func(_ context.Context, n Note) (Reason, error) {
			return judgeByKeywords(n.item()).Reason, nil
		}}},
		Graders: []eval.Grader[Note, Reason, Reason]{eval.Classes[Note]("reason", eval.Is[Reason], eval.Is[Reason])},
	}
	if model == nil {
		return suite
	}
	info := model.Info()
	model = eval.Meter(model)
	// The model is asked about each note as the program would, with the baseline to
	// stand in.
	suite.Contestants = append(suite.Contestants, eval.Contestant[Note, Reason]{Name: info.Provider + " " + info.Model, Ask: func(ctx context.Context, n Note) (Reason, error) {
		v, err := judge(ctx, model, timeout, &Goods{Items: []Item{n.item()}}, offeredDefinitions(nil))
		if err != nil {
			return "", err
		}
		if v.Fallback != "" {
			eval.Fallback(ctx)
		}
		return v.Items[0].Reason, nil
	}})
	return suite
}

// evaluate measures the baseline, and the model if there is one, on the notes.
func evaluate(ctx context.Context, model ai.Model, timeout time.Duration, out io.Writer) error {
	for _, split := range []string{"dev", "test"} {
		set, err := labeledNotes(split)
		if err != nil {
			return err
		}
		results, err := noteSuite(split, set, model, timeout).Run(ctx, &eval.Options{Timeout: 2 * timeout})
		if err != nil {
			return err
		}
		if err := results.Report().WriteText(out); err != nil {
			return err
		}
		fmt.Fprintf(out, "The notes are in %d languages.", languages(set))
		if split == "dev" {
			fmt.Fprint(out, " The keywords were written with a view to these: the test set counts.")
		}
		fmt.Fprint(out, "\n\n")
	}
	if model == nil {
		fmt.Fprintln(out, "model: none was asked; name one with -model, and its key with -model-key or the provider's variable")
	}
	return nil
}

func languages(set []eval.Case[Note, Reason]) int {
	seen := map[string]bool{}
	for _, c := range set {
		seen[strings.ToLower(c.Input.Lang)] = true
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
