package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTogether: of many writes at once each takes effect or fails by itself,
// with its hooks.
func TestTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db := open(t, url)
		_, err := db.ExecContext(t.Context(), `CREATE TABLE n (v integer PRIMARY KEY)`)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO n (v) VALUES (-1)`)
		require.NoError(t, err)
		refused := errors.New("refused")
		var mu sync.Mutex
		hooked := map[int]bool{}
		var wg sync.WaitGroup
		const writes = 200
		for i := range writes {
			wg.Go(func() {
				write := func(ctx context.Context, tx *sql.Tx) error {
					assert.True(t, db.AfterCommit(tx, func() {
						mu.Lock()
						defer mu.Unlock()
						hooked[i] = true
					}))
					insert := db.Rebind(`INSERT INTO n (v) VALUES (?)`)
					if _, err := tx.ExecContext(ctx, insert, i); err != nil {
						return err
					}
					switch i % 10 {
					case 1:
						return refused
					case 2:
						panic("out of order")
					case 3:
						_, err := tx.ExecContext(ctx, insert, -1)
						return err
					}
					return nil
				}
				switch i % 10 {
				case 1:
					assert.ErrorIs(t, db.Together(t.Context(), write), refused)
				case 2:
					assert.PanicsWithValue(t, "out of order", func() { _ = db.Together(t.Context(), write) })
				case 3:
					assert.Error(t, db.Together(t.Context(), write), "a row that is there")
				default:
					assert.NoError(t, db.Together(t.Context(), write))
				}
			})
		}
		wg.Wait()
		for i := range writes {
			var found int
			require.NoError(t, db.Reads.QueryRowContext(t.Context(), db.Rebind(`SELECT count(*) FROM n WHERE v = ?`), i).Scan(&found))
			good := i%10 == 0 || i%10 > 3
			assert.Equal(t, good, found == 1, i)
			assert.Equal(t, good, hooked[i], i)
		}
	})
}

// TestTogetherSharesCommits: what waits for the connection is one commit.
func TestTogetherSharesCommits(t *testing.T) {
	db := open(t, fileURL(t))
	_, err := db.ExecContext(t.Context(), `CREATE TABLE n (v integer)`)
	require.NoError(t, err)
	hold, held := make(chan bool), make(chan bool)
	go func() {
		assert.NoError(t, db.Tx(context.Background(), func(*sql.Tx) error {
			held <- true
			<-hold
			return nil
		}))
	}()
	<-held
	txs := map[*sql.Tx]int{}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			assert.NoError(t, db.Together(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				txs[tx]++ // one at a time
				_, err := tx.ExecContext(ctx, `INSERT INTO n VALUES (?)`, i)
				return err
			}))
		})
	}
	waiting := func(n int) {
		require.Eventually(t, func() bool { return db.Waiting() == n }, time.Minute, time.Millisecond)
	}
	waiting(20)
	// Who gives up before its turn leaves nothing.
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		left <- db.Together(ctx, func(context.Context, *sql.Tx) error {
			assert.Fail(t, "it was told to leave")
			return nil
		})
	}()
	waiting(21)
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	require.ErrorIs(t, db.Together(ctx, nil), context.Canceled, "who has left before does not even wait")
	waiting(20)
	require.Zero(t, readCount(t, db.Reads, "n"), "readers wait for nobody")
	close(hold)
	wg.Wait()
	assert.Equal(t, 20, count(t, db, "n"))
	assert.Len(t, txs, 1)
}

func readCount(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

// TestReadsOnly: the readers' connections write nothing.
func TestReadsOnly(t *testing.T) {
	db := open(t, fileURL(t))
	_, err := db.ExecContext(t.Context(), `CREATE TABLE n (v integer)`)
	require.NoError(t, err)
	_, err = db.Reads.ExecContext(t.Context(), `INSERT INTO n VALUES (1)`)
	require.Error(t, err)
	assert.Zero(t, count(t, db, "n"))
}

// TestStatementsAreKept: a text that is used again, within itself, after a
// failure and after the schema changed, does what it says.
func TestStatementsAreKept(t *testing.T) {
	db := open(t, fileURL(t))
	exec := func(query string, args ...any) error {
		_, err := db.ExecContext(t.Context(), query, args...)
		return err
	}
	require.NoError(t, exec(`CREATE TABLE n (v integer PRIMARY KEY); CREATE TABLE other (v integer)`))
	for i := range 3 {
		require.NoError(t, exec(`INSERT INTO n VALUES (?)`, i))
		require.Error(t, exec(`INSERT INTO n VALUES (?)`, i), "twice")
	}
	require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) error {
		// The same query while its rows are being read.
		const query = `SELECT v FROM n WHERE v >= ? ORDER BY v`
		var pairs []string
		read(t, tx, query, 0, func(v int) {
			read(t, tx, query, v, func(w int) { pairs = append(pairs, fmt.Sprint(v, w)) })
		})
		assert.Equal(t, []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}, pairs)
		return nil
	}))
	for i := range 300 { // more than are kept
		var v int
		require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d + count(*) FROM n`, i)).Scan(&v))
		assert.Equal(t, i+3, v)
	}
	var columns int
	require.NoError(t, exec(`ALTER TABLE n ADD COLUMN w integer NOT NULL DEFAULT 7`))
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT w FROM n WHERE v = ?`, 1).Scan(&columns))
	assert.Equal(t, 7, columns)
	require.NoError(t, exec(`DROP TABLE n`))
	require.Error(t, exec(`INSERT INTO n VALUES (?)`, 9), "gone")
}

// read calls row for each number that a query gives.
func read(t *testing.T, tx *sql.Tx, query string, arg int, row func(int)) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), query, arg)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var v int
		require.NoError(t, rows.Scan(&v))
		row(v)
	}
	require.NoError(t, rows.Err())
}
