package auth

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Errors of guards against replay.
var (
	// ErrReplayed: a session token was used before, where each counts once. Every
	// ErrReplayed is an [ErrSession].
	ErrReplayed = errors.New("session token used before")
	// ErrReplayGuardFull: a [MemoryReplayGuard] cannot remember another token or state,
	// and so lets none through.
	ErrReplayGuardFull = errors.New("auth: too many tokens or states to remember")
)

// ReplayGuard remembers which session tokens were used. [NewMemoryReplayGuard] is one
// for one process, and package sqlstore has one for several; one of your own is right if
// authtest.TestReplayGuard says so. Implementations are safe for concurrent use.
type ReplayGuard interface {
	// Use records that the token with this ID was used and reports whether that is the
	// first time; of several who ask at once one is told so. It may be forgotten at the
	// time expires. What cannot be remembered is an error.
	Use(ctx context.Context, id string, expires time.Time) (first bool, err error)
}

// VerifySessionOnce is [App.VerifySession] for a request that counts once: the second
// time that a token comes, also at another process that shares the guard, the error
// matches [ErrReplayed] and [ErrSession], as it does if the token has no ID. Another error
// is the guard's, and nothing must be done then. See [SessionOptions.Replays] for where
// this is right.
func (a *App) VerifySessionOnce(ctx context.Context, token string, guard ReplayGuard) (*Session, error) {
	s, err := a.VerifySession(token)
	if err != nil {
		return nil, err
	}
	if err := s.once(ctx, guard); err != nil {
		return nil, err
	}
	return s, nil
}

// once uses a session's token up.
func (s *Session) once(ctx context.Context, guard ReplayGuard) error {
	if s.ID == "" {
		return &SessionError{Reason: "claims"}
	}
	// It is valid for the leeway after it expired.
	switch first, err := guard.Use(ctx, string(s.Shop)+" "+s.ID, s.Expires.Add(leeway)); {
	case err != nil:
		return fmt.Errorf("auth: replay guard: %w", err)
	case !first:
		return &SessionError{Reason: "replayed"}
	}
	return nil
}

// MemoryReplayGuard is a [ReplayGuard] of one process. It forgets a token when that
// has expired, and remembers so many at once; while it is full it lets none through, with
// [ErrReplayGuardFull]. It is a [StateStore] of one process as well. Safe for concurrent
// use.
type MemoryReplayGuard struct {
	max int

	mu   sync.Mutex
	used map[[sha256.Size]byte]struct{}
	ends expiries
}

// DefaultReplays is how many tokens a [MemoryReplayGuard] remembers if it is not told: of
// Shopify's, which live for a minute, some 1,400 new ones a second. Each takes 100 to
// 200 bytes.
const DefaultReplays = 100_000

var (
	_ ReplayGuard = (*MemoryReplayGuard)(nil)
	_ StateStore  = (*MemoryReplayGuard)(nil)
)

// NewMemoryReplayGuard returns a guard that remembers nothing yet, and at most that many
// tokens at once; if maxTokens is zero, [DefaultReplays]. A negative one matches
// [shopify.ErrInvalid].
func NewMemoryReplayGuard(maxTokens int) (*MemoryReplayGuard, error) {
	switch {
	case maxTokens < 0:
		return nil, fmt.Errorf("auth: %w: a guard for %d tokens", shopify.ErrInvalid, maxTokens)
	case maxTokens == 0:
		maxTokens = DefaultReplays
	}
	return &MemoryReplayGuard{max: maxTokens, used: map[[sha256.Size]byte]struct{}{}}, nil
}

// Use implements [ReplayGuard].
func (g *MemoryReplayGuard) Use(_ context.Context, id string, expires time.Time) (bool, error) {
	key := sha256.Sum256([]byte(id)) // of one size, however long the ID is
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for len(g.ends) > 0 && now.After(g.ends[0].at) {
		delete(g.used, heap.Pop(&g.ends).(expiry).key) //nolint:forcetypeassert // it holds nothing else
	}
	if _, used := g.used[key]; used {
		return false, nil
	}
	if len(g.used) >= g.max {
		return false, ErrReplayGuardFull
	}
	g.used[key] = struct{}{}
	heap.Push(&g.ends, expiry{expires, key})
	return true, nil
}

// expiry is when a key may be forgotten.
type expiry struct {
	at  time.Time
	key [sha256.Size]byte
}

// expiries is a heap of them, the next one first.
type expiries []expiry

func (e expiries) Len() int           { return len(e) }
func (e expiries) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e expiries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *expiries) Push(x any)        { *e = append(*e, x.(expiry)) } //nolint:forcetypeassert // only Use pushes

func (e *expiries) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
