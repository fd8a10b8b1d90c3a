package filestore_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// small closes a segment after each few batches.
func small() *filestore.Options { return &filestore.Options{SegmentSize: 8 << 10} }

// archived waits until the archive of the directory has at least n entries.
func archived(t *testing.T, dir string, n int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "archived"))
		var size int64
		_, _ = fmt.Sscan(string(b), &size)
		return err == nil && size >= n
	}, time.Minute, time.Millisecond)
}

// batches are n entries in batches of changing size, some with sealed parts.
func batches(t testing.TB, signer note.Signer, n int) []audit.Batch {
	t.Helper()
	var sizes []int
	for i := 0; n > 0; i++ {
		size := min(n, 1+(i*7)%60)
		sizes = append(sizes, size)
		n -= size
	}
	return audittest.Batches(t, signer, sizes...)
}

// sealedLog writes n entries through a log with a vault and returns its keys.
func sealedLog(t *testing.T, dir string, n int) (note.Signer, note.Verifiers, *audit.Vault) {
	t.Helper()
	signer, verifiers := audittest.NewKey(t)
	master, err := audit.NewLocalKey(bytes.Repeat([]byte{5}, audit.MasterKeySize))
	require.NoError(t, err)
	vault, err := audit.NewVault(new(audittest.Keys), master, nil)
	require.NoError(t, err)
	store, err := filestore.Open(dir, small())
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, &audit.Options{Signer: signer, Verifiers: verifiers, Vault: vault, MaxWait: patience})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				e := audittest.Entry(i)
				if i%3 == 0 {
					who := audit.Subject{Type: "customer", ID: fmt.Sprint("gid://shopify/Customer/", i%9)}
					e.Subjects = append(e.Subjects, who)
					e.Sealed = []audit.Part{{Name: "reason", Data: fmt.Append(nil, "reason ", i)}, {Name: "prompt", Data: []byte{}}}
				}
				_, err := log.Append(t.Context(), e)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
	return signer, verifiers, vault
}

func TestArchivedLog(t *testing.T) {
	const n = 1500
	dir := t.TempDir()
	signer, verifiers, vault := sealedLog(t, dir, n)
	opts := &audit.Options{Signer: signer, Verifiers: verifiers, Vault: vault, MaxWait: patience}
	store, err := filestore.Open(dir, small())
	require.NoError(t, err)
	archived(t, dir, 1280)
	log, err := audit.Open(t.Context(), store, opts)
	require.NoError(t, err)
	check := func(log *audit.Log) {
		t.Helper()
		report, err := log.Verify(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, n, report.Entries)
		for _, i := range []int{0, 1, 255, 256, 700, n - 1} {
			r, err := log.Get(t.Context(), audittest.Entry(i).ID)
			require.NoError(t, err)
			receipt, err := log.Receipt(t.Context(), r.Index)
			require.NoError(t, err)
			got, _, err := receipt.Verify(verifiers)
			require.NoError(t, err)
			assert.Equal(t, r.Entry.ID, got.Entry.ID)
		}
		for _, q := range []audit.Query{
			{Subject: audit.Subject{Type: "customer", ID: "gid://shopify/Customer/3"}},
			{Subject: audit.Subject{Type: "customer", ID: "gid://shopify/Customer/3"}, Descending: true},
		} {
			found, last := 0, int64(-1)
			for r, err := range log.Trail(t.Context(), q) {
				require.NoError(t, err)
				require.True(t, last < 0 || (r.Index > last) != q.Descending)
				last = r.Index
				found++
				r, err = log.Unseal(t.Context(), r)
				require.NoError(t, err)
				assert.Contains(t, string(r.Entry.Sealed[0].Data), "reason ")
			}
			assert.Equal(t, (n-3+8)/9, found)
		}
		all := 0
		for _, err := range log.Trail(t.Context(), audit.Query{Actor: "test"}) {
			require.NoError(t, err)
			all++
		}
		assert.Equal(t, n, all)
	}
	check(log)
	for older := int64(1); older <= n; older += 111 {
		proof, err := log.Consistency(t.Context(), older, n)
		require.NoError(t, err)
		_ = proof
	}

	reader, err := filestore.OpenReader(dir) // beside the writer
	require.NoError(t, err)
	view, err := audit.OpenReader(t.Context(), reader, opts)
	require.NoError(t, err)
	check(view)
	require.NoError(t, reader.Close())
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())

	for _, damage := range []func(){
		func() { require.NoError(t, os.Remove(filepath.Join(dir, "index.db"))) },
		func() { require.NoError(t, os.WriteFile(filepath.Join(dir, "index.db"), []byte("no database"), 0o600)) },
		func() {
			other := t.TempDir()
			_, _, _ = sealedLog(t, other, 600)
			content, err := os.ReadFile(filepath.Join(other, "index.db"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "index.db"), content, 0o600))
		},
	} {
		damage()
		reader, err := filestore.OpenReader(dir) // does without an index
		require.NoError(t, err)
		view, err := audit.OpenReader(t.Context(), reader, opts)
		require.NoError(t, err)
		_, err = view.Verify(t.Context())
		require.NoError(t, err)
		require.NoError(t, reader.Close())

		store, err := filestore.Open(dir, small()) // builds it anew
		require.NoError(t, err)
		log, err := audit.Open(t.Context(), store, opts)
		require.NoError(t, err)
		check(log)
		require.NoError(t, log.Close())
		require.NoError(t, store.Close())
	}
}

// A reader of another process follows while the log grows, is archived, and loses
// its old segments.
func TestReaderFollows(t *testing.T) {
	dir := t.TempDir()
	signer, verifiers := audittest.NewKey(t)
	store, err := filestore.Open(dir, small())
	require.NoError(t, err)
	defer store.Close()
	all := batches(t, signer, 2000)
	require.NoError(t, store.Append(t.Context(), all[0]))
	reader, err := filestore.OpenReader(dir)
	require.NoError(t, err)
	defer reader.Close()
	view, err := audit.OpenReader(t.Context(), reader, &audit.Options{Verifiers: verifiers})
	require.NoError(t, err)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if !assert.NoError(t, view.Refresh(t.Context())) {
				return
			}
			size := view.Size()
			for _, i := range []int64{0, size / 2, size - 1} {
				r, err := view.At(t.Context(), i)
				if !assert.NoError(t, err) {
					return
				}
				got, err := view.Get(t.Context(), r.Entry.ID)
				if !assert.NoError(t, err) || !assert.Equal(t, i, got.Index) {
					return
				}
			}
		}
	})
	for _, b := range all[1:] {
		require.NoError(t, store.Append(t.Context(), b))
	}
	archived(t, dir, 1536)
	close(stop)
	wg.Wait()
	require.NoError(t, view.Refresh(t.Context()))
	assert.EqualValues(t, 2000, view.Size())
	report, err := view.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 2000, report.Entries)
}

// The files of closed segments are gone once the archive has them, and what is
// read at a start does not grow with the log.
func TestSegmentsGo(t *testing.T) {
	dir := t.TempDir()
	signer, _ := audittest.NewKey(t)
	store, err := filestore.Open(dir, small())
	require.NoError(t, err)
	for _, b := range batches(t, signer, 3000) {
		require.NoError(t, store.Append(t.Context(), b))
	}
	archived(t, dir, 2560)
	require.Eventually(t, func() bool {
		segments, err := filepath.Glob(filepath.Join(dir, "entries*.log"))
		return err == nil && len(segments) < 20
	}, time.Minute, time.Millisecond)
	require.NoError(t, store.WaitArchived(t.Context())) // a round that Close ends leaves the wider tile behind
	require.NoError(t, store.Close())
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		assert.NotContains(t, d.Name(), ".tmp")
		info, err := d.Info()
		require.NoError(t, err)
		if !d.IsDir() {
			assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
		}
		return nil
	}))
	partial, err := filepath.Glob(filepath.Join(dir, "tile/1/*.p/*"))
	require.NoError(t, err)
	assert.Len(t, partial, 1, "narrower ones are removed")
}

func TestKeyElsewhere(t *testing.T) {
	dir, safe := t.TempDir(), filepath.Join(t.TempDir(), "safe", "audit.key")
	store, err := filestore.Open(dir, &filestore.Options{KeyFile: safe, Origin: "example.com/audit"})
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	_, err = log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
	assert.NoFileExists(t, filepath.Join(dir, "key"))
	assert.FileExists(t, safe)

	store, err = filestore.Open(dir, nil)
	require.NoError(t, err)
	_, err = store.Signer()
	require.ErrorIs(t, err, fs.ErrNotExist, "without its key the log takes nothing")
	require.NoError(t, store.Close())
	store, err = filestore.Open(dir, &filestore.Options{KeyFile: safe})
	require.NoError(t, err)
	defer store.Close()
	log, err = audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	defer log.Close()
	_, err = log.Verify(t.Context())
	require.NoError(t, err)
}
