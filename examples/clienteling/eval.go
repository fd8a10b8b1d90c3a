package main

import (
	"context"
	"errors"
	"io"

	"github.com/posai-go/posai/examples/clienteling/internal/evaluate"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// evaluation measures what was asked for: what the segments of a day say about the months
// after it, and what talking points are worth. It prints both.
func evaluation(ctx context.Context, cfg *config, out io.Writer) error {
	if cfg.eval != "" {
		if err := evaluateProfiles(ctx, cfg.eval, out); err != nil {
			return err
		}
	}
	if cfg.evalPoints {
		return evaluatePoints(ctx, cfg, out)
	}
	return nil
}

func evaluateProfiles(ctx context.Context, name string, out io.Writer) error {
	f, err := onlineretail.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	report, err := evaluate.Run(ctx, onlineretail.Rows(f), evaluate.Split{})
	if err != nil {
		return err
	}
	report.Print(out)
	return nil
}

// evaluatePoints asks the model as the service does: within its time and budget.
func evaluatePoints(ctx context.Context, cfg *config, out io.Writer) (err error) {
	dir, remove, err := cfg.TempDir()
	if err != nil {
		return err
	}
	model, err := cfg.openModel(ctx, dir)
	defer func() { err = errors.Join(err, cfg.budget.Close(), remove()) }()
	if err != nil {
		return err
	}
	return evaluate.Talk(ctx, model, demo.RoleManager, cfg.ModelTimeout, nil, out)
}
