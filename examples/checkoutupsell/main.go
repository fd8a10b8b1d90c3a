// Command checkoutupsell stands behind a POS UI extension: for the cart at the register it
// suggests add-ons, a protection plan and the loyalty program, and gives a discount within
// the rules. A model may rank and word the suggestions, while code decides what may be
// suggested; larger discounts wait for a manager; a code is made once; and a part of the
// carts gets nothing, so that it can be seen what the rest is worth. All of it is in an
// audit log that can be verified.
//
//	go run ./examples/checkoutupsell                      # a simulated shop, a while at its register
//	go run ./examples/checkoutupsell -serve -simulate     # a service for a simulated shop
//	go run ./examples/checkoutupsell -serve -shop …       # a service for a real shop
//	go run ./examples/checkoutupsell -eval retail.csv.gz  # how well it foresees what people buy
//
// Run it with -help for all flags. Where to read on: internal/advice is what may be
// suggested and discounted, as a library without I/O; shop.go asks Shopify, register.go
// answers the register, offer.go is what it answers and puts on record, judge.go the
// model; discount.go, action.go, policy.go and write.go are a discount from the wish to
// the code; outcome.go is what became of a cart, page.go the page of figures,
// internal/evaluate how good the recommendations are, and extension the POS UI extension.
// What all examples share is in examples/internal/demo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "checkoutupsell:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, in, out, errOut *os.File) error {
	cfg, err := parseConfig(args, getenv, errOut)
	if err != nil {
		return err
	}
	switch {
	case cfg.eval != "":
		return evaluation(ctx, cfg, out)
	case cfg.Serve:
		return serve(ctx, cfg, out, newLogger(errOut))
	}
	return demonstrate(ctx, cfg, in, out)
}

func newLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
