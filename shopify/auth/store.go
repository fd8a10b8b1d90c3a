package auth

import (
	"context"
	"iter"
	"maps"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Store keeps tokens. Package sqlstore has one for SQLite and PostgreSQL; one of your
// own is right if authtest.TestStore says so. Implementations are safe for concurrent
// use, and share no memory with their callers.
type Store interface {
	// Load returns the token under the key. If there is none, the error matches
	// [ErrNoToken].
	Load(ctx context.Context, key Key) (*Token, error)

	// Update calls change with the stored token, nil if there is none, and stores what
	// it returns; nil leaves the store as it is. From before change is called until
	// after its result is durable nobody else, in this process or another that shares
	// the store, is inside Update with the same key. change may take many seconds: it
	// asks Shopify. If it fails nothing is stored and its error is returned. change does
	// not use the store.
	Update(ctx context.Context, key Key, change func(ctx context.Context, current *Token) (*Token, error)) error

	// Delete deletes the tokens of a shop that were granted before that time; all, if it
	// is zero. A token that an Update is about to store is one of them.
	Delete(ctx context.Context, shop shopify.Domain, grantedBefore time.Time) error

	// Expiring returns the keys of the offline tokens whose refresh tokens end before
	// that time. An error is yielded once and ends it.
	Expiring(ctx context.Context, before time.Time) iter.Seq2[Key, error]
}

// MemoryStore keeps tokens in memory. Safe for concurrent use.
type MemoryStore struct {
	locks keyLock

	mu     sync.Mutex
	tokens map[Key]*Token
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{tokens: map[Key]*Token{}} }

// Load implements [Store].
func (s *MemoryStore) Load(ctx context.Context, key Key) (*Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[key]
	if !ok {
		return nil, ErrNoToken
	}
	return t.Clone(), nil
}

// Update implements [Store].
func (s *MemoryStore) Update(ctx context.Context, key Key, change func(context.Context, *Token) (*Token, error)) error {
	unlock, err := s.locks.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	s.mu.Lock()
	current := s.tokens[key].Clone()
	s.mu.Unlock()
	next, err := change(ctx, current)
	if err != nil || next == nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[key] = next.Clone()
	return nil
}

// Delete implements [Store].
func (s *MemoryStore) Delete(ctx context.Context, shop shopify.Domain, grantedBefore time.Time) error {
	s.mu.Lock()
	keys := map[Key]bool{}
	for key := range s.tokens {
		keys[key] = key.Shop == shop
	}
	s.mu.Unlock()
	for _, key := range s.locks.held() {
		keys[key] = key.Shop == shop
	}
	for key, of := range keys {
		if !of {
			continue
		}
		unlock, err := s.locks.lock(ctx, key)
		if err != nil {
			return err
		}
		s.mu.Lock()
		if t, ok := s.tokens[key]; ok && (grantedBefore.IsZero() || t.Granted.Before(grantedBefore)) {
			delete(s.tokens, key)
		}
		s.mu.Unlock()
		unlock()
	}
	return nil
}

// Expiring implements [Store].
func (s *MemoryStore) Expiring(ctx context.Context, before time.Time) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		s.mu.Lock()
		tokens := maps.Clone(s.tokens)
		s.mu.Unlock()
		for key, t := range tokens {
			if key.Access != Offline || t.RefreshToken == "" || t.RefreshExpires.IsZero() || !t.RefreshExpires.Before(before) {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(Key{}, err)
				return
			}
			if !yield(key, nil) {
				return
			}
		}
	}
}

// keyLock is a lock per key whose wait can be given up.
type keyLock struct {
	mu   sync.Mutex
	busy map[Key]chan struct{}
}

func (l *keyLock) lock(ctx context.Context, key Key) (unlock func(), err error) {
	for {
		l.mu.Lock()
		freed, busy := l.busy[key]
		if !busy {
			if l.busy == nil {
				l.busy = map[Key]chan struct{}{}
			}
			freed = make(chan struct{})
			l.busy[key] = freed
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.busy, key)
				close(freed)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *keyLock) held() []Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Key, 0, len(l.busy))
	for key := range l.busy {
		out = append(out, key)
	}
	return out
}
