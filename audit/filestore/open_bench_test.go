package filestore_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// fill appends n small entries in large batches.
func fill(b *testing.B, store *filestore.Store, signer note.Signer, n int) {
	b.Helper()
	const most = 4096
	var tree merkle.Frontier
	for first := 0; first < n; first += most {
		batch := audit.Batch{First: int64(first)}
		for i := first; i < min(n, first+most); i++ {
			e := audittest.Entry(i)
			header, err := e.MarshalJSON()
			require.NoError(b, err)
			leaf := slices.Concat(header, []byte("\n"))
			batch.Leaves = append(batch.Leaves, audit.Leaf{Data: leaf})
			batch.Entries = append(batch.Entries, &e)
			batch.Hashes = tree.Add(tlog.RecordHash(leaf), batch.Hashes)
		}
		var err error
		batch.Checkpoint, err = note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), tree.Size, tree.Root())}, signer)
		require.NoError(b, err)
		require.NoError(b, store.Append(b.Context(), batch))
	}
}

// BenchmarkOpen opens a log, from the lock to the first entry found by its ID and
// proven, and one of half its length. With POSAI_FULL=1 it has ten million
// entries, else a hundred thousand.
func BenchmarkOpen(b *testing.B) {
	n := 100_000
	if os.Getenv("POSAI_FULL") != "" {
		n = 10_000_000
	}
	signer, verifiers := audittest.NewKey(b)
	var dirs []string
	for _, n := range []int{n, n / 2} {
		dir := b.TempDir()
		store, err := filestore.Open(dir, nil)
		require.NoError(b, err)
		begin := time.Now()
		fill(b, store, signer, n)
		require.NoError(b, store.WaitArchived(b.Context()))
		require.NoError(b, store.Close())
		b.Logf("%d entries in %v", n, time.Since(begin))
		dirs = append(dirs, dir)
	}
	open := func(dir string, n int) time.Duration {
		begin := time.Now()
		store, err := filestore.Open(dir, nil)
		require.NoError(b, err)
		log, err := audit.Open(b.Context(), store, &audit.Options{Signer: signer, Verifiers: verifiers})
		require.NoError(b, err)
		r, err := log.Get(b.Context(), audittest.Entry(n/3).ID)
		require.NoError(b, err)
		require.EqualValues(b, n/3, r.Index)
		took := time.Since(begin)
		require.NoError(b, log.Close())
		require.NoError(b, store.Close())
		return took
	}
	var long, short time.Duration
	rounds := 0
	for b.Loop() {
		long += open(dirs[0], n)
		short += open(dirs[1], n/2)
		rounds++
	}
	b.ReportMetric(long.Seconds()/float64(rounds), "s/open")
	b.ReportMetric(float64(long)/float64(short), "of-half")
	b.ReportMetric(float64(n), "entries")
	b.ReportMetric(0, "ns/op")
}
