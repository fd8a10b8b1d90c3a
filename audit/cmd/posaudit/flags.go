package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/audit"
)

// The flags that several commands take.
const (
	common    = "key log json progress "
	sealing   = "keys master "
	selection = "subject customer order correlation request-id trace kind actor action shop since until"
)

// flags are those of all commands; each command names the ones it takes.
type flags struct {
	checkpoints           []string
	key, log              string
	state, policy, cosign string
	publish, dir          string
	keys, master          string
	request, note         string
	format                string
	json, progress        bool
	entries, once         bool
	workers               int
	interval              time.Duration
	query                 audit.Query
}

// formats are what trail, export and watch write.
var formats = []string{"text", "jsonl", "ocsf", "cloudevents", "csv"}

// parse reads the flags, which may stand before, between and after the
// arguments.
func parse(args []string, names string) (*flags, []string, error) {
	f := &flags{interval: 10 * time.Second}
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for name := range strings.FieldsSeq(names) {
		f.define(set, name)
	}
	var positional []string
	for rest := args[1:]; ; {
		if err := set.Parse(rest); err != nil {
			return nil, nil, err
		}
		if set.NArg() == 0 {
			break
		}
		positional = append(positional, set.Arg(0))
		rest = set.Args()[1:]
	}
	if f.json && f.format != "" && f.format != "jsonl" {
		return nil, nil, errors.New("-json is not this -format")
	}
	if f.json {
		f.format = "jsonl"
	}
	f.format = cmp.Or(f.format, "text")
	if !slices.Contains(formats, f.format) {
		return nil, nil, fmt.Errorf("-format is one of %s", strings.Join(formats, ", "))
	}
	if f.interval <= 0 || f.workers < 0 || f.query.Limit < 0 || f.query.First < 0 {
		return nil, nil, errors.New("-interval, -workers, -limit and -first are not negative")
	}
	return f, positional, nil
}

func (f *flags) define(set *flag.FlagSet, name string) {
	texts := map[string]*string{
		"key": &f.key, "log": &f.log, "state": &f.state, "policy": &f.policy, "cosign": &f.cosign, "publish": &f.publish, "dir": &f.dir,
		"keys": &f.keys, "master": &f.master, "request": &f.request, "note": &f.note, "format": &f.format,
		"correlation": &f.query.Correlation, "request-id": &f.query.RequestID, "trace": &f.query.TraceID, "actor": &f.query.Actor,
		"action": &f.query.Action, "shop": &f.query.Shop, "kind": (*string)(&f.query.Kind),
	}
	switches := map[string]*bool{
		"json": &f.json, "progress": &f.progress, "entries": &f.entries, "once": &f.once, "newest": &f.query.Descending,
	}
	switch p, isSwitch := switches[name]; {
	case isSwitch:
		set.BoolVar(p, name, false, "")
	case texts[name] != nil:
		set.StringVar(texts[name], name, "", "")
	case name == "checkpoint":
		set.Func(name, "", func(s string) error { f.checkpoints = append(f.checkpoints, s); return nil })
	case name == "subject":
		set.Func(name, "", func(s string) error {
			kind, id, ok := strings.Cut(s, "=")
			if !ok || id == "" {
				return errors.New("want TYPE=ID")
			}
			f.query.Subject = audit.Subject{Type: kind, ID: id}
			return nil
		})
	case name == "customer", name == "order":
		set.Func(name, "", func(s string) error {
			f.query.Subject = audit.Subject{Type: name, ID: gid(name, s)}
			return nil
		})
	case name == "since", name == "until":
		at := &f.query.Since
		if name == "until" {
			at = &f.query.Until
		}
		set.Func(name, "", func(s string) (err error) { *at, err = time.Parse(time.RFC3339, s); return err })
	case name == "interval":
		set.DurationVar(&f.interval, name, f.interval, "")
	case name == "workers":
		set.IntVar(&f.workers, name, 0, "")
	case name == "limit":
		set.IntVar(&f.query.Limit, name, 0, "")
	case name == "first":
		set.Int64Var(&f.query.First, name, 0, "")
	}
}

// gid returns Shopify's global ID where only the number was given.
func gid(kind, id string) string {
	if strings.Trim(id, "0123456789") != "" || id == "" {
		return id
	}
	return "gid://shopify/" + strings.ToUpper(kind[:1]) + kind[1:] + "/" + id
}
