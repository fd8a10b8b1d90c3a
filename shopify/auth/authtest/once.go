package authtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/auth"
)

// user is what both interfaces are.
type user interface {
	Use(ctx context.Context, what string, expires time.Time) (first bool, err error)
}

var onceRules = []struct {
	rule string
	test func(*testing.T, user)
}{
	{"the first use is the first, every other is not", testUse},
	{"values are apart, however similar or long", testUseApart},
	{"of many who use the same at once one is the first", testUseRace},
	{"what has expired already is used once too", testUseExpired},
}

// TestStateStore runs the rules of [auth.StateStore]; a failure names the rule. newStore
// returns an empty store each time.
func TestStateStore(t *testing.T, newStore func(t *testing.T) auth.StateStore) {
	t.Helper()
	for _, r := range onceRules {
		t.Run(r.rule, func(t *testing.T) { r.test(t, newStore(t)) })
	}
}

// TestReplayGuard runs the rules of [auth.ReplayGuard]; a failure names the rule.
// newGuard returns one that remembers nothing each time, and has room for 1,000.
func TestReplayGuard(t *testing.T, newGuard func(t *testing.T) auth.ReplayGuard) {
	t.Helper()
	for _, r := range onceRules {
		t.Run(r.rule, func(t *testing.T) { r.test(t, newGuard(t)) })
	}
}

func use(t *testing.T, s user, what string) bool {
	t.Helper()
	first, err := s.Use(t.Context(), what, time.Now().Add(10*time.Minute))
	require.NoError(t, err)
	return first
}

func testUse(t *testing.T, s user) {
	assert.True(t, use(t, s, "one"))
	for range 3 {
		assert.False(t, use(t, s, "one"))
	}
	assert.True(t, use(t, s, "two"))
	assert.False(t, use(t, s, "one"))
}

func testUseApart(t *testing.T, s user) {
	for _, what := range []string{"a", "A", "a ", "a\x00", "", "ä", "\xff", strings.Repeat("x", 4000), strings.Repeat("x", 4001)} {
		assert.True(t, use(t, s, what), "%.20q", what)
		assert.False(t, use(t, s, what), "%.20q", what)
	}
}

func testUseRace(t *testing.T, s user) {
	for round := range 5 {
		var firsts, failures atomic.Int32
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				first, err := s.Use(t.Context(), fmt.Sprint("raced ", round), time.Now().Add(time.Minute))
				switch {
				case err != nil:
					failures.Add(1)
				case first:
					firsts.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 0, failures.Load())
		assert.EqualValues(t, 1, firsts.Load())
	}
}

func testUseExpired(t *testing.T, s user) {
	first, err := s.Use(t.Context(), "late", time.Now().Add(-time.Second))
	require.NoError(t, err)
	assert.True(t, first)
}
