package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// ErrLocked means that another process, or another Store of this one, has the
// directory open for writing.
var ErrLocked = errors.New("filestore: in use by another writer")

// Options are the optional settings of a [Store].
type Options struct {
	// Origin names the log when the store makes its key, as a URL without the
	// scheme, such as "example.com/audit/pos": at most 200 bytes without space
	// or plus sign. If empty, "audit.local/" and a random word.
	Origin string

	// KeyFile is where the private key is, or is made: better another medium
	// than that of the log. If empty, the file key in the directory.
	KeyFile string

	// SegmentSize is from how many bytes on a segment is closed and archived, if it
	// has 256 entries at least. If zero, 2 MiB. What was not archived yet is read
	// when the store is opened. On Linux that much is reserved on the disk while
	// the store is open: to write into a file that need not grow is faster.
	SegmentSize int64

	disk disk.FS
}

// maxSegments bounds what waits to be archived: with more, Append waits.
const maxSegments = 12

// Store keeps a log in a directory. It implements [audit.Store],
// [audit.Keyed] and [audit.Signing] and is safe for concurrent use. One Store at
// a time has a directory.
type Store struct {
	*Reader
	opts       Options
	lock       *os.File
	checkpoint disk.File

	// Only the log's one writer appends, but Close may come at the same time.
	writing chan struct{} // holds one token
	failed  error         // why no more is written
	closed  bool
	length  int64 // of the published checkpoint
	buf     []byte

	archiver *archiver
}

var (
	_ audit.Store   = (*Store)(nil)
	_ audit.Keyed   = (*Store)(nil)
	_ audit.Signing = (*Store)(nil)
)

// Open opens the store in dir, which it creates if needed, and takes its lock
// ([ErrLocked]). What a crash left of a write that was never acknowledged is cut
// off; any other damage of what is not archived yet fails with an
// [*audit.CorruptError] and changes nothing: [OpenReader] and [audit.Verify] say
// more. The time that takes does not depend on the log's length, unless the index
// has to be built anew. opts may be nil.
func Open(dir string, opts *Options) (*Store, error) {
	s := &Store{writing: make(chan struct{}, 1)}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.disk == nil {
		s.opts.disk = disk.OS{}
	}
	if s.opts.SegmentSize <= 0 {
		s.opts.SegmentSize = 2 << 20
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	lock, ok, err := disk.Lock(filepath.Join(dir, lockFile), fileMode)
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if !ok {
		return nil, ErrLocked
	}
	s.lock = lock
	s.Reader = newReader(dir, s.opts.disk)
	s.keep = true
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	if err := s.create(); err != nil {
		return err
	}
	var err error
	if s.checkpoint, err = s.disk.OpenFile(s.path(checkpointFile), os.O_RDWR, fileMode); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	info, err := s.checkpoint.Stat()
	if err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	s.length = info.Size()
	if err := s.recover(); err != nil {
		return err
	}
	if err := s.openArchive(context.Background()); err != nil {
		return err
	}
	s.owner = true
	s.archiver = newArchiver(s)
	s.archiver.wake()
	return nil
}

// create makes the files of a new log. A crash in between leaves a directory
// for which it does so again.
func (s *Store) create() error {
	firsts, err := segmentNames(s.dir)
	if err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	archived, err := s.archive.size()
	if err != nil {
		return err
	}
	checkpoint, err := os.Stat(s.path(checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("filestore: %w", err)
	}
	published := err == nil
	switch {
	case len(firsts) == 0 && (archived > 0 || published && checkpoint.Size() > 0):
		return &audit.CorruptError{Index: archived, Truncated: true, Reason: "the files with the latest entries are missing"}
	case len(firsts) > 0 && !published:
		data, err := os.Stat(s.path(segmentName(firsts[0])))
		if err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
		if len(firsts) > 1 || firsts[0] > 0 || data.Size() > int64(len(magic)) {
			return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
		}
	case len(firsts) > 0:
		return nil
	}
	if len(firsts) == 0 {
		if err := writeFile(s.disk, s.path(segmentName(0)), []byte(magic)); err != nil {
			return err
		}
	}
	if err := writeFile(s.disk, s.path(checkpointFile), nil); err != nil {
		return err
	}
	// The directory itself may be new too.
	if err := s.disk.SyncDir(filepath.Dir(filepath.Clean(s.dir))); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	return nil
}

// active returns the segment that is written.
func (s *Store) active() *segment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.segments[len(s.segments)-1]
}

// Append implements [audit.Store]: one write and one sync, then the checkpoint
// is published without a sync of its own.
func (s *Store) Append(ctx context.Context, b audit.Batch) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.closed {
		return fmt.Errorf("filestore: %w", fs.ErrClosed)
	}
	if s.failed != nil {
		return fmt.Errorf("filestore: closed to writing after: %w", s.failed)
	}
	if err := s.fits(b); err != nil {
		return err
	}
	err := s.rotate(ctx)
	if err == nil {
		err = s.write(b, s.encode(b))
	}
	if err != nil {
		s.failed = err
		return fmt.Errorf("filestore: %w", err)
	}
	return nil
}

// fits checks that the batch follows and is not too large.
func (s *Store) fits(b audit.Batch) error {
	first := s.tree.Size // only Append changes it
	if b.First != first || len(b.Leaves) == 0 || len(b.Leaves) > maxEntries || len(b.Checkpoint) > audit.MaxCheckpointSize {
		return fmt.Errorf("filestore: %d entries from %d on cannot follow entry %d", len(b.Leaves), b.First, first-1)
	}
	if len(b.Entries) != len(b.Leaves) || len(b.Hashes) < len(b.Leaves) {
		return errors.New("filestore: a batch without entries and hashes")
	}
	size := 2*frameHeader + len(b.Checkpoint)
	for i, leaf := range b.Leaves {
		if len(leaf.Data) > maxLeaf || len(leaf.Sealed) > maxParts {
			return fmt.Errorf("filestore: leaf %d is larger than %d bytes", first+int64(i), maxLeaf)
		}
		size += frameHeader + len(leaf.Data)
		for _, part := range leaf.Sealed {
			if len(part) > maxPart {
				return fmt.Errorf("filestore: a sealed part of entry %d is larger than %d bytes", first+int64(i), maxPart)
			}
			size += frameHeader + len(part)
		}
	}
	if size > maxBatch {
		return fmt.Errorf("filestore: a batch of %d bytes is too large", size)
	}
	return nil
}

// encode lays the batch out in s.buf and returns the offsets of its entries.
func (s *Store) encode(b audit.Batch) []int64 {
	at := s.active().known
	s.buf = appendFrame(s.buf[:0], typeCheckpoint, b.First+int64(len(b.Leaves)), b.Checkpoint)
	spans := make([]int64, len(b.Leaves))
	for i, leaf := range b.Leaves {
		spans[i] = at + int64(len(s.buf))
		s.buf = appendFrame(s.buf, typeEntry, b.First+int64(i), leaf.Data)
		for _, part := range leaf.Sealed {
			s.buf = appendFrame(s.buf, typeSealed, b.First+int64(i), part)
		}
	}
	return spans
}

func (s *Store) write(b audit.Batch, spans []int64) error {
	to := s.active()
	if _, err := to.file.WriteAt(s.buf, to.known); err != nil {
		return err
	}
	if err := to.file.Sync(); err != nil {
		return err
	}
	// First seen, then published: a reader must find what is published.
	s.mu.Lock()
	to.index.Add(b.Entries, b.Hashes)
	to.entries = append(to.entries, b.Entries...)
	to.spans = append(to.spans, spans...)
	to.last = to.known
	to.known += int64(len(s.buf))
	to.signed = bytes.Clone(b.Checkpoint)
	to.batches++
	s.latest = to.signed
	s.tree.Grow(int64(len(b.Leaves)), b.Hashes)
	s.mu.Unlock()
	return s.publish(b.Checkpoint)
}

// publish overwrites the published checkpoint in place. Without a sync a power
// failure may leave an older one, never a later one, than there are entries. A
// change of length is synced, so that content and length stay together.
func (s *Store) publish(checkpoint []byte) error {
	if _, err := s.checkpoint.WriteAt(checkpoint, 0); err != nil {
		return err
	}
	n := int64(len(checkpoint))
	if n == s.length {
		return nil
	}
	if n < s.length {
		if err := s.checkpoint.Truncate(n); err != nil {
			return err
		}
	}
	s.length = n
	return s.checkpoint.Sync()
}

// rotate begins a new segment where the active one is full.
func (s *Store) rotate(ctx context.Context) error {
	if to := s.active(); to.known < s.opts.SegmentSize || to.end()-to.first < merkle.TileWidth {
		return nil
	}
	if err := s.archiver.wait(ctx); err != nil {
		return err
	}
	first := s.tree.Size
	if err := writeFile(s.disk, s.path(segmentName(first)), []byte(magic)); err != nil {
		return err
	}
	next, err := openSegment(s.dir, s.disk, first, os.O_RDWR)
	if err != nil {
		return err
	}
	s.reserve(next)
	s.mu.Lock()
	s.segments = append(s.segments[:len(s.segments):len(s.segments)], next)
	s.mu.Unlock()
	s.archiver.wake()
	return nil
}

// reserve gives the segment its space on the disk. What is durable without it
// needs the file system's journal at each sync, since the file has grown; where
// there is no space, or none can be reserved, the writes find out.
func (s *Store) reserve(to *segment) { _ = to.file.Reserve(s.opts.SegmentSize) }

// Close makes the published checkpoint durable, stops the archiving, which goes
// on when the store is opened again, closes the files and gives up the lock. It
// waits for an Append under way. A second Close returns nil.
func (s *Store) Close() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.archiver != nil {
		s.archiver.stop()
	}
	var err error
	if s.checkpoint != nil {
		if s.failed == nil {
			err = s.checkpoint.Sync()
		}
		if s.failed == nil && s.owner {
			to := s.active()
			err = errors.Join(err, to.file.Truncate(to.known)) // gives back what was reserved
		}
		err = errors.Join(err, s.checkpoint.Close())
	}
	err = errors.Join(err, s.Reader.Close())
	// Last, so that nobody else writes while a file is still open.
	err = errors.Join(err, disk.Unlock(s.lock))
	if err != nil {
		return fmt.Errorf("filestore: close: %w", err)
	}
	return nil
}
