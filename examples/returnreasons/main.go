// Command returnreasons says why goods come back. It listens for returns and
// refunds, reads them with their notes, and sorts each item by reason: with a
// model, or with the reason that was picked and keywords in several languages.
// What is certain is written to the order, the rest is for a manager to decide;
// all of it is in an audit log. Once a week it says what changed, across
// channels, as a page without scripts.
//
//	go run ./examples/returnreasons                      # a simulated shop, three returns, a summary
//	go run ./examples/returnreasons -eval                # the classifiers on labeled notes
//	go run ./examples/returnreasons -serve -simulate     # a service for a simulated shop
//	go run ./examples/returnreasons -serve -shop …       # a service for a real shop
//	go run ./examples/returnreasons -report w.html -shop …  # the summary of a week
//
// Run it with -help for all flags. Where to read on: follow.go is what happens
// with a delivery, judge.go and judgment.go are the model and what it may say,
// baseline.go and keywords.go the way without one, privacy.go what goes before
// anything else sees a note, action.go what is approved, policy.go who approves,
// write.go what is done, history.go and package weekly the summary, notes.go and
// eval.go the measurement. What all examples share is in examples/internal/demo.
package main

import (
	"context"
	"os"

	"github.com/posai-go/posai/examples/internal/demo"
)

func main() { demo.Main("returnreasons", run) }

func run(ctx context.Context, args []string, getenv func(string) string, in, out, errOut *os.File) error {
	cfg, err := parseConfig(args, getenv, errOut)
	if err != nil {
		return err
	}
	switch {
	case cfg.eval:
		return runEval(ctx, &cfg.Config, out)
	case cfg.Serve:
		return serve(ctx, cfg, out, demo.NewLogger(errOut))
	case cfg.Shop != "":
		return reportOnly(ctx, cfg, out, demo.NewLogger(errOut))
	}
	return demonstrate(ctx, cfg, in, out)
}
