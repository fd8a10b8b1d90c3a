package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/audit"
)

// count is what stats prints.
type count struct {
	Origin    string           `json:"origin"`
	Entries   int64            `json:"entries"`
	Root      string           `json:"root"`
	First     time.Time        `json:"first,omitzero"` // time of the earliest entry
	Last      time.Time        `json:"last,omitzero"`
	Bytes     int64            `json:"bytes"`  // of what the tree commits to
	Sealed    int64            `json:"sealed"` // parts
	Kinds     map[string]int64 `json:"kinds"`
	Actors    map[string]int64 `json:"actors"`
	Models    map[string]int64 `json:"models,omitempty"`
	Decisions map[string]int64 `json:"decisions,omitempty"`
	Shops     map[string]int64 `json:"shops,omitempty"`
}

func stats(ctx context.Context, c *cmd) error {
	r, log, done, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer done()
	n := &count{
		Origin: log.Origin(), Kinds: map[string]int64{}, Actors: map[string]int64{}, Models: map[string]int64{},
		Decisions: map[string]int64{}, Shops: map[string]int64{},
	}
	size := log.Size()
	root, err := log.Root(ctx, size)
	if err != nil {
		return err
	}
	n.Root = root.String()
	progress := c.bar("stats")
	for b, err := range r.Batches(ctx, 0) {
		if err != nil {
			progress.end()
			return err
		}
		for i, leaf := range b.Leaves {
			if n.Entries == size {
				break
			}
			e, err := audit.ParseLeaf(leaf.Data)
			if err != nil {
				progress.end()
				return &audit.CorruptError{Index: b.First + int64(i), Reason: strings.TrimPrefix(err.Error(), "audit: ")}
			}
			n.add(e, leaf)
		}
		progress.at(n.Entries, size)
	}
	progress.end()
	if n.Entries < size {
		return &audit.CorruptError{Index: n.Entries, Truncated: true, Reason: "the log ends before its checkpoint"}
	}
	if c.json {
		return printJSON(c.stdout, n)
	}
	return n.print(c)
}

func (n *count) add(e *audit.Entry, leaf audit.Leaf) {
	n.Entries++
	n.Bytes += int64(len(leaf.Data))
	n.Sealed += int64(len(leaf.Sealed))
	n.Kinds[string(e.Kind)]++
	n.Actors[string(e.Actor.Type)]++
	if e.Shop != "" {
		n.Shops[e.Shop]++
	}
	if m := e.Model; m != nil {
		name := strings.TrimSpace(m.Provider + " " + m.Name)
		if m.Baseline {
			name = "baseline " + name
		}
		n.Models[strings.TrimSpace(name)]++
	}
	if e.Decision != nil && e.Decision.Verdict != "" {
		n.Decisions[e.Decision.Verdict]++
	}
	if n.First.IsZero() || e.Time.Before(n.First) {
		n.First = e.Time
	}
	if e.Time.After(n.Last) {
		n.Last = e.Time
	}
}

func (n *count) print(c *cmd) error {
	var err error
	line := func(format string, args ...any) {
		_, printErr := fmt.Fprintf(c.stdout, format+"\n", args...)
		err = errors.Join(err, printErr)
	}
	line("log          %s", n.Origin)
	line("entries      %d, %d bytes, %d sealed parts", n.Entries, n.Bytes, n.Sealed)
	line("root         %s", n.Root)
	if n.Entries > 0 {
		line("time         %s to %s", n.First.Format(time.RFC3339), n.Last.Format(time.RFC3339))
	}
	for _, group := range []struct {
		name string
		of   map[string]int64
	}{{"kind", n.Kinds}, {"actor", n.Actors}, {"model", n.Models}, {"decision", n.Decisions}, {"shop", n.Shops}} {
		names := slices.SortedFunc(maps.Keys(group.of), func(a, b string) int {
			return cmp.Or(cmp.Compare(group.of[b], group.of[a]), cmp.Compare(a, b))
		})
		for _, name := range names {
			line("%-12s %9d  %s", group.name, group.of[name], visible(name))
		}
	}
	return err
}

// visible keeps what is in a log from disturbing a terminal.
func visible(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}
