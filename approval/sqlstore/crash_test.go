package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/internal/testpg"
)

// What a child process is told: the database, the folder of the log, the
// outside world, whether it can read back, and at which of its steps it kills
// itself (0: never).
const (
	envURL   = "POSAI_APPROVAL_TEST_URL"
	envLog   = "POSAI_APPROVAL_TEST_LOG"
	envWorld = "POSAI_APPROVAL_TEST_WORLD"
	envFind  = "POSAI_APPROVAL_TEST_FIND"
	envKill  = "POSAI_APPROVAL_TEST_KILL"
)

func TestMain(m *testing.M) {
	if os.Getenv(envURL) != "" {
		if err := child(); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// quick finds out in a second, on PostgreSQL, that a process is gone.
var quick = &sqlstore.Options{Heartbeat: 250 * time.Millisecond, DeadAfter: time.Second, PollInterval: 200 * time.Millisecond}

type visit struct {
	Customer string `json:"customer"`
}

func (visit) Kind() string    { return "test.visit" }
func (visit) Validate() error { return nil }

// step is one place where a child may die: kill -9, nothing is flushed, no
// deferred function runs.
type stepper struct {
	kill int64
	n    atomic.Int64
}

func (s *stepper) step(name string) {
	if n := s.n.Add(1); n == s.kill {
		fmt.Println("killed:", name)
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = self.Kill()
		}
		select {}
	}
}

// dyingStore and dyingLog die before or after what they store.
type dyingStore struct {
	*sqlstore.Store
	*stepper
}

func (s dyingStore) Insert(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, bool, error) {
	s.step("before insert")
	defer s.step("after insert")
	return s.Store.Insert(ctx, r, wake...)
}

func (s dyingStore) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	s.step("before update to " + string(r.Request.State))
	defer s.step("after update to " + string(r.Request.State))
	return s.Store.Update(ctx, r, wake...)
}

type dyingLog struct {
	*filestore.Store
	*stepper
}

func (s dyingLog) Append(ctx context.Context, b audit.Batch) error {
	s.step("before append")
	defer s.step("after append")
	return s.Store.Append(ctx, b)
}

// child proposes, approves and waits for the execution, whatever earlier
// children did of it.
func child() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	kill, err := strconv.ParseInt(os.Getenv(envKill), 10, 64)
	if err != nil {
		return err
	}
	steps := &stepper{kill: kill}
	logStore, err := filestore.Open(os.Getenv(envLog), nil)
	if err != nil {
		return err
	}
	log, err := audit.Open(ctx, dyingLog{logStore, steps}, nil)
	if err != nil {
		return err
	}
	store, err := sqlstore.Open(ctx, os.Getenv(envURL), quick)
	if err != nil {
		return err
	}
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "always")})
	q, err := approval.NewQueue(dyingStore{store, steps}, log, policy, &approval.Options{
		Backoff: func(int) time.Duration { return 20 * time.Millisecond },
	})
	if err != nil {
		return err
	}
	if err := approval.Register(q, executor(steps)); err != nil {
		return err
	}
	if err := q.Start(ctx); err != nil {
		return err
	}
	r, err := q.Propose(ctx, visit{"gid://shopify/Customer/1"}, approval.Proposal{
		Key: "visit-1", Proposer: approval.Principal{ID: "model-1", Type: approval.AI},
	})
	if err != nil {
		return err
	}
	_, err = q.Decide(ctx, approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, Channel: "test",
		By: approval.Principal{ID: "manager-1", Type: approval.Human, Roles: []string{"manager"}},
	})
	if err != nil && !errors.Is(err, approval.ErrDecided) {
		return err
	}
	for {
		rec, err := store.Get(ctx, r.ID)
		if err != nil {
			return err
		}
		if state := rec.Request.State; (state == approval.Uncertain || state.Final()) && len(rec.Outbox) == 0 {
			fmt.Println("state:", state)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// executor calls the world over HTTP. The world does not know idempotency.
func executor(steps *stepper) approval.Executor[visit, string] {
	call := func(ctx context.Context, method, key string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, method, os.Getenv(envWorld)+"/"+key, nil)
		if err != nil {
			return "", approval.Permanent(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", approval.Unknown(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return "", approval.Unknown(err)
		}
		return string(body), nil
	}
	ex := approval.Executor[visit, string]{
		Settle: 50 * time.Millisecond,
		Execute: func(ctx context.Context, e approval.Execution, _ visit) (string, error) {
			steps.step("before the call")
			defer steps.step("after the call, its response lost")
			return call(ctx, http.MethodPost, e.IdempotencyKey)
		},
	}
	if os.Getenv(envFind) != "" {
		ex.Find = func(ctx context.Context, e approval.Execution, _ visit) (string, bool, error) {
			steps.step("before the read-back")
			found, err := call(ctx, http.MethodGet, e.IdempotencyKey)
			steps.step("after the read-back")
			return found, found != "", err
		}
	}
	return ex
}

// world counts effects.
type world struct {
	*httptest.Server
	mu      sync.Mutex
	effects map[string]int
}

func newWorld(t *testing.T) *world {
	w := &world{effects: make(map[string]int)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.Method == http.MethodPost {
			w.effects[r.URL.Path]++
		}
		if w.effects[r.URL.Path] > 0 {
			_, _ = io.WriteString(out, "it happened")
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *world) total() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, effects := range w.effects {
		n += effects
	}
	return n
}

// crash is one run: a child that dies at a step, perhaps a second that dies
// too, and one that lives.
type crash struct {
	url, log string
	world    *world
	find     bool
}

// run starts a child and returns what it said, and whether it was killed.
func (c crash) run(t *testing.T, kill int) (said string, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envURL+"="+c.url, envLog+"="+c.log, envWorld+"="+c.world.URL, envKill+"="+strconv.Itoa(kill))
	if c.find {
		cmd.Env = append(cmd.Env, envFind+"=1")
	}
	out, err := cmd.Output()
	said = strings.TrimSpace(string(out))
	if err != nil && !strings.HasPrefix(said, "killed: ") {
		require.FailNow(t, "the child failed", "%v: %s", err, said)
	}
	// A child that reaches its step while it is about to end may do both.
	return said, err != nil || strings.HasPrefix(said, "killed: ")
}

// check is what must hold when the dust has settled.
func (c crash) check(t *testing.T, killed, said string) {
	t.Helper()
	logStore, err := filestore.Open(c.log, nil)
	require.NoError(t, err)
	defer logStore.Close()
	log, err := audit.Open(t.Context(), logStore, nil)
	require.NoError(t, err)
	defer log.Close()
	var order []audit.Kind
	counts := map[audit.Kind]int{}
	for rec, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "approval"}}) {
		require.NoError(t, err)
		order = append(order, rec.Entry.Kind)
		counts[rec.Entry.Kind]++
	}
	for _, kind := range []audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindDecided} {
		assert.Equal(t, 1, counts[kind], "%s: %v", killed, order)
	}
	switch said {
	case "state: executed":
		assert.Equal(t, 1, c.world.total(), "%s: effects", killed)
		assert.Equal(t, 1, counts[audit.KindEffect], "%s: %v", killed, order)
		assert.Equal(t, audit.KindEffect, order[len(order)-1], "%s: %v", killed, order)
	case "state: uncertain":
		assert.False(t, c.find, "%s: it could have been found out", killed)
		assert.LessOrEqual(t, c.world.total(), 1, "%s: effects", killed)
		assert.Zero(t, counts[audit.KindEffect], "%s: %v", killed, order)
	default:
		assert.Fail(t, "unexpected end", "%s: %s", killed, said)
	}
}

// TestCrash kills the process with signal 9 at its steps, one after the other:
// around every write to the database and to the log, before the call, after
// its effect. Whatever happens, there is one effect.
func TestCrash(t *testing.T) {
	t.Parallel()
	postgres := func(t *testing.T) string { return testpg.URL(t) }
	for _, test := range []struct {
		name   string
		url    func(*testing.T) string
		find   bool
		stride int
	}{
		{"SQLite, with read-back", sqliteURL, true, 1},
		{"SQLite, without read-back", sqliteURL, false, 3},
		{"PostgreSQL, with read-back", postgres, true, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				test.stride *= 4
			}
			died := 0
			for kill := 1; ; kill += test.stride {
				c := crash{url: test.url(t), log: filepath.Join(t.TempDir(), "log"), world: newWorld(t), find: test.find}
				said, killed := c.run(t, kill)
				if !killed {
					c.check(t, "alive", said)
					break // it has no more steps
				}
				died++
				// The next one dies too, early in what it takes over.
				if kill%3 == 0 {
					again, twice := c.run(t, 1+kill%5)
					if twice {
						said += ", then " + again
					}
				}
				end, _ := c.run(t, 0)
				c.check(t, said, end)
			}
			t.Logf("died at %d steps", died)
			assert.GreaterOrEqual(t, died*test.stride, 20)
		})
	}
}
