package demotest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/demo"
)

// Program is an example's program at work in this process.
type Program struct {
	t      *testing.T
	out    string // file
	cancel context.CancelFunc
	done   chan error
}

// Run starts a program with no environment and nobody at the terminal. The
// test's end ends it.
func Run(t *testing.T, run demo.RunFunc, args ...string) *Program {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	p := &Program{t: t, out: out.Name(), cancel: cancel, done: make(chan error, 1)}
	go func() {
		err := run(ctx, args, func(string) string { return "" }, null, out, out)
		assert.NoError(t, out.Close())
		assert.NoError(t, null.Close())
		p.done <- err
		close(p.done)
	}()
	t.Cleanup(func() {
		cancel()
		for range p.done { // until it is closed
		}
	})
	return p
}

// Output is what the program has printed so far.
func (p *Program) Output() string {
	text, err := os.ReadFile(p.out)
	require.NoError(p.t, err)
	return string(text)
}

// Warnings are the lines that the program has logged so far, but for those that only say
// that something took too long: they come on a machine that is busy.
func (p *Program) Warnings() (out []string) {
	for line := range strings.Lines(p.Output()) {
		if !strings.Contains(line, "level=") || late.MatchString(line) {
			continue
		}
		out = append(out, line)
	}
	return out
}

// late is what says that something took too long.
var late = regexp.MustCompile(`deadline (exceeded|elapsed)|timed out|did not return|too slow`)

// Wait returns the program's error once it ends by itself.
func (p *Program) Wait() error { return <-p.done }

// End interrupts the program and returns its error.
func (p *Program) End() error {
	p.cancel()
	return <-p.done
}
