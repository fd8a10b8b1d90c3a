package alarm_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
)

const childURL = "POSAI_ALARM_TEST_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		child(url)
	}
	os.Exit(m.Run())
}

// child is another process that sets an alarm for now and, on SQLite, one for a
// moment later, says when it is called, and never finishes.
func child(url string) {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	db, err := sqldb.Open(ctx, url)
	check(err)
	clock, err := alarm.New(db, "test", func(_ context.Context, call alarm.Call) error {
		fmt.Println("called:", call.Worker)
		select {}
	}, patientTakeover)
	check(err)
	check(clock.Migrate(ctx))
	check(clock.Start(ctx))
	check(db.Tx(ctx, func(tx *sql.Tx) error {
		if db.Dialect == sqldb.SQLite {
			if err := clock.SetTx(ctx, tx, alarm.Call{Ref: "later"}, time.Now().Add(3*time.Second)); err != nil {
				return err
			}
		}
		return clock.SetTx(ctx, tx, alarm.Call{Ref: "running"}, time.Time{})
	}))
	select {}
}

// startChild returns when the child's handler was called, with its clock.
func startChild(t *testing.T, url string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	worker, ok := strings.CutPrefix(strings.TrimSpace(line), "called: ")
	require.True(t, ok, line)
	return cmd, worker
}

// A dead PostgreSQL clock is noticed 20 times as fast as by default; or one beats 20
// times as often, and does not count as dead on a slow machine either.
var (
	quickTakeover   = &alarm.Options{Heartbeat: 250 * time.Millisecond, DeadAfter: time.Second}
	patientTakeover = &alarm.Options{Heartbeat: 250 * time.Millisecond, DeadAfter: 15 * time.Second}
)

func TestWorkOfAKilledProcessIsTakenOver(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		cmd, worker := startChild(t, url)
		if strings.HasPrefix(url, "sqlite") {
			_, err := sqldb.Open(t.Context(), url)
			require.ErrorIs(t, err, sqldb.ErrLocked)
		}
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()

		db := open(t, url)
		calls := make(chan alarm.Call, 10)
		opts, wanted := quickTakeover, 1
		if db.Dialect == sqldb.SQLite { // there at once, whoever seems to be alive, and nobody holds up what was set for later
			opts, wanted = &alarm.Options{Heartbeat: soon, DeadAfter: late}, 2
		}
		clock := newClock(t, db, "test", opts, func(_ context.Context, call alarm.Call) error {
			calls <- call
			return nil
		})
		began := time.Now()
		start(t, clock)
		byRef := map[string]alarm.Call{}
		for len(byRef) < wanted {
			call := receive(t, calls)
			t.Logf("%s is called %v after the start", call.Ref, time.Since(began))
			if _, again := byRef[call.Ref]; !again {
				byRef[call.Ref] = call
			}
			assert.NotEqual(t, worker, call.Worker)
		}
		assert.Equal(t, 2, byRef["running"].Attempt)
	})
}

func TestWorkOfALiveProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	_, worker := startChild(t, url)
	db := open(t, url)
	calls := make(chan alarm.Call, 10)
	clock := newClock(t, db, "test", patientTakeover, func(_ context.Context, call alarm.Call) error {
		calls <- call
		return nil
	})
	start(t, clock)
	deadline := time.Now().Add(patientTakeover.DeadAfter * 4 / 3) // it looks for the dead after DeadAfter
	for time.Now().Before(deadline) {
		require.Empty(t, calls)
		require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) error {
			alive, err := clock.Alive(t.Context(), tx, worker)
			assert.True(t, alive)
			return err
		}))
		time.Sleep(100 * time.Millisecond)
	}
}

func TestAlive(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		calls := make(chan alarm.Call, 1)
		clock := newClock(t, db, "test", nil, func(_ context.Context, call alarm.Call) error {
			calls <- call
			return nil
		})
		alive := func(worker string) (alive bool) {
			require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) (err error) {
				alive, err = clock.Alive(t.Context(), tx, worker)
				return err
			}))
			return alive
		}
		require.NoError(t, clock.Start(t.Context()))
		set(t, db, clock, "x", time.Time{})
		worker := receive(t, calls).Worker
		assert.True(t, alive(worker))
		assert.False(t, alive("somebody else"))
		require.NoError(t, clock.Stop(t.Context()))
		assert.False(t, alive(worker))
	})
}

// TestNobodyTakesOverFromThemselves: a clock that is held up between its beat and
// the look for the dead finds its own beat old, and leaves its own calls alone.
func TestNobodyTakesOverFromThemselves(t *testing.T) {
	t.Parallel()
	db := open(t, testpg.URL(t))
	calls, release := make(chan alarm.Call, 10), make(chan struct{})
	clock := newClock(t, db, "test", &alarm.Options{Heartbeat: soon, DeadAfter: late}, func(_ context.Context, call alarm.Call) error {
		calls <- call
		<-release
		return nil
	})
	start(t, clock)
	t.Cleanup(func() { close(release) })
	set(t, db, clock, "running", time.Time{})
	receive(t, calls)
	clock.SetDatabaseClock(2 * late)
	require.NoError(t, clock.Sweep(t.Context()))
	var state string
	var attempt int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT state, attempt FROM river_job`).Scan(&state, &attempt))
	assert.Equal(t, "running 1", fmt.Sprint(state, " ", attempt))
}

// TestWhatWasNotGivenBack: a call of which a clock could not say, as it stopped, that
// it is over is made again when the same clock starts.
func TestWhatWasNotGivenBack(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		calls := make(chan alarm.Call, 10)
		clock := newClock(t, db, "test", nil, func(_ context.Context, call alarm.Call) error {
			calls <- call
			return nil
		})
		require.NoError(t, clock.Start(t.Context()))
		set(t, db, clock, "before", time.Time{})
		worker := receive(t, calls).Worker
		require.NoError(t, clock.Stop(t.Context()))
		set(t, db, clock, "left", time.Time{})
		by := `json_array(?)`
		if db.Dialect == sqldb.PostgreSQL {
			by = `ARRAY[?::text]`
		}
		_, err := db.ExecContext(t.Context(), db.Rebind(`UPDATE river_job SET state = 'running', attempt = 1, attempted_at = created_at, attempted_by = `+by+` WHERE state = 'available'`), worker)
		require.NoError(t, err)
		start(t, clock)
		call := receive(t, calls)
		assert.Equal(t, "left", call.Ref)
		assert.Equal(t, 2, call.Attempt)
	})
}

func TestHandlersAreCanceledWhenTheDatabaseIsLost(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	db := open(t, url)
	causes, calls := make(chan error, 10), make(chan string, 10)
	clock := newClock(t, db, "test", quickTakeover, func(ctx context.Context, call alarm.Call) error {
		calls <- call.Ref
		if call.Attempt == 1 {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}
		return nil
	})
	start(t, clock)
	set(t, db, clock, "x", time.Time{})
	receive(t, calls)

	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	name := config.Database
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	exec := func(statement string, args ...any) {
		_, err := conn.Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS false`)
	exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
	assert.ErrorContains(t, receive(t, causes), "out of reach")
	exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS true`)
	assert.Equal(t, "x", receive(t, calls), "called again when the database is back")
}
