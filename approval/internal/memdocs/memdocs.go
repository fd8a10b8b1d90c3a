// Package memdocs keeps documents in memory, for channels that are given no
// store.
package memdocs

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
)

// Store is an [approval.DocumentStore] whose documents die with the process. It
// is safe for concurrent use.
type Store struct {
	mu   sync.Mutex
	docs map[string]approval.Document
}

// New returns an empty store.
func New() *Store { return &Store{docs: make(map[string]approval.Document)} }

// Document implements [approval.DocumentStore].
func (s *Store) Document(_ context.Context, name string) (approval.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.docs[name]
	if !ok {
		return approval.Document{Name: name}, nil
	}
	d.Data = bytes.Clone(d.Data)
	return d, nil
}

// SetDocument implements [approval.DocumentStore].
func (s *Store) SetDocument(_ context.Context, d approval.Document) (approval.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs[d.Name].Version != d.Version {
		return approval.Document{}, approval.ErrConflict
	}
	d.Version++
	d.Data = bytes.Clone(d.Data)
	s.docs[d.Name] = d
	return d, nil
}

// Documents implements [approval.DocumentStore].
func (s *Store) Documents(_ context.Context, prefix, after string, limit int) ([]approval.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []approval.Document
	for name, d := range s.docs {
		if strings.HasPrefix(name, prefix) && name > after {
			d.Data = bytes.Clone(d.Data)
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b approval.Document) int { return strings.Compare(a.Name, b.Name) })
	return list[:min(len(list), limit)], nil
}

// DropDocument implements [approval.DocumentStore].
func (s *Store) DropDocument(_ context.Context, name string, version int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.docs[name]; !ok || d.Version != version {
		return approval.ErrConflict
	}
	delete(s.docs, name)
	return nil
}

// DropDocuments implements [approval.DocumentStore].
func (s *Store) DropDocuments(_ context.Context, from, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.docs, func(name string, _ approval.Document) bool { return from <= name && name < to })
	return nil
}

// Now implements [approval.DocumentStore].
func (s *Store) Now(context.Context) (time.Time, error) { return time.Now().UTC(), nil }
