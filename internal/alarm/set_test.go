package alarm_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
)

// TestOthersAreToldAfterCommit: a process that only sets alarms wakes one that
// rings them, long before that would look by itself.
func TestOthersAreToldAfterCommit(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	there, here := open(t, url), open(t, url)
	const n = 50
	rang := make(chan string, 2*n)
	ringing := newClock(t, there, "test", &alarm.Options{PollInterval: late}, func(_ context.Context, call alarm.Call) error {
		rang <- call.Ref
		return nil
	})
	start(t, ringing)
	setting := newClock(t, here, "test", nil, func(context.Context, alarm.Call) error { return nil }) // not started
	// River's listener may need a moment; what is set before is fetched at its
	// start.
	for i := range 3 {
		set(t, here, setting, fmt.Sprint("alone ", i), time.Time{})
		assert.Equal(t, fmt.Sprint("alone ", i), receive(t, rang))
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { set(t, here, setting, fmt.Sprint("together ", i), time.Time{}) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for range n {
		seen[receive(t, rang)] = true
	}
	assert.Len(t, seen, n)

	// In a transaction of somebody else's, of whose commit this package does
	// not learn.
	foreign := stdlib.OpenDBFromPool(here.Pool)
	defer foreign.Close()
	tx, err := foreign.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, setting.SetTx(t.Context(), tx, alarm.Call{Task: "test", Ref: "foreign"}, time.Time{}))
	require.NoError(t, tx.Commit())
	assert.Equal(t, "foreign", receive(t, rang))
}

// TestSetInOneStatement: a room's rows and their alarms are one statement, and
// the alarms ring when they are due.
func TestSetInOneStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		rang := make(chan alarm.Call, 10)
		clock := newClock(t, db, "test", &alarm.Options{PollInterval: 50 * time.Millisecond}, func(_ context.Context, call alarm.Call) error {
			rang <- call
			return nil
		})
		start(t, clock)
		due := time.Now().Add(700 * time.Millisecond)
		query := clock.SetSQL(`SELECT 'now it''s', 'a', NULL UNION ALL SELECT 'later', 'b', ?`)
		if db.Dialect == sqldb.PostgreSQL {
			query = clock.SetSQL(`SELECT 'now it''s'::text, 'a'::text, NULL::bigint UNION ALL SELECT 'later', 'b', $1::bigint`)
		}
		_, err := db.ExecContext(t.Context(), query, alarm.Due(due))
		require.NoError(t, err)
		clock.Ring()
		calls := []string{}
		for range 2 { // in either order, where all this takes long
			call := receive(t, rang)
			calls = append(calls, call.Task+" "+call.Ref)
			if call.Ref == "b" {
				assert.False(t, time.Now().Before(due), "too early")
			}
		}
		assert.ElementsMatch(t, []string{"now it's a", "later b"}, calls)
	})
}
