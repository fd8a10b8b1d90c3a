package filestore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

const (
	magicSize   = 16
	frameHeader = 17
)

// span is a frame in the data file.
type span struct {
	start, end int
	entry      int64 // the entry, or the first one of the batch for a checkpoint
	checkpoint bool
}

// target is a closed log of 20 entries in five batches.
type target struct {
	*testing.T
	dir       string
	batches   []audit.Batch
	signer    note.Signer
	verifiers note.Verifiers
	spans     []span
}

func newTarget(t *testing.T) *target {
	tt := &target{T: t, dir: t.TempDir()}
	tt.signer, tt.verifiers = audittest.NewKey(t)
	tt.batches = audittest.Batches(t, tt.signer, 1, 6, 4, 1, 8)
	store, err := filestore.Open(tt.dir, nil)
	require.NoError(t, err)
	at := magicSize
	add := func(payload []byte, entry int64, checkpoint bool) {
		end := at + frameHeader + len(payload)
		tt.spans = append(tt.spans, span{at, end, entry, checkpoint})
		at = end
	}
	for _, b := range tt.batches {
		require.NoError(t, store.Append(t.Context(), b))
		add(b.Checkpoint, b.First, true)
		for i, leaf := range b.Leaves {
			add(leaf.Data, b.First+int64(i), false)
		}
	}
	require.NoError(t, store.Close())
	info, err := os.Stat(tt.path("entries.log"))
	require.NoError(t, err)
	require.EqualValues(t, at, info.Size(), "the frames are where the format says")
	return tt
}

func (tt *target) path(name string) string { return filepath.Join(tt.dir, name) }

// verify verifies the directory as it is now.
func (tt *target) verify(remembered ...[]byte) (*audit.Report, error) {
	tt.Helper()
	r, err := filestore.OpenReader(tt.dir)
	require.NoError(tt, err)
	defer r.Close()
	return audit.Verify(tt.Context(), r, &audit.VerifyOptions{Verifiers: tt.verifiers, Remembered: remembered})
}

// first requires that verification names the entry.
func (tt *target) first(want int64, what string, args ...any) {
	tt.Helper()
	tt.problem(want, what, args...) //nolint:errcheck // it is what was found, not a failure
}

func (tt *target) problem(want int64, what string, args ...any) *audit.CorruptError {
	tt.Helper()
	report, err := tt.verify()
	require.ErrorIs(tt, err, audit.ErrCorrupt, append([]any{what}, args...)...)
	if want != -2 { // else the caller looks
		require.Equal(tt, want, report.Problem.Index, append([]any{what + ": " + err.Error()}, args...)...)
	}
	if want >= 0 {
		require.LessOrEqual(tt, report.Entries, want)
	}
	return report.Problem
}

// refused requires that the log cannot be opened for writing either, and that
// trying changes nothing.
func (tt *target) refused(what string, args ...any) {
	tt.Helper()
	before, err := os.ReadFile(tt.path("entries.log"))
	require.NoError(tt, err)
	store, err := filestore.Open(tt.dir, nil)
	if err == nil {
		_, err = audit.Open(tt.Context(), store, &audit.Options{Signer: tt.signer, Verifiers: tt.verifiers})
		require.NoError(tt, store.Close())
	}
	require.ErrorIs(tt, err, audit.ErrCorrupt, append([]any{what}, args...)...)
	after, err := os.ReadFile(tt.path("entries.log"))
	require.NoError(tt, err)
	require.True(tt, bytes.Equal(before, after), append([]any{what}, args...)...)
}

func TestUntouchedLogVerifies(t *testing.T) {
	tt := newTarget(t)
	report, err := tt.verify(tt.batches[0].Checkpoint, tt.batches[2].Checkpoint, tt.batches[4].Checkpoint)
	require.NoError(t, err)
	assert.EqualValues(t, 20, report.Entries)
	assert.EqualValues(t, 5, report.Batches)
	assert.Equal(t, 3, report.Remembered)
	assert.Nil(t, report.Problem)
}

func TestEverySingleByteChangeIsFound(t *testing.T) {
	t.Parallel()
	tt := newTarget(t)
	f := audittest.Tamper(t, tt.path("entries.log"))
	for offset := range magicSize {
		f.Flip(offset, 1)
		tt.first(-1, "byte %d of the head", offset)
	}
	for _, s := range tt.spans {
		for offset := s.start; offset < s.end; offset++ {
			f.Flip(offset, 1<<(offset%8))
			tt.first(s.entry, "byte %d in %+v", offset, s)
			if offset%97 == 0 {
				tt.refused("byte %d in %+v", offset, s)
			}
		}
	}
	f.Restore()
	_, err := tt.verify()
	require.NoError(t, err)
}

func TestEveryChangeOfThePublishedCheckpointIsFound(t *testing.T) {
	t.Parallel()
	tt := newTarget(t)
	f := audittest.Tamper(t, tt.path("checkpoint"))
	for offset := range f.Size() {
		for bit := range 8 {
			f.Flip(offset, 1<<bit)
			_, err := tt.verify()
			require.ErrorIs(t, err, audit.ErrCorrupt, "bit %d of byte %d", bit, offset)
		}
	}
	// The last digit of a base64 signature has bits that no decoder looks at.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	loose := f.Original()
	at := bytes.LastIndexByte(loose, '=') - 1
	loose[at] = digits[strings.IndexByte(digits, loose[at])+1]
	f.Replace(loose)
	tt.first(-1, "loose bits")
	for n := range f.Size() {
		f.Cut(n)
		tt.first(-1, "cut to %d bytes", n)
	}
	tt.refused("cut")
	require.NoError(t, os.Remove(tt.path("checkpoint")))
	tt.first(-1, "removed")
	tt.refused("removed")
}

func TestTruncationAtEveryByteIsFound(t *testing.T) {
	t.Parallel()
	tt := newTarget(t)
	f := audittest.Tamper(t, tt.path("entries.log"))
	for n := range f.Size() {
		f.Cut(n)
		want := int64(-1)
		for _, s := range tt.spans {
			if n >= magicSize && n >= s.start {
				want = s.entry
			}
		}
		problem := tt.problem(want, "cut to %d bytes", n)
		require.Equal(t, n >= magicSize, problem.Truncated, "cut to %d bytes", n)
		if n%97 == 0 {
			tt.refused("cut to %d bytes", n)
		}
	}
	require.NoError(t, os.Remove(tt.path("entries.log")))
	_, err := filestore.Open(tt.dir, nil)
	require.ErrorIs(t, err, audit.ErrTruncated)
}

func TestMovedFramesAreFound(t *testing.T) {
	t.Parallel()
	tt := newTarget(t)
	f := audittest.Tamper(t, tt.path("entries.log"))
	original := f.Original()
	bytesOf := func(s span) []byte { return original[s.start:s.end] }
	for i, a := range tt.spans {
		f.Remove(a.start, a.end)
		tt.first(a.entry, "removed %+v", a)
		f.Insert(a.end, bytesOf(a))
		if a.end < len(original) {
			require.Error(t, second(tt.verify()), "doubled %+v", a)
		}
		for _, b := range tt.spans[i+1:] {
			swapped := bytes.Join([][]byte{
				original[:a.start], bytesOf(b), original[a.end:b.start], bytesOf(a), original[b.end:],
			}, nil)
			f.Replace(swapped)
			if a.checkpoint && b.checkpoint {
				// The first batch now ends elsewhere than its checkpoint says.
				report, err := tt.verify()
				require.ErrorIs(t, err, audit.ErrCorrupt)
				assert.LessOrEqual(t, report.Entries, a.entry)
				continue
			}
			tt.first(a.entry, "swapped %+v and %+v", a, b)
		}
	}
}

// Bytes after the last batch are no part of the log, but they are seen.
func TestBytesAfterTheLastBatch(t *testing.T) {
	tt := newTarget(t)
	last := tt.spans[len(tt.spans)-1]
	f := audittest.Tamper(t, tt.path("entries.log"))
	f.Insert(f.Size(), f.Original()[last.start:last.end])

	r, err := filestore.OpenReader(tt.dir)
	require.NoError(t, err)
	defer r.Close()
	report, err := audit.Verify(t.Context(), r, &audit.VerifyOptions{Verifiers: tt.verifiers})
	require.NoError(t, err)
	assert.EqualValues(t, 20, report.Entries)
	assert.EqualValues(t, last.end-last.start, r.Torn())

	store, err := filestore.Open(tt.dir, nil)
	require.NoError(t, err)
	assert.Equal(t, r.Torn(), store.Torn())
	require.NoError(t, store.Close())
	now, err := os.ReadFile(tt.path("entries.log"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(f.Original(), now))
}

func second[T any](_ T, err error) error { return err }

// Someone who knows the format and repairs lengths and sums is stopped by the
// signature.
func TestSkillfulChangesAreFound(t *testing.T) {
	tt := newTarget(t)
	other, _ := audittest.NewKey(t)
	forged := audittest.Batches(t, other, 1, 6, 4, 1, 8)
	for _, c := range []struct {
		name string
		edit func([]audit.Batch) []audit.Batch
		want int64
	}{
		{"an entry changed", func(b []audit.Batch) []audit.Batch {
			b[2].Leaves[1].Data = bytes.Replace(b[2].Leaves[1].Data, []byte("proposed"), []byte("decided"), 1)
			return b
		}, 7},
		{"an entry that is no entry", func(b []audit.Batch) []audit.Batch {
			b[2].Leaves[1].Data = []byte("{}\n")
			return b
		}, 8},
		{"two entries swapped", func(b []audit.Batch) []audit.Batch {
			b[1].Leaves[0], b[1].Leaves[5] = b[1].Leaves[5], b[1].Leaves[0]
			return b
		}, 1},
		{"the last entry removed", func(b []audit.Batch) []audit.Batch {
			b[4].Leaves = b[4].Leaves[:7]
			return b
		}, 12},
		{"signed by another key", func(b []audit.Batch) []audit.Batch {
			b[3].Checkpoint = forged[3].Checkpoint
			return b
		}, 11},
		{"everything by another key", func([]audit.Batch) []audit.Batch { return forged }, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			store, err := filestore.Open(dir, nil)
			require.NoError(t, err)
			for _, b := range audittest.Complete(c.edit(audittest.Batches(t, tt.signer, 1, 6, 4, 1, 8))) {
				require.NoError(t, store.Append(t.Context(), b))
			}
			require.NoError(t, store.Close())
			at := &target{T: t, dir: dir, signer: tt.signer, verifiers: tt.verifiers}
			at.first(c.want, c.name)
			if c.name != "signed by another key" { // a later signature covers the same entries
				at.refused(c.name)
			}
		})
	}
}

// Who puts all files back to an earlier state is found out by whoever kept a
// later checkpoint, and by nobody else.
func TestRollback(t *testing.T) {
	tt := newTarget(t)
	last := tt.batches[4]
	audittest.Tamper(t, tt.path("entries.log")).Cut(tt.spans[len(tt.spans)-1-len(last.Leaves)].start)
	audittest.Tamper(t, tt.path("checkpoint")).Replace(tt.batches[3].Checkpoint)
	report, err := tt.verify()
	require.NoError(t, err)
	assert.EqualValues(t, 12, report.Entries)

	_, err = tt.verify(tt.batches[3].Checkpoint)
	require.NoError(t, err)
	report, err = tt.verify(tt.batches[3].Checkpoint, last.Checkpoint)
	require.ErrorIs(t, err, audit.ErrTruncated)
	assert.EqualValues(t, 12, report.Problem.Index)
	assert.Equal(t, 1, report.Remembered)
}

// Who has the key can sign another history, but not one that agrees with a
// checkpoint that somebody kept.
func TestRewrittenHistory(t *testing.T) {
	tt := newTarget(t)
	rewritten := audittest.Batches(t, tt.signer, 2, 18)
	assert.Equal(t, tt.batches[0].Leaves[0], rewritten[0].Leaves[0])
	dir := t.TempDir()
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	var forged []audit.Batch
	memory := audittest.NewMemory(t)
	log, err := audit.Open(t.Context(), memory, &audit.Options{Signer: tt.signer, Verifiers: tt.verifiers})
	require.NoError(t, err)
	defer log.Close()
	for i := range 20 {
		e := audittest.Entry(i)
		e.Note = "never happened"
		_, err := log.Append(t.Context(), e)
		require.NoError(t, err)
	}
	for b, err := range memory.Batches(t.Context(), 0) {
		require.NoError(t, err)
		forged = append(forged, b)
	}
	for _, b := range audittest.Complete(forged) {
		require.NoError(t, store.Append(t.Context(), b))
	}
	require.NoError(t, store.Close())
	at := &target{T: t, dir: dir, verifiers: tt.verifiers}
	_, err = at.verify()
	require.NoError(t, err)
	_, err = at.verify(tt.batches[0].Checkpoint)
	require.ErrorIs(t, err, audit.ErrCorrupt)
}
