package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit/internal/merkle"
)

// scan reads a store and checks it.
type scan struct {
	verifiers note.Verifiers
	opts      VerifyOptions
	reader    Reader
	roots     map[int64]tlog.Hash // of the sizes that are asked for, once they were passed

	tree      merkle.Frontier
	origin    string
	proven    merkle.Frontier // entries under a good checkpoint
	open      int64           // first entry after the last checkpoint
	batches   int64
	published int64
}

// hashed is a batch and what can be said of it without the tree.
type hashed struct {
	Batch
	err        error // of the reader, ends the log
	leaves     []tlog.Hash
	bad        int // number of the first bad leaf
	badErr     error
	checkpoint Checkpoint
	signature  error
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
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for h := range s.hash(ctx, r) {
		if h.err != nil {
			return h.err
		}
		if err := s.batch(ctx, h); err != nil {
			return err
		}
		if s.tree.Size == s.published {
			met = bytes.Equal(h.Checkpoint, published)
		}
		if s.tree.Size >= s.published && !met {
			return &CorruptError{Index: -1, Reason: "the published checkpoint is not the one of its batch"}
		}
		if s.opts.Progress != nil {
			s.opts.Progress(s.tree.Size, s.published)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if s.tree.Size < s.published {
		return &CorruptError{
			Index: s.tree.Size, Truncated: true,
			Reason: fmt.Sprintf("the published checkpoint covers %d entries, %d are there", s.published, s.tree.Size),
		}
	}
	if s.published == 0 && s.batches > 1 {
		// Unless the log was begun meanwhile: a checkpoint is published before the
		// next batch is.
		if published, err = r.Checkpoint(ctx); err != nil {
			return err
		}
		if _, err := ParseCheckpoint(published, s.verifiers); err != nil {
			return &CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
		}
	}
	if s.open < s.tree.Size {
		return &CorruptError{Index: s.open, Reason: "no checkpoint covers it"}
	}
	return nil
}

// hash yields the batches in order, hashed by several workers. What it started
// has ended when it returns.
func (s *scan) hash(ctx context.Context, r Reader) func(yield func(*hashed) bool) {
	return func(yield func(*hashed) bool) {
		workers := s.opts.Workers
		if workers <= 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		ctx, stop := context.WithCancel(ctx)
		type job struct {
			*hashed
			done chan struct{}
		}
		jobs, order := make(chan job), make(chan job, 2*workers)
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(order)
			defer close(jobs)
			for b, err := range r.Batches(ctx, 0) {
				j := job{&hashed{Batch: b, err: err}, make(chan struct{})}
				select {
				case order <- j:
				case <-ctx.Done():
					return
				}
				select {
				case jobs <- j:
				case <-ctx.Done():
					close(j.done)
					return
				}
			}
		})
		for range workers {
			wg.Go(func() {
				for j := range jobs {
					if j.err == nil {
						s.check(j.hashed)
					}
					close(j.done)
				}
			})
		}
		defer wg.Wait()
		defer stop()
		for j := range order {
			<-j.done
			if ctx.Err() != nil || !yield(j.hashed) {
				return
			}
		}
	}
}

// check does what needs no other batch.
func (s *scan) check(h *hashed) {
	h.leaves, h.bad = make([]tlog.Hash, len(h.Leaves)), -1
	for i, leaf := range h.Leaves {
		h.leaves[i] = tlog.RecordHash(leaf.Data)
		var err error
		if s.opts.Entries {
			_, err = ParseLeaf(leaf.Data)
		}
		if err == nil && !h.PartsAbsent {
			err = checkParts(leaf)
		}
		if err != nil {
			h.bad, h.badErr = i, err
			break
		}
	}
	if h.Checkpoint != nil {
		h.checkpoint, h.signature = ParseCheckpoint(h.Checkpoint, s.verifiers)
	}
}

// pass notes the root of a size that is asked for.
func (s *scan) pass() {
	if _, ok := s.roots[s.tree.Size]; ok {
		s.roots[s.tree.Size] = s.tree.Root()
	}
}

// batch adds one batch to the tree and checks it.
func (s *scan) batch(ctx context.Context, h *hashed) error {
	if h.First != s.tree.Size {
		return &CorruptError{Index: s.tree.Size, Reason: fmt.Sprintf("entry %d follows", h.First)}
	}
	if h.bad >= 0 {
		bad := h.First + int64(h.bad)
		if err := s.locate(ctx, bad); err != nil { // an earlier one may be bad too
			return err
		}
		return &CorruptError{Index: bad, Reason: bare(h.badErr)}
	}
	if err := s.grow(ctx, h); err != nil {
		return err
	}
	if h.Checkpoint == nil {
		return nil
	}
	c, err := h.checkpoint, h.signature
	switch {
	case err != nil:
		return &CorruptError{Index: s.open, Reason: "checkpoint of the batch: " + bare(err)}
	case s.origin != "" && c.Origin != s.origin:
		return &CorruptError{Index: s.open, Reason: "the batch belongs to another log"}
	case c.Size != s.tree.Size || c.Root != s.tree.Root():
		if err := s.locate(ctx, s.tree.Size); err != nil {
			return err
		}
		return &CorruptError{
			Index:  s.open,
			Reason: fmt.Sprintf("entries %d to %d are not those that the checkpoint signed", s.open, s.tree.Size-1),
		}
	}
	s.origin = c.Origin
	s.batches++
	s.proven, s.open = s.tree.Clone(), s.tree.Size
	return nil
}

// tileHeight is the number of levels of a tile. A store keeps the hashes of each
// such level as they are; those between are made from them.
const tileHeight = 8

// grow adds the leaves to the tree and compares the hashes that this adds with
// those that the store keeps: proofs are made of these.
func (s *scan) grow(ctx context.Context, h *hashed) error {
	indexes, want := make([]int64, 0, len(h.leaves)+8), make([]tlog.Hash, 0, len(h.leaves)+8)
	var buf [64]tlog.Hash
	for _, leaf := range h.leaves {
		at := s.tree.Size
		added := s.tree.Add(leaf, buf[:0])
		for level := 0; level < len(added); level += tileHeight {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			want = append(want, added[level])
		}
		s.pass()
	}
	stored, err := s.reader.Hashes(ctx, indexes)
	if c, ok := errors.AsType[*CorruptError](err); ok {
		if c.Index >= s.tree.Size {
			return nil // later entries are damaged, which is found when their turn comes
		}
		c.Index = max(c.Index, h.First)
	}
	if err != nil {
		return err
	}
	for i, hash := range stored {
		if hash != want[i] {
			level, n := tlog.SplitStoredHashIndex(indexes[i])
			index := max(n<<level, s.proven.Size)
			if err := s.locate(ctx, index); err != nil {
				return err
			}
			return &CorruptError{Index: index, Reason: "not the entry, or not the hash of the tree, that was written"}
		}
	}
	return nil
}

// locate reads again what no good checkpoint covers, up to the entry end, and
// names the first that is no entry, or whose hash is not the one that the store
// keeps for the tree. It finds nothing where whoever changed the entry changed
// its hash too.
func (s *scan) locate(ctx context.Context, end int64) error {
	for b, err := range s.reader.Batches(ctx, s.open) {
		if err != nil {
			return nil // of what is behind; what was found first counts
		}
		var indexes []int64
		for i := range b.Leaves {
			indexes = append(indexes, tlog.StoredHashIndex(0, b.First+int64(i)))
		}
		stored, err := s.reader.Hashes(ctx, indexes)
		for i, leaf := range b.Leaves {
			index := b.First + int64(i)
			if index >= end {
				return nil
			}
			if _, err := ParseLeaf(leaf.Data); err != nil {
				return &CorruptError{Index: index, Reason: bare(err)}
			}
			if err == nil && stored[i] != tlog.RecordHash(leaf.Data) {
				return &CorruptError{Index: index, Reason: "not the entry that was written"}
			}
		}
	}
	return nil
}

// checkParts compares the leaf's sealed parts with their hashes in it.
func checkParts(leaf Leaf) error {
	_, tail, ok := bytes.Cut(leaf.Data, []byte("\n"))
	if !ok {
		return &FieldError{Reason: "leaf does not end in a newline"}
	}
	var hashes []tlog.Hash
	for line := range bytes.Lines(tail) {
		value, ok := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\n")), []byte(sealedPrefix))
		h, err := tlog.ParseHash(string(value))
		if !ok || err != nil || len(hashes) == maxSealed {
			return &FieldError{Field: "sealed", Reason: "malformed"}
		}
		hashes = append(hashes, h)
	}
	return checkSealed(hashes, leaf.Sealed)
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
