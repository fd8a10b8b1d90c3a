package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// bar shows how far some long work is: on a terminal in one line that is drawn
// again and again, elsewhere, if asked for, as a line for each tenth.
type bar struct {
	w        io.Writer // nil: nothing is shown
	terminal bool
	what     string
	begin    time.Time
	shown    time.Time
	tenth    int64
}

func (c *cmd) bar(what string) *bar {
	b := &bar{what: what, begin: time.Now(), tenth: -1}
	if f, ok := c.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) { //nolint:gosec // a file descriptor is small
		b.w, b.terminal = c.stderr, true
	} else if c.progress {
		b.w = c.stderr
	}
	return b
}

// at shows that done of total are done; a total of 0 is not known.
func (b *bar) at(done, total int64) {
	if b.w == nil {
		return
	}
	now := time.Now()
	if b.terminal {
		if now.Sub(b.shown) < 100*time.Millisecond {
			return
		}
		b.shown = now
		fmt.Fprintf(b.w, "\r\x1b[K%s", b.line(done, total, now.Sub(b.begin)))
		return
	}
	if total > 0 && done*10/total > b.tenth {
		b.tenth = done * 10 / total
		fmt.Fprintln(b.w, b.line(done, total, now.Sub(b.begin)))
	}
}

func (b *bar) line(done, total int64, passed time.Duration) string {
	rate := float64(done) / max(passed.Seconds(), 1e-3)
	if total <= 0 {
		return fmt.Sprintf("%s  %d entries, %.0f/s", b.what, done, rate)
	}
	left := time.Duration(float64(total-done) / max(rate, 1) * float64(time.Second)).Round(time.Second)
	const width = 30
	full := min(int(done*width/total), width)
	return fmt.Sprintf("%s  [%-*s] %3d%%  %d of %d entries, %.0f/s, %s left",
		b.what, width, "##############################"[:full], done*100/total, done, total, rate, left)
}

// end clears the line on a terminal.
func (b *bar) end() {
	if b.w != nil && b.terminal {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
