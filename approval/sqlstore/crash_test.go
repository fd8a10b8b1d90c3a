package sqlstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	"github.com/posai-go/posai/shopify/shopifytest"
)

// What a child process is told: the database, the folder of the log, the
// simulated shop and its token, whether it can read back; the visit that it
// finishes first because an earlier child may have left it, and the one that it
// makes then; and at which of its steps at the one and at the other it kills
// itself (0: never).
const (
	envURL    = "POSAI_APPROVAL_TEST_URL"
	envLog    = "POSAI_APPROVAL_TEST_LOG"
	envShop   = "POSAI_APPROVAL_TEST_SHOP"
	envToken  = "POSAI_APPROVAL_TEST_TOKEN"
	envFind   = "POSAI_APPROVAL_TEST_FIND"
	envVisits = "POSAI_APPROVAL_TEST_VISITS"
	envKills  = "POSAI_APPROVAL_TEST_KILLS"
)

func TestMain(m *testing.M) {
	for env, run := range map[string]func() error{envURL: child, envHalt: haltChild} {
		if os.Getenv(env) == "" {
			continue
		}
		if err := run(); err != nil {
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

// stepper counts the places where a child may die: kill -9, nothing is flushed,
// no deferred function runs.
type stepper struct{ left atomic.Int64 }

func (s *stepper) step(name string) {
	if s.left.Add(-1) == 0 {
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

// child makes the visits that it is told, whatever earlier children did of
// them.
func child() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	steps := new(stepper)
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
	kills := strings.Fields(os.Getenv(envKills))
	for i, key := range strings.Fields(os.Getenv(envVisits)) {
		kill, err := strconv.ParseInt(kills[i], 10, 64)
		if err != nil {
			return err
		}
		steps.left.Store(kill)
		if i == 0 {
			// Not before it may die: a start takes over what is due.
			if err := q.Start(ctx); err != nil {
				return err
			}
		}
		if err := makeVisit(ctx, q, store, key); err != nil {
			return err
		}
	}
	return nil
}

// makeVisit proposes, approves and waits for the execution.
func makeVisit(ctx context.Context, q *approval.Queue, store *sqlstore.Store, key string) error {
	r, err := q.Propose(ctx, visit{"gid://shopify/Customer/1"}, approval.Proposal{
		Key: key, Proposer: approval.Principal{ID: "model-1", Type: approval.AI},
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
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

const (
	createDraft = `mutation($key: String!) {
		draftOrderCreate(input: {note: $key, lineItems: [{title: "Visit", quantity: 1, originalUnitPriceWithCurrency: {amount: "1.00", currencyCode: USD}}]}) {
			draftOrder { id } userErrors { message }
		}
	}`
	readDrafts = `query { draftOrders(first: 50, reverse: true) { nodes { id note2 } } }`
)

// executor creates a draft order, which Shopify does not do idempotently.
func executor(steps *stepper) approval.Executor[visit, string] {
	ex := approval.Executor[visit, string]{
		Settle: 50 * time.Millisecond,
		Execute: func(ctx context.Context, e approval.Execution, _ visit) (string, error) {
			steps.step("before the call")
			defer steps.step("after the call, its response lost")
			var data struct {
				DraftOrderCreate struct{ DraftOrder struct{ ID string } }
			}
			err := callShop(ctx, createDraft, map[string]string{"key": e.IdempotencyKey}, &data)
			return data.DraftOrderCreate.DraftOrder.ID, err
		},
	}
	if os.Getenv(envFind) != "" {
		ex.Find = func(ctx context.Context, e approval.Execution, _ visit) (string, bool, error) {
			steps.step("before the read-back")
			var data struct {
				DraftOrders struct {
					Nodes []struct{ ID, Note2 string }
				}
			}
			err := callShop(ctx, readDrafts, nil, &data)
			steps.step("after the read-back")
			for _, d := range data.DraftOrders.Nodes {
				if d.Note2 == e.IdempotencyKey {
					return d.ID, true, err
				}
			}
			return "", false, err
		}
	}
	return ex
}

// callShop sends a GraphQL operation to the simulated shop.
func callShop(ctx context.Context, query string, variables map[string]string, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return approval.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv(envShop)+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	if err != nil {
		return approval.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", os.Getenv(envToken))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return approval.Unknown(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return approval.Unknown(err)
	}
	if answer.Errors != nil {
		return approval.Permanent(fmt.Errorf("%s", answer.Errors))
	}
	return json.Unmarshal(answer.Data, data)
}

// crash is a database, a log and a shop in which one child after the other dies.
type crash struct {
	url, log string
	shop     *shopifytest.Shop
	find     bool
	deaths   map[string][]string // by visit: at which steps, one after the other
	steps    map[string]int      // how often anybody died there
}

// run starts a child that makes the visits, and reports whether it was killed.
// The last visit is the one at which that is noted.
func (c *crash) run(visits []string, kills ...int) (killed bool, err error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envURL+"="+c.url, envLog+"="+c.log, envShop+"="+c.shop.URL(), envToken+"="+c.shop.Token(),
		envVisits+"="+strings.Join(visits, " "), envKills+"="+strings.Trim(fmt.Sprint(kills), "[]"))
	if c.find {
		cmd.Env = append(cmd.Env, envFind+"=1")
	}
	out, err := cmd.Output()
	step, killed := strings.CutPrefix(strings.TrimSpace(string(out)), "killed: ")
	if killed {
		last := visits[len(visits)-1]
		c.deaths[last] = append(c.deaths[last], step)
		c.steps[step]++
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("visits %v, kills %v: the child failed: %w: %s", visits, kills, err, out)
	}
	return false, nil
}

// kill makes the rounds: in each, the steps of a visit are counted and a child
// dies at every one of them, or at every stride-th. The next child finishes what
// it left before its own visit begins; now and then one dies on the way.
func (c *crash) kill(rounds, stride int) (visits int, err error) {
	name := func(n int) string { return "visit-" + strconv.Itoa(n) }
	left := []string{} // what the next child has to finish
	for round := range rounds {
		for kill := 1; ; kill += stride {
			visits++
			kills := make([]int, len(left), 2)
			killed, err := c.run(append(left, name(visits)), append(kills, kill)...)
			if err != nil {
				return visits, err
			}
			left = []string{name(visits)}
			if !killed {
				break
			}
			// The next one dies too, early in what it takes over.
			if kill%3 == round%3 {
				if _, err := c.run(left, 1+(kill+round)%5); err != nil {
					return visits, err
				}
			}
		}
	}
	_, err = c.run(left, 0)
	return visits, err
}

// check is what must hold of each visit when the dust has settled.
func (c *crash) check(t *testing.T, visits int) (uncertain int) {
	t.Helper()
	logStore, err := filestore.Open(c.log, nil)
	require.NoError(t, err)
	defer logStore.Close()
	log, err := audit.Open(t.Context(), logStore, nil)
	require.NoError(t, err)
	defer log.Close()
	order := map[string][]audit.Kind{}
	for rec, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "approval"}}) {
		require.NoError(t, err)
		order[rec.Entry.Subjects[0].ID] = append(order[rec.Entry.Subjects[0].ID], rec.Entry.Kind)
	}
	effects := map[string]int{}
	for _, draft := range c.shop.DraftOrders() {
		effects[draft.Note]++
	}
	store, err := sqlstore.Open(t.Context(), c.url, nil)
	require.NoError(t, err)
	defer store.Close()
	q, err := approval.NewQueue(store, log, approval.Rules("1"), nil)
	require.NoError(t, err)
	seen := 0
	for r, err := range q.List(t.Context(), approval.Filter{}) {
		require.NoError(t, err)
		seen++
		killed, kinds := c.deaths[r.Key], order[r.ID]
		for _, kind := range []audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindDecided} {
			assert.Equal(t, 1, count(kinds, kind), "%s: killed %q: %s: %v", r.Key, killed, kind, kinds)
		}
		require.NotNil(t, r.Execution, "%s: killed %q: %s", r.Key, killed, r.State)
		happened := effects[r.Execution.IdempotencyKey]
		switch r.State {
		case approval.Executed:
			assert.Equal(t, 1, happened, "%s: killed %q: effects", r.Key, killed)
			assert.Equal(t, 1, count(kinds, audit.KindEffect), "%s: killed %q: %v", r.Key, killed, kinds)
			assert.Equal(t, audit.KindEffect, kinds[len(kinds)-1], "%s: killed %q: %v", r.Key, killed, kinds)
		case approval.Uncertain:
			uncertain++
			assert.False(t, c.find, "%s: killed %q: it could have been found out", r.Key, killed)
			assert.LessOrEqual(t, happened, 1, "%s: killed %q: effects", r.Key, killed)
			assert.Zero(t, count(kinds, audit.KindEffect), "%s: killed %q: %v", r.Key, killed, kinds)
		default:
			assert.Fail(t, "unexpected end", "%s: killed %q: %s", r.Key, killed, r.State)
		}
	}
	assert.Equal(t, visits, seen, "a proposal was lost")
	return uncertain
}

func count(kinds []audit.Kind, kind audit.Kind) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// emptyShop is a shop in which nothing has happened.
func emptyShop(t *testing.T) *shopifytest.Data {
	t.Helper()
	data := shopifytest.GenerateData(1, time.Now())
	data.Orders, data.Customers = nil, nil
	return data
}

// TestCrash kills the process with signal 9 at its steps, one after the other:
// around every write to the database and to the log, before the call, after
// its effect. Whatever happens, the shop has one draft order for each visit, or
// a person is told that it is not known. POSAI_FULL=1 kills 200 times at every
// step in each setting.
func TestCrash(t *testing.T) {
	t.Parallel()
	postgres := func(t *testing.T) string { return testpg.URL(t) }
	for _, test := range []struct {
		name   string
		url    func(*testing.T) string
		find   bool
		stride int // between the steps at which it is killed
		side   int // how many databases side by side, at full size
	}{
		{"SQLite, with read-back", sqliteURL, true, 1, 2},
		{"SQLite, without read-back", sqliteURL, false, 1, 2},
		// The next process waits there until the dead one counts as dead.
		{"PostgreSQL, with read-back", postgres, true, 4, 20},
		{"PostgreSQL, without read-back", postgres, false, 4, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rounds, stride, side := 1, test.stride, 1
			if os.Getenv("POSAI_FULL") != "" {
				rounds, stride, side = 200/test.side, 1, test.side
			}
			crashes := make([]*crash, side)
			visits, errs := make([]int, side), make([]error, side)
			var wg sync.WaitGroup
			for i := range crashes {
				c := &crash{
					url: test.url(t), log: filepath.Join(t.TempDir(), "log"), find: test.find,
					shop:   shopifytest.NewShop(t, &shopifytest.Options{Data: emptyShop(t)}),
					deaths: map[string][]string{}, steps: map[string]int{},
				}
				crashes[i] = c
				wg.Go(func() { visits[i], errs[i] = c.kill(rounds, stride) })
			}
			wg.Wait()
			died, uncertain, total, steps := 0, 0, 0, map[string]int{}
			for i, c := range crashes {
				require.NoError(t, errs[i])
				uncertain += c.check(t, visits[i])
				total += visits[i]
				for step, n := range c.steps {
					steps[step] += n
					died += n
				}
			}
			require.Greater(t, len(steps), 4, "it dies at its steps")
			t.Logf("%d visits; died %d times; %d visits uncertain, all others executed once; deaths by step:", total, died, uncertain)
			for _, step := range slices.Sorted(maps.Keys(steps)) {
				t.Logf("%6d %s", steps[step], step)
			}
		})
	}
}
