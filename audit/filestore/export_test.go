package filestore

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disktest"
)

// OpenOn is Open on a disk with faults, with segments that take long to fill.
func OpenOn(dir string, d *disktest.Disk) (*Store, error) {
	return Open(dir, &Options{disk: d, SegmentSize: 256 << 10})
}

// Parse reads the batches of a data file. torn says whether what follows the
// last one can be a write that never finished, or nothing; rest is its size.
func Parse(data []byte) (batches []audit.Batch, rest int64, torn bool, err error) {
	p := &parser{r: bytes.NewReader(data), end: int64(len(data))}
	for {
		b, err := p.next()
		if errors.Is(err, io.EOF) {
			return batches, 0, true, nil
		}
		if d, ok := errors.AsType[*damage](err); ok {
			rest, err = p.torn(d)
			return batches, rest, rest > 0, err
		}
		if err != nil {
			return nil, 0, false, err
		}
		batches = append(batches, b)
	}
}

// Follow reads the last segment's batches, of which nothing is published, as beside
// a running writer.
func Follow(r io.ReaderAt, end int64) (batches []audit.Batch, torn int64, err error) {
	p := &parser{r: r, end: end, ahead: 64}
	for {
		b, err := p.next()
		if err == nil {
			batches = append(batches, b)
			continue
		}
		if torn, err = settle(p, err, true, 0); !errors.Is(err, errAgain) {
			return batches, torn, err
		}
	}
}

// Encode is the inverse of Parse.
func Encode(batches []audit.Batch) []byte {
	var out []byte
	for _, b := range batches {
		out = appendFrame(out, typeCheckpoint, b.First+int64(len(b.Leaves)), b.Checkpoint)
		for i, leaf := range b.Leaves {
			out = appendFrame(out, typeEntry, b.First+int64(i), leaf.Data)
			for _, part := range leaf.Sealed {
				out = appendFrame(out, typeSealed, b.First+int64(i), part)
			}
		}
	}
	return out
}

// OpenSmall is OpenOn with segments that are archived as soon as can be.
func OpenSmall(dir string, d *disktest.Disk) (*Store, error) {
	return Open(dir, &Options{disk: d, SegmentSize: 1})
}

// WaitArchived waits for a round of archiving and returns its problem.
func (s *Store) WaitArchived(ctx context.Context) error {
	for range 2 { // one may be under way
		s.archiver.mu.Lock()
		moved := s.archiver.moved
		s.archiver.mu.Unlock()
		s.archiver.wake()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.archiver.mu.Lock()
	defer s.archiver.mu.Unlock()
	return s.archiver.problem
}
