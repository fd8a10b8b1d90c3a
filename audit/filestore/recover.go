package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/index"
)

// recovery is what recover knows of the published checkpoint.
type recovery struct {
	published []byte
	size      int64 // that it names; 0 where it cannot be read
	met       bool  // it is the one of a batch, or there is none

	batches    int
	last, prev []byte // checkpoints of the last two batches
}

// recover reads the segments, cuts off a write that never finished, and makes
// what remains durable.
func (s *Store) recover() (err error) {
	ctx := context.Background()
	var r recovery
	if r.published, err = s.publishedCheckpoint(ctx); err != nil {
		return err
	}
	r.met = r.published == nil
	if c, err := audit.UnverifiedCheckpoint(r.published); err == nil {
		r.size = c.Size
	}
	if s.segments, err = openSegments(s.dir, s.disk, os.O_RDWR); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	if s.archived, err = s.archive.size(); err != nil {
		return err
	}
	first := s.segments[0].first
	if first > s.archived {
		return &audit.CorruptError{Index: s.archived, Reason: fmt.Sprintf("entry %d follows", first)}
	}
	if s.tree, err = s.frontier(first); err != nil {
		return err
	}
	if err := s.recoverLast(first, &r); err != nil {
		return err
	}
	for i := 0; i < len(s.segments); i++ {
		seg := s.segments[i]
		switch {
		case seg.first == s.tree.Size:
		case s.isLeftOver(seg.first):
			old := s.segments[:i]
			if err := s.leaveOut(i); err != nil {
				return err
			}
			for _, o := range old {
				_ = s.disk.Remove(s.path(o.name)) // else it is left out again the next time
			}
			if err := s.recoverLast(seg.first, &r); err != nil {
				return err
			}
			i = 0
		default:
			return &audit.CorruptError{Index: s.tree.Size, Reason: fmt.Sprintf("entry %d follows", seg.first)}
		}
		if err := s.recoverSegment(seg, i == len(s.segments)-1, &r); err != nil {
			return err
		}
		if seg.signed != nil {
			s.latest = seg.signed
		}
	}
	switch {
	case r.size > s.tree.Size:
		return missing(r.size, s.tree.Size, s.tree.Size)
	case s.archived > s.tree.Size:
		return missing(s.archived, s.tree.Size, s.tree.Size)
	case r.published == nil && (r.batches > 1 || s.segments[0].first > 0):
		return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
	case !r.met && !mixed(r.published, r.last, r.prev):
		return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is not the one of its batch"}
	}
	return s.settleEnd(r.published)
}

// recoverLast begins with the checkpoint of the last segment which is gone, the one
// before the given entry: it may still be the published one.
func (s *Store) recoverLast(first int64, r *recovery) (err error) {
	if first == 0 {
		return nil
	}
	r.batches, r.prev = 0, nil
	r.last, err = s.archive.read(checkpointPath(first), audit.MaxCheckpointSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errTooLarge) {
		return err
	}
	r.met = bytes.Equal(r.last, r.published)
	return nil
}

// recoverSegment reads a segment.
func (s *Store) recoverSegment(seg *segment, last bool, r *recovery) error {
	end, err := seg.size()
	if err != nil {
		return err
	}
	p, err := seg.parser(seg.known, end, seg.first)
	if err != nil {
		return err
	}
	for {
		before := p.offset
		b, err := p.next()
		if err != nil {
			if s.torn, err = settle(p, err, last, r.size); errors.Is(err, errAgain) {
				continue
			}
			return err
		}
		if err := s.learn(seg, p, b); err != nil {
			return err
		}
		seg.last = before
		r.batches++
		r.met = r.met || bytes.Equal(b.Checkpoint, r.published)
		r.last, r.prev = bytes.Clone(b.Checkpoint), r.last
	}
}

// mixed reports whether the file of the published checkpoint is what a write of
// the last one over the one before it leaves when it ends early.
func mixed(file, last, prev []byte) bool {
	for n := range len(last) + 1 {
		if bytes.Equal(file, append(bytes.Clone(last[:n]), prev[min(n, len(prev)):]...)) {
			return true
		}
	}
	return false
}

// settleEnd cuts off what is torn and makes the last batch durable.
//
// After a failed sync the system may hold pages that it takes for written
// although they are not (https://lwn.net/Articles/752063/). Only the last batch
// can be concerned, as none is begun before the one ahead of it is durable:
// writing it once more makes the sync count.
func (s *Store) settleEnd(published []byte) error {
	to := s.active()
	if s.torn > 0 {
		if err := to.file.Truncate(to.known); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	from := to.last
	if from == 0 {
		from = int64(len(magic))
	}
	buf := make([]byte, to.known-from)
	if _, err := to.file.ReadAt(buf, from); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("filestore: %w", err)
	}
	if len(buf) > 0 {
		if _, err := to.file.WriteAt(buf, from); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	s.reserve(to)
	if err := to.file.Sync(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	if s.latest == nil || bytes.Equal(s.latest, published) {
		return nil
	}
	if err := s.publish(s.latest); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	return nil
}

// openArchive opens the index and brings it up to what is archived. An index that
// is damaged, or of another log, is built anew.
func (s *Store) openArchive(ctx context.Context) error {
	if s.archived == 0 && !exists(s.path(indexFile)) {
		return nil // made when it is needed
	}
	err := s.openIndex(ctx)
	if err == nil {
		err = s.checkIndex(ctx)
	}
	if err != nil {
		if s.index != nil {
			_ = s.index.Close() // it is of no use
			s.index = nil
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(s.path(indexFile + suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("filestore: %w", err)
			}
		}
		if err := s.openIndex(ctx); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	return s.fillIndex(ctx, s.archived)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openIndex opens the index for writing, or makes it.
func (s *Store) openIndex(ctx context.Context) error {
	// SQLite gives the files beside it the same mode.
	f, err := os.OpenFile(s.path(indexFile), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.index, err = index.Open(ctx, s.path(indexFile), false)
	s.indexed = 0
	return err
}

// checkIndex compares the root that the index was made for with the archive's.
func (s *Store) checkIndex(ctx context.Context) error {
	size, root, err := s.index.State(ctx)
	if err != nil {
		return err
	}
	if size > s.archived {
		return errors.New("the index covers more than the archive")
	}
	if size > 0 {
		tree, err := s.frontier(size)
		if err != nil {
			return err
		}
		if want := tree.Root(); !bytes.Equal(root, want[:]) {
			return errors.New("the index is of another log")
		}
	}
	s.indexed = size
	return nil
}
