package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/posai-go/posai/examples/fraudguard/internal/evaluate"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// fraudShare is how much of a stream is made fraud.
const fraudShare = 0.005

// simulatedDays is how long the simulated stores are watched.
const simulatedDays = 56

// evaluation measures the policy and prints what it finds.
func evaluation(ctx context.Context, cfg *config, out *os.File) error {
	trials := []*evaluate.Trial{{
		Name:   "Simulated chain of three stores, eight weeks",
		Stream: func(seed uint64) []evaluate.Labeled { return evaluate.Simulate(seed, simulatedDays, fraudShare) },
		Policy: cfg.policy, Seeds: cfg.seeds,
	}}
	if cfg.eval != "simulated" {
		trial, err := retailTrial(cfg)
		if err != nil {
			return err
		}
		trials = append(trials, trial)
	}
	fmt.Fprintf(out, "Policy %s. The first 60 %% of the time teach, the rest counts. Labels of injected fraud are seen by the counting alone.\n", cfg.policy.Name())
	progress := term.IsTerminal(int(out.Fd()))
	for _, t := range trials {
		result, err := t.Measure(func(seed int) error {
			if progress {
				fmt.Fprintf(out, "\r  %d of %d seeds", seed+1, t.Seeds)
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		if progress {
			fmt.Fprint(out, "\r\x1b[K") // the progress goes
		}
		fmt.Fprintln(out)
		result.Print(out, t)
	}
	return nil
}

// retailTrial injects fraud into the invoices of a wholesaler. It has fewer than a
// hundred of them in a day, so that its budget counts over weeks, and other prices
// than a clothes shop, so that the amounts of the policy are taken from its own
// past.
func retailTrial(cfg *config) (*evaluate.Trial, error) {
	invoices, err := readRetail(cfg.eval)
	if err != nil {
		return nil, err
	}
	policy, err := cfg.policy.WithBudget(risk.BudgetPolicy{OneIn: cfg.policy.Budget.OneIn, Days: 7, LateFrom: risk.Duration(15 * time.Hour), MinScore: cfg.policy.Budget.MinScore})
	if err != nil {
		return nil, err
	}
	returns := 0
	for _, t := range invoices {
		if t.Kind == risk.Return {
			returns++
		}
	}
	return &evaluate.Trial{
		Name:   fmt.Sprintf("Online Retail, %d invoices, %d of them returns, with fraud injected", len(invoices), returns),
		Stream: func(seed uint64) []evaluate.Labeled { return evaluate.Inject(invoices, seed, fraudShare) },
		Policy: policy, Seeds: cfg.seeds, Calibrate: true,
	}, nil
}

func readRetail(name string) ([]evaluate.Labeled, error) {
	f, err := onlineretail.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return evaluate.ReadRetail(f)
}
