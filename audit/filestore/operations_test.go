package filestore_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/filestore/internal/disktest"
)

// trial is a log whose life ends at some operation of the disk.
type trial struct {
	*testing.T
	dir       string
	disk      *disktest.Disk
	batches   []audit.Batch
	verifiers note.Verifiers
}

// life opens the store and appends what is missing until something fails. It
// returns how many entries are acknowledged.
func (tt *trial) life(acknowledged int64) (int64, error) {
	store, err := filestore.OpenSmall(tt.dir, tt.disk)
	if err != nil {
		return acknowledged, err
	}
	var failed error
	for _, b := range tt.batches {
		if b.First < acknowledged {
			continue
		}
		if failed = store.Append(tt.Context(), b); failed != nil {
			break
		}
		acknowledged = b.First + int64(len(b.Leaves))
	}
	if failed == nil {
		failed = store.WaitArchived(tt.Context())
	}
	return acknowledged, errors.Join(failed, store.Close())
}

// check opens the store on the healthy disk: every acknowledged entry is there, the
// log verifies, and it can go on.
func (tt *trial) check(acknowledged int64, what string, args ...any) int64 {
	tt.Helper()
	args = append([]any{what}, args...)
	store, err := filestore.OpenSmall(tt.dir, tt.disk)
	require.NoError(tt, err, args...)
	defer func() { require.NoError(tt, store.Close(), args...) }()
	report, err := audit.Verify(tt.Context(), store, &audit.VerifyOptions{Verifiers: tt.verifiers})
	require.NoError(tt, err, args...)
	require.GreaterOrEqual(tt, report.Entries, acknowledged, args...)
	for _, b := range tt.batches {
		if b.First >= report.Entries {
			break
		}
		for i := 0; i < len(b.Leaves); i += 37 {
			leaf, err := store.Leaf(tt.Context(), b.First+int64(i))
			require.NoError(tt, err, args...)
			require.Equal(tt, string(b.Leaves[i].Data), string(leaf.Data), args...)
			found := 0
			for index, err := range store.Search(tt.Context(), audit.Query{ID: b.Entries[i].ID}) {
				require.NoError(tt, err, args...)
				if index == b.First+int64(i) {
					found++
				}
			}
			require.Equal(tt, 1, found, args...)
		}
	}
	return report.Entries
}

// The log survives a fault at every operation by which it changes the disk: create,
// write, sync, rename, removal, truncation, sync of a directory, in the middle of
// appending and of archiving alike.
func TestFaultAtEveryOperation(t *testing.T) {
	faultAtEveryOperation(t, "error", "disk full", "power")
}

func faultAtEveryOperation(t *testing.T, modes ...string) {
	t.Helper()
	signer, verifiers := audittest.NewKey(t)
	begin := func(t *testing.T) *trial {
		tt := &trial{T: t, dir: filepath.Join(t.TempDir(), "log"), disk: disktest.New(), verifiers: verifiers}
		tt.batches = audittest.Batches(t, signer, 1, 150, 100, 150, 1, 200, 30)
		return tt
	}
	whole := begin(t)
	n, err := whole.life(0)
	require.NoError(t, err)
	require.EqualValues(t, 632, n)
	whole.check(n, "without a fault")
	total := whole.disk.Ops()
	require.Greater(t, total, 60)

	every := 5
	if os.Getenv("POSAI_FULL") != "" {
		every = 1
	}
	chance := rand.New(rand.NewPCG(7, 7))
	kept := 0
	try := func(mode string, op int) {
		tt := begin(t)
		switch mode {
		case "error":
			tt.disk.FailAt(op, syscall.EIO)
		case "disk full":
			tt.disk.FailAt(op, syscall.ENOSPC)
		case "power":
			tt.disk.LosePower(op)
		}
		acknowledged, err := tt.life(0)
		if mode == "power" {
			require.NoError(t, tt.disk.Restart(chance))
		} else {
			require.True(t, err == nil || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC), "%s at %d: %v", mode, op, err)
			tt.disk.FailAt(-1, nil)
		}
		there := tt.check(acknowledged, "%s at operation %d", mode, op)
		if there > acknowledged {
			kept++
		}
		end, err := tt.life(there)
		require.NoError(t, err, "%s at operation %d: it goes on", mode, op)
		require.EqualValues(t, 632, end)
		tt.check(632, "%s at operation %d, and on", mode, op)
	}
	for first := 0; first < every && (first == 0 || kept == 0); first++ { // the archiver shifts what is what
		for _, mode := range modes {
			for op := first; op < total; op += every {
				try(mode, op)
			}
		}
	}
	t.Logf("%d faults came between write and acknowledgment", kept)
	assert.NotZero(t, kept, "no fault came between write and acknowledgment: the test tests nothing")
}

// What a round of archiving has left behind that did not come to its end, the next
// one removes.
func TestPartialTilesGo(t *testing.T) {
	signer, verifiers := audittest.NewKey(t)
	all := audittest.Batches(t, signer, 256, 256, 256, 1, 255, 1) // a segment each, but for the end
	faulty := func(op int) *trial {
		tt := &trial{T: t, dir: filepath.Join(t.TempDir(), "log"), disk: disktest.New(), verifiers: verifiers, batches: all}
		tt.disk.FailAt(op, syscall.EIO)
		store, err := filestore.OpenSmall(tt.dir, tt.disk)
		if err != nil {
			require.ErrorIs(t, err, syscall.EIO)
			return tt
		}
		for _, b := range all[:4] {
			if store.Append(t.Context(), b) != nil || store.WaitArchived(t.Context()) != nil {
				break
			}
		}
		_ = store.Close()
		return tt
	}
	total, every := faulty(-1).disk.Ops(), 9
	if os.Getenv("POSAI_FULL") != "" {
		every = 1
	}
	for op := 0; op < total; op += every {
		tt := faulty(op)
		tt.disk.FailAt(-1, nil)
		_, err := tt.life(tt.check(0, "fault at operation %d", op))
		require.NoError(t, err)
		partial, err := filepath.Glob(filepath.Join(tt.dir, "tile/1/*.p/*"))
		require.NoError(t, err)
		require.Equal(t, []string{filepath.Join(tt.dir, "tile/1/000.p/4")}, partial, "fault at operation %d", op)
	}
}

// The removal of an archived segment may fail, or be lost with the power, where that
// of a later one is not.
func TestSegmentLeftOver(t *testing.T) {
	signer, verifiers := audittest.NewKey(t)
	all := audittest.Batches(t, signer, 256, 256, 256, 1, 255, 1)
	tt := &trial{T: t, dir: t.TempDir(), disk: disktest.New(), verifiers: verifiers, batches: all[:1]}
	_, err := tt.life(0)
	require.NoError(t, err)
	name := filepath.Join(tt.dir, "entries.log")
	old, err := os.ReadFile(name)
	require.NoError(t, err)
	tt.batches = all[:4]
	_, err = tt.life(256)
	require.NoError(t, err)
	require.NoFileExists(t, name)
	require.NoError(t, os.WriteFile(name, old, 0o600))

	reader, err := filestore.OpenReader(tt.dir)
	require.NoError(t, err)
	defer reader.Close()
	view, err := audit.OpenReader(t.Context(), reader, &audit.Options{Verifiers: verifiers})
	require.NoError(t, err)
	look := func(size int64) {
		require.NoError(t, view.Refresh(t.Context()))
		require.Equal(t, size, view.Size())
		report, err := view.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, size, report.Entries)
		for _, i := range []int64{0, 255, 700, size - 1} {
			r, err := view.Get(t.Context(), audittest.Entry(int(i)).ID)
			require.NoError(t, err)
			require.Equal(t, i, r.Index)
		}
	}
	look(769)
	tt.check(769, "with a segment left over")
	require.NoFileExists(t, name, "it is removed then")
	require.NoError(t, os.WriteFile(name, old, 0o600))
	tt.batches = all
	_, err = tt.life(769)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, old, 0o600))
	look(1025)
	tt.check(1025, "it goes on")

	// What the archive has not is missed.
	require.NoError(t, os.WriteFile(filepath.Join(tt.dir, "archived"), []byte("768\n"), 0o600))
	require.NoError(t, os.WriteFile(name, old, 0o600))
	fresh, err := filestore.OpenReader(tt.dir)
	require.NoError(t, err)
	defer fresh.Close()
	_, err = audit.OpenReader(t.Context(), fresh, &audit.Options{Verifiers: verifiers})
	require.ErrorIs(t, err, audit.ErrCorrupt)
	_, err = audit.Verify(t.Context(), fresh, &audit.VerifyOptions{Verifiers: verifiers})
	require.ErrorIs(t, err, audit.ErrCorrupt)
	_, err = filestore.OpenSmall(tt.dir, tt.disk)
	require.ErrorIs(t, err, audit.ErrCorrupt)
}
