package alarm_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/testpg"
)

// TestDatabaseClockIsSet: when the database's clock is set by an hour, nobody
// takes over from those who live; from one who dies, others still do.
func TestDatabaseClockIsSet(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, testpg.URL(t))
			opts := &alarm.Options{Workers: 1, Heartbeat: 200 * time.Millisecond, DeadAfter: 15 * time.Second, PollInterval: 100 * time.Millisecond}
			calls := make(chan alarm.Call, 10)
			release := make(chan struct{})
			handle := func(_ context.Context, call alarm.Call) error {
				calls <- call
				<-release
				return nil
			}
			busy, other := newClock(t, db, "test", opts, handle), newClock(t, db, "test", opts, handle)
			start(t, busy)
			t.Cleanup(func() { close(release) })
			set(t, db, busy, "long", time.Time{})
			worker := receive(t, calls).Worker
			start(t, other)
			alive := func() (alive bool) {
				require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) (err error) {
					alive, err = other.Alive(t.Context(), tx, worker)
					return err
				}))
				return alive
			}
			require.True(t, alive())
			for _, c := range []*alarm.Clock{busy, other} {
				c.SetDatabaseClock(jump)
			}
			for began := time.Now(); time.Since(began) < opts.DeadAfter*3/2; time.Sleep(50 * time.Millisecond) {
				if !assert.True(t, alive(), "it lives, but counts as dead %v after the clock was set", time.Since(began)) {
					break
				}
			}
			assert.Empty(t, calls, "its work was taken over")

			// One that was last seen by the old time, and never again.
			_, err := db.ExecContext(t.Context(), `INSERT INTO posai_alarm_worker (id, boot, seen)
				VALUES ('gone', 'gone', CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))`)
			require.NoError(t, err)
			worker = "gone"
			// Once everybody had the time to beat by the new time.
			require.Eventually(t, func() bool { return !alive() }, soon, 50*time.Millisecond, "it is dead")
		})
	}
}
