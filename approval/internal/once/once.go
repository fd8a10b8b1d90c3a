// Package once remembers for a while what was already used: a sign-in link, a
// signed callback. It is how the channels of an approval queue refuse replays.
package once

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
)

// ErrFull says that the set holds as many live keys as it may. A caller that
// guards against replays must then refuse, since it could not notice the next
// one.
var ErrFull = errors.New("once: too many live keys")

// Set remembers keys until they expire, in memory or in a store. It is safe for
// concurrent use. The zero value is not ready: see [New] and [In].
type Set struct {
	store approval.DocumentStore // nil: in memory
	space string

	mu    sync.Mutex
	max   int
	keys  map[string]time.Time
	swept time.Time
}

// New returns an empty set in memory, of at most limit live keys.
func New(limit int) *Set {
	return &Set{max: limit, keys: make(map[string]time.Time)}
}

// In returns the set of this name in a store: all who use it, in all processes
// and after restarts, share its keys.
func In(store approval.DocumentStore, name string) *Set {
	return &Set{store: store, space: name + "/"}
}

// Add remembers key until the given time and reports whether it was new. An
// expired key is new again. The same key always comes with the same time. When a
// set in memory is full of live keys, Add remembers nothing and returns
// [ErrFull]; a store's error is returned as it is.
func (s *Set) Add(ctx context.Context, key string, until time.Time) (first bool, err error) {
	if s.store != nil {
		return s.addStored(ctx, key, until)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if end, ok := s.keys[key]; ok && now.Before(end) {
		return false, nil
	}
	if len(s.keys) >= s.max {
		for k, end := range s.keys {
			if !now.Before(end) {
				delete(s.keys, k)
			}
		}
		if len(s.keys) >= s.max {
			return false, ErrFull
		}
	}
	s.keys[key] = until
	return true, nil
}

// Has reports whether key is remembered and has not expired.
func (s *Set) Has(ctx context.Context, key string, until time.Time) (bool, error) {
	if s.store != nil {
		if !time.Now().Before(until) {
			return false, nil
		}
		doc, err := s.store.Document(ctx, s.name(key, until))
		return doc.Version > 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.keys[key]
	return ok && time.Now().Before(end), nil
}

// name is that of a key's document. Names begin with the second of the end, so
// that what has expired is a range.
func (s *Set) name(key string, until time.Time) string {
	sum := sha256.Sum256([]byte(key))
	return s.bound(until) + "/" + hex.EncodeToString(sum[:])
}

func (s *Set) bound(at time.Time) string { return fmt.Sprintf("%s%012d", s.space, max(0, at.Unix())) }

// sweepEvery is how often what has expired is removed from a store.
const sweepEvery = 10 * time.Minute

func (s *Set) addStored(ctx context.Context, key string, until time.Time) (bool, error) {
	now := time.Now()
	s.mu.Lock()
	sweep := now.Sub(s.swept) >= sweepEvery
	if sweep {
		s.swept = now
	}
	s.mu.Unlock()
	if sweep {
		// Clocks of several processes differ, so nothing is dropped at once.
		if err := s.store.DropDocuments(ctx, s.space, s.bound(now.Add(-time.Hour))); err != nil {
			return false, err
		}
	}
	_, err := s.store.SetDocument(ctx, approval.Document{Name: s.name(key, until), Data: json.RawMessage(`{}`)})
	if errors.Is(err, approval.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
