package auth

import (
	"context"
	"fmt"
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
	locks shopLock

	mu     sync.Mutex
	tokens map[Key]*Token
}

// Format tells nothing: the store holds tokens.
func (*MemoryStore) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[memory store]")) }

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
	unlock, err := s.locks.lock(ctx, key.Shop)
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
	unlock, err := s.locks.lock(ctx, shop)
	if err != nil {
		return err
	}
	defer unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.tokens, func(key Key, t *Token) bool {
		return key.Shop == shop && (grantedBefore.IsZero() || t.Granted.Before(grantedBefore))
	})
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

// shopLock is a lock per shop whose wait can be given up.
type shopLock struct {
	mu   sync.Mutex
	busy map[shopify.Domain]chan struct{}
}

func (l *shopLock) lock(ctx context.Context, shop shopify.Domain) (unlock func(), err error) {
	for {
		l.mu.Lock()
		freed, busy := l.busy[shop]
		if !busy {
			if l.busy == nil {
				l.busy = map[shopify.Domain]chan struct{}{}
			}
			freed = make(chan struct{})
			l.busy[shop] = freed
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.busy, shop)
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
