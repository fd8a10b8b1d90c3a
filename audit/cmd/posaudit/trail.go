package main

import (
	"context"
	"iter"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/export"
)

func trail(ctx context.Context, c *cmd) error {
	_, log, done, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer done()
	return c.write(log.Origin(), log.Trail(ctx, c.query))
}

// write writes the records in the format that was asked for.
func (c *cmd) write(origin string, records iter.Seq2[audit.Record, error]) error {
	opts := &export.Options{Log: origin}
	switch c.format {
	case "jsonl":
		return audit.WriteJSONL(c.stdout, records)
	case "ocsf":
		return export.OCSF(c.stdout, records, opts)
	case "cloudevents":
		return export.CloudEvents(c.stdout, records, opts)
	case "csv":
		return export.CSV(c.stdout, records)
	}
	return audit.WriteText(c.stdout, records)
}
