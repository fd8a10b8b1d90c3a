package filestore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

func TestFaultClosesTheLogToWriting(t *testing.T) {
	for _, tt := range []struct {
		name  string
		op    disktest.Op
		err   error
		keeps bool // the entry is there after all
	}{
		{"failed write", disktest.Write, syscall.EIO, false},
		{"disk full", disktest.ShortWrite, syscall.ENOSPC, false},
		{"failed sync", disktest.Sync, syscall.EIO, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, d := t.TempDir(), disktest.New()
			store, err := filestore.OpenOn(dir, d)
			require.NoError(t, err)
			log, err := audit.Open(t.Context(), store, patient)
			require.NoError(t, err)
			_, err = log.Append(t.Context(), audittest.Entry(0))
			require.NoError(t, err)

			d.Fail(tt.op, tt.err)
			_, err = log.Append(t.Context(), audittest.Entry(1))
			require.ErrorIs(t, err, audit.ErrUncertain)
			require.ErrorIs(t, err, tt.err)
			assert.EqualValues(t, 1, log.Size())

			d.Fail(tt.op, nil) // the disk is well again, but the log does not trust it
			syncs := d.Syncs()
			_, err = log.Append(t.Context(), audittest.Entry(2))
			require.ErrorIs(t, err, audit.ErrUnavailable)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, syncs, d.Syncs(), "nothing may be synced again")

			r, err := log.Append(t.Context(), audittest.Entry(0))
			require.NoError(t, err, "what is known to be there can still be asked for")
			assert.Zero(t, r.Index)
			_, err = log.Verify(t.Context())
			require.NoError(t, err, "what was acknowledged can still be verified")
			require.NoError(t, log.Close())
			require.NoError(t, store.Close())

			store, err = filestore.Open(dir, nil)
			require.NoError(t, err)
			defer store.Close()
			log, err = audit.Open(t.Context(), store, patient)
			require.NoError(t, err)
			defer log.Close()
			_, err = log.Get(t.Context(), "entry-1")
			assert.Equal(t, tt.keeps, err == nil)
			assert.Equal(t, tt.op == disktest.ShortWrite, store.Torn() > 0)

			r, err = log.Append(t.Context(), audittest.Entry(1))
			require.NoError(t, err, "the uncertain entry is settled by appending it again")
			assert.EqualValues(t, 1, r.Index)
			report, err := log.Verify(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, 2, report.Entries)
		})
	}
}

// The store itself refuses too, whoever uses it.
func TestStoreStaysFailed(t *testing.T) {
	d := disktest.New()
	store, err := filestore.OpenOn(t.TempDir(), d)
	require.NoError(t, err)
	defer store.Close()
	signer, _ := audittest.NewKey(t)
	batch := audittest.Batches(t, signer, 1)[0]
	d.Fail(disktest.Sync, syscall.EIO)
	require.ErrorIs(t, store.Append(t.Context(), batch), syscall.EIO)
	d.Fail(disktest.Sync, nil)
	require.ErrorIs(t, store.Append(t.Context(), batch), syscall.EIO)
}

// After a failed sync the system's memory holds what the disk does not. What a
// reopened log shows must be on the disk all the same.
func TestFailedSyncThenPowerLoss(t *testing.T) {
	dir, d := t.TempDir(), disktest.New()
	signer, verifiers := audittest.NewKey(t)
	opts := &audit.Options{Signer: signer, Verifiers: verifiers, MaxWait: patience}
	run(t, dir, d, opts, func(log *audit.Log) {
		_, err := log.Append(t.Context(), audittest.Entry(0))
		require.NoError(t, err)
		d.Fail(disktest.Sync, syscall.EIO)
		_, err = log.Append(t.Context(), audittest.Entry(1))
		require.ErrorIs(t, err, audit.ErrUncertain)
		d.Fail(disktest.Sync, nil)
	})
	run(t, dir, d, opts, func(log *audit.Log) {
		r, err := log.Append(t.Context(), audittest.Entry(1))
		require.NoError(t, err, "from here on it is acknowledged")
		require.EqualValues(t, 1, r.Index)
		d.LosePower(0)
	})
	require.NoError(t, d.Restart(rand.New(rand.NewPCG(1, 1))))
	run(t, dir, d, opts, func(log *audit.Log) {
		_, err := log.Get(t.Context(), "entry-1")
		require.NoError(t, err)
	})
}

// After the power fails, any part of what was not synced may be on the disk.
// What was acknowledged must be.
func TestPowerLoss(t *testing.T) {
	const rounds = 150
	signer, verifiers := audittest.NewKey(t)
	opts := &audit.Options{Signer: signer, Verifiers: verifiers, MaxWait: patience}
	torn, more := 0, 0
	for seed := range uint64(rounds) {
		chance := rand.New(rand.NewPCG(seed, 1))
		dir, d := filepath.Join(t.TempDir(), "log"), disktest.New()
		acknowledged := map[int]bool{}
		for range 3 {
			d.LosePower(chance.IntN(25))
			next := len(acknowledged)
			run(t, dir, d, opts, func(log *audit.Log) {
				for i := next; ; i++ {
					e := audittest.Entry(i)
					e.Note = fmt.Sprintf("%0*d", chance.IntN(2000), i)
					if _, err := log.Append(t.Context(), e); err != nil {
						require.ErrorIs(t, err, disktest.ErrPower)
						return
					}
					acknowledged[i] = true
				}
			})
			require.NoError(t, d.Restart(chance))

			run(t, dir, d, opts, func(log *audit.Log) {
				for i := range acknowledged {
					_, err := log.Get(t.Context(), audittest.Entry(i).ID)
					require.NoError(t, err, "seed %d: entry %d was acknowledged", seed, i)
				}
				report, err := log.Verify(t.Context())
				require.NoError(t, err, "seed %d", seed)
				if n := int(report.Entries); n > len(acknowledged) {
					more++
					acknowledged[n-1] = true // it is there now, and stays
				}
			}, func(store *filestore.Store) { torn += int(min(store.Torn(), 1)) })
		}
	}
	assert.NotZero(t, torn, "no round had a torn write: the test tests nothing")
	assert.NotZero(t, more, "no round had a whole write without acknowledgment")
}

// run opens the log, if the disk lets it, and closes it after do.
func run(t *testing.T, dir string, d *disktest.Disk, opts *audit.Options, do func(*audit.Log), look ...func(*filestore.Store)) {
	t.Helper()
	store, err := filestore.OpenOn(dir, d)
	if err != nil {
		require.ErrorIs(t, err, disktest.ErrPower)
		return
	}
	for _, f := range look {
		f(store)
	}
	log, err := audit.Open(t.Context(), store, opts)
	require.NoError(t, err)
	do(log)
	require.NoError(t, log.Close())
	if err := store.Close(); err != nil && !errors.Is(err, disktest.ErrPower) {
		require.NoError(t, err)
	}
}
