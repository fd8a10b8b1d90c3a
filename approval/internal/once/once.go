// Package once remembers for a while what was already used: a sign-in link, a
// signed callback. It is how the channels of an approval queue refuse replays.
package once

import (
	"errors"
	"sync"
	"time"
)

// ErrFull says that the set holds as many live keys as it may. A caller that
// guards against replays must then refuse, since it could not notice the next
// one.
var ErrFull = errors.New("once: too many live keys")

// Set remembers keys until they expire. It is safe for concurrent use. The
// zero value is not ready: see [New].
type Set struct {
	mu   sync.Mutex
	max  int
	keys map[string]time.Time
}

// New returns an empty set of at most limit live keys.
func New(limit int) *Set {
	return &Set{max: limit, keys: make(map[string]time.Time)}
}

// Add remembers key until the given time and reports whether it was new. An
// expired key is new again. When the set is full of live keys, Add remembers
// nothing and returns [ErrFull].
func (s *Set) Add(key string, until time.Time) (first bool, err error) {
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
func (s *Set) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.keys[key]
	return ok && time.Now().Before(end)
}
