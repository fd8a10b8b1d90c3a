package sqlstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestMain lets a process be a child of the kill switch's test.
func TestMain(m *testing.M) {
	if os.Getenv(envHalt) != "" {
		if err := haltChild(); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// quick finds out in a second, on PostgreSQL, that a process is gone.
var quick = &sqlstore.Options{Heartbeat: 250 * time.Millisecond, DeadAfter: time.Second, PollInterval: 200 * time.Millisecond}

// steady takes longer: who cannot beat on a busy machine is not cut off from a call
// that nobody fences.
var steady = &sqlstore.Options{Heartbeat: 250 * time.Millisecond, DeadAfter: 2 * time.Second, PollInterval: 200 * time.Millisecond}

// TestCrash kills the process with signal 9 at its steps, one after the other:
// around every write to the database and to the log, before the call, after
// its effect. Whatever happens, the shop has one draft order for each visit, or
// a person is told that it is not known. POSAI_FULL=1 kills 200 times at every
// step in each setting.
func TestCrash(t *testing.T) {
	t.Parallel()
	full := os.Getenv("POSAI_FULL") != ""
	options := func(stride, places int) *approvaltest.CrashOptions {
		o := &approvaltest.CrashOptions{Stride: stride, OpenLog: openFileLog, Outside: draftOrders}
		if full {
			o.Rounds, o.Stride, o.Places = 200, 1, places
		}
		return o
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		approvaltest.TestCrash(t, openWith(steady), options(1, 2))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		// The next process waits there until the dead one counts as dead.
		o := options(4, 20)
		o.NewURL = func(t *testing.T) string { return testpg.URL(t) }
		approvaltest.TestCrash(t, openWith(steady), o)
	})
}

// openWith opens the store at a place that processes die in.
func openWith(opts *sqlstore.Options) func(context.Context, approvaltest.CrashPlace) (approval.Store, error) {
	return func(ctx context.Context, at approvaltest.CrashPlace) (approval.Store, error) {
		url := at.URL
		if url == "" {
			url = "sqlite://" + filepath.ToSlash(filepath.Join(at.Dir, "approval.db"))
		}
		return sqlstore.Open(ctx, url, opts)
	}
}

func openFileLog(_ context.Context, dir string) (audit.Store, error) { return filestore.Open(dir, nil) }

// draftOrders is a simulated shop, in which an effect is a draft order. Shopify
// does not make those idempotently.
var draftOrders = &approvaltest.CrashOutside{
	Start: func(t *testing.T) (string, func() []string) {
		data := shopifytest.GenerateData(1, time.Now())
		data.Orders, data.Customers = nil, nil
		shop := shopifytest.NewShop(t, &shopifytest.Options{Data: data})
		return shop.URL() + " " + shop.Token(), func() (keys []string) {
			for _, draft := range shop.DraftOrders() {
				keys = append(keys, draft.Note)
			}
			return keys
		}
	},
	Do: func(ctx context.Context, address string, e approval.Execution) (string, error) {
		var data struct {
			DraftOrderCreate struct{ DraftOrder struct{ ID string } }
		}
		err := callShop(ctx, address, createDraft, map[string]string{"key": e.IdempotencyKey}, &data)
		return data.DraftOrderCreate.DraftOrder.ID, err
	},
	Find: func(ctx context.Context, address string, e approval.Execution) (string, bool, error) {
		var data struct {
			DraftOrders struct {
				Nodes []struct{ ID, Note2 string }
			}
		}
		err := callShop(ctx, address, readDrafts, nil, &data)
		for _, d := range data.DraftOrders.Nodes {
			if d.Note2 == e.IdempotencyKey {
				return d.ID, true, err
			}
		}
		return "", false, err
	},
}

const (
	createDraft = `mutation($key: String!) {
		draftOrderCreate(input: {note: $key, lineItems: [{title: "Visit", quantity: 1, originalUnitPriceWithCurrency: {amount: "1.00", currencyCode: USD}}]}) {
			draftOrder { id } userErrors { message }
		}
	}`
	readDrafts = `query { draftOrders(first: 50, reverse: true) { nodes { id note2 } } }`
)

// callShop sends a GraphQL operation to the simulated shop at an address, which
// ends with its token.
func callShop(ctx context.Context, address, query string, variables map[string]string, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return approval.Permanent(err)
	}
	url, token, _ := strings.Cut(address, " ")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	if err != nil {
		return approval.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", token)
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

// TestPause lets a process hang at its steps, one after the other, until another
// has taken over what it does, and then go on: it changes nothing any more.
// POSAI_FULL=1 stops one 20 times at every step in each setting.
func TestPause(t *testing.T) {
	t.Parallel()
	o := &approvaltest.CrashOptions{Stride: 6, OpenLog: openFileLog, NewURL: func(t *testing.T) string { return testpg.URL(t) }}
	if os.Getenv("POSAI_FULL") != "" {
		o.Rounds, o.Stride, o.Places = 20, 1, 10
	}
	approvaltest.TestPause(t, openWith(quick), o)
}

// envBlind is set in the process in which TestPause has to find a fault.
const envBlind = "POSAI_APPROVAL_TEST_BLIND"

// blindStore stores whatever comes last, whoever has changed the record since.
type blindStore struct{ *sqlstore.Store }

func (s blindStore) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	now, err := s.Get(ctx, r.Request.ID)
	if err != nil {
		return nil, err
	}
	blind := *r
	blind.Version = now.Version
	return s.Store.Update(ctx, &blind, wake...)
}

// TestPauseFindsFault: without the comparison of versions there are two effects
// of one request, and the kit sees them.
func TestPauseFindsFault(t *testing.T) {
	t.Parallel()
	if os.Getenv(envBlind) != "" {
		approvaltest.TestPause(t, func(ctx context.Context, at approvaltest.CrashPlace) (approval.Store, error) {
			s, err := sqlstore.Open(ctx, at.URL, quick)
			return blindStore{s}, err
		}, &approvaltest.CrashOptions{Rounds: 3, Places: 3, Stride: 6, NewURL: func(t *testing.T) string { return testpg.URL(t) }})
		return
	}
	testpg.URL(t) // or skip
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^TestPauseFindsFault$/^without_read-back$")
	cmd.Env = append(os.Environ(), envBlind+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "it passes: %s", out)
	assert.Contains(t, string(out), "there are two effects, or more")
	assert.Contains(t, string(out), "--- FAIL: TestPauseFindsFault/without_read-back")
}
