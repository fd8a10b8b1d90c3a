package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
)

const childURL = "POSAI_SQLDB_TEST_CHILD"

// TestMain lets the test binary be another process that opens a database,
// says what came of it, and then writes rows until it is killed.
func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		ctx := context.Background()
		db, err := sqldb.Open(ctx, url)
		if err != nil {
			fmt.Println(err)
			os.Exit(0)
		}
		for n := 1; ; n++ {
			err := db.Tx(ctx, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO written (n) VALUES (?)`, n)
				return err
			})
			if err != nil {
				panic(err)
			}
			fmt.Println(n)
		}
	}
	os.Exit(m.Run())
}

// onBoth runs test on a fresh SQLite file and on a fresh PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, fileURL(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, testpg.URL(t)) })
}

func fileURL(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "test.db") }

func open(t *testing.T, url string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func count(t *testing.T, db *sqldb.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	notADatabase := filepath.Join(folder, "text")
	require.NoError(t, os.WriteFile(notADatabase, []byte("a text file that is long enough to not be an empty database ....................................."), 0o600))
	for name, test := range map[string]struct {
		url string
		is  error // nil: any
	}{
		"nothing":             {"", sqldb.ErrURL},
		"a bare path":         {"/tmp/x.db", sqldb.ErrURL},
		"another database":    {"mysql://h/d", sqldb.ErrURL},
		"SQLite on a host":    {"sqlite://host/x.db", sqldb.ErrURL},
		"SQLite, no path":     {"sqlite://", sqldb.ErrURL},
		"SQLite, a folder":    {"sqlite://" + folder + "/", sqldb.ErrURL},
		"no such folder":      {"sqlite://" + folder + "/missing/x.db", os.ErrNotExist},
		"not a database":      {"sqlite://" + notADatabase, nil},
		"bad PostgreSQL port": {"postgres://u:s3cret@h:port/d", sqldb.ErrURL},
		"nobody listens":      {"postgres://u:s3cret@127.0.0.1:1/d", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqldb.Open(t.Context(), test.url)
			require.Error(t, err)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)), "s3cret")
			_, holds := errors.AsType[*pgconn.ConnectError](err)
			assert.False(t, holds, "the error holds the configuration, password included")
		})
	}
}

func TestSQLiteFileIsPrivateAndDurable(t *testing.T) {
	url := fileURL(t)
	db := open(t, url)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1"} {
		var got string
		require.NoError(t, db.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got))
		assert.Equal(t, want, got, pragma)
	}
	assert.Equal(t, 1, db.Stats().MaxOpenConnections, "writers queue")
	_, err := db.ExecContext(t.Context(), `CREATE TABLE t (n integer)`)
	require.NoError(t, err)
	path := url[len("sqlite://"):]
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func TestSQLiteFileIsSharedWithinTheProcess(t *testing.T) {
	url := fileURL(t)
	link := filepath.Join(t.TempDir(), "link.db")
	first, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(url[len("sqlite://"):], link))
	second, err := sqldb.Open(t.Context(), "sqlite:"+link)
	require.NoError(t, err)
	assert.Equal(t, first.Boot(), second.Boot())
	_, err = first.ExecContext(t.Context(), `CREATE TABLE t (n integer)`)
	require.NoError(t, err)
	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "closing twice gives back one handle only")
	assert.Zero(t, count(t, second, "t"))
	require.NoError(t, second.Close())

	third := open(t, url)
	assert.NotEqual(t, first.Boot(), third.Boot())
}

func TestSQLiteFileBelongsToOneProcessAndSurvivesItsDeath(t *testing.T) {
	url := fileURL(t)
	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE written (n integer)`)
	require.NoError(t, err)

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, sqldb.ErrLocked.Error()+"\n", string(out))
	require.NoError(t, db.Close())

	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url)
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	acknowledged := 0
	for acknowledged < 20 {
		_, err := fmt.Fscanln(pipe, &acknowledged)
		require.NoError(t, err)
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	db = open(t, url)
	assert.GreaterOrEqual(t, count(t, db, "written"), acknowledged)
}

func TestTx(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		_, err := db.ExecContext(t.Context(), `CREATE TABLE t (n integer)`)
		require.NoError(t, err)
		insert := func(tx *sql.Tx) {
			_, err := tx.ExecContext(t.Context(), db.Rebind(`INSERT INTO t (n) VALUES (?)`), 1)
			require.NoError(t, err)
		}
		var ran []string
		hook := func(tx *sql.Tx, name string) { require.True(t, db.AfterCommit(tx, func() { ran = append(ran, name) })) }

		failed := errors.New("failed")
		err = db.Tx(t.Context(), func(tx *sql.Tx) error { insert(tx); hook(tx, "failed"); return failed })
		require.ErrorIs(t, err, failed)
		require.PanicsWithValue(t, "boom", func() {
			_ = db.Tx(t.Context(), func(tx *sql.Tx) error { insert(tx); hook(tx, "panicked"); panic("boom") })
		})
		assert.Zero(t, count(t, db, "t"))

		ctx, cancel := context.WithCancel(t.Context())
		err = db.Tx(ctx, func(tx *sql.Tx) error { insert(tx); hook(tx, "canceled"); cancel(); return nil })
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, count(t, db, "t"))

		require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) error {
			insert(tx)
			hook(tx, "first")
			hook(tx, "second")
			assert.Empty(t, ran)
			return nil
		}))
		assert.Equal(t, 1, count(t, db, "t"))
		assert.Equal(t, []string{"first", "second"}, ran)

		foreign, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		assert.False(t, db.AfterCommit(foreign, func() {}))
		require.NoError(t, foreign.Rollback())
	})
}

func TestManyWritersNeverMeetABusyDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		_, err := db.ExecContext(t.Context(), `CREATE TABLE t (n integer)`)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for range 20 {
					assert.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) error {
						_, err := tx.ExecContext(t.Context(), `INSERT INTO t (n) SELECT count(*) FROM t`)
						return err
					}))
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 640, count(t, db, "t"))
	})
}

func TestMigrate(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		steps := []sqldb.Migration{
			{Name: "both", SQL: `CREATE TABLE a (n integer); CREATE TABLE b (n integer)`},
			{Name: "each", SQLite: `CREATE TABLE only_sqlite (n integer)`, PostgreSQL: `CREATE TABLE only_postgres (n integer)`},
		}
		var wg sync.WaitGroup
		for range 4 { // as several processes that start at once
			db := open(t, url)
			wg.Go(func() { assert.NoError(t, db.Migrate(t.Context(), "room", steps)) })
		}
		wg.Wait()
		db := open(t, url)
		assert.Equal(t, 2, count(t, db, "posai_schema"))
		assert.Zero(t, count(t, db, "b"))
		assert.Zero(t, count(t, db, map[sqldb.Dialect]string{sqldb.SQLite: "only_sqlite", sqldb.PostgreSQL: "only_postgres"}[db.Dialect]))

		require.NoError(t, db.Migrate(t.Context(), "another", steps[:0]))
		require.ErrorContains(t, db.Migrate(t.Context(), "room", steps[:1]), "version 2")
		broken := slices.Concat(steps, []sqldb.Migration{{Name: "good", SQL: `CREATE TABLE c (n integer)`}, {Name: "bad", SQL: `CREATE TABLE`}})
		require.ErrorContains(t, db.Migrate(t.Context(), "room", broken), "bad")
		_, err := db.ExecContext(t.Context(), `SELECT n FROM c`)
		require.Error(t, err, "a failed migration leaves nothing")
		require.NoError(t, db.Migrate(t.Context(), "room", broken[:3]))
	})
}

func TestExclusively(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		inside := make(chan bool, 1)
		for range 4 {
			db := open(t, url)
			wg.Go(func() {
				assert.NoError(t, db.Exclusively(t.Context(), func(ctx context.Context) error {
					select {
					case inside <- true:
					default:
						return errors.New("two at once")
					}
					time.Sleep(time.Millisecond)
					_, err := db.ExecContext(ctx, `SELECT 1`)
					<-inside
					return err
				}))
			})
		}
		wg.Wait()
	})
}

func TestRebind(t *testing.T) {
	const query = `SELECT '?', "a?b" FROM t WHERE a = ? AND b IN (?, ?) AND c = 'it''s ?'`
	lite := open(t, fileURL(t))
	assert.Equal(t, query, lite.Rebind(query))
	postgres := open(t, testpg.URL(t))
	assert.Equal(t, `SELECT '?', "a?b" FROM t WHERE a = $1 AND b IN ($2, $3) AND c = 'it''s ?'`, postgres.Rebind(query))
}
