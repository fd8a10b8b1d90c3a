package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyOptions are the optional settings of [Verify].
type VerifyOptions struct {
	// Verifiers know the keys whose checkpoints are trusted. If nil, the
	// reader's own, which prove nothing against someone who could rewrite the
	// store together with its keys.
	Verifiers note.Verifiers

	// Remembered are checkpoints of this log that were kept elsewhere. The log
	// must still contain what each of them covers: this is what detects that
	// the whole store was put back to an earlier state.
	Remembered [][]byte

	// Entries asks that each entry is read too, not only hashed, which is about
	// ten times the work: it finds what was signed but is no entry.
	Entries bool

	// Workers is how many processors hash and check signatures. If zero, all.
	Workers int

	// Progress, if set, is called now and then with the number of entries that
	// were read so far, and of those that the published checkpoint covers. The
	// verification waits for it.
	Progress func(read, published int64)
}

// Report is the result of a verification.
type Report struct {
	Origin     string    `json:"origin"`
	Entries    int64     `json:"entries"`              // entries proven, from the first on
	Root       tlog.Hash `json:"root"`                 // tree hash over them
	Batches    int64     `json:"batches"`              // signed checkpoints verified on the way
	Published  int64     `json:"published"`            // size in the published checkpoint
	Remembered int       `json:"remembered,omitempty"` // remembered checkpoints found consistent

	// Problem is the first thing found wrong; nil where all is well.
	Problem *CorruptError `json:"problem,omitempty"`
}

// Verify reads the whole log anew and proves it: each leaf and sealed part is
// hashed, each batch must give the tree head that its checkpoint signed, the
// published checkpoint must be one of them, and so must every remembered one.
// The work is divided among processors; memory is needed for a few batches.
//
// The error is nil only if all of that holds. A [*CorruptError], also in the
// report, names the first bad entry; the report then covers what is before it.
// After any other error, the report is nil and nothing is known.
func Verify(ctx context.Context, r Reader, opts *VerifyOptions) (*Report, error) {
	var o VerifyOptions
	if opts != nil {
		o = *opts
	}
	verifiers, err := verifiersOf(r, o.Verifiers)
	if err != nil {
		return nil, err
	}
	var remembered []Checkpoint
	for _, msg := range o.Remembered {
		c, err := ParseCheckpoint(msg, verifiers)
		if err != nil {
			return nil, fmt.Errorf("audit: remembered checkpoint: %w", err)
		}
		remembered = append(remembered, c)
	}
	s := &scan{verifiers: verifiers, opts: o, reader: r, roots: map[int64]tlog.Hash{}}
	for _, c := range remembered {
		s.roots[c.Size] = tlog.Hash{}
	}
	err = s.run(ctx, r)
	report := &Report{Origin: s.origin, Entries: s.proven.Size, Root: s.proven.Root(), Batches: s.batches, Published: s.published}
	if err == nil {
		for _, c := range remembered {
			if err = s.remembers(c); err != nil {
				break
			}
			report.Remembered++
		}
	}
	problem, corrupt := errors.AsType[*CorruptError](err)
	if err != nil && !corrupt {
		return nil, err
	}
	report.Problem = problem
	return report, err
}

// Verify is [Verify] on the log's store, with the log's verifiers. The log may
// be in use. What this process has seen counts as a remembered checkpoint.
func (l *Log) Verify(ctx context.Context) (*Report, error) {
	opts := &VerifyOptions{Verifiers: l.verifiers}
	if head := l.now(); head.Size > 0 {
		opts.Remembered = [][]byte{head.signed}
	}
	return Verify(ctx, l.reader, opts)
}

// remembers checks the tree against a checkpoint that was kept elsewhere.
func (s *scan) remembers(c Checkpoint) error {
	if s.origin != "" && c.Origin != s.origin {
		return &CorruptError{Index: -1, Reason: "the remembered checkpoint is of another log"}
	}
	if c.Size > s.tree.Size {
		return &CorruptError{
			Index: s.tree.Size, Truncated: true,
			Reason: fmt.Sprintf("the remembered checkpoint covers %d entries, %d are there", c.Size, s.tree.Size),
		}
	}
	if s.roots[c.Size] != c.Root {
		return &CorruptError{Index: -1, Reason: fmt.Sprintf("the first %d entries are not those of the remembered checkpoint", c.Size)}
	}
	return nil
}

// bare returns the error's text without the package's name in front.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), "audit: ")
}
