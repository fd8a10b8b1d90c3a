package sqlstore_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/internal/testpg"
)

// BenchmarkAppend compares appending with committing a row of the same size by
// INSERT, with as many writers, on the same server.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			database := testpg.NewServer(b).URL(b) // one that waits for the disk
			_, log := openLog(b, database, nil)
			pool, err := pgxpool.New(b.Context(), withMaxConns(database))
			require.NoError(b, err)
			defer pool.Close()
			_, err = pool.Exec(b.Context(), `CREATE TABLE raw (id text PRIMARY KEY, data bytea)`)
			require.NoError(b, err)
			row, err := audittest.Entry(0).MarshalJSON()
			require.NoError(b, err)

			const round = 64 // entries of each writer between two looks at the clock
			var ours, raw time.Duration
			var next atomic.Int64
			run := func(one func() error) time.Duration {
				begin := time.Now()
				var wg sync.WaitGroup
				for range writers {
					wg.Go(func() {
						for range round {
							if err := one(); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				return time.Since(begin)
			}
			for b.Loop() {
				ours += run(func() error {
					e := audittest.Entry(0)
					e.ID = ""
					_, err := log.Append(b.Context(), e)
					return err
				})
				raw += run(func() error {
					_, err := pool.Exec(b.Context(), `INSERT INTO raw VALUES ($1, $2)`, strconv.FormatInt(next.Add(1), 10), row)
					return err
				})
			}
			b.ReportMetric(float64(b.N*writers*round)/ours.Seconds(), "entries/s")
			b.ReportMetric(raw.Seconds()/ours.Seconds(), "of-raw-insert")
			_, err = log.Verify(b.Context())
			require.NoError(b, err)
		})
	}
}

func withMaxConns(database string) string { return database + "&pool_max_conns=16" }
