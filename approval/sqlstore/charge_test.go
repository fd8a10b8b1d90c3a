package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// TestChargedOnce: duplicates that race for a key count once in a fuse, also those
// in transactions of the caller, and those that are rolled back not at all.
func TestChargedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		const requests, duplicates = 4, 6
		store := open(t, url, nil)
		log, err := audit.Open(t.Context(), audittest.NewMemory(t), nil)
		require.NoError(t, err)
		defer log.Close()
		q, err := approval.NewQueue(store, log, allow, &approval.Options{
			Fuses: []approval.Fuse{{Name: "b", MaxCount: 2 * requests}, {Name: "a", MaxCount: 2 * requests}},
		})
		require.NoError(t, err)
		require.NoError(t, approval.Register(q, approval.Executor[visit, string]{
			Execute: func(context.Context, approval.Execution, visit) (string, error) { return "", nil },
		}))
		var wg sync.WaitGroup
		for i := range requests {
			for range duplicates {
				wg.Go(func() {
					r, err := q.Propose(t.Context(), visit{"a"}, proposal(strconv.Itoa(i)))
					if assert.NoError(t, err) {
						assert.Equal(t, approval.Approved, r.State)
					}
				})
				wg.Go(func() {
					err := store.Tx(t.Context(), func(tx *sql.Tx) error {
						_, err := q.ProposeTx(t.Context(), tx, visit{"a"}, proposal(fmt.Sprint("tx-", i)))
						return err
					})
					assert.NoError(t, err)
				})
			}
		}
		wg.Wait()
		undone := errors.New("no")
		require.ErrorIs(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := q.ProposeTx(t.Context(), tx, visit{"a"}, proposal("rolled back"))
			return errors.Join(err, undone)
		}), undone)
		for _, name := range []string{"a", "b"} {
			doc, err := store.Document(t.Context(), "fuse/"+name)
			require.NoError(t, err)
			assert.EqualValues(t, 2*requests, doc.Version, "written once for each")
			assert.Contains(t, string(doc.Data), `"count":`)
		}
		r, err := q.Propose(t.Context(), visit{"a"}, proposal("one more"))
		require.NoError(t, err)
		assert.Equal(t, approval.Pending, r.State, "all is used up")
	})
}

// TestProposeTxRecordsNothing: what is not in the log yet is none of the business of
// a caller's transaction, which may hold what the log waits for.
func TestProposeTxRecordsNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, url, nil)
		queue := func(before func(audit.Batch) error) (*approval.Queue, *audit.Log) {
			entries := audittest.NewMemory(t)
			entries.Before = before
			log, err := audit.Open(t.Context(), entries, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, log.Close()) })
			q, err := approval.NewQueue(store, log, ask, nil)
			require.NoError(t, err)
			require.NoError(t, approval.Register(q, approval.Executor[visit, string]{
				Execute: func(context.Context, approval.Execution, visit) (string, error) { return "", nil },
			}))
			return q, log
		}
		// Somebody's log broke before the setting was recorded.
		dying, _ := queue(func(audit.Batch) error { return errors.New("the disk is full") })
		_, err := dying.Halt(t.Context(), approval.Switch{Mode: approval.Pause, By: approvaltest.Manager("manager-1")})
		require.ErrorIs(t, err, approval.ErrUnrecorded)
		// As if the log wrote into the same file: on SQLite it waits for the one connection.
		q, log := queue(func(audit.Batch) error {
			return store.Tx(context.Background(), func(*sql.Tx) error { return nil })
		})
		size := log.Size()

		var within int64
		err = store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := q.ProposeTx(t.Context(), tx, visit{"a"}, proposal("1"))
			within = log.Size()
			return err
		})
		require.NoError(t, err)
		assert.Equal(t, size, within, "nothing was recorded in the transaction")
		_, err = q.Controls(t.Context())
		require.NoError(t, err)
		assert.Equal(t, size+1, log.Size(), "but whoever reads the settings next does")
	})
}
