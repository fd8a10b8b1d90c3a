package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message says which Slack message shows a request.
type Message struct {
	RequestID string    `json:"request_id"`
	Channel   string    `json:"channel"`         // channel ID
	TS        string    `json:"ts,omitempty"`    // the message's ID in its channel; empty while it is being posted
	Shown     string    `json:"shown,omitempty"` // fingerprint of what the message says
	Since     time.Time `json:"since"`           // when posting began
}

// Messages remembers which message shows which request, as long as the message
// still has to change. Implementations are safe for concurrent use.
type Messages interface {
	// Save stores m durably, in place of an earlier one of the same request.
	Save(ctx context.Context, m Message) error
	// List returns all stored messages, in no particular order.
	List(ctx context.Context) ([]Message, error)
	// Delete forgets the message of a request. Deleting what is not there is
	// no error.
	Delete(ctx context.Context, requestID string) error
}

// memory is the default of [Options.Messages].
type memory struct {
	mu sync.Mutex
	m  map[string]Message
}

func newMemory() *memory { return &memory{m: make(map[string]Message)} }

func (s *memory) Save(_ context.Context, m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[m.RequestID] = m
	return nil
}

func (s *memory) List(context.Context) ([]Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Message, 0, len(s.m))
	for _, m := range s.m {
		list = append(list, m)
	}
	return list, nil
}

func (s *memory) Delete(_ context.Context, requestID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, requestID)
	return nil
}

// FileMessages is a [Messages] that keeps one small file per message in a
// directory. Each change is durable when the call returns; a crash leaves the
// old file or the new one. One process may use the directory at a time.
type FileMessages struct {
	dir string
	mu  sync.Mutex
}

// OpenFileMessages returns the messages kept in dir, which is made if it is not
// there. Files are readable by their owner alone.
func OpenFileMessages(dir string) (*FileMessages, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	return &FileMessages{dir: dir}, nil
}

// path is the file of one request. The name is a digest, since an ID may hold
// characters that a file name may not.
func (f *FileMessages) path(requestID string) string {
	sum := sha256.Sum256([]byte(requestID))
	return filepath.Join(f.dir, hex.EncodeToString(sum[:16])+".json")
}

// Save stores m. It implements [Messages].
func (f *FileMessages) Save(_ context.Context, m Message) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.replace(f.path(m.RequestID), data); err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	return nil
}

func (f *FileMessages) replace(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(f.dir, "new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return f.sync()
}

// sync makes a rename or removal in the directory durable.
func (f *FileMessages) sync() error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and need not be
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// List returns all stored messages. It implements [Messages].
func (f *FileMessages) List(context.Context) ([]Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	files, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	var list []Message
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".json") {
			continue // what a crash left of a file being written
		}
		data, err := os.ReadFile(filepath.Join(f.dir, file.Name()))
		if err != nil {
			return nil, fmt.Errorf("slack: %w", err)
		}
		var m Message
		if err := json.Unmarshal(data, &m); err != nil {
			return nil, fmt.Errorf("slack: %s: %w", file.Name(), err)
		}
		list = append(list, m)
	}
	return slices.Clip(list), nil
}

// Delete forgets the message of a request. It implements [Messages].
func (f *FileMessages) Delete(_ context.Context, requestID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := os.Remove(f.path(requestID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.sync()
	}
	if err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	return nil
}
