package audit

import (
	"bytes"
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
	s := &scan{verifiers: verifiers, signatures: true}
	err = s.run(ctx, r)
	report := &Report{Origin: s.origin, Entries: s.proven, Batches: s.batches, Published: s.published}
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
	var rootErr error
	if report.Root, rootErr = s.tree.root(s.proven); rootErr != nil {
		return nil, rootErr
	}
	return report, err
}

// Verify is [Verify] on the log's store, with the log's verifiers. The log may
// be in use. What this process has seen counts as a remembered checkpoint.
func (l *Log) Verify(ctx context.Context) (*Report, error) {
	opts := &VerifyOptions{Verifiers: l.verifiers}
	l.mu.RLock()
	if l.index.size > 0 {
		opts.Remembered = [][]byte{l.checkpoint}
	}
	l.mu.RUnlock()
	return Verify(ctx, l.reader, opts)
}

// scan reads a store and checks it.
type scan struct {
	verifiers  note.Verifiers
	signatures bool         // check the signature of every batch, not of the last alone
	visit      func(Record) // called for every entry

	tree      tree
	origin    string
	proven    int64 // entries under a good checkpoint
	batches   int64
	last      []byte // checkpoint of the last batch
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
	for b, err := range r.Batches(ctx) {
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
	if s.last != nil && !s.signatures {
		if _, err := ParseCheckpoint(s.last, s.verifiers); err != nil {
			return &CorruptError{Index: s.proven, Reason: "the last checkpoint: " + bare(err)}
		}
		s.proven = s.tree.size
	}
	return nil
}

// batch checks one batch and adds it to the tree.
func (s *scan) batch(b Batch) error {
	if b.First != s.tree.size {
		return &CorruptError{Index: s.tree.size, Reason: fmt.Sprintf("entry %d follows", b.First)}
	}
	for _, leaf := range b.Leaves {
		index := s.tree.size
		e, _, err := parseLeaf(leaf)
		if err != nil {
			return &CorruptError{Index: index, Reason: bare(err)}
		}
		r := Record{Index: index, Entry: *e, LeafHash: tlog.RecordHash(leaf)}
		if err := s.tree.add(r.LeafHash); err != nil {
			return err
		}
		if s.visit != nil {
			s.visit(r)
		}
	}
	root, err := s.tree.root(s.tree.size)
	if err != nil {
		return err
	}
	c, err := UnverifiedCheckpoint(b.Checkpoint)
	if err == nil && s.signatures {
		c, err = ParseCheckpoint(b.Checkpoint, s.verifiers)
	}
	switch {
	case err != nil:
		return &CorruptError{Index: b.First, Reason: "checkpoint of the batch: " + bare(err)}
	case s.origin != "" && c.Origin != s.origin:
		return &CorruptError{Index: b.First, Reason: "the batch belongs to another log"}
	case c.Size != s.tree.size || c.Root != root:
		return &CorruptError{
			Index:  b.First,
			Reason: fmt.Sprintf("entries %d to %d are not those that the checkpoint signed", b.First, s.tree.size-1),
		}
	}
	s.origin, s.last = c.Origin, b.Checkpoint
	s.batches++
	if s.signatures {
		s.proven = s.tree.size
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
	root, err := s.tree.root(c.Size)
	if err != nil {
		return err
	}
	if root != c.Root {
		return &CorruptError{Index: -1, Reason: fmt.Sprintf("the first %d entries are not those of the remembered checkpoint", c.Size)}
	}
	return nil
}

// bare returns the error's text without the package's name in front.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), "audit: ")
}
