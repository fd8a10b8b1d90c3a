package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // a connection of the caller's
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/internal/testpg"
)

// TestProposeTx: the proposal and the caller's own row are one.
func TestProposeTx(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, url, quick)
		q := newQueue(t, store, allow, func(approval.Execution) {})
		_, err := q.Halt(t.Context(), approval.Switch{Mode: approval.Pause, Scope: approval.Scope{Kind: "test.other"}, By: approvaltest.Manager("manager-1")})
		require.NoError(t, err)
		require.NoError(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `CREATE TABLE visit (customer text)`)
			return err
		}))
		visits := func() (n int) {
			require.NoError(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
				return tx.QueryRowContext(t.Context(), `SELECT count(*) FROM visit`).Scan(&n)
			}))
			return n
		}
		propose := func(key string, fail error) (r *approval.Request, err error) {
			err = store.Tx(t.Context(), func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO visit VALUES ('a')`); err != nil {
					return err
				}
				if r, err = q.ProposeTx(t.Context(), tx, visit{"a"}, proposal(key)); err != nil {
					return err
				}
				return fail
			})
			return r, err
		}

		rolledBack := errors.New("the caller changed its mind")
		r, err := propose("1", rolledBack)
		require.ErrorIs(t, err, rolledBack)
		assert.Zero(t, visits())
		_, err = store.Get(t.Context(), r.ID)
		require.ErrorIs(t, err, approval.ErrNotFound)

		r, err = propose("1", nil)
		require.NoError(t, err)
		assert.Equal(t, approval.Recording, r.State)
		_, err = q.Get(t.Context(), r.ID)
		require.ErrorIs(t, err, approval.ErrNotFound, "nobody sees it before it is recorded")
		startQueue(t, q)
		done := waitFor(t, q, r.ID)
		assert.Equal(t, approval.Executed, done.State)

		again, err := propose("1", nil)
		require.NoError(t, err)
		assert.Equal(t, r.ID, again.ID, "a known key")
		assert.Equal(t, 2, visits())
	})
}

func waitFor(t *testing.T, q *approval.Queue, id string) *approval.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var r *approval.Request
	require.Eventually(t, func() bool {
		var err error
		r, err = q.Get(ctx, id)
		return err == nil && r.State.Final()
	}, soon, 10*time.Millisecond)
	return r
}

// TestProposeTxOfTheCallersConnection: on PostgreSQL any connection will do.
func TestProposeTxOfTheCallersConnection(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	store := open(t, url, quick)
	q := newQueue(t, store, allow, func(approval.Execution) {})
	startQueue(t, q)
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	r, err := q.ProposeTx(t.Context(), tx, visit{"a"}, proposal("1"))
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	assert.Equal(t, approval.Executed, waitFor(t, q, r.ID).State)
}

func TestPurge(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, url, quick)
		now, err := store.Now(t.Context())
		require.NoError(t, err)
		for i, r := range []struct {
			state  approval.State
			age    time.Duration
			outbox []string
		}{
			{approval.Executed, 48 * time.Hour, nil},
			{approval.Rejected, 25 * time.Hour, nil},
			{approval.Executed, 25 * time.Hour, []string{`{}`}}, // its last entry is not in the log
			{approval.Executed, time.Hour, nil},
			{approval.Pending, 48 * time.Hour, nil},
			{approval.Uncertain, 48 * time.Hour, nil},
		} {
			rec := &approval.Record{Outbox: r.outbox, Request: approval.Request{
				ID: strconv.Itoa(i), Kind: "test.visit", State: r.state, CreatedAt: now.Add(-r.age), Proposal: proposal(strconv.Itoa(i)),
			}}
			_, _, err := store.Insert(t.Context(), rec)
			require.NoError(t, err)
		}
		n, err := store.Purge(t.Context(), now.Add(-24*time.Hour))
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		var left []string
		list, err := store.List(t.Context(), approval.Filter{Newest: true})
		require.NoError(t, err)
		for _, r := range list {
			left = append(left, r.Request.ID)
		}
		assert.ElementsMatch(t, []string{"2", "3", "4", "5"}, left)
	})
}

// endingContext ends when it is looked at for the n-th time.
type endingContext struct {
	context.Context
	end  context.CancelFunc
	left atomic.Int32
}

func endAt(ctx context.Context, n int) *endingContext {
	c := new(endingContext)
	c.Context, c.end = context.WithCancel(ctx)
	c.left.Store(int32(n))
	return c
}

func (c *endingContext) look() {
	if c.left.Add(-1) == 0 {
		c.end()
	}
}

func (c *endingContext) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

func (c *endingContext) Err() error {
	c.look()
	return c.Context.Err()
}

// TestHalfOfAWriteDoesNotStay: of a call whose context ends within a transaction of
// the caller's, which goes on and is committed, there is all or, where it failed,
// nothing.
func TestHalfOfAWriteDoesNotStay(t *testing.T) {
	t.Parallel()
	// A request that is wanted at the given time; a failure has to leave no trace.
	type insert = func(context.Context, approval.Store, *approval.Record, time.Time) error
	together := func(ctx context.Context, s approval.Store, r *approval.Record, at time.Time) error {
		_, _, err := s.InsertWith(ctx, r, []approval.Document{{Name: r.Request.ID, Data: []byte(`{}`)}}, at)
		return err
	}
	alone := func(ctx context.Context, s approval.Store, r *approval.Record, at time.Time) error {
		_, _, err := s.Insert(ctx, r, at)
		return err
	}
	for name, test := range map[string]struct {
		open   func(*testing.T) string
		insert insert
		docs   int64
	}{
		"InsertWith on SQLite":     {sqliteURL, together, 1},
		"InsertWith on PostgreSQL": {func(t *testing.T) string { return testpg.URL(t) }, together, 1},
		"Insert on SQLite":         {sqliteURL, alone, 0}, // on PostgreSQL it is one statement
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const most = 1000
			store := open(t, test.open(t), nil)
			now, err := store.Now(t.Context())
			require.NoError(t, err)
			for n := 1; n < most; n++ {
				key := fmt.Sprint("request-", n)
				rec := &approval.Record{Request: approval.Request{ID: key, Kind: "test.visit", State: approval.Recording, CreatedAt: now, Proposal: proposal(key)}}
				var failed error
				_ = store.Tx(t.Context(), func(tx *sql.Tx) error { // fails where the connection is lost over it
					failed = test.insert(endAt(t.Context(), n), store.In(tx), rec, now.Add(time.Hour))
					return nil
				})
				_, missing := store.Get(t.Context(), key)
				doc, err := store.Document(t.Context(), key)
				require.NoError(t, err)
				if failed == nil {
					require.NoError(t, missing)
					require.Equal(t, test.docs, doc.Version)
					require.Greater(t, n, 3, "the context was hardly looked at")
					return
				}
				require.ErrorIs(t, missing, approval.ErrNotFound, "it failed at look %d, and is there", n)
				require.Zero(t, doc.Version, "look %d", n)
			}
			require.Fail(t, "it always fails")
		})
	}
}
