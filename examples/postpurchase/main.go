// Command postpurchase follows up on sales at the register: a transaction
// completes at the POS, and the order gets a thank-you message and one or two
// products that go with the purchase. A model judges, or the baseline does;
// above a limit a manager decides; the effect happens once; all of it is in an
// audit log that can be verified.
//
//	go run ./examples/postpurchase                      # a simulated shop, three sales
//	go run ./examples/postpurchase -payload order.json  # an order of your own
//	go run ./examples/postpurchase -serve -simulate     # a service for a simulated shop
//	go run ./examples/postpurchase -serve -shop …       # a service for a real shop
//
// Run it with -help for all flags. Where to read on: follow.go is what happens
// with a sale, judge.go and judgment.go are the model and what it may say,
// baseline.go is the way without one, action.go what is approved, policy.go who
// approves, write.go what is done, service.go how the parts are put together.
// What all examples share is in examples/internal/demo.
package main

import (
	"context"
	"os"

	"github.com/posai-go/posai/examples/internal/demo"
)

func main() { demo.Main("postpurchase", run) }

func run(ctx context.Context, args []string, getenv func(string) string, in, out, errOut *os.File) error {
	cfg, err := parseConfig(args, getenv, errOut)
	if err != nil {
		return err
	}
	if cfg.Serve {
		return serve(ctx, cfg, out, demo.NewLogger(errOut))
	}
	return demonstrate(ctx, cfg, in, out)
}
