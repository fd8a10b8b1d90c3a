// Command fraudguard looks at sales and returns at the register: before they are
// approved, where the POS extension asks, and after them, through webhooks. It
// scores each by rules and an isolation forest, flags at most one in a hundred for
// a person to look at, asks a manager, and writes what was found to the order. All
// of it is in an audit log that can be verified. No model is asked while somebody
// waits at the register; afterwards one may put the reasons in words.
//
//	go run ./examples/fraudguard                      # a simulated shop, a morning at the registers
//	go run ./examples/fraudguard -serve -simulate     # a service for a simulated shop
//	go run ./examples/fraudguard -serve -shop …       # a service for a real shop
//	go run ./examples/fraudguard -eval retail.csv.gz  # how well it finds fraud
//
// Run it with -help for all flags. Where to read on: internal/risk is what judges
// and what is flagged, as a library; guard.go puts it on record, ask.go answers the
// register, after.go takes the webhooks, review.go is what a manager decides,
// write.go what is done then, explain.go the words for the reviewer, page.go the
// page of today's flags, internal/evaluate how good it is. What all examples share
// is in examples/internal/demo.
package main

import (
	"context"
	"os"

	"github.com/posai-go/posai/examples/internal/demo"
)

func main() { demo.Main("fraudguard", run) }

func run(ctx context.Context, args []string, getenv func(string) string, in, out, errOut *os.File) error {
	cfg, err := parseConfig(args, getenv, errOut)
	if err != nil {
		return err
	}
	switch {
	case cfg.eval != "":
		return evaluation(ctx, cfg, out)
	case cfg.Serve:
		return serve(ctx, cfg, out, demo.NewLogger(errOut))
	}
	return demonstrate(ctx, cfg, in, out)
}
