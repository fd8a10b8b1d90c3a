package audit_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// open opens a log that the test closes.
func open(t *testing.T, store audit.Store, opts *audit.Options) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), store, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// filled is a log of n entries.
func filled(t *testing.T, n int) *audit.Log {
	t.Helper()
	log := open(t, audittest.NewMemory(t), nil)
	for i := range n {
		r, err := log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
		require.EqualValues(t, i, r.Index)
	}
	return log
}

func TestAppendFillsIn(t *testing.T) {
	log := open(t, audittest.NewMemory(t), nil)
	before := time.Now().Truncate(time.Microsecond)
	r, err := log.Append(t.Context(), audit.Entry{Kind: audit.KindRead, Actor: audit.Actor{Type: audit.AI}})
	require.NoError(t, err)
	assert.NotEmpty(t, r.Entry.ID)
	assert.Equal(t, time.UTC, r.Entry.Time.Location())
	assert.WithinRange(t, r.Entry.Time, before, time.Now())
	got, err := log.Get(t.Context(), r.Entry.ID)
	require.NoError(t, err)
	assert.Equal(t, r, got)
	header, err := r.Entry.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, tlog.RecordHash(append(header, '\n')), r.LeafHash, "the leaf is the canonical form and a newline")
}

func TestAppendDoesNotKeepTheCallersEntry(t *testing.T) {
	log := open(t, audittest.NewMemory(t), nil)
	e := full()
	r, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	e.Subjects[0].ID, e.Attributes["zone"], e.Effect.IDs[0], e.Decision.Verdict = "x", "x", "x", "x"
	r.Entry.Subjects[1].ID, r.Entry.Attributes["a.b"] = "y", "y"
	again, err := log.Append(t.Context(), full())
	require.NoError(t, err)
	assert.Equal(t, full().Subjects, again.Entry.Subjects)
}

func TestAppendTwice(t *testing.T) {
	log := filled(t, 3)
	later := audittest.Entry(1)
	later.Time = later.Time.Add(time.Hour)
	r, err := log.Append(t.Context(), later)
	require.NoError(t, err, "a repeated step comes later, but is the same")
	assert.Equal(t, audittest.Entry(1), r.Entry, "the first record is returned")
	assert.EqualValues(t, 1, r.Index)

	other := audittest.Entry(1)
	other.Note = "something else"
	_, err = log.Append(t.Context(), other)
	require.ErrorIs(t, err, audit.ErrConflict)
	assert.EqualValues(t, 3, log.Size())
}

// The entry is the caller's again when Append returns, even before it is written.
func TestAbandonedAppendDoesNotKeepTheCallersEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, answer := hung(t)
		log := open(t, store, nil)
		ctx, cancel := context.WithCancel(t.Context())
		e := audittest.Entry(0)
		subject := e.Subjects[0]
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := log.Append(ctx, e)
			assert.ErrorIs(t, err, audit.ErrUncertain)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		e.Subjects[0].ID = "x"
		answer <- nil
		synctest.Wait()
		n := 0
		for _, err := range log.Trail(t.Context(), audit.Query{Subject: subject}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 1, n)
	})
}

// errMedium is what a failing store returns.
var errMedium = errors.New("medium gone")

func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := audittest.NewMemory(t)
		var batches []int
		store.Before = func(b audit.Batch) error {
			batches = append(batches, len(b.Leaves))
			time.Sleep(time.Millisecond) // the medium's time
			return nil
		}
		log := open(t, store, nil)
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { appendTo(t, log, 0) })
		synctest.Wait() // the first is being written
		for i := range 2500 {
			wg.Go(func() { appendTo(t, log, 1+i) })
		}
		wg.Wait()
		assert.Equal(t, []int{1, 1024, 1024, 452}, batches)
		assert.Equal(t, 4*time.Millisecond, time.Since(start))
	})
}

func appendTo(t *testing.T, log *audit.Log, i int) {
	r, err := log.Append(t.Context(), audittest.Entry(i))
	if assert.NoError(t, err) {
		assert.Equal(t, audittest.Entry(i), r.Entry)
	}
}

func TestSameIDAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := audittest.NewMemory(t)
		store.Before = func(audit.Batch) error { time.Sleep(time.Millisecond); return nil }
		log := open(t, store, nil)
		var conflicts atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				e := audittest.Entry(0)
				if i%2 == 1 {
					e.Note = "odd"
				}
				r, err := log.Append(t.Context(), e)
				if errors.Is(err, audit.ErrConflict) {
					conflicts.Add(1)
					return
				}
				assert.NoError(t, err)
				assert.Zero(t, r.Index)
				assert.Equal(t, e, r.Entry)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 10, conflicts.Load())
		assert.EqualValues(t, 1, log.Size())
	})
}

// hung is a store whose medium answers when told.
func hung(t *testing.T) (*audittest.Memory, chan error) {
	store, answer := audittest.NewMemory(t), make(chan error)
	store.Before = func(audit.Batch) error { return <-answer }
	return store, answer
}

func TestCanceledAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, answer := hung(t)
		log := open(t, store, nil)

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := log.Append(ended, audittest.Entry(0))
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, audit.ErrUncertain, "it was never begun")

		ctx, cancel := context.WithCancel(t.Context())
		errs := make([]error, 3)
		var wg sync.WaitGroup
		wg.Go(func() { _, errs[0] = log.Append(ctx, audittest.Entry(0)) })
		synctest.Wait() // being written
		wg.Go(func() { _, errs[1] = log.Append(ctx, audittest.Entry(1)) })
		wg.Go(func() { _, errs[2] = log.Append(t.Context(), audittest.Entry(2)) })
		synctest.Wait() // queued
		cancel()
		synctest.Wait()
		answer <- nil
		answer <- nil
		wg.Wait()
		require.ErrorIs(t, errs[0], audit.ErrUncertain)
		require.ErrorIs(t, errs[0], context.Canceled)
		require.ErrorIs(t, errs[1], context.Canceled)
		require.NotErrorIs(t, errs[1], audit.ErrUncertain)
		require.NoError(t, errs[2])

		r, err := log.Append(t.Context(), audittest.Entry(0))
		require.NoError(t, err, "the uncertain entry was not lost track of")
		assert.Zero(t, r.Index)
		_, err = log.Get(t.Context(), "entry-1")
		require.ErrorIs(t, err, audit.ErrNotFound, "the canceled one was not written")
		assert.EqualValues(t, 2, log.Size())
	})
}

// Two wait for the same entry: one may leave.
func TestOneOfTwoWaitersLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, answer := hung(t)
		log := open(t, store, nil)
		var wg sync.WaitGroup
		wg.Go(func() { appendTo(t, log, 0) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var left error
		wg.Go(func() { _, left = log.Append(ctx, audittest.Entry(1)) })
		synctest.Wait()
		wg.Go(func() { appendTo(t, log, 1) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		answer <- nil
		answer <- nil
		wg.Wait()
		require.ErrorIs(t, left, audit.ErrUncertain)
		assert.EqualValues(t, 2, log.Size())
	})
}

func TestAppendNeverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, answer := hung(t)
		log := open(t, store, &audit.Options{MaxWait: 3 * time.Second, MaxPending: 2})
		start := time.Now()
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = log.Append(t.Context(), audittest.Entry(i)) })
			synctest.Wait()
		}
		wg.Wait()
		assert.Equal(t, 3*time.Second, time.Since(start))
		require.ErrorIs(t, errs[0], audit.ErrUncertain)
		for _, err := range errs[1:] { // queued, and two without a place in the queue
			require.ErrorIs(t, err, audit.ErrUnavailable)
			require.NotErrorIs(t, err, audit.ErrUncertain)
		}
		answer <- nil
		synctest.Wait()
		assert.EqualValues(t, 1, log.Size())
	})
}

func TestFailedWriteClosesTheLogToWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, answer := hung(t)
		log := open(t, store, nil)
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = log.Append(t.Context(), audittest.Entry(i)) })
			synctest.Wait()
		}
		answer <- errMedium
		wg.Wait()
		require.ErrorIs(t, errs[0], audit.ErrUncertain)
		require.ErrorIs(t, errs[0], errMedium)
		require.ErrorIs(t, errs[1], audit.ErrUnavailable)
		require.NotErrorIs(t, errs[1], audit.ErrUncertain)
		_, err := log.Append(t.Context(), audittest.Entry(2)) // the store is not asked again, else this hangs
		require.ErrorIs(t, err, audit.ErrUnavailable)
		require.ErrorIs(t, err, errMedium)
	})
}

// faultySigner signs unless told not to.
type faultySigner struct {
	note.Signer
	err error
}

func (s *faultySigner) Sign(msg []byte) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Signer.Sign(msg)
}

// A signer can be a service that is away for a moment; nothing was written, so
// the log goes on.
func TestFailedSignature(t *testing.T) {
	signer, verifiers := audittest.NewKey(t)
	faulty := &faultySigner{Signer: signer}
	log := open(t, audittest.NewMemory(t), &audit.Options{Signer: faulty, Verifiers: verifiers})
	faulty.err = errMedium
	_, err := log.Append(t.Context(), audittest.Entry(0))
	require.ErrorIs(t, err, audit.ErrUnavailable)
	require.ErrorIs(t, err, errMedium)
	faulty.err = nil
	r, err := log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	assert.Zero(t, r.Index)
	_, err = log.Verify(t.Context())
	require.NoError(t, err)
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, answer := hung(t)
		log, err := audit.Open(t.Context(), store, nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() { appendTo(t, log, i) })
			synctest.Wait()
		}
		wg.Go(func() { assert.NoError(t, log.Close()) })
		synctest.Wait()
		_, err = log.Append(t.Context(), audittest.Entry(9))
		require.ErrorIs(t, err, audit.ErrClosed)
		answer <- nil
		answer <- nil
		wg.Wait()
		assert.EqualValues(t, 3, log.Size(), "what was taken is written")
		require.NoError(t, log.Close())
		_, err = log.Get(t.Context(), "entry-0")
		require.NoError(t, err, "a closed log can be read")
	})
}

// An entry that comes as the log closes is written, or it is refused at once.
func TestAppendWhileClosing(t *testing.T) {
	for round := range 60 {
		synctest.Test(t, func(t *testing.T) {
			log, err := audit.Open(t.Context(), audittest.NewMemory(t), nil)
			require.NoError(t, err)
			var written atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for i := 0; ; i++ {
						e := audittest.Entry(i)
						e.ID = ""
						if _, err := log.Append(t.Context(), e); err != nil {
							assert.ErrorIs(t, err, audit.ErrClosed)
							return
						}
						written.Add(1)
					}
				})
			}
			for written.Load() < int64(round%20) { // at any moment of the writer's turn
				runtime.Gosched()
			}
			assert.NoError(t, log.Close())
			wg.Wait()
			assert.Equal(t, written.Load(), log.Size())
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	mine, known := audittest.NewKey(t)
	other, otherKnown := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	for _, b := range audittest.Batches(t, mine, 2, 2) {
		require.NoError(t, store.Append(t.Context(), b))
	}
	type opts = audit.Options
	for _, tt := range []struct {
		name string
		opts *opts
		is   error
	}{
		{"a signer without verifiers", &opts{Signer: mine}, nil},
		{"the store's key, which is another", nil, audit.ErrCorrupt},
		{"another key of the same name", &opts{Signer: other, Verifiers: otherKnown}, audit.ErrCorrupt},
		{"verifiers that do not know the signer", &opts{Signer: other, Verifiers: known}, audit.ErrCheckpoint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := audit.Open(t.Context(), store, tt.opts)
			require.Error(t, err)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
		})
	}
	log := open(t, store, &opts{Signer: mine, Verifiers: known})
	assert.EqualValues(t, 4, log.Size())
}

func TestEmptyLog(t *testing.T) {
	store := audittest.NewMemory(t)
	log := open(t, store, nil)
	msg, err := log.Checkpoint(t.Context())
	require.NoError(t, err)
	known, err := store.Verifiers()
	require.NoError(t, err)
	c, err := audit.ParseCheckpoint(msg, known)
	require.NoError(t, err)
	assert.Zero(t, c.Size)
	report, err := audit.Verify(t.Context(), store, &audit.VerifyOptions{Remembered: [][]byte{msg}})
	require.NoError(t, err)
	assert.Equal(t, c.Root, report.Root)

	view, err := audit.OpenReader(t.Context(), store, nil)
	require.NoError(t, err)
	_, err = view.Checkpoint(t.Context())
	require.ErrorIs(t, err, audit.ErrNotFound)
}
