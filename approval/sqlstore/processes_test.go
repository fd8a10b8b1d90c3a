package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
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

const soon = time.Minute

// visit is the action of these tests.
type visit struct {
	Customer string `json:"customer"`
}

func (visit) Kind() string    { return "test.visit" }
func (visit) Validate() error { return nil }

// newQueue returns a queue with a log of its own on the store.
func newQueue(t *testing.T, store approval.Store, policy approval.Policy, calls func(approval.Execution)) *approval.Queue {
	t.Helper()
	logStore, err := filestore.Open(t.TempDir(), nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), logStore, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, log.Close())
		require.NoError(t, logStore.Close())
	})
	q, err := approval.NewQueue(store, log, policy, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(q, approval.Executor[visit, string]{
		Execute: func(_ context.Context, e approval.Execution, _ visit) (string, error) {
			calls(e)
			return "done <&>", nil
		},
	}))
	return q
}

func startQueue(t *testing.T, q *approval.Queue) {
	t.Helper()
	require.NoError(t, q.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		assert.NoError(t, q.Stop(ctx))
	})
}

var (
	ask   = approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "always")})
	allow = approval.Rules("1", approval.Rule{Then: approval.Allow("always")})
)

func proposal(key string) approval.Proposal {
	return approval.Proposal{Key: key, Proposer: approvaltest.Model("model-1")}
}

// TestDecideAndExecute: many requests, many deciders each, two queues on one
// database: each is decided once and executed once. POSAI_FULL=1 makes it 200
// requests and 32 deciders.
func TestDecideAndExecute(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		requests, deciders := 6, 8
		if os.Getenv("POSAI_FULL") != "" {
			requests, deciders = 200, 32
		}
		var mu sync.Mutex
		calls := map[string]int{}
		called := func(e approval.Execution) {
			mu.Lock()
			defer mu.Unlock()
			calls[e.RequestID]++
		}
		var queues []*approval.Queue
		for range 2 {
			q := newQueue(t, open(t, url, nil), ask, called)
			startQueue(t, q)
			queues = append(queues, q)
		}
		for i := range requests {
			// The texts have what JSON may escape.
			r, err := queues[i%2].Propose(t.Context(), visit{"a <b> & \u2028 c"}, proposal(fmt.Sprint("key", i)))
			require.NoError(t, err)
			won := make(chan string, deciders)
			var wg sync.WaitGroup
			for j := range deciders {
				wg.Go(func() {
					by := approvaltest.Manager(fmt.Sprint("manager-", j))
					_, err := queues[j%2].Decide(t.Context(), approval.Decision{
						RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: by, Channel: "test",
					})
					if err == nil {
						won <- by.ID
					} else {
						assert.ErrorIs(t, err, approval.ErrDecided)
					}
				})
			}
			wg.Wait()
			require.Len(t, won, 1)
			var done *approval.Request
			require.Eventually(t, func() bool {
				done, err = queues[(i+1)%2].Get(t.Context(), r.ID)
				return err == nil && done.State.Final()
			}, soon, 5*time.Millisecond)
			assert.Equal(t, approval.Executed, done.State, "%+v", done.Execution)
			require.Len(t, done.Decisions, 1)
			assert.Equal(t, <-won, done.Decisions[0].By.ID)
			result, err := approval.ResultOf[string](done)
			require.NoError(t, err)
			assert.Equal(t, "done <&>", result)
		}
		mu.Lock()
		defer mu.Unlock()
		assert.Len(t, calls, requests)
		for id, n := range calls {
			assert.Equal(t, 1, n, id)
		}
	})
}

// TestChangesOfOtherProcesses: what one process changes, the subscribers of
// another learn.
func TestChangesOfOtherProcesses(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	here := newQueue(t, open(t, url, quick), ask, func(approval.Execution) {})
	startQueue(t, here)
	there := newQueue(t, open(t, url, nil), ask, func(approval.Execution) {})
	changes := here.Subscribe(t.Context())
	for i := range 3 {
		r, err := there.Propose(t.Context(), visit{"x"}, proposal(fmt.Sprint("key", i)))
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			select {
			case c := <-changes:
				return c.ID == r.ID
			default:
				return false
			}
		}, soon, 5*time.Millisecond)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"nothing":      "",
		"another kind": "mysql://user:hunter2@db.example.com/x",
		"no server":    "postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=1",
		"no folder":    "sqlite:///nowhere/at/all/x.db",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqlstore.Open(t.Context(), url, nil)
			require.Error(t, err)
			assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "hunter2")
			assert.True(t, strings.HasPrefix(err.Error(), "sqlstore: "), err.Error())
		})
	}
}
