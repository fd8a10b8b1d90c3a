package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/internal/testpg"
)

// envHalt holds the database of a child that executes, one request at a time,
// until it is told to stop; envHaltLog is the folder of its log.
const (
	envHalt    = "POSAI_APPROVAL_TEST_HALT"
	envHaltLog = "POSAI_APPROVAL_TEST_HALT_LOG"
)

// haltChild executes until its standard input ends.
func haltChild() error {
	ctx := context.Background()
	q, done, err := haltQueue(ctx, os.Getenv(envHalt), os.Getenv(envHaltLog), func(line string) { fmt.Println(line) })
	if err != nil {
		return err
	}
	if err := q.Start(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := q.Stop(ctx); err != nil {
		return err
	}
	return done()
}

// haltQueue returns a queue whose calls last until they are canceled, and say
// so.
func haltQueue(ctx context.Context, url, dir string, say func(string)) (*approval.Queue, func() error, error) {
	store, err := sqlstore.Open(ctx, url, &sqlstore.Options{Workers: 1})
	if err != nil {
		return nil, nil, err
	}
	logStore, err := filestore.Open(dir, nil)
	if err != nil {
		return nil, nil, err
	}
	log, err := audit.Open(ctx, logStore, nil)
	if err != nil {
		return nil, nil, err
	}
	policy := approval.Rules("1",
		approval.Rule{When: func(r *approval.Request) (bool, error) { return strings.HasPrefix(r.Key, "ask"), nil }, Then: approval.Ask(approval.Role("manager"), time.Hour, "asked")},
		approval.Rule{Then: approval.Allow("always")})
	q, err := approval.NewQueue(store, log, policy, nil)
	if err != nil {
		return nil, nil, err
	}
	err = approval.Register(q, approval.Executor[visit, string]{
		Execute: func(ctx context.Context, e approval.Execution, _ visit) (string, error) {
			say("called " + e.Request.Key)
			select {
			case <-ctx.Done():
				if errors.Is(context.Cause(ctx), approval.ErrStopped) {
					say("fenced " + e.Request.Key)
				}
				return "", approval.Unknown(context.Cause(ctx))
			case <-time.After(5 * time.Minute):
				return "too late", nil
			}
		},
		Find: func(context.Context, approval.Execution, visit) (string, bool, error) { return "", false, nil },
	})
	return q, func() error { return errors.Join(log.Close(), logStore.Close(), store.Close()) }, err
}

// TestKillSwitchInAllProcesses: a switch that one process sets cancels the calls
// under way in all, and what waits is not executed by any.
func TestKillSwitchInAllProcesses(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		// One process owns the file; its queues are as processes.
		killSwitch(t, sqliteURL(t), func(t *testing.T, url string, say func(string)) {
			q, done, err := haltQueue(t.Context(), url, filepath.Join(t.TempDir(), "log"), say)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, done()) })
			startQueue(t, q)
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		killSwitch(t, testpg.URL(t), func(t *testing.T, url string, say func(string)) {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), envHalt+"="+url, envHaltLog+"="+filepath.Join(t.TempDir(), "log"))
			child.Stderr = os.Stderr
			in, err := child.StdinPipe()
			require.NoError(t, err)
			out, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			lines, read := bufio.NewScanner(out), make(chan struct{})
			require.True(t, lines.Scan())
			require.Equal(t, "ready", lines.Text())
			go func() {
				defer close(read)
				for lines.Scan() {
					say(lines.Text())
				}
			}()
			t.Cleanup(func() {
				assert.NoError(t, in.Close())
				<-read
				assert.NoError(t, child.Wait())
			})
		})
	})
}

// killSwitch runs the test with processes that join starts.
func killSwitch(t *testing.T, url string, join func(t *testing.T, url string, say func(string))) {
	const processes = 3
	here, done, err := haltQueue(t.Context(), url, filepath.Join(t.TempDir(), "log"), func(string) {})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, done()) })
	type said struct {
		line string
		by   int
	}
	heard := make(chan said, 100)
	for i := range processes {
		join(t, url, func(line string) { heard <- said{line, i} })
	}
	// Another kind of scope is none of theirs.
	_, err = here.Halt(t.Context(), approval.Switch{Mode: approval.Kill, Scope: approval.Scope{Kind: "test.other"}, By: approvaltest.Manager("manager-1")})
	require.NoError(t, err)

	// Each process is at one; what comes after waits for a worker, or for a
	// person.
	called := map[int]string{}
	for i := range processes {
		_, err := here.Propose(t.Context(), visit{"x"}, proposal(fmt.Sprint("running-", i)))
		require.NoError(t, err)
		s := next(t, heard)
		require.True(t, strings.HasPrefix(s.line, "called running-"), s.line)
		require.Empty(t, called[s.by], "one at a time")
		called[s.by] = strings.TrimPrefix(s.line, "called ")
	}
	require.Len(t, called, processes)
	waiting, err := here.Propose(t.Context(), visit{"x"}, proposal("waiting"))
	require.NoError(t, err)
	asked, err := here.Propose(t.Context(), visit{"x"}, proposal("ask"))
	require.NoError(t, err)

	began := time.Now()
	_, err = here.Halt(t.Context(), approval.Switch{Mode: approval.Kill, Scope: approval.Scope{Kind: visit{}.Kind()}, By: approvaltest.Manager("manager-1"), Reason: "it misbehaves"})
	require.NoError(t, err)
	for range processes {
		s := next(t, heard)
		require.Equal(t, "fenced "+called[s.by], s.line)
		delete(called, s.by)
	}
	took := time.Since(began)
	t.Logf("calls in %d processes canceled after %v", processes, took.Round(time.Millisecond))
	if os.Getenv("POSAI_FULL") != "" {
		assert.Less(t, took, 5*time.Second)
	}

	// Nobody calls anything any more, and people are told.
	require.Eventually(t, func() bool {
		r, err := here.Get(t.Context(), waiting.ID)
		return err == nil && r.State == approval.Failed
	}, soon, 10*time.Millisecond)
	_, err = here.Decide(t.Context(), approval.Decision{RequestID: asked.ID, Digest: asked.Digest, Verdict: approval.Approve, By: approvaltest.Manager("manager-2")})
	require.ErrorIs(t, err, approval.ErrStopped)
	late, err := here.Propose(t.Context(), visit{"x"}, proposal("late"))
	require.NoError(t, err)
	assert.Equal(t, approval.Denied, late.State)
	for r, err := range here.List(t.Context(), approval.Filter{}) {
		require.NoError(t, err)
		if strings.HasPrefix(r.Key, "running-") {
			continue // their read-back is under way
		}
		if r.Execution != nil {
			assert.Zero(t, r.Execution.Attempt, r.Key)
		}
	}
	assert.Empty(t, heard)
}

func next[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Minute):
		require.FailNow(t, "nothing is heard")
		panic("unreachable")
	}
}
