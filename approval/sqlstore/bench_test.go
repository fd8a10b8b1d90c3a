package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/internal/testpg"
)

// benchQueue is a queue with a log on the disk.
func benchQueue(b *testing.B, url string, policy approval.Policy, execute func()) (*approval.Queue, *sqlstore.Store) {
	b.Helper()
	store, err := sqlstore.Open(b.Context(), url, nil)
	require.NoError(b, err)
	logStore, err := filestore.Open(filepath.Join(b.TempDir(), "log"), nil)
	require.NoError(b, err)
	log, err := audit.Open(b.Context(), logStore, nil)
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, log.Close())
		require.NoError(b, logStore.Close())
		require.NoError(b, store.Close())
	})
	q, err := approval.NewQueue(store, log, policy, nil)
	require.NoError(b, err)
	require.NoError(b, approval.Register(q, approval.Executor[visit, string]{
		Execute: func(context.Context, approval.Execution, visit) (string, error) {
			execute()
			return "", nil
		},
	}))
	return q, store
}

// benchBoth runs a benchmark on databases that wait for the disk at each
// commit.
func benchBoth(b *testing.B, bench func(b *testing.B, url string)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, "sqlite://"+filepath.ToSlash(filepath.Join(b.TempDir(), "q.db"))) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, testpg.NewServer(b).URL(b)) })
}

// BenchmarkDecide is 16 people at 64 requests, four at each, recorded in the
// audit log, as a ratio of a bare compare-and-set by as many in the same
// database: how many requests are settled per second.
func BenchmarkDecide(b *testing.B) {
	const requests, people, each = 64, 16, 4
	benchBoth(b, func(b *testing.B, url string) {
		q, store := benchQueue(b, url, ask, func() {})
		bare := func(fn func(tx *sql.Tx) error) { require.NoError(b, store.Tx(b.Context(), fn)) }
		settle := `UPDATE bare SET state = 'approved', by_whom = $1 WHERE id = $2 AND state = 'pending'`
		if strings.HasPrefix(url, "sqlite:") {
			settle = `UPDATE bare SET state = 'approved', by_whom = ?1 WHERE id = ?2 AND state = 'pending'`
		}
		bare(func(tx *sql.Tx) error {
			_, err := tx.ExecContext(b.Context(), `CREATE TABLE bare (id text PRIMARY KEY, state text NOT NULL, by_whom text)`)
			return err
		})
		round := 0
		var ours, raw time.Duration
		for b.Loop() {
			round++
			b.StopTimer()
			list := make([]*approval.Request, requests)
			for i := range list {
				r, err := q.Propose(b.Context(), visit{"x"}, proposal(fmt.Sprint(round, "/", i)))
				require.NoError(b, err)
				list[i] = r
			}
			bare(func(tx *sql.Tx) error {
				for _, r := range list {
					if _, err := tx.ExecContext(b.Context(), `INSERT INTO bare (id, state) VALUES ('`+r.ID+`', 'pending')`); err != nil {
						return err
					}
				}
				return nil
			})
			b.StartTimer()
			ours += all(people, requests*each, func(person, n int) {
				r := list[n/each]
				_, err := q.Decide(b.Context(), approval.Decision{
					RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: approvaltest.Manager("manager-" + strconv.Itoa(person)),
				})
				if err != nil {
					require.ErrorIs(b, err, approval.ErrDecided)
				}
			})
			raw += all(people, requests*each, func(person, n int) {
				require.NoError(b, store.Tx(b.Context(), func(tx *sql.Tx) error {
					_, err := tx.ExecContext(b.Context(), settle, strconv.Itoa(person), list[n/each].ID)
					return err
				}))
			})
		}
		b.ReportMetric(float64(requests*round)/ours.Seconds(), "decisions/s")
		b.ReportMetric(float64(requests*round)/raw.Seconds(), "bare/s")
		b.ReportMetric(raw.Seconds()/ours.Seconds(), "of-bare")
		b.ReportMetric(0, "ns/op")
	})
}

// all does n things, split among workers, and returns how long it took.
func all(workers, n int, do func(worker, n int)) time.Duration {
	began := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(w, i)
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// BenchmarkProposeToExecution is the time from a proposal that the policy
// allows to the start of its execution, one at a time.
func BenchmarkProposeToExecution(b *testing.B) {
	benchBoth(b, func(b *testing.B, url string) {
		started := make(chan struct{}, 1)
		q, _ := benchQueue(b, url, allow, func() { started <- struct{}{} })
		require.NoError(b, q.Start(b.Context()))
		var times []time.Duration
		for b.Loop() {
			began := time.Now()
			_, err := q.Propose(b.Context(), visit{"x"}, proposal(strconv.Itoa(len(times))))
			require.NoError(b, err)
			<-started
			times = append(times, time.Since(began))
		}
		require.NoError(b, q.Stop(context.Background()))
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
	})
}
