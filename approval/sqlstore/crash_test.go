package sqlstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
// simulated shop and its token, whether it can read back, and at which of its steps it kills
// itself (0: never).
const (
	envURL   = "POSAI_APPROVAL_TEST_URL"
	envLog   = "POSAI_APPROVAL_TEST_LOG"
	envShop  = "POSAI_APPROVAL_TEST_SHOP"
	envToken = "POSAI_APPROVAL_TEST_TOKEN"
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

// crash is one run: a child that dies at a step, perhaps a second that dies
// too, and one that lives.
type crash struct {
	url, log string
	shop     *shopifytest.Shop
	find     bool
}

// effects counts what really happened.
func (c crash) effects() int { return len(c.shop.DraftOrders()) }

// run starts a child and returns what it said, and whether it was killed.
func (c crash) run(t *testing.T, kill int) (said string, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envURL+"="+c.url, envLog+"="+c.log, envShop+"="+c.shop.URL(), envToken+"="+c.shop.Token(), envKill+"="+strconv.Itoa(kill))
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
		assert.Equal(t, 1, c.effects(), "%s: effects", killed)
		assert.Equal(t, 1, counts[audit.KindEffect], "%s: %v", killed, order)
		assert.Equal(t, audit.KindEffect, order[len(order)-1], "%s: %v", killed, order)
	case "state: uncertain":
		assert.False(t, c.find, "%s: it could have been found out", killed)
		assert.LessOrEqual(t, c.effects(), 1, "%s: effects", killed)
		assert.Zero(t, counts[audit.KindEffect], "%s: %v", killed, order)
	default:
		assert.Fail(t, "unexpected end", "%s: %s", killed, said)
	}
}

// crashSetting is one way to run.
type crashSetting struct {
	name   string
	url    func(*testing.T) string
	find   bool
	stride int // between the steps at which it is killed
}

// killAll kills at one step after the other, until there are no more.
func (s crashSetting) killAll(t *testing.T, round int) (died int) {
	for kill := 1; ; kill += s.stride {
		c := crash{
			url: s.url(t), log: filepath.Join(t.TempDir(), "log"), find: s.find,
			shop: shopifytest.NewShop(t, &shopifytest.Options{Data: emptyShop(t)}),
		}
		said, killed := c.run(t, kill)
		if !killed {
			c.check(t, "alive", said)
			return died
		}
		died++
		// The next one dies too, early in what it takes over.
		if kill%3 == round%3 {
			again, twice := c.run(t, 1+(kill+round)%5)
			if twice {
				said += ", then " + again
			}
		}
		end, _ := c.run(t, 0)
		c.check(t, said, end)
	}
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
// its effect. Whatever happens, the shop has one draft order, or a person is
// told that it is not known. POSAI_FULL=1 kills 200 times in each setting.
func TestCrash(t *testing.T) {
	t.Parallel()
	postgres := func(t *testing.T) string { return testpg.URL(t) }
	for _, test := range []crashSetting{
		{"SQLite, with read-back", sqliteURL, true, 1},
		{"SQLite, without read-back", sqliteURL, false, 3},
		{"PostgreSQL, with read-back", postgres, true, 5},
		{"PostgreSQL, without read-back", postgres, false, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			least := 20 / test.stride
			if os.Getenv("POSAI_FULL") != "" {
				test.stride, least = 1, 200
			}
			died, rounds := 0, 0
			for rounds == 0 || died < least {
				rounds++
				kills := test.killAll(t, rounds)
				require.Positive(t, kills, "it dies at its first step")
				died += kills
			}
			t.Logf("died %d times, in %d rounds over its steps", died, rounds)
		})
	}
}
