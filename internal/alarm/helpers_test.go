package alarm_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
)

const (
	soon = time.Minute   // a machine may be slow
	late = 2 * time.Hour // no test lives to see it
)

// onBoth runs test on a fresh SQLite file and on a fresh PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	onBothAlone(t, func(t *testing.T, url string) {
		t.Parallel()
		test(t, url)
	})
}

// onBothAlone is onBoth for tests that bear no others beside them.
func onBothAlone(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) {
		test(t, "sqlite://"+filepath.Join(t.TempDir(), "alarm.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, testpg.URL(t))
	})
}

func open(t *testing.T, url string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func newClock(t *testing.T, db *sqldb.DB, room string, opts *alarm.Options, handle alarm.Handler) *alarm.Clock {
	t.Helper()
	clock, err := alarm.New(db, room, handle, opts)
	require.NoError(t, err)
	require.NoError(t, clock.Migrate(t.Context()))
	return clock
}

func start(t *testing.T, clock *alarm.Clock) {
	t.Helper()
	require.NoError(t, clock.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		require.NoError(t, clock.Stop(ctx))
	})
}

func set(t *testing.T, db *sqldb.DB, clock *alarm.Clock, ref string, at time.Time) {
	t.Helper()
	require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) error {
		return clock.SetTx(t.Context(), tx, alarm.Call{Task: "test", Ref: ref}, at)
	}))
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(soon):
		require.FailNow(t, "nothing happened")
		panic("unreachable")
	}
}

// requireNoGoroutines fails if goroutines of River or of this package stay.
func requireNoGoroutines(t *testing.T) {
	t.Helper()
	var left []string
	require.Eventually(t, func() bool {
		buf := make([]byte, 1<<20)
		left = nil
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "riverqueue") || strings.Contains(g, "posai/internal/alarm.") {
				left = append(left, g)
			}
		}
		return len(left) == 0
	}, soon, 10*time.Millisecond, "goroutines stay: %v", left)
}
