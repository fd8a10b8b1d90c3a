package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
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

// Verify reads the whole log anew and proves it: each leaf is parsed and hashed,
// each batch must give the tree head that its checkpoint signed, the published
// checkpoint must be one of them, and so must every remembered one.
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
	s := &scan{verifiers: verifiers, remembered: remembered, roots: map[int64]tlog.Hash{}}
	for _, c := range remembered {
		s.roots[c.Size] = tlog.Hash{}
	}
	err = s.run(ctx, r)
	report := &Report{Origin: s.origin, Entries: s.proven.size, Root: s.proven.root(), Batches: s.batches, Published: s.published}
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
	if head := l.now(); head.size > 0 {
		opts.Remembered = [][]byte{head.signed}
	}
	return Verify(ctx, l.reader, opts)
}

// scan reads a store and checks it.
type scan struct {
	verifiers  note.Verifiers
	remembered []Checkpoint
	roots      map[int64]tlog.Hash // of the sizes that are asked for, once they were passed

	tree      frontier
	origin    string
	proven    frontier // entries under a good checkpoint
	open      int64    // first entry after the last checkpoint
	batches   int64
	published int64
}

func (s *scan) run(ctx context.Context, r Reader) error {
	// What is published now is durable, so reading on from here must find it.
	published, err := r.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if published != nil {
		c, err := ParseCheckpoint(published, s.verifiers)
		if err != nil {
			return &CorruptError{Index: -1, Reason: "the published checkpoint: " + bare(err)}
		}
		s.origin, s.published = c.Origin, c.Size
	}
	met := s.published == 0
	s.pass()
	for b, err := range r.Batches(ctx, 0) {
		if err != nil {
			return err
		}
		if err := s.batch(b); err != nil {
			return err
		}
		if s.tree.size == s.published {
			met = bytes.Equal(b.Checkpoint, published)
		}
		if s.tree.size >= s.published && !met {
			return &CorruptError{Index: -1, Reason: "the published checkpoint is not the one of its batch"}
		}
	}
	if s.tree.size < s.published {
		return &CorruptError{
			Index: s.tree.size, Truncated: true,
			Reason: fmt.Sprintf("the published checkpoint covers %d entries, %d are there", s.published, s.tree.size),
		}
	}
	if s.published == 0 && s.batches > 1 {
		return &CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
	}
	if s.open < s.tree.size {
		return &CorruptError{Index: s.open, Reason: "no checkpoint covers it"}
	}
	return nil
}

// pass notes the root of a size that is asked for.
func (s *scan) pass() {
	if _, ok := s.roots[s.tree.size]; ok {
		s.roots[s.tree.size] = s.tree.root()
	}
}

// batch checks one batch and adds it to the tree.
func (s *scan) batch(b Batch) error {
	if b.First != s.tree.size {
		return &CorruptError{Index: s.tree.size, Reason: fmt.Sprintf("entry %d follows", b.First)}
	}
	for _, leaf := range b.Leaves {
		index := s.tree.size
		_, sealed, err := parseLeaf(leaf.Data)
		if err == nil {
			err = checkSealed(sealed, leaf.Sealed)
		}
		if err != nil {
			return &CorruptError{Index: index, Reason: bare(err)}
		}
		s.tree.add(tlog.RecordHash(leaf.Data), nil)
		s.pass()
	}
	if b.Checkpoint == nil {
		return nil
	}
	c, err := ParseCheckpoint(b.Checkpoint, s.verifiers)
	switch {
	case err != nil:
		return &CorruptError{Index: s.open, Reason: "checkpoint of the batch: " + bare(err)}
	case s.origin != "" && c.Origin != s.origin:
		return &CorruptError{Index: s.open, Reason: "the batch belongs to another log"}
	case c.Size != s.tree.size || c.Root != s.tree.root():
		return &CorruptError{
			Index:  s.open,
			Reason: fmt.Sprintf("entries %d to %d are not those that the checkpoint signed", s.open, s.tree.size-1),
		}
	}
	s.origin = c.Origin
	s.batches++
	s.proven, s.open = s.tree.clone(), s.tree.size
	return nil
}

// checkSealed compares the sealed parts with the hashes in the leaf.
func checkSealed(hashes []tlog.Hash, parts [][]byte) error {
	if len(hashes) != len(parts) {
		return &FieldError{Field: "sealed", Reason: "a part is missing"}
	}
	for i, part := range parts {
		if sha256.Sum256(part) != hashes[i] {
			return &FieldError{Field: "sealed", Reason: fmt.Sprintf("part %d is not the one that was written", i)}
		}
	}
	return nil
}

// remembers checks the tree against a checkpoint that was kept elsewhere.
func (s *scan) remembers(c Checkpoint) error {
	if s.origin != "" && c.Origin != s.origin {
		return &CorruptError{Index: -1, Reason: "the remembered checkpoint is of another log"}
	}
	if c.Size > s.tree.size {
		return &CorruptError{
			Index: s.tree.size, Truncated: true,
			Reason: fmt.Sprintf("the remembered checkpoint covers %d entries, %d are there", c.Size, s.tree.size),
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
