package filestore_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/filestore/internal/disktest"
)

// A process that is killed leaves the space that it had reserved. It is no part of
// the log, whatever is in it.
func TestReservedSpace(t *testing.T) {
	dir, left := t.TempDir(), t.TempDir()
	signer, verifiers := audittest.NewKey(t)
	all := audittest.Batches(t, signer, 2, 3, 1)
	size := func(dir string) int64 {
		info, err := os.Stat(filepath.Join(dir, "entries.log"))
		require.NoError(t, err)
		return info.Size()
	}
	store, err := filestore.Open(dir, &filestore.Options{SegmentSize: 100_000})
	require.NoError(t, err)
	for _, b := range all[:2] {
		require.NoError(t, store.Append(t.Context(), b))
	}
	require.EqualValues(t, 100_000, size(dir))
	require.NoError(t, os.CopyFS(left, os.DirFS(dir))) // as if it were killed
	require.NoError(t, store.Close())
	whole := size(dir)
	require.Less(t, whole, int64(10_000), "what was reserved is given back")

	look := func() int64 {
		reader, err := filestore.OpenReader(left)
		require.NoError(t, err)
		defer reader.Close()
		report, err := audit.Verify(t.Context(), reader, &audit.VerifyOptions{Verifiers: verifiers})
		require.NoError(t, err)
		require.EqualValues(t, 5, report.Entries)
		return reader.Torn()
	}
	require.Zero(t, look())
	for _, at := range []int64{whole, whole + 1, whole + 5_000, 99_999} {
		f := audittest.Tamper(t, filepath.Join(left, "entries.log"))
		f.Flip(int(at), 0x40)
		require.Equal(t, at+1-whole, look(), "what is there is noticed")
	}
	store, err = filestore.Open(left, &filestore.Options{SegmentSize: 50_000})
	require.NoError(t, err)
	require.EqualValues(t, 100_000-whole, store.Torn())
	require.EqualValues(t, 50_000, size(left), "it is reserved anew")
	require.NoError(t, store.Append(t.Context(), all[2]))
	require.NoError(t, store.Close())
	content, err := os.ReadFile(filepath.Join(left, "entries.log"))
	require.NoError(t, err)
	assert.Equal(t, string(filestore.Encode(all)), string(content[magicSize:]))
}

// Where no space can be reserved, the file grows.
func TestNoSpaceToReserve(t *testing.T) {
	dir, d := t.TempDir(), disktest.New()
	signer, verifiers := audittest.NewKey(t)
	d.Fail(disktest.Reserve, syscall.ENOTSUP)
	run(t, dir, d, &audit.Options{Signer: signer, Verifiers: verifiers, MaxWait: patience}, func(log *audit.Log) {
		_, err := log.Append(t.Context(), audittest.Entry(0))
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(dir, "entries.log"))
		require.NoError(t, err)
		require.Less(t, info.Size(), int64(10_000))
	})
}
