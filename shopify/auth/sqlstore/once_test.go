package sqlstore_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/auth/authtest"
	"github.com/posai-go/posai/shopify/auth/sqlstore"
)

func TestOnce(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			t.Run("states", func(t *testing.T) {
				authtest.TestStateStore(t, func(t *testing.T) auth.StateStore { return open(t, url(t), first).States() })
			})
			t.Run("session tokens", func(t *testing.T) {
				authtest.TestReplayGuard(t, func(t *testing.T) auth.ReplayGuard { return open(t, url(t), first).ReplayGuard() })
			})
		})
	}
}

func count(t *testing.T, url, where string) (n int) {
	t.Helper()
	require.NoError(t, raw(t, url).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM shopify_auth_once WHERE `+where).Scan(&n))
	return n
}

// Two stores on one database are one, a state is no session token, and one that was
// opened anew remembers.
func TestOnceShared(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			one, two := open(t, at, first), open(t, at, first)
			use := func(o *sqlstore.Once, want bool) {
				t.Helper()
				got, err := o.Use(t.Context(), "abc", time.Now().Add(time.Minute))
				require.NoError(t, err)
				assert.Equal(t, want, got)
			}
			use(one.States(), true)
			use(two.States(), false)
			use(two.ReplayGuard(), true)
			use(one.ReplayGuard(), false)
			var firsts atomic.Int32
			var wg sync.WaitGroup
			for i := range 200 {
				wg.Go(func() {
					got, err := []*sqlstore.Store{one, two}[i%2].States().Use(t.Context(), "raced", time.Now().Add(time.Minute))
					if assert.NoError(t, err) && got {
						firsts.Add(1)
					}
				})
			}
			wg.Wait()
			assert.EqualValues(t, 1, firsts.Load())
			use(open(t, at, first).States(), false)

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			got, err := one.States().Use(ctx, "canceled", time.Now().Add(time.Minute))
			require.ErrorIs(t, err, context.Canceled)
			assert.False(t, got)
		})
	}
}

// What is kept is kept by the database's clock, and what has come to its end goes, a hundred
// at a time.
func TestOncePurge(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			states := open(t, at, first).States()
			use := func(state string, life time.Duration) {
				t.Helper()
				got, err := states.Use(t.Context(), state, time.Now().Add(life))
				require.NoError(t, err)
				assert.True(t, got)
			}
			use("kept", time.Hour)
			use("for long", 10*365*24*time.Hour)
			use("late", -time.Hour)
			now := `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`
			if name == "SQLite" {
				now = `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
			}
			left := func(low, high time.Duration) string {
				return "ends_us - " + now + " BETWEEN " + strconv.FormatInt(low.Microseconds(), 10) + " AND " + strconv.FormatInt(high.Microseconds(), 10)
			}
			assert.Equal(t, 1, count(t, at, left(65*time.Minute, 71*time.Minute)), "an hour and ten minutes")
			assert.Equal(t, 1, count(t, at, left(5*time.Minute, 11*time.Minute)), "ten minutes")
			assert.Equal(t, 1, count(t, at, left(29*24*time.Hour, 31*24*time.Hour)), "30 days at most")

			db := raw(t, at)
			for i := range 250 {
				literal := "'\\x" + strconv.FormatInt(int64(4096+i), 16) + "'::bytea"
				if name == "SQLite" {
					literal = "x'" + strconv.FormatInt(int64(4096+i), 16) + "'"
				}
				_, err := db.ExecContext(t.Context(), `INSERT INTO shopify_auth_once (hash, ends_us) VALUES (`+literal+`, 1)`)
				require.NoError(t, err)
			}
			require.NoError(t, db.Close())
			for _, remain := range []int{150, 50, 0} {
				use("purge "+strconv.Itoa(remain), time.Hour)
				assert.Equal(t, remain, count(t, at, "ends_us = 1"))
			}
			got, err := states.Use(t.Context(), "kept", time.Now().Add(time.Hour))
			require.NoError(t, err)
			assert.False(t, got)
		})
	}
}

// A copy of the database tells neither states nor IDs of tokens.
func TestOnceHashed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "sqlite://"+filepath.Join(dir, "tokens.db"), first)
	for _, o := range []*sqlstore.Once{s.States(), s.ReplayGuard()} {
		_, err := o.Use(t.Context(), "a-value-that-is-secret", time.Now().Add(time.Minute))
		require.NoError(t, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	found := false
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		found = found || bytes.Contains(content, []byte("shopify_auth_once"))
		assert.NotContains(t, string(content), "a-value-that-is-secret", name)
	}
	assert.True(t, found)
}

// TestCallbackOfTwoProcesses: an installation begins at one process, and its callback comes
// to two others at once, time and again. One of them installs.
func TestCallbackOfTwoProcesses(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			s, cfg := newShop(t, url(t))
			var handlers []http.Handler
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[0].ServeHTTP(w, r) }))
			defer site.Close()
			var installed atomic.Int32
			for range 2 { // two apps share no memory
				store := open(t, cfg.Database, first)
				app, err := cfg.app(store)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, app.Close()) })
				in, err := app.NewInstaller(site.URL+"/auth/callback", &auth.InstallOptions{
					States: store.States(), Installed: func(context.Context, *auth.Token) error { installed.Add(1); return nil },
				})
				require.NoError(t, err)
				mux := http.NewServeMux()
				mux.HandleFunc("/auth", in.Begin)
				mux.HandleFunc("/auth/callback", in.Callback)
				handlers = append(handlers, mux)
			}
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
				if strings.HasPrefix(r.URL.Path, "/auth/callback") {
					return http.ErrUseLastResponse
				}
				return nil
			}}
			resp, err := browser.Get(site.URL + "/auth?shop=" + s.Domain())
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			require.NoError(t, resp.Body.Close())
			back, err := resp.Location()
			require.NoError(t, err)
			codes := make(chan int, 20)
			var wg sync.WaitGroup
			for i := range cap(codes) {
				wg.Go(func() {
					r := httptest.NewRequest(http.MethodGet, back.String(), nil)
					for _, c := range jar.Cookies(back) {
						r.AddCookie(c)
					}
					w := httptest.NewRecorder()
					handlers[i%2].ServeHTTP(w, r)
					codes <- w.Code
				})
			}
			wg.Wait()
			close(codes)
			sum := map[int]int{}
			for code := range codes {
				sum[code]++
			}
			assert.Equal(t, map[int]int{http.StatusFound: 1, http.StatusBadRequest: 19}, sum)
			assert.EqualValues(t, 1, installed.Load())
		})
	}
}

// raceStates uses a state many times at once and returns how many were told that they are
// the first, or why it failed.
func raceStates(ctx context.Context, states *sqlstore.Once, state string) string {
	var firsts atomic.Int32
	var failed atomic.Value
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			switch first, err := states.Use(ctx, state, time.Now().Add(time.Minute)); {
			case err != nil:
				failed.Store(err.Error())
			case first:
				firsts.Add(1)
			}
		})
	}
	wg.Wait()
	if why, ok := failed.Load().(string); ok {
		return why
	}
	return strconv.Itoa(int(firsts.Load()))
}

// TestStatesOfProcesses: 200 goroutines in four processes use one state at once, time and
// again. One of all is the first.
func TestStatesOfProcesses(t *testing.T) {
	database := urls["PostgreSQL"](t)
	open(t, database, first)
	var processes []*process
	for range 4 {
		processes = append(processes, start(t, childConfig{Database: database, States: true}))
	}
	for round := range 10 {
		answers := make([]string, len(processes))
		var wg sync.WaitGroup
		for i, p := range processes {
			wg.Go(func() { answers[i] = p.say(t, "state "+strconv.Itoa(round)) })
		}
		wg.Wait()
		slices.Sort(answers)
		assert.Equal(t, []string{"0", "0", "0", "1"}, answers)
	}
	for _, p := range processes {
		require.NoError(t, p.in.Close())
		require.NoError(t, p.cmd.Wait())
	}
}
