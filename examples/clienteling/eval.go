package main

import (
	"context"
	"io"

	"github.com/posai-go/posai/examples/clienteling/internal/evaluate"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// evaluation measures what the segments of a day say about the months after it, and
// prints it.
func evaluation(ctx context.Context, name string, out io.Writer) error {
	f, err := onlineretail.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	report, err := evaluate.Run(ctx, onlineretail.Rows(f), evaluate.Split{})
	if err != nil {
		return err
	}
	report.Print(out)
	return nil
}
