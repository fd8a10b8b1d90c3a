package bench_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// BenchmarkOneWriter appends entries one after the other, each when the one before
// it is acknowledged: by our log, whose acknowledgment means durable and covered
// by a signed checkpoint, and by Tessera's POSIX storage with batches of one, first
// as soon as an entry has its index, then when a checkpoint covers it, at the
// shortest interval that it allows.
func BenchmarkOneWriter(b *testing.B) {
	ctx := b.Context()
	dir := b.TempDir()
	store, err := filestore.Open(filepath.Join(dir, "posai"), nil)
	require.NoError(b, err)
	defer store.Close()
	log, err := audit.Open(ctx, store, nil)
	require.NoError(b, err)
	defer log.Close()

	skey, _, err := note.GenerateKey(rand.Reader, "example.com/tessera")
	require.NoError(b, err)
	signer, err := note.NewSigner(skey)
	require.NoError(b, err)
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(dir, "tessera")})
	require.NoError(b, err)
	opts := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(1, time.Millisecond).WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, opts)
	require.NoError(b, err)
	defer func() { require.NoError(b, shutdown(context.WithoutCancel(ctx))) }()
	published := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 10*time.Millisecond)

	leaf, err := audittest.Entry(0).MarshalJSON()
	require.NoError(b, err)
	entry := audittest.Entry(0)
	entry.ID = ""
	timed := func(n int, work func() error) time.Duration {
		begin := time.Now()
		for range n {
			require.NoError(b, work())
		}
		return time.Since(begin) / time.Duration(n)
	}
	var ours, sequenced, covered time.Duration
	rounds := time.Duration(0)
	for b.Loop() {
		ours += timed(64, func() error {
			_, err := log.Append(ctx, entry)
			return err
		})
		sequenced += timed(16, func() error {
			_, err := appender.Add(ctx, tessera.NewEntry(leaf))()
			return err
		})
		covered += timed(2, func() error {
			_, _, err := published.Await(ctx, appender.Add(ctx, tessera.NewEntry(leaf)))
			return err
		})
		rounds++
	}
	b.ReportMetric(float64((ours / rounds).Microseconds()), "µs/entry")
	b.ReportMetric(float64(sequenced)/float64(ours), "x-of-tessera-indexed")
	b.ReportMetric(float64(covered)/float64(ours), "x-of-tessera-published")
	b.ReportMetric(0, "ns/op")
}
