package alarm_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
)

func TestNewRefusesNonsense(t *testing.T) {
	t.Parallel()
	db := open(t, "sqlite://"+t.TempDir()+"/a.db")
	handle := func(context.Context, alarm.Call) error { return nil }
	for name, test := range map[string]struct {
		room   string
		handle alarm.Handler
		opts   *alarm.Options
	}{
		"no room":             {"", handle, nil},
		"room with a space":   {"in box", handle, nil},
		"no handler":          {"inbox", nil, nil},
		"negative workers":    {"inbox", handle, &alarm.Options{Workers: -1}},
		"call longer than 24": {"inbox", handle, &alarm.Options{JobTimeout: 25 * time.Hour}},
		"dead before a beat":  {"inbox", handle, &alarm.Options{DeadAfter: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := alarm.New(db, test.room, test.handle, test.opts)
			require.Error(t, err)
		})
	}
}

func TestRingsSoonAfterCommit(t *testing.T) {
	onBothAlone(t, func(t *testing.T, url string) {
		db := open(t, url)
		rang := make(chan time.Time, 1)
		// No poll, so that only the wake-up can be what rings.
		clock := newClock(t, db, "test", &alarm.Options{PollInterval: late}, func(context.Context, alarm.Call) error {
			rang <- time.Now()
			return nil
		})
		start(t, clock)
		set(t, db, clock, "warm up", time.Time{})
		receive(t, rang)

		var waits []time.Duration
		for i := range 21 {
			set(t, db, clock, strconv.Itoa(i), time.Time{})
			committed := time.Now()
			waits = append(waits, receive(t, rang).Sub(committed))
		}
		slices.Sort(waits)
		t.Logf("from commit to call: median %v, worst %v", waits[10], waits[20])
	})
}

func TestEveryAlarmOfABurstRingsWithoutPolling(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		const n = 200
		rang := make(chan string, 2*n)
		clock := newClock(t, db, "test", &alarm.Options{PollInterval: late}, func(_ context.Context, call alarm.Call) error {
			rang <- call.Ref
			return nil
		})
		start(t, clock)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { set(t, db, clock, strconv.Itoa(i), time.Time{}) })
		}
		wg.Wait()
		seen := make(map[string]bool)
		for range n {
			seen[receive(t, rang)] = true
		}
		assert.Len(t, seen, n)
		assert.Empty(t, rang, "an alarm rang twice")
	})
}

func TestRolledBackNeverRings(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		rang := make(chan string, 10)
		clock := newClock(t, db, "test", nil, func(_ context.Context, call alarm.Call) error {
			rang <- call.Ref
			return nil
		})
		start(t, clock)
		failed := errors.New("changed my mind")
		err := db.Tx(t.Context(), func(tx *sql.Tx) error {
			require.NoError(t, clock.SetTx(t.Context(), tx, alarm.Call{Ref: "rolled back"}, time.Time{}))
			return failed
		})
		require.ErrorIs(t, err, failed)
		set(t, db, clock, "committed", time.Time{})
		assert.Equal(t, "committed", receive(t, rang))
	})
}

func TestSetBeforeStartAndForLater(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		rang := make(chan alarm.Call, 10)
		clock := newClock(t, db, "test", nil, func(_ context.Context, call alarm.Call) error {
			rang <- call
			return nil
		})
		later := time.Now().Add(500 * time.Millisecond)
		set(t, db, clock, "later", later)
		set(t, db, clock, "now", time.Time{})
		start(t, clock)
		calls := []string{}
		for range 2 { // in either order, where all this takes long
			call := receive(t, rang)
			calls = append(calls, call.Task+" "+call.Ref)
			if call.Ref == "later" {
				assert.False(t, time.Now().Before(later), "too early")
			}
		}
		assert.ElementsMatch(t, []string{"test now", "test later"}, calls)
	})
}

// TestAlarmsForLaterNeedNoLeader: what is set for later rings also where River,
// which looks for it every 5 s and only in its leader, does not.
func TestAlarmsForLaterNeedNoLeader(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		rang := make(chan time.Time, 1)
		clock := newClock(t, db, "test", &alarm.Options{PollInterval: 50 * time.Millisecond}, func(context.Context, alarm.Call) error {
			rang <- time.Now()
			return nil
		})
		leadElsewhere(t, db)
		start(t, clock)
		var waits []time.Duration
		for i := range 5 {
			due := time.Now().Add(300 * time.Millisecond)
			set(t, db, clock, strconv.Itoa(i), due)
			waits = append(waits, receive(t, rang).Sub(due))
			assert.GreaterOrEqual(t, waits[i], time.Duration(0), "too early")
		}
		slices.Sort(waits)
		t.Logf("late: median %v, worst %v", waits[2], waits[4])
		var leader string
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT leader_id FROM river_leader`).Scan(&leader))
		assert.Equal(t, "elsewhere", leader)
	})
}

// leadElsewhere makes a clock of another process River's leader, for longer than
// the test lasts.
func leadElsewhere(t *testing.T, db *sqldb.DB) {
	t.Helper()
	now, end := `now()`, `now() + interval '2 hours'`
	if db.Dialect == sqldb.SQLite {
		now, end = `datetime('now', 'subsec')`, `datetime('now', 'subsec', '+2 hours')`
	}
	for statement, args := range map[string][]any{
		`INSERT INTO posai_alarm_worker (id, boot, seen) VALUES ('elsewhere', ?, ?)`:                                                   {db.Boot(), time.Now().UnixMilli()},
		`INSERT INTO river_leader (elected_at, expires_at, leader_id, name) VALUES (` + now + `, ` + end + `, 'elsewhere', 'default')`: {},
	} {
		_, err := db.ExecContext(t.Context(), db.Rebind(statement), args...)
		require.NoError(t, err)
	}
}

func TestOutcomes(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		quick := func(int) time.Duration { return time.Millisecond }
		db := open(t, url)
		for name, test := range map[string]struct {
			outcomes []func() error // of one call after the other; then nil
			attempts []int          // that the handler saw
			last     []bool
		}{
			"done":            {nil, []int{1}, []bool{false}},
			"error, then nil": {[]func() error{fail}, []int{1, 2}, []bool{false, false}},
			"panic, then nil": {[]func() error{explode}, []int{1, 2}, []bool{false, false}},
			"always failing":  {[]func() error{fail, fail, fail, fail}, []int{1, 2, 3}, []bool{false, false, true}},
			"later is free":   {[]func() error{later, fail, later}, []int{1, 1, 2, 2}, []bool{false, false, false, false}},
			"give up":         {[]func() error{giveUp}, []int{1}, []bool{false}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				room := "room_" + strings.NewReplacer(" ", "", ",", "").Replace(name)
				var mu sync.Mutex
				var calls []alarm.Call
				opts := &alarm.Options{MaxAttempts: 3, Backoff: quick, PollInterval: 20 * time.Millisecond, Workers: 1}
				clock := newClock(t, db, room, opts, func(_ context.Context, call alarm.Call) error {
					mu.Lock()
					calls = append(calls, call)
					n := len(calls)
					mu.Unlock()
					if n <= len(test.outcomes) {
						return test.outcomes[n-1]()
					}
					return nil
				})
				start(t, clock)
				set(t, db, clock, "x", time.Time{})
				require.Eventually(t, func() bool {
					var open int
					err := db.QueryRowContext(t.Context(), db.Rebind(`SELECT count(*) FROM river_job WHERE queue = ? AND finalized_at IS NULL`), "posai_"+room).Scan(&open)
					return err == nil && open == 0
				}, soon, 10*time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				var attempts []int
				var last []bool
				for _, c := range calls {
					attempts, last = append(attempts, c.Attempt), append(last, c.Last)
				}
				assert.Equal(t, test.attempts, attempts)
				assert.Equal(t, test.last, last)
			})
		}
	})
}

func fail() error    { return errors.New("no luck for alice@example.com") }
func explode() error { panic("no luck for alice@example.com") }
func later() error   { return alarm.Later(time.Millisecond) }
func giveUp() error  { return alarm.GiveUp(errors.New("hopeless for alice@example.com")) }

func TestErrorTextGoesNowhere(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		var log lockedBuffer
		outcomes := make(chan func() error, 3)
		outcomes <- fail
		outcomes <- explode
		outcomes <- giveUp
		clock := newClock(t, db, "test", &alarm.Options{
			Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Backoff: func(int) time.Duration { return 0 }, PollInterval: 20 * time.Millisecond,
		}, func(context.Context, alarm.Call) error { return (<-outcomes)() })
		start(t, clock)
		set(t, db, clock, "x", time.Time{})
		var errs string
		require.Eventually(t, func() bool {
			column := map[string]string{"SQLite": "json(errors)", "PostgreSQL": "array_to_string(errors, ' ')"}[db.Dialect.String()]
			err := db.QueryRowContext(t.Context(), `SELECT `+column+` FROM river_job WHERE state = 'cancelled'`).Scan(&errs)
			return err == nil
		}, soon, 10*time.Millisecond)
		assert.Contains(t, errs, "the handler gave up")
		assert.NotContains(t, errs, "alice@")
		assert.Contains(t, log.String(), "handler panicked")
		assert.NotContains(t, log.String(), "alice@") // the stack has names of folders
	})
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestStopWaitsForHandlers(t *testing.T) {
	onBothAlone(t, func(t *testing.T, url string) {
		db := open(t, url)
		started, finish, finished := make(chan bool), make(chan bool), make(chan bool, 1)
		clock := newClock(t, db, "test", nil, func(context.Context, alarm.Call) error {
			started <- true
			<-finish
			finished <- true
			return nil
		})
		require.NoError(t, clock.Start(t.Context()))
		require.Error(t, clock.Start(t.Context()), "started twice")
		set(t, db, clock, "x", time.Time{})
		receive(t, started)
		stopped := make(chan error, 1)
		go func() { stopped <- clock.Stop(t.Context()) }()
		select {
		case err := <-stopped:
			require.Fail(t, "Stop did not wait", err)
		case <-time.After(50 * time.Millisecond):
		}
		close(finish)
		require.NoError(t, receive(t, stopped))
		require.Len(t, finished, 1)
		require.NoError(t, clock.Stop(t.Context()), "stopping again")
		requireNoGoroutines(t)
	})
}

func TestStopOutOfPatienceCancelsAndCallsAgain(t *testing.T) {
	onBothAlone(t, func(t *testing.T, url string) {
		db := open(t, url)
		calls := make(chan alarm.Call, 10)
		var wait sync.Map
		wait.Store("block", true)
		clock := newClock(t, db, "test", nil, func(ctx context.Context, call alarm.Call) error {
			calls <- call
			if _, ok := wait.Load("block"); ok {
				<-ctx.Done()
				return fmt.Errorf("interrupted: %w", ctx.Err())
			}
			return nil
		})
		require.NoError(t, clock.Start(t.Context()))
		set(t, db, clock, "x", time.Time{})
		receive(t, calls)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, clock.Stop(ctx), context.DeadlineExceeded)
		requireNoGoroutines(t)

		wait.Delete("block")
		start(t, clock) // the same clock again
		assert.Equal(t, 1, receive(t, calls).Attempt, "an interruption is not an attempt")
	})
}

func TestSeveralClocksOnOneDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db, other := open(t, url), open(t, url)
		type rung struct{ clock, ref string }
		const n = 60
		rang := make(chan rung, 10*n)
		handler := func(name string) alarm.Handler {
			return func(_ context.Context, call alarm.Call) error {
				rang <- rung{name, call.Ref}
				return nil
			}
		}
		first := newClock(t, db, "inbox", nil, handler("inbox 1"))
		second := newClock(t, other, "inbox", nil, handler("inbox 2"))
		approval := newClock(t, other, "approval", nil, handler("approval"))
		start(t, first)
		start(t, second)
		start(t, approval)
		for i := range n {
			set(t, db, first, fmt.Sprint("inbox ", i), time.Time{})
			set(t, db, approval, fmt.Sprint("approval ", i), time.Time{})
		}
		seen := make(map[string]string)
		for range 2 * n {
			r := receive(t, rang)
			assert.Empty(t, seen[r.ref], "%s rang twice", r.ref)
			seen[r.ref] = r.clock
			assert.Equal(t, strings.Fields(r.ref)[0], strings.Fields(r.clock)[0])
		}
		assert.Empty(t, rang)
	})
}
