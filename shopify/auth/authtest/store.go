// Package authtest tests implementations of [auth.Store], [auth.StateStore] and
// [auth.ReplayGuard].
//
//	func TestStore(t *testing.T) {
//		authtest.TestStore(t, func(t *testing.T) auth.Store { return newStore(t) })
//	}
package authtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
)

// rules are what a store has to do, each with its test.
var rules = []struct {
	rule string
	test func(*testing.T, auth.Store)
}{
	{"an empty store has no token", testEmpty},
	{"a token comes back as it was stored", testRoundTrip},
	{"the store and its callers share no memory", testNoSharing},
	{"keys are apart", testKeys},
	{"a change that fails, or changes nothing, leaves the store as it is", testNoChange},
	{"one Update of a key at a time", testExclusive},
	{"Load does not wait for an Update", testLoadDuringUpdate},
	{"an Update of another shop does not wait", testOtherShop},
	{"waiting ends with the context", testContext},
	{"a change that panics leaves the store usable", testPanic},
	{"Delete deletes the tokens of one shop that were granted before", testDelete},
	{"Delete takes along what an Update is about to store", testDeleteDuringUpdate},
	{"Expiring finds the offline tokens whose refresh tokens end", testExpiring},
}

// TestStore runs the rules of [auth.Store]; a failure names the rule. newStore returns
// an empty store each time.
func TestStore(t *testing.T, newStore func(t *testing.T) auth.Store) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.rule, func(t *testing.T) { r.test(t, newStore(t)) })
	}
}

const shop = shopify.Domain("acme.myshopify.com")

var offline = auth.Key{Shop: shop, Access: auth.Offline}

// whole is a token with every field set.
func whole(key auth.Key) *auth.Token {
	at := time.Date(2026, 11, 20, 12, 30, 15, 123456000, time.UTC)
	t := &auth.Token{
		Key: key, AccessToken: "shpat_access", Scopes: []string{"read_orders", "write_products"}, Expires: at.Add(time.Hour),
		RefreshToken: "shprt_refresh", RefreshExpires: at.Add(90 * 24 * time.Hour), Granted: at.Add(-24 * time.Hour), Issued: at,
	}
	if key.Access == auth.Online {
		t.User = &auth.User{ID: key.Account, FirstName: "Zoë", LastName: "Example", Email: "zoe@example.com", EmailVerified: true, AccountOwner: true, Locale: "en", Scopes: []string{"read_orders"}}
	}
	return t
}

func put(t *testing.T, s auth.Store, token *auth.Token) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), token.Key, func(context.Context, *auth.Token) (*auth.Token, error) { return token, nil }))
}

func load(t *testing.T, s auth.Store, key auth.Key) *auth.Token {
	t.Helper()
	token, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	return token
}

// same compares tokens, times by the instant.
func same(t *testing.T, want, got *auth.Token) {
	t.Helper()
	require.NotNil(t, got)
	w, g := want.Clone(), got.Clone()
	for _, times := range [][2]*time.Time{{&w.Expires, &g.Expires}, {&w.RefreshExpires, &g.RefreshExpires}, {&w.Granted, &g.Granted}, {&w.Issued, &g.Issued}} {
		assert.True(t, times[0].Equal(*times[1]), "%s is not %s", times[1], times[0])
		assert.Equal(t, times[0].IsZero(), times[1].IsZero(), "the zero time stays zero")
		*times[0], *times[1] = time.Time{}, time.Time{}
	}
	assert.Equal(t, *w, *g)
	assert.Equal(t, w.AccessToken, g.AccessToken)
}

func testEmpty(t *testing.T, s auth.Store) {
	_, err := s.Load(t.Context(), offline)
	require.ErrorIs(t, err, auth.ErrNoToken)
	called := false
	require.NoError(t, s.Update(t.Context(), offline, func(_ context.Context, current *auth.Token) (*auth.Token, error) {
		called = true
		assert.Nil(t, current)
		return nil, nil
	}))
	assert.True(t, called)
	_, err = s.Load(t.Context(), offline)
	require.ErrorIs(t, err, auth.ErrNoToken)
	require.NoError(t, s.Delete(t.Context(), shop, time.Time{}))
}

func testRoundTrip(t *testing.T, s auth.Store) {
	bare := &auth.Token{Key: auth.Key{Shop: shop, Access: auth.ClientCredentials}, AccessToken: "shpat_bare"}
	for _, want := range []*auth.Token{whole(offline), whole(auth.Key{Shop: shop, Access: auth.Online, Account: 9_007_300_000_000_001}), bare} {
		put(t, s, want)
		same(t, want, load(t, s, want.Key))
		next := whole(want.Key)
		next.AccessToken, next.RefreshToken, next.Expires = "shpat_next", "", time.Time{}
		require.NoError(t, s.Update(t.Context(), want.Key, func(_ context.Context, current *auth.Token) (*auth.Token, error) {
			same(t, want, current)
			return next, nil
		}))
		same(t, next, load(t, s, want.Key))
	}
}

func testNoSharing(t *testing.T, s auth.Store) {
	mine := whole(offline)
	put(t, s, mine)
	mine.AccessToken, mine.Scopes[0] = "spoiled", "spoiled"
	theirs := load(t, s, offline)
	theirs.Scopes[1] = "spoiled"
	same(t, whole(offline), load(t, s, offline))
}

func testKeys(t *testing.T, s auth.Store) {
	keys := []auth.Key{
		offline,
		{Shop: shop, Access: auth.ClientCredentials},
		{Shop: shop, Access: auth.Online, Account: 1},
		{Shop: shop, Access: auth.Online, Account: 2},
		{Shop: "other.myshopify.com", Access: auth.Offline},
	}
	for i, key := range keys {
		token := whole(key)
		token.AccessToken = fmt.Sprint("token ", i)
		put(t, s, token)
	}
	for i, key := range keys {
		got := load(t, s, key)
		assert.Equal(t, fmt.Sprint("token ", i), got.AccessToken)
		assert.Equal(t, key, got.Key)
	}
}

func testNoChange(t *testing.T, s auth.Store) {
	put(t, s, whole(offline))
	no := errors.New("no")
	err := s.Update(t.Context(), offline, func(_ context.Context, current *auth.Token) (*auth.Token, error) {
		current.AccessToken = "spoiled"
		return current, no
	})
	require.ErrorIs(t, err, no)
	require.NoError(t, s.Update(t.Context(), offline, func(_ context.Context, current *auth.Token) (*auth.Token, error) {
		current.AccessToken = "spoiled"
		return nil, nil
	}))
	same(t, whole(offline), load(t, s, offline))
}

func testExclusive(t *testing.T, s auth.Store) {
	const goroutines, each = 8, 5
	var inside, overlaps atomic.Int32
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				err := s.Update(t.Context(), offline, func(_ context.Context, current *auth.Token) (*auth.Token, error) {
					if inside.Add(1) != 1 {
						overlaps.Add(1)
					}
					defer inside.Add(-1)
					if current == nil {
						current = &auth.Token{Key: offline, AccessToken: "t"}
					}
					current.Scopes = append(current.Scopes, "x")
					return current, nil
				})
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Zero(t, overlaps.Load())
	assert.Len(t, load(t, s, offline).Scopes, goroutines*each, "no change is lost")
}

// hold runs an Update that lasts until release is called, which returns its error.
func hold(t *testing.T, s auth.Store, key auth.Key) (release func() error) {
	t.Helper()
	entered, leave, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Update(context.WithoutCancel(t.Context()), key, func(context.Context, *auth.Token) (*auth.Token, error) {
			close(entered)
			<-leave
			return whole(key), nil
		})
	}()
	select {
	case <-entered:
	case err := <-ended:
		require.NoError(t, err)
	}
	return sync.OnceValue(func() error {
		close(leave)
		return <-ended
	})
}

func testLoadDuringUpdate(t *testing.T, s auth.Store) {
	before := whole(offline)
	before.AccessToken = "before"
	put(t, s, before)
	release := hold(t, s, offline)
	defer func() { assert.NoError(t, release()) }()
	same(t, before, load(t, s, offline))
}

func testOtherShop(t *testing.T, s auth.Store) {
	release := hold(t, s, offline)
	defer func() { assert.NoError(t, release()) }()
	put(t, s, whole(auth.Key{Shop: "other.myshopify.com", Access: auth.Offline}))
}

func testContext(t *testing.T, s auth.Store) {
	release := hold(t, s, offline)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Update(ctx, offline, func(context.Context, *auth.Token) (*auth.Token, error) {
		t.Error("the other Update has not ended")
		return nil, nil
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, release())
	same(t, whole(offline), load(t, s, offline))
	_, err = s.Load(ctx, offline)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func testPanic(t *testing.T, s auth.Store) {
	assert.Panics(t, func() {
		_ = s.Update(t.Context(), offline, func(context.Context, *auth.Token) (*auth.Token, error) { panic("a bug") })
	})
	put(t, s, whole(offline))
	same(t, whole(offline), load(t, s, offline))
}

func testDelete(t *testing.T, s auth.Store) {
	old, recent := whole(offline), whole(auth.Key{Shop: shop, Access: auth.Online, Account: 1})
	recent.Granted = old.Granted.Add(time.Hour)
	other := whole(auth.Key{Shop: "other.myshopify.com", Access: auth.Offline})
	for _, token := range []*auth.Token{old, recent, other} {
		put(t, s, token)
	}
	require.NoError(t, s.Delete(t.Context(), shop, old.Granted))
	same(t, old, load(t, s, old.Key))
	require.NoError(t, s.Delete(t.Context(), shop, recent.Granted))
	_, err := s.Load(t.Context(), old.Key)
	require.ErrorIs(t, err, auth.ErrNoToken)
	same(t, recent, load(t, s, recent.Key))
	require.NoError(t, s.Delete(t.Context(), shop, time.Time{}))
	_, err = s.Load(t.Context(), recent.Key)
	require.ErrorIs(t, err, auth.ErrNoToken)
	same(t, other, load(t, s, other.Key))
}

func testDeleteDuringUpdate(t *testing.T, s auth.Store) {
	release := hold(t, s, offline)
	deleted := make(chan error, 1)
	go func() { deleted <- s.Delete(t.Context(), shop, time.Time{}) }()
	select {
	case err := <-deleted:
		require.NoError(t, err)
		t.Error("Delete did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, release())
	require.NoError(t, <-deleted)
	_, err := s.Load(t.Context(), offline)
	require.ErrorIs(t, err, auth.ErrNoToken)
}

func testExpiring(t *testing.T, s auth.Store) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var want []auth.Key
	const many = 250
	for i := range many {
		token := whole(auth.Key{Shop: shopify.Domain(fmt.Sprintf("shop-%03d.myshopify.com", i)), Access: auth.Offline})
		token.RefreshExpires = at.Add(time.Duration(i) * time.Hour)
		put(t, s, token)
		if i < 200 {
			want = append(want, token.Key)
		}
	}
	for i, change := range []func(*auth.Token){
		func(token *auth.Token) { token.Access, token.Account = auth.Online, 1 },
		func(token *auth.Token) { token.Access = auth.ClientCredentials },
		func(token *auth.Token) { token.RefreshToken = "" },
		func(token *auth.Token) { token.RefreshExpires = time.Time{} },
	} {
		token := whole(auth.Key{Shop: shopify.Domain(fmt.Sprintf("odd-%d.myshopify.com", i)), Access: auth.Offline})
		token.RefreshExpires = at
		change(token)
		put(t, s, token)
	}
	find := func(limit int) []auth.Key {
		var got []auth.Key
		for key, err := range s.Expiring(t.Context(), at.Add(200*time.Hour)) {
			require.NoError(t, err)
			got = append(got, key)
			// The loop may use the store.
			_ = load(t, s, key)
			if len(got) == limit {
				break
			}
		}
		slices.SortFunc(got, func(a, b auth.Key) int { return slices.Compare([]byte(a.Shop), []byte(b.Shop)) })
		return got
	}
	assert.Equal(t, want, find(0))
	assert.Len(t, find(3), 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed := 0
	for _, err := range s.Expiring(ctx, at.Add(200*time.Hour)) {
		require.ErrorIs(t, err, context.Canceled)
		failed++
	}
	assert.Equal(t, 1, failed)
}
