package main

import (
	"context"
	"fmt"
	"io"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

func verify(ctx context.Context, args []string, f *flags, stdout io.Writer) error {
	verifiers, err := f.verifiers()
	if err != nil {
		return err
	}
	var remembered [][]byte
	for _, name := range f.checkpoints {
		msg, err := readFile(name)
		if err != nil {
			return err
		}
		remembered = append(remembered, msg)
	}
	r, err := filestore.OpenReader(args[0])
	if err != nil {
		return err
	}
	defer r.Close()
	report, err := audit.Verify(ctx, r, &audit.VerifyOptions{Verifiers: verifiers, Remembered: remembered})
	if report == nil {
		return err
	}
	if f.json {
		if printErr := printJSON(stdout, report); printErr != nil {
			return printErr
		}
		return err
	}
	fmt.Fprintf(stdout, "log          %s\n", report.Origin)
	fmt.Fprintf(stdout, "proven       %d entries, by %d checkpoints\n", report.Entries, report.Batches)
	fmt.Fprintf(stdout, "root         %s\n", report.Root)
	if f.key == "" {
		fmt.Fprintln(stdout, "key          the one in the directory; -key rules out that it was exchanged")
	}
	if len(remembered) == 0 {
		fmt.Fprintln(stdout, "remembered   nothing; -checkpoint rules out that the log was put back")
	} else {
		fmt.Fprintf(stdout, "remembered   %d of %d checkpoints found again\n", report.Remembered, len(remembered))
	}
	if n := r.Torn(); n > 0 {
		fmt.Fprintf(stdout, "unfinished   %d bytes at the end, which are no part of the log\n", n)
	}
	if err != nil {
		fmt.Fprintln(stdout, "result       FAILED")
		return err
	}
	_, err = fmt.Fprintln(stdout, "result       OK")
	return err
}
