package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/monitor"
	"github.com/posai-go/posai/audit/witness"
)

func watch(ctx context.Context, c *cmd) error {
	if c.state == "" {
		return usageError{errors.New("-state is missing: what is remembered must be somewhere")}
	}
	if c.format == "csv" {
		return usageError{errors.New("watch writes no CSV, which has one header")}
	}
	if (c.cosign == "") != (c.publish == "") {
		return usageError{errors.New("-cosign and -publish go together")}
	}
	r, log, done, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer done()
	w := &watcher{cmd: c, log: log}
	if c.cosign != "" {
		if w.cosigner, err = c.cosigner(c.cosign, r); err != nil {
			return err
		}
	}
	verifiers, err := c.verifiers()
	if err == nil && verifiers == nil {
		verifiers, err = r.Verifiers()
	}
	if err != nil {
		return err
	}
	w.monitor = monitor.New(verifiers, monitor.File(c.state))
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		err := w.look(ctx)
		switch {
		case c.once, errors.Is(err, audit.ErrCorrupt), errors.Is(err, audit.ErrCheckpoint):
			return err
		case ctx.Err() != nil: // also where the look came to its end
			return cmp.Or(err, context.Cause(ctx))
		case err != nil:
			fmt.Fprintln(c.stderr, "posaudit:", err) // the next look may fare better
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// watcher looks at a log again and again.
type watcher struct {
	*cmd
	log      *audit.Log
	monitor  *monitor.Monitor
	cosigner *witness.Cosigner
	next     int64 // first entry that was not printed yet
	begun    bool
	cosigned int64 // entries under the last checkpoint with a quorum
}

// look prints what is new and checks that it continues what was seen.
func (w *watcher) look(ctx context.Context) error {
	if err := w.log.Refresh(ctx); err != nil {
		return err
	}
	seen, err := w.monitor.Check(ctx, w.log)
	if errors.Is(err, audit.ErrNotFound) {
		return nil // the log is empty yet
	}
	if fork, ok := errors.AsType[*monitor.InconsistentError](err); ok {
		fmt.Fprintf(w.stderr, "remembered:\n%s\nseen:\n%s\n", fork.Remembered, fork.Seen)
	}
	if err != nil {
		return err
	}
	if !w.begun {
		w.begun = true
		w.next = seen.Before
		if seen.First {
			w.next = seen.Size
		}
		fmt.Fprintf(w.stderr, "watching %s: %d entries, %d of them remembered\n", seen.Origin, seen.Size, seen.Before)
	}
	query := w.query
	query.First, query.Before = w.next, seen.Size
	if w.next < seen.Size {
		if err := w.write(seen.Origin, w.log.Trail(ctx, query)); err != nil {
			return err
		}
		w.next = seen.Size
	}
	return w.publishCosigned(ctx, seen.Size)
}

func (w *watcher) publishCosigned(ctx context.Context, size int64) error {
	if w.cosigner == nil || size == w.cosigned {
		return nil
	}
	result, err := w.cosigner.Cosign(ctx, w.log)
	if err != nil {
		return err
	}
	if err := writeFile(w.publish, result.Note); err != nil {
		return err
	}
	w.cosigned = result.Size
	return nil
}
