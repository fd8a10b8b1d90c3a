package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posai-go/posai/audit"
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
		return c.writeUnsealed(records)
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

// unsealed is a record with the content of its sealed parts, for the person whose
// it is.
type unsealed struct {
	audit.Record
	Parts []part `json:"parts,omitempty"`
}

type part struct {
	Name   string `json:"name"`
	Text   string `json:"text,omitempty"`
	Erased bool   `json:"erased,omitempty"`
	Others bool   `json:"others,omitempty"` // about others only: it stays sealed
}

func parts(r audit.Record) []part {
	var out []part
	for _, p := range r.Entry.Sealed {
		out = append(out, part{Name: p.Name, Text: string(p.Data), Erased: p.Erased, Others: p.Data == nil && !p.Erased})
	}
	return out
}

func (c *cmd) writeUnsealed(records func(func(audit.Record, error) bool)) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := printJSONLine(c.stdout, unsealed{r, parts(r)}); err != nil {
			return err
		}
	}
	return nil
}

func printParts(w io.Writer, r audit.Record) {
	for _, p := range parts(r) {
		text := visible(p.Text)
		switch {
		case p.Erased:
			text = "(erased)"
		case p.Others:
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
