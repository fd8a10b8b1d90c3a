package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/auth/authtest"
)

func newGuard(t testing.TB, maxTokens int) *auth.MemoryReplayGuard {
	t.Helper()
	g, err := auth.NewMemoryReplayGuard(maxTokens)
	require.NoError(t, err)
	return g
}

func TestMemoryReplayGuard(t *testing.T) {
	authtest.TestReplayGuard(t, func(t *testing.T) auth.ReplayGuard { return newGuard(t, 1000) })
	authtest.TestStateStore(t, func(t *testing.T) auth.StateStore { return newGuard(t, 0) })
	_, err := auth.NewMemoryReplayGuard(-1)
	require.ErrorIs(t, err, shopify.ErrInvalid)
}

// A guard that is full lets nothing through, and has room again when tokens expire, in
// whatever order they came.
func TestReplayGuardFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, 3)
		use := func(id string, life time.Duration) (bool, error) { return g.Use(t.Context(), id, time.Now().Add(life)) }
		for i, life := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute} {
			first, err := use(strconv.Itoa(i), life)
			require.NoError(t, err)
			require.True(t, first)
		}
		first, err := use("new", time.Minute)
		require.ErrorIs(t, err, auth.ErrReplayGuardFull)
		assert.False(t, first)
		first, err = use("1", time.Minute)
		require.NoError(t, err, "it knows those that it remembers")
		assert.False(t, first)

		time.Sleep(time.Minute + time.Second) // the second one has expired
		first, err = use("new", time.Minute)
		require.NoError(t, err)
		assert.True(t, first)
		_, err = use("newer", time.Minute)
		require.ErrorIs(t, err, auth.ErrReplayGuardFull)
		first, err = use("0", time.Minute)
		require.NoError(t, err)
		assert.False(t, first, "the longest one is still remembered")
		time.Sleep(3 * time.Minute)
		for i := range 3 {
			first, err = use(fmt.Sprint("again ", i), time.Minute)
			require.NoError(t, err)
			assert.True(t, first)
		}
	})
}

// A token is remembered for as long as it is valid, which is a leeway longer than it says.
func TestReplayWithinLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := sessionApp(t, auth.Secrets{Current: "secret"})
		guard := newGuard(t, 0)
		token := sign(t, jwt.SigningMethodHS256, []byte("secret"), nil)
		_, err := app.VerifySessionOnce(t.Context(), token, guard)
		require.NoError(t, err)
		for valid := true; valid; time.Sleep(time.Second) {
			_, err := app.VerifySession(token)
			valid = err == nil
			_, err = app.VerifySessionOnce(t.Context(), token, guard)
			require.ErrorIs(t, err, auth.ErrSession)
			assert.Equal(t, valid, errors.Is(err, auth.ErrReplayed))
		}
	})
}

func TestVerifySessionOnce(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	guard := newGuard(t, 0)
	as := func(change func(jwt.MapClaims)) error {
		_, err := app.VerifySessionOnce(t.Context(), sign(t, jwt.SigningMethodHS256, []byte("secret"), change), guard)
		return err
	}
	require.NoError(t, as(nil))
	err := as(nil)
	require.ErrorIs(t, err, auth.ErrReplayed)
	require.ErrorIs(t, err, auth.ErrSession)
	se, ok := errors.AsType[*auth.SessionError](err)
	require.True(t, ok)
	assert.Equal(t, "replayed", se.Reason)
	require.NoError(t, as(func(c jwt.MapClaims) { c["jti"] = "token-2" }))
	require.NoError(t, as(func(c jwt.MapClaims) {
		c["iss"], c["dest"] = "https://other.myshopify.com/admin", "https://other.myshopify.com"
	}), "the same ID at another shop")
	err = as(func(c jwt.MapClaims) { delete(c, "jti") })
	require.ErrorIs(t, err, auth.ErrSession)
	require.NotErrorIs(t, err, auth.ErrReplayed)

	// What is not valid uses nothing up.
	forged := sign(t, jwt.SigningMethodHS256, []byte("guess"), func(c jwt.MapClaims) { c["jti"] = "token-3" })
	_, err = app.VerifySessionOnce(t.Context(), forged, guard)
	require.ErrorIs(t, err, auth.ErrSession)
	require.NoError(t, as(func(c jwt.MapClaims) { c["jti"] = "token-3" }))
}

// brokenGuard cannot remember anything.
type brokenGuard struct{}

func (brokenGuard) Use(context.Context, string, time.Time) (bool, error) {
	return false, errors.New("the database is away")
}

func TestSessionsOnce(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	opts := &auth.SessionOptions{Replays: newGuard(t, 2)}
	bearer := func(id string) string {
		return "Bearer " + sign(t, jwt.SigningMethodHS256, []byte("secret"), func(c jwt.MapClaims) { c["jti"] = id })
	}
	one := bearer("1")
	w := serve(app, opts, http.MethodOptions, "", "https://app.example.com")
	assert.Equal(t, http.StatusNoContent, w.Code, "a preflight has no token")
	assert.Equal(t, http.StatusOK, serve(app, opts, http.MethodPost, one, "").Code)
	w = serve(app, opts, http.MethodPost, one, "")
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "1", w.Header().Get("X-Shopify-Retry-Invalid-Session-Request"), "App Bridge comes again with a new one")
	assert.Equal(t, http.StatusOK, serve(app, opts, http.MethodPost, bearer("2"), "").Code)
	assert.Equal(t, http.StatusServiceUnavailable, serve(app, opts, http.MethodPost, bearer("3"), "").Code, "the guard is full")
	opts.Replays = brokenGuard{}
	assert.Equal(t, http.StatusServiceUnavailable, serve(app, opts, http.MethodPost, bearer("4"), "").Code)
	opts.Replays = nil
	for range 3 {
		assert.Equal(t, http.StatusOK, serve(app, opts, http.MethodPost, one, "").Code, "as Shopify means it")
	}
}

// Of 200 requests with one token at once the handler sees one.
func TestSessionsOnceRace(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	var handled atomic.Int32
	server := httptest.NewServer(app.Sessions(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handled.Add(1) }), &auth.SessionOptions{Replays: newGuard(t, 0)}))
	defer server.Close()
	token := "Bearer " + sign(t, jwt.SigningMethodHS256, []byte("secret"), func(c jwt.MapClaims) { c["exp"] = time.Now().Add(time.Hour).Unix() })
	var refused atomic.Int32
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
			if !assert.NoError(t, err) {
				return
			}
			req.Header.Set("Authorization", token)
			resp, err := http.DefaultClient.Do(req)
			if !assert.NoError(t, err) {
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusUnauthorized {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, handled.Load())
	assert.EqualValues(t, 199, refused.Load())
}
