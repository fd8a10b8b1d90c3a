package main

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/monitor"
)

func verify(ctx context.Context, c *cmd) error {
	verifiers, err := c.verifiers()
	if err != nil {
		return err
	}
	var remembered [][]byte
	for _, name := range c.checkpoints {
		msg, err := readFile(name)
		if err != nil {
			return err
		}
		remembered = append(remembered, msg)
	}
	if c.state != "" {
		msg, err := monitor.File(c.state).Load(ctx)
		if err != nil {
			return err
		}
		if msg == nil {
			return fmt.Errorf("nothing is remembered in %s", c.state)
		}
		remembered = append(remembered, msg)
	}
	r, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	progress := c.bar("verify")
	report, err := audit.Verify(ctx, r, &audit.VerifyOptions{
		Verifiers: verifiers, Remembered: remembered, Entries: c.entries, Workers: c.workers, Progress: progress.at,
	})
	progress.end()
	if report == nil {
		return err
	}
	if c.json {
		if printErr := printJSON(c.stdout, report); printErr != nil {
			return printErr
		}
		return err
	}
	fmt.Fprintf(c.stdout, "log          %s\n", report.Origin)
	fmt.Fprintf(c.stdout, "proven       %d entries, by %d checkpoints\n", report.Entries, report.Batches)
	fmt.Fprintf(c.stdout, "root         %s\n", report.Root)
	if c.key == "" {
		fmt.Fprintln(c.stdout, "key          the log's own; -key rules out that it was exchanged")
	}
	if len(remembered) == 0 {
		fmt.Fprintln(c.stdout, "remembered   nothing; -checkpoint or -state rules out that the log was put back")
	} else {
		fmt.Fprintf(c.stdout, "remembered   %d of %d checkpoints found again\n", report.Remembered, len(remembered))
	}
	if torn, ok := r.(interface{ Torn() int64 }); ok && torn.Torn() > 0 {
		fmt.Fprintf(c.stdout, "unfinished   %d bytes at the end, which are no part of the log\n", torn.Torn())
	}
	if err != nil {
		fmt.Fprintln(c.stdout, "result       FAILED")
		return err
	}
	_, err = fmt.Fprintln(c.stdout, "result       OK")
	return err
}
