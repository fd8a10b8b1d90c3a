package demo

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

// RunFunc is an example's program without the process around it.
type RunFunc func(ctx context.Context, args []string, getenv func(string) string, in, out, errOut *os.File) error

// Main is the process around a program: Ctrl-C ends its context, an error is printed
// and makes the exit status 1.
func Main(name string, run RunFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	stop()
	os.Exit(1)
}

// NewLogger returns the logger of a service.
func NewLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
