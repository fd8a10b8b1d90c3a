package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

func trail(ctx context.Context, args []string, f *flags, stdout io.Writer) error {
	r, log, err := openLog(ctx, args[0], f)
	if err != nil {
		return err
	}
	defer r.Close()
	records := log.Trail(ctx, f.query)
	if f.json {
		return audit.WriteJSONL(stdout, records)
	}
	return audit.WriteText(stdout, records)
}

func checkpoint(ctx context.Context, args []string, f *flags, stdout io.Writer) error {
	r, log, err := openLog(ctx, args[0], f)
	if err != nil {
		return err
	}
	defer r.Close()
	msg, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	_, err = stdout.Write(msg)
	return err
}

func key(_ context.Context, args []string, _ *flags, stdout io.Writer) error {
	r, err := filestore.OpenReader(args[0])
	if err != nil {
		return err
	}
	defer r.Close()
	vkey, err := r.VerifierKey()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, vkey)
	return err
}

func prove(ctx context.Context, args []string, f *flags, stdout io.Writer) error {
	r, log, err := openLog(ctx, args[0], f)
	if err != nil {
		return err
	}
	defer r.Close()
	record, err := log.Get(ctx, args[1])
	if err != nil {
		return err
	}
	receipt, err := log.Receipt(ctx, record.Index)
	if err != nil {
		return err
	}
	text, err := receipt.MarshalText()
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

func proveVerify(_ context.Context, args []string, f *flags, stdout io.Writer) error {
	verifiers, err := f.verifiers()
	if err != nil {
		return err
	}
	if verifiers == nil {
		return usageError{errors.New("prove-verify needs -key: a receipt cannot vouch for itself")}
	}
	text, err := readFile(args[0])
	if err != nil {
		return err
	}
	var receipt audit.Receipt
	if err := receipt.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w: %w", audit.ErrCorrupt, err)
	}
	record, c, err := receipt.Verify(verifiers)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(stdout, struct {
			Record     audit.Record     `json:"record"`
			Checkpoint audit.Checkpoint `json:"checkpoint"`
		}{record, c})
	}
	_, err = fmt.Fprintf(stdout, "%sproven: entry %d of the %d that %s signed\n", audit.Format(record), record.Index, c.Size, c.Origin)
	return err
}
