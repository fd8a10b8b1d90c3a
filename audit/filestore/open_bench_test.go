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

// fill appends small entries in large batches until there are n.
func fill(b *testing.B, store *filestore.Store, signer note.Signer, tree *merkle.Frontier, n int) {
	b.Helper()
	const most = 4096
	for first := int(tree.Size); first < n; first = int(tree.Size) {
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
// proven, and, in turns, a copy from when it had half of its length. Both have as
// many entries in segments, which are what is read. With POSAI_FULL=1 it has ten
// million entries, else a hundred thousand.
func BenchmarkOpen(b *testing.B) {
	n := 100_000
	if os.Getenv("POSAI_FULL") != "" {
		n = 10_000_000
	}
	const step = 4 * 4096 // a segment takes two batches
	n = (n + step - 1) / step * step
	signer, verifiers := audittest.NewKey(b)
	dir, early := b.TempDir(), b.TempDir()
	var tree merkle.Frontier
	grow := func(n int) {
		store, err := filestore.Open(dir, nil)
		require.NoError(b, err)
		begin := time.Now()
		fill(b, store, signer, &tree, n)
		require.NoError(b, store.WaitArchived(b.Context()))
		require.NoError(b, store.Close())
		b.Logf("up to %d entries in %v", n, time.Since(begin))
	}
	open := func(dir string, n int) float64 {
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
		return took.Seconds()
	}
	grow(n / 2)
	require.NoError(b, os.CopyFS(early, os.DirFS(dir)))
	grow(n)
	var half, whole []float64
	for b.Loop() {
		half = append(half, open(early, n/2))
		whole = append(whole, open(dir, n))
	}
	b.ReportMetric(median(whole), "s/open")
	b.ReportMetric(slices.Max(whole), "s/slowest")
	b.ReportMetric(median(whole)/median(half), "of-half")
	b.ReportMetric(float64(n), "entries")
	b.ReportMetric(0, "ns/op")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}
