package filestore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
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

// patience is how long an Append may take on a machine that is busy.
const patience = time.Minute

var patient = &audit.Options{MaxWait: patience}

func TestStore(t *testing.T) {
	audittest.TestStore(t, func(t *testing.T) func() audittest.Store {
		dir := t.TempDir()
		return func() audittest.Store {
			s, err := filestore.Open(dir, nil)
			require.NoError(t, err)
			return s
		}
	})
}

func openLog(t *testing.T, dir string) (*filestore.Store, *audit.Log) {
	t.Helper()
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	return store, log
}

func TestOneWriterAtATime(t *testing.T) {
	dir := t.TempDir()
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	_, err = filestore.Open(dir, nil)
	require.ErrorIs(t, err, filestore.ErrLocked)
	require.NoError(t, store.Close())
	require.NoError(t, store.Close(), "a second Close does nothing")
	store, err = filestore.Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

func TestClosedStoreTakesNothing(t *testing.T) {
	store, err := filestore.Open(t.TempDir(), nil)
	require.NoError(t, err)
	signer, _ := audittest.NewKey(t)
	require.NoError(t, store.Close())
	require.ErrorIs(t, store.Append(t.Context(), audittest.Batches(t, signer, 1)[0]), fs.ErrClosed)
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := filepath.Join(t.TempDir(), "a", "log")
	store, log := openLog(t, dir)
	_, err := log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), e.Name())
	}
	assert.Equal(t, []string{"checkpoint", "entries.log", "key", "key.pub", "lock"}, names)
}

func TestOrigin(t *testing.T) {
	store, err := filestore.Open(t.TempDir(), &filestore.Options{Origin: "example.com/audit/pos"})
	require.NoError(t, err)
	defer store.Close()
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	defer log.Close()
	assert.Equal(t, "example.com/audit/pos", log.Origin())
	msg, err := log.Checkpoint(t.Context())
	require.NoError(t, err)
	vkey, err := store.VerifierKey()
	require.NoError(t, err)
	verifier, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	c, err := audit.ParseCheckpoint(msg, note.VerifierList(verifier))
	require.NoError(t, err)
	assert.Equal(t, "example.com/audit/pos", c.Origin)

	bad, err := filestore.Open(t.TempDir(), &filestore.Options{Origin: "has a space"})
	require.NoError(t, err)
	defer bad.Close()
	_, err = audit.Open(t.Context(), bad, patient)
	require.Error(t, err)
}

// A log whose key is gone is not continued under a new one.
func TestLostKey(t *testing.T) {
	dir := t.TempDir()
	store, log := openLog(t, dir)
	_, err := log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
	require.NoError(t, os.Remove(filepath.Join(dir, "key")))

	store, err = filestore.Open(dir, nil)
	require.NoError(t, err)
	defer store.Close()
	_, err = audit.Open(t.Context(), store, patient)
	require.ErrorIs(t, err, fs.ErrNotExist)

	signer, verifiers := audittest.NewKey(t)
	_, err = audit.Open(t.Context(), store, &audit.Options{Signer: signer, Verifiers: verifiers, MaxWait: patience})
	require.ErrorIs(t, err, audit.ErrCorrupt, "a strange key does not continue the log")
	_, err = audit.Verify(t.Context(), store, nil)
	require.NoError(t, err, "the public key is enough to verify")
}

func TestReaderBesideWriter(t *testing.T) {
	dir := t.TempDir()
	_, err := filestore.OpenReader(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	store, log := openLog(t, dir)
	defer store.Close()
	defer log.Close()

	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range 300 {
			_, err := log.Append(t.Context(), audittest.Entry(i))
			assert.NoError(t, err)
		}
	})
	defer wg.Wait()
	for last := int64(0); ; {
		select {
		case <-done:
			return
		default:
		}
		r, err := filestore.OpenReader(dir)
		require.NoError(t, err)
		report, err := audit.Verify(t.Context(), r, nil)
		require.NoError(t, err)
		require.GreaterOrEqual(t, report.Entries, last)
		last = report.Entries
		view, err := audit.OpenReader(t.Context(), r, nil)
		require.NoError(t, err)
		n := int64(0)
		for record, err := range view.Trail(t.Context(), audit.Query{}) {
			require.NoError(t, err)
			require.Equal(t, audittest.Entry(int(n)), record.Entry)
			n++
		}
		require.Equal(t, view.Size(), n)
		_, err = view.Append(t.Context(), audittest.Entry(1000))
		require.ErrorIs(t, err, audit.ErrUnavailable)
		require.NoError(t, view.Close())
		require.NoError(t, r.Close())
	}
}
