package filestore_test

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// BenchmarkAppend appends through the log and, in turns on the same disk, the
// same bytes by plain write and fdatasync. The metric raw-ratio is the log's
// speed as a share of the plain one: 1 would be a log without cost.
func BenchmarkAppend(b *testing.B) {
	for _, bb := range []struct {
		name    string
		writers int
	}{{"1writer", 1}, {"64writers", 64}} {
		b.Run(bb.name, func(b *testing.B) {
			dir := b.TempDir()
			store, err := filestore.Open(dir, nil)
			require.NoError(b, err)
			defer store.Close()
			log, err := audit.Open(b.Context(), store, nil)
			require.NoError(b, err)
			defer log.Close()
			raw, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			require.NoError(b, err)
			defer raw.Close()
			data, err := os.Open(filepath.Join(dir, "entries.log"))
			require.NoError(b, err)
			defer data.Close()

			var logTime, rawTime time.Duration
			entry := audittest.Entry(0)
			entry.ID = ""
			n, rounds, at := 0, 0, int64(16)
			for b.Loop() {
				start := time.Now()
				var wg sync.WaitGroup
				for range bb.writers {
					wg.Go(func() {
						for range 16 {
							if _, err := log.Append(b.Context(), entry); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				logTime += time.Since(start)
				n += bb.writers * 16
				rounds++

				info, err := data.Stat()
				require.NoError(b, err)
				written := make([]byte, info.Size()-at)
				_, err = data.ReadAt(written, at)
				require.NoError(b, err)
				at = info.Size()
				// One writer syncs each entry, many ideally all that wait.
				parts := 16
				start = time.Now()
				for i := range parts {
					part := written[i*len(written)/parts : (i+1)*len(written)/parts]
					_, err := raw.Write(part)
					require.NoError(b, err)
					require.NoError(b, syscall.Fdatasync(int(raw.Fd())))
				}
				rawTime += time.Since(start)
			}
			b.ReportMetric(float64(n)/logTime.Seconds(), "entries/s")
			b.ReportMetric(float64(rawTime)/float64(logTime), "raw-ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkVerify verifies a log of 10,000 entries in batches of 64.
func BenchmarkVerify(b *testing.B) {
	signer, verifiers := audittest.NewKey(b)
	sizes := make([]int, 157)
	for i := range sizes {
		sizes[i] = 64
	}
	store, err := filestore.Open(b.TempDir(), nil)
	require.NoError(b, err)
	defer store.Close()
	for _, batch := range audittest.Batches(b, signer, sizes...) {
		require.NoError(b, store.Append(b.Context(), batch))
	}
	entries := int64(0)
	for b.Loop() {
		report, err := audit.Verify(b.Context(), store, &audit.VerifyOptions{Verifiers: verifiers})
		require.NoError(b, err)
		entries += report.Entries
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}
