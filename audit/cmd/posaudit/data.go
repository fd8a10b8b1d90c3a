package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/export"
)

// channel is where the actor of a data request is, in the log.
const channel = "posaudit"

func (c *cmd) dataRequest() (audit.Subject, audit.DataRequest, error) {
	if c.query.Subject.ID == "" || c.query.Subject.Type == "" {
		return audit.Subject{}, audit.DataRequest{}, usageError{errors.New("-subject or -customer is missing")}
	}
	return c.query.Subject, audit.DataRequest{
		ID: c.request, Note: c.note, Actor: audit.Actor{Type: audit.System, ID: channel, Channel: channel},
	}, nil
}

func exportData(ctx context.Context, c *cmd) (err error) {
	subject, req, err := c.dataRequest()
	if err != nil {
		return err
	}
	log, done, err := c.openWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	records := log.Export(ctx, subject, req)
	if c.format == "jsonl" {
		return export.Unsealed(c.stdout, records)
	}
	if err := c.write(log.Origin(), func(yield func(audit.Record, error) bool) {
		for r, err := range records {
			if !yield(r, err) {
				return
			}
			if err == nil && c.format == "text" {
				printParts(c.stdout, r)
			}
		}
	}); err != nil {
		return err
	}
	return nil
}

func printParts(w io.Writer, r audit.Record) {
	for _, p := range r.Entry.Sealed {
		text := visible(string(p.Data))
		switch {
		case p.Erased:
			text = "(erased)"
		case p.Data == nil:
			text = "(about others)"
		}
		fmt.Fprintf(w, "        %-10s  %s\n", visible(p.Name), text)
	}
}

func eraseData(ctx context.Context, c *cmd) (err error) {
	subject, req, err := c.dataRequest()
	if err != nil {
		return err
	}
	if req.ID == "" {
		return usageError{errors.New("-request is missing: it makes a repeated erasure the same one")}
	}
	log, done, err := c.openWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	report, err := log.Erase(ctx, subject, req)
	if err != nil {
		return err
	}
	if c.json {
		return printJSONLine(c.stdout, report)
	}
	_, err = fmt.Fprintf(c.stdout, "keys destroyed  %d\nentries         %d, %d sealed parts of them\nrecorded        entry %d\n",
		report.Keys, report.Entries, report.Parts, report.Record.Index)
	if err == nil && report.Plain > 0 {
		_, err = fmt.Fprintf(c.stdout, "in the clear    %d entries name the subject: they were written without a vault and cannot be changed\n", report.Plain)
	}
	return err
}
