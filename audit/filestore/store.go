package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
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

	disk disk.FS
}

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
}

// Open opens the store in dir, which it creates if needed, and takes its lock
// ([ErrLocked]). What a crash left of a write that was never acknowledged is cut
// off; any other damage fails with an [*audit.CorruptError] and changes
// nothing: [OpenReader] and [audit.Verify] say more. opts may be nil.
func Open(dir string, opts *Options) (*Store, error) {
	s := &Store{writing: make(chan struct{}, 1)}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.disk == nil {
		s.opts.disk = disk.OS{}
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
	if err := s.open(dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(dir string) error {
	if err := s.create(dir); err != nil {
		return err
	}
	var err error
	if s.Reader, err = openReader(dir, s.opts.disk, os.O_RDWR); err != nil {
		return err
	}
	if s.checkpoint, err = s.disk.OpenFile(filepath.Join(dir, checkpointFile), os.O_RDWR, fileMode); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	info, err := s.checkpoint.Stat()
	if err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	s.length = info.Size()
	return s.recover()
}

// create makes the files of a new log. A crash in between leaves a directory
// for which it does so again.
func (s *Store) create(dir string) error {
	data, err := stat(dir, dataFile)
	if err != nil {
		return err
	}
	checkpoint, err := stat(dir, checkpointFile)
	if err != nil {
		return err
	}
	switch {
	case data == nil && checkpoint != nil && checkpoint.Size() > 0:
		return &audit.CorruptError{Index: 0, Truncated: true, Reason: "the data file is missing"}
	case data != nil && checkpoint == nil && data.Size() > int64(len(magic)):
		return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
	case data != nil && checkpoint != nil:
		return nil
	}
	if data == nil {
		if err := s.writeFile(dir, dataFile, []byte(magic)); err != nil {
			return err
		}
	}
	if err := s.writeFile(dir, checkpointFile, nil); err != nil {
		return err
	}
	// The directory itself may be new too.
	if err := s.opts.disk.SyncDir(filepath.Dir(filepath.Clean(dir))); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	return nil
}

func stat(dir, name string) (fs.FileInfo, error) {
	info, err := os.Stat(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	return info, nil
}

// writeFile makes a durable file, whole or not at all.
func (s *Store) writeFile(dir, name string, content []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("filestore: %w", err)
		}
	}()
	files, path := s.opts.disk, filepath.Join(dir, name)
	f, err := files.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = files.Rename(path+".tmp", path); err != nil {
		return err
	}
	return files.SyncDir(dir)
}

// recover reads the whole data file, cuts off a write that never finished, and
// makes what remains durable.
func (s *Store) recover() error {
	p, err := s.parser(context.Background())
	if err != nil {
		return err
	}
	published, err := s.Checkpoint(context.Background())
	if err != nil {
		return err
	}
	last, batches := p.offset, 0
	for {
		before := p.offset
		b, nextErr := p.next()
		if nextErr != nil {
			err = nextErr
			break
		}
		last = before
		if err = s.learn(p, b); err != nil {
			break
		}
		s.latest = b.Checkpoint
		batches++
		if p.size == p.published && !bytes.Equal(b.Checkpoint, published) {
			return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is not the one of its batch"}
		}
	}
	if published == nil && batches > 1 {
		return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
	}
	torn, err := s.settle(p, err)
	if err != nil {
		return err
	}
	if torn > 0 {
		if err := s.data.Truncate(p.offset); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	// After a failed sync the system may hold pages that it takes for written
	// although they are not (https://lwn.net/Articles/752063/). Only the last
	// batch can be concerned, as none is begun before the one ahead of it is
	// durable: writing it once more makes the sync count.
	buf := make([]byte, p.offset-last)
	if _, err := s.data.ReadAt(buf, last); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("filestore: %w", err)
	}
	if _, err := s.data.WriteAt(buf, last); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	if err := s.data.Sync(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	s.mu.Lock()
	s.known, s.store, s.torn = p.offset, true, torn
	s.mu.Unlock()
	return nil
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
	spans, err := s.encode(b)
	if err != nil {
		return err
	}
	if err := s.write(b, spans); err != nil {
		s.failed = err
		return fmt.Errorf("filestore: %w", err)
	}
	return nil
}

// encode lays the batch out in s.buf and returns the offsets of its entries.
func (s *Store) encode(b audit.Batch) ([]int64, error) {
	first := s.index.Size() // only Append changes it
	if len(b.Entries) != len(b.Leaves) {
		return nil, errors.New("filestore: a batch without entries")
	}
	if b.First != first || len(b.Leaves) == 0 || len(b.Leaves) > maxEntries || len(b.Checkpoint) > audit.MaxCheckpointSize {
		return nil, fmt.Errorf("filestore: %d entries from %d on cannot follow entry %d", len(b.Leaves), b.First, first-1)
	}
	s.buf = appendFrame(s.buf[:0], typeCheckpoint, first+int64(len(b.Leaves)), b.Checkpoint)
	spans := make([]int64, len(b.Leaves))
	for i, leaf := range b.Leaves {
		if len(leaf.Data) > maxLeaf || len(leaf.Sealed) > maxParts {
			return nil, fmt.Errorf("filestore: leaf %d is larger than %d bytes", first+int64(i), maxLeaf)
		}
		spans[i] = s.known + int64(len(s.buf))
		s.buf = appendFrame(s.buf, typeEntry, first+int64(i), leaf.Data)
		for _, part := range leaf.Sealed {
			s.buf = appendFrame(s.buf, typeSealed, first+int64(i), part)
		}
	}
	if len(s.buf) > maxBatch {
		return nil, fmt.Errorf("filestore: a batch of %d bytes is too large", len(s.buf))
	}
	return spans, nil
}

func (s *Store) write(b audit.Batch, spans []int64) error {
	if _, err := s.data.WriteAt(s.buf, s.known); err != nil {
		return err
	}
	if err := s.data.Sync(); err != nil {
		return err
	}
	// First seen, then published: a reader must find what is published.
	s.mu.Lock()
	s.spans = append(s.spans, spans...)
	s.index.Add(b.Entries, b.Hashes)
	s.known += int64(len(s.buf))
	s.latest = bytes.Clone(b.Checkpoint)
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

// Close makes the published checkpoint durable, closes the files and gives up
// the lock. It waits for an Append under way. A second Close returns nil.
func (s *Store) Close() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.checkpoint != nil {
		if s.failed == nil {
			err = s.checkpoint.Sync()
		}
		err = errors.Join(err, s.checkpoint.Close())
	}
	if s.Reader != nil {
		err = errors.Join(err, s.Reader.Close())
	}
	// Last, so that nobody else writes while a file is still open.
	err = errors.Join(err, s.lock.Close())
	if err != nil {
		return fmt.Errorf("filestore: close: %w", err)
	}
	return nil
}
