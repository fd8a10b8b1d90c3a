package approvaltest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

// fileStore is about the smallest store that outlives its process: what
// [approvaltest.Memory] is told is written to a file too, and told again when
// the file is opened. One process at a time may have it open.
type fileStore struct {
	*approvaltest.Memory

	mu    sync.Mutex // nobody sees what is not in the file yet
	file  *os.File
	step  func(name string)
	fault fault
}

// line is one write.
type line struct {
	Record   *approval.Record   `json:",omitempty"`
	New      bool               `json:",omitempty"`
	Wake     []time.Time        `json:",omitempty"`
	Document *approval.Document `json:",omitempty"`

	With []approval.Document `json:",omitempty"` // a new Record
}

// fault is how a store is broken, in tests that must fail.
type fault struct {
	lost     approval.State // when it is opened, the newest writes of requests in this state are gone
	keepTorn bool           // what follows half a line goes on with it
	asleep   bool           // what was arranged before it was opened wakes nobody
	hidden   approval.State // is not listed
	apart    bool           // a request and the documents with it are written one after the other
}

func openFileStore(ctx context.Context, at approvaltest.CrashPlace, f fault) (*fileStore, error) {
	name := filepath.Join(at.Dir, "store")
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	if len(whole) < len(data) && !f.keepTorn { // its writer died in the middle
		if err := os.Truncate(name, int64(len(whole))); err != nil {
			return nil, err
		}
	}
	s := &fileStore{Memory: approvaltest.NewMemory(), step: at.Step, fault: f}
	if f.lost != "" {
		if err := lose(name, whole, f.lost); err != nil {
			return nil, err
		}
		if whole, err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	for text := range bytes.Lines(whole) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, err
		}
		if err := s.again(ctx, l); err != nil {
			return nil, err
		}
	}
	s.file, err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return s, err
}

// again does what a line of the file says. Whoever was ever to be woken is
// woken anew, which is more than is needed, and does no harm.
func (s *fileStore) again(ctx context.Context, l line) (err error) {
	if s.fault.asleep {
		l.Wake = nil
	}
	switch {
	case l.Document != nil:
		_, err = s.Memory.SetDocument(ctx, *l.Document)
	case l.New:
		_, _, err = s.Memory.InsertWith(ctx, l.Record, l.With, l.Wake...)
	default:
		_, err = s.Memory.Update(ctx, l.Record, l.Wake...)
	}
	return err
}

// write writes a line, in two halves: the process may die between them.
func (s *fileStore) write(l line) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if _, err := s.file.Write(data[:len(data)/2]); err != nil {
		return err
	}
	s.step("in the middle of a line")
	_, err = s.file.Write(data[len(data)/2:])
	return err
}

func (s *fileStore) Insert(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, bool, error) {
	return s.InsertWith(ctx, r, nil, wake...)
}

func (s *fileStore) InsertWith(ctx context.Context, r *approval.Record, docs []approval.Document, wake ...time.Time) (*approval.Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, inserted, err := s.Memory.InsertWith(ctx, r, docs, wake...)
	switch {
	case !inserted:
	case s.fault.apart:
		err = s.write(line{Record: r, New: true, Wake: wake})
		for i := range docs {
			s.step("between a request and what is stored with it")
			err = errors.Join(err, s.write(line{Document: &docs[i]}))
		}
	default:
		err = s.write(line{Record: r, New: true, With: docs, Wake: wake})
	}
	return stored, inserted, err
}

func (s *fileStore) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, err := s.Memory.Update(ctx, r, wake...)
	if err == nil {
		err = s.write(line{Record: r, Wake: wake})
	}
	return stored, err
}

func (s *fileStore) SetDocument(ctx context.Context, d approval.Document) (approval.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, err := s.Memory.SetDocument(ctx, d)
	if err == nil {
		err = s.write(line{Document: &d})
	}
	return stored, err
}

func (s *fileStore) Get(ctx context.Context, id string) (*approval.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Memory.Get(ctx, id)
}

func (s *fileStore) List(ctx context.Context, f approval.Filter) ([]*approval.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault.hidden != "" && slices.Contains(f.States, s.fault.hidden) {
		return nil, nil
	}
	return s.Memory.List(ctx, f)
}

func (s *fileStore) Close() error { return s.file.Close() }

// lose takes the newest lines of requests out of the file, as far as they are in
// the state.
func lose(name string, whole []byte, state approval.State) error {
	kept := map[string]bool{} // requests of which an older line is not lost
	var lines [][]byte
	texts := slices.Collect(bytes.Lines(whole))
	for _, text := range slices.Backward(texts) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return err
		}
		if l.Record != nil {
			if l.Record.Request.State == state && !kept[l.Record.Request.ID] {
				continue
			}
			kept[l.Record.Request.ID] = true
		}
		lines = append(lines, text)
	}
	slices.Reverse(lines)
	return os.WriteFile(name, bytes.Join(lines, nil), 0o600)
}
