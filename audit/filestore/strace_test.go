package filestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// live is the life of a process that makes a log, its key included, appends alone
// and from many goroutines at once, archives and closes. It prints each ID after
// it is acknowledged.
func live(dir string) error {
	ctx := context.Background()
	store, err := filestore.Open(dir, small())
	if err != nil {
		return err
	}
	log, err := audit.Open(ctx, store, patient)
	if err != nil {
		return err
	}
	add := func() error {
		e := audittest.Entry(0)
		e.ID = ""
		r, err := log.Append(ctx, e)
		if err == nil {
			fmt.Println(r.Entry.ID) // one write: a line is printed whole
		}
		return err
	}
	for _, together := range []int{1, 300, 1, 260, 1} {
		errs := make([]error, together)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = add() })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return errors.Join(store.WaitArchived(ctx), log.Close(), store.Close())
}

// The process is killed as it enters a system call that changes the disk: the
// first, the second, … of each kind in each thread; without POSAI_FULL=1 the first,
// the third, the ninth, …. What it had printed was acknowledged and is there.
// Without strace, or where it may not trace, a loss of power at every operation of
// a file system with faults stands in.
func TestKillAtEverySystemCall(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.CommandContext(t.Context(), strace, "-f", "-o", os.DevNull, "true").Run()
	}
	if err != nil {
		t.Logf("strace: %v; with a file system that loses its power instead", err)
		faultAtEveryOperation(t, "power")
		return
	}
	t.Log("with strace")
	full := os.Getenv("POSAI_FULL") != ""
	kills := map[string]int{}
	for _, call := range []string{
		"openat", "mkdirat", "write", "pwrite64", "fallocate", "ftruncate", "fdatasync", "fsync", "renameat", "unlinkat",
	} {
		for n := 1; ; {
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", os.DevNull,
				"-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), exe)
			cmd.Env = append(os.Environ(), "AUDIT_TEST_LIVE_IN="+dir, "GOMAXPROCS=2")
			out, err := cmd.Output()
			if err == nil {
				break // it has none that many times
			}
			failed, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok && !failed.Exited(), "%s %d: %v: %s", call, n, err, failed.Stderr)
			kills[call]++
			afterKill(t, dir, string(out), fmt.Sprintf("%s %d", call, n))
			if full {
				n++
			} else {
				n *= 3
			}
		}
	}
	t.Log("killed at", kills)
	for _, call := range []string{"openat", "pwrite64", "fdatasync", "fsync", "renameat", "unlinkat"} {
		require.NotZero(t, kills[call], call)
	}
}

// afterKill opens what the killed process left: whatever it had acknowledged is
// there, the log is whole, and goes on.
func afterKill(t *testing.T, dir, printed, what string) {
	t.Helper()
	store, log := openLog(t, dir)
	var ids []string
	for lines := bufio.NewScanner(strings.NewReader(printed)); lines.Scan(); {
		ids = append(ids, lines.Text())
	}
	for _, id := range ids {
		_, err := log.Get(t.Context(), id)
		require.NoError(t, err, "%s: %s was acknowledged", what, id)
	}
	_, err := log.Append(t.Context(), audittest.Entry(1))
	require.NoError(t, err, what)
	report, err := log.Verify(t.Context())
	require.NoError(t, err, what)
	require.Greater(t, report.Entries, int64(len(ids)), what)
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), len(ids))
}
