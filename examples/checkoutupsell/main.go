// Command checkoutupsell suggests what goes with a cart at the register. Its
// recommendations without a model are measured on the public Online Retail data:
//
//	go run ./examples/checkoutupsell -eval retail.csv.gz
//
// The split by time is printed; -tune-from, -test-from and -test-until set it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
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

func run(ctx context.Context, args []string, getenv func(string) string, _, out, errOut *os.File) error {
	cfg, err := parseConfig(args, getenv, errOut)
	if err != nil {
		return err
	}
	if cfg.eval == "" {
		return errors.New("-eval is required")
	}
	return evaluation(ctx, cfg, out)
}
