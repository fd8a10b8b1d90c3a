package main

import (
	"context"
	"io"

	"github.com/posai-go/posai/examples/checkoutupsell/internal/evaluate"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// evaluation measures the recommendations without a model and prints what they reach.
func evaluation(ctx context.Context, cfg *config, out io.Writer) error {
	baskets, err := readBaskets(cfg.eval)
	if err != nil {
		return err
	}
	split := evaluate.DefaultSplit(baskets)
	if !cfg.testFrom.IsZero() {
		// As much for tuning as is tested on by default, unless the flag says.
		back := split.TestFrom.Sub(split.TuneFrom)
		split.TestFrom, split.TuneFrom = cfg.testFrom.Time, cfg.testFrom.Add(-back)
	}
	if !cfg.tuneFrom.IsZero() {
		split.TuneFrom = cfg.tuneFrom.Time
	}
	split.Until = cfg.testUntil.Time
	report, err := evaluate.Run(ctx, baskets, split)
	if err != nil {
		return err
	}
	report.Print(out)
	return nil
}

func readBaskets(name string) ([]evaluate.Basket, error) {
	f, err := onlineretail.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return evaluate.Baskets(onlineretail.Rows(f))
}
