package monitor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/monitor"
)

// newLog returns a log of the entries with these numbers.
func newLog(t testing.TB, signer note.Signer, known note.Verifiers, entries ...int) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Signer: signer, Verifiers: known, MaxWait: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	grow(t, log, entries...)
	return log
}

func grow(t testing.TB, log *audit.Log, entries ...int) {
	t.Helper()
	for _, i := range entries {
		_, err := log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
	}
}

func TestCheck(t *testing.T) {
	signer, known := audittest.NewKey(t)
	name := filepath.Join(t.TempDir(), "checkpoint")
	log := newLog(t, signer, known, 0, 1, 2)
	for i, tt := range []struct {
		more           []int
		before, size   int64
		first, restart bool
	}{
		{nil, 0, 3, true, false},
		{nil, 3, 3, false, true},
		{[]int{3}, 3, 4, false, true},
		{[]int{4, 5, 6, 7, 8}, 4, 9, false, false},
	} {
		grow(t, log, tt.more...)
		m := monitor.New(known, monitor.File(name)) // each time a new process
		seen, err := m.Check(t.Context(), log)
		require.NoError(t, err)
		assert.Equal(t, tt.size, seen.Size, i)
		assert.Equal(t, tt.before, seen.Before, i)
		assert.Equal(t, tt.first, seen.First, i)
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, seen.Note, kept)
	}
	left, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, left, 1, "no temporary file is left")
}

// An empty log is continued by every log with the same key.
func TestCheckFromEmpty(t *testing.T) {
	signer, known := audittest.NewKey(t)
	m := monitor.New(known, monitor.File(filepath.Join(t.TempDir(), "checkpoint")))
	log := newLog(t, signer, known)
	seen, err := m.Check(t.Context(), log)
	require.NoError(t, err)
	assert.True(t, seen.First)
	grow(t, log, 0, 1)
	seen, err = m.Check(t.Context(), log)
	require.NoError(t, err)
	assert.EqualValues(t, 2, seen.Size)
	assert.False(t, seen.First)
}

// Every other history with the real key is found, whatever its size.
func TestEveryFork(t *testing.T) {
	signer, known := audittest.NewKey(t)
	const size = 7
	good := newLog(t, signer, known, 0, 1, 2, 3, 4, 5, 6)
	name := filepath.Join(t.TempDir(), "checkpoint")
	m := monitor.New(known, monitor.File(name))
	_, err := m.Check(t.Context(), good)
	require.NoError(t, err)
	kept, err := os.ReadFile(name)
	require.NoError(t, err)

	for n := range 12 {
		for changed := -1; changed < n; changed++ { // -1: nothing
			bad := newLog(t, signer, known)
			for i := range n {
				if i == changed {
					grow(t, bad, 100+i)
				} else {
					grow(t, bad, i)
				}
			}
			_, err := m.Check(t.Context(), bad)
			compared := m.Compare(t.Context(), bad, kept)
			switch {
			case n < size:
				require.ErrorIs(t, err, monitor.ErrRollback, "%d entries, %d changed", n, changed)
				require.ErrorIs(t, compared, monitor.ErrRollback)
			case changed >= 0 && changed < size:
				require.ErrorIs(t, err, monitor.ErrSplitView, "%d entries, %d changed", n, changed)
				require.ErrorIs(t, compared, monitor.ErrSplitView)
			default:
				require.NoError(t, err)
				require.NoError(t, compared)
				require.NoError(t, os.WriteFile(name, kept, 0o600))
				continue
			}
			require.ErrorIs(t, err, audit.ErrCorrupt)
			var evidence *monitor.InconsistentError
			require.ErrorAs(t, err, &evidence)
			for _, msg := range [][]byte{evidence.Remembered, evidence.Seen} {
				_, err := audit.ParseCheckpoint(msg, known)
				require.NoError(t, err, "anyone can see that the log has signed both")
			}
			still, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, kept, still, "an alarm changes no memory")
		}
	}
}

func TestCompareWithAnEarlierCheckpoint(t *testing.T) {
	signer, known := audittest.NewKey(t)
	log, other := newLog(t, signer, known, 0, 1, 2), newLog(t, signer, known, 0, 1, 9)
	m := monitor.New(known, nil)
	early, err := log.Checkpoint(t.Context())
	require.NoError(t, err)
	theirs, err := other.Checkpoint(t.Context())
	require.NoError(t, err)
	grow(t, log, 3, 4)
	require.NoError(t, m.Compare(t.Context(), log, early))
	require.ErrorIs(t, m.Compare(t.Context(), log, theirs), monitor.ErrSplitView)
	_, strangers := audittest.NewKey(t)
	require.ErrorIs(t, monitor.New(strangers, nil).Compare(t.Context(), log, early), audit.ErrCheckpoint)
}

func TestWhatIsNoAlarm(t *testing.T) {
	signer, known := audittest.NewKey(t)
	stranger, strangers := audittest.NewKey(t)
	name := filepath.Join(t.TempDir(), "checkpoint")
	log := newLog(t, signer, known, 0, 1)
	m := monitor.New(known, monitor.File(name))
	_, err := m.Check(t.Context(), log)
	require.NoError(t, err)

	_, err = m.Check(t.Context(), newLog(t, stranger, strangers, 0, 1, 2))
	require.ErrorIs(t, err, audit.ErrCheckpoint, "another key")
	_, err = m.Check(t.Context(), broken{log, errors.New("away"), nil})
	require.ErrorContains(t, err, "away")
	grow(t, log, 2)
	_, err = m.Check(t.Context(), broken{log, nil, errors.New("no proof")})
	require.ErrorContains(t, err, "no proof")
	require.NotErrorIs(t, err, audit.ErrCorrupt)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Check(ctx, log)
	require.ErrorIs(t, err, context.Canceled)

	require.NoError(t, os.WriteFile(name, nil, 0o600))
	_, err = m.Check(t.Context(), log)
	require.ErrorIs(t, err, audit.ErrCheckpoint, "an emptied memory is not a first check")
	require.NoError(t, os.WriteFile(name, []byte("something else"), 0o600))
	_, err = m.Check(t.Context(), log)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
}

func TestFileNoticesAnotherUser(t *testing.T) {
	f := monitor.File(filepath.Join(t.TempDir(), "x"))
	require.NoError(t, f.Save(t.Context(), nil, []byte("one")))
	require.Error(t, f.Save(t.Context(), nil, []byte("two")))
	require.NoError(t, f.Save(t.Context(), []byte("one"), []byte("two")))
	got, err := f.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "two", string(got))
	require.Error(t, monitor.File(filepath.Join(t.TempDir(), "no", "folder")).Save(t.Context(), nil, []byte("x")))
}

// broken is a log that does not answer.
type broken struct {
	*audit.Log
	checkpoint, consistency error
}

func (b broken) Checkpoint(ctx context.Context) ([]byte, error) {
	if b.checkpoint != nil {
		return nil, b.checkpoint
	}
	return b.Log.Checkpoint(ctx)
}

func (b broken) Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	if b.consistency != nil {
		return nil, b.consistency
	}
	return b.Log.Consistency(ctx, older, newer)
}
