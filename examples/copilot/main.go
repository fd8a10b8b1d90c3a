// Command copilot is an associate's product copilot and a customer's kiosk. It
// answers about products, their stock here and in other stores, alternatives, and the
// shop's policies; with a model, or from search alone. What reaches the page is
// products, figures and policies of the shop itself: a model chooses among them, and
// the sentence that it may add is let through only if it claims nothing. What the
// shop's data does not answer, a person does: a task in the approval queue, with a timer.
//
//	go run ./examples/copilot                      # a simulated shop, some questions
//	go run ./examples/copilot -serve -simulate     # the pages, for a simulated shop
//	go run ./examples/copilot -serve -shop …       # for a real shop
//
// Run it with -help for all flags. Where to read on: answer.go is what happens with a
// question, line.go and words.go what a model may say, prompt.go and tools.go what it
// is given, baseline.go the way without one, card.go what is shown of a product,
// shop.go the index and how it is kept up, help.go who is called, hold.go the one thing
// that a model can have done, ask.go and page.go what pages and registers talk to. What
// all examples share is in examples/internal/demo.
package main

import (
	"context"
	"os"

	"github.com/posai-go/posai/examples/internal/demo"
)

func main() { demo.Main("copilot", run) }

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
