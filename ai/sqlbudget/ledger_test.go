package sqlbudget_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/sqlbudget"
	"github.com/posai-go/posai/internal/testpg"
)

func open(t *testing.T, url string) *sqlbudget.Ledger {
	t.Helper()
	// A hundred callers wait in line for one another, on a slow disk for long.
	l, err := sqlbudget.Open(t.Context(), url, &sqlbudget.Options{Timeout: 5 * time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

func sqlite(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "budget.db") }

func TestSQLite(t *testing.T) {
	aitest.TestLedger(t, func(t *testing.T) ai.Ledger { return open(t, sqlite(t)) })
}

func TestPostgreSQL(t *testing.T) {
	aitest.TestLedger(t, func(t *testing.T) ai.Ledger { return open(t, testpg.URL(t)) })
}

func TestReopen(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"SQLite": sqlite, "PostgreSQL": func(t *testing.T) string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			l, err := sqlbudget.Open(t.Context(), at, nil)
			require.NoError(t, err)
			for i := range 450 { // more than two pages of open entries
				require.NoError(t, l.Reserve(t.Context(), ai.Reservation{
					Entry:    ai.Entry{ID: strconv.Itoa(i), Time: time.Unix(int64(i/3), 0), Amount: 2},
					Accounts: []ai.Account{{Name: "a", Limit: 1000}},
				}))
			}
			require.NoError(t, l.Close())

			again := open(t, at)
			b, err := again.Balance(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, ai.Balance{Held: 900}, b)
			seen := map[string]bool{}
			var last time.Time
			for e, err := range again.Open(t.Context()) {
				require.NoError(t, err)
				assert.False(t, e.Time.Before(last))
				last = e.Time
				seen[e.ID] = true
				require.NoError(t, again.Settle(t.Context(), ai.Settlement{ID: e.ID, Amount: 1, Exact: true}))
			}
			assert.Len(t, seen, 450)
			b, err = again.Balance(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, ai.Balance{Spent: 450}, b)
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := sqlbudget.Open(t.Context(), "mysql://user:hunter2@example.com/db", nil)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestEndedContext(t *testing.T) {
	l := open(t, sqlite(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := l.Reserve(ctx, ai.Reservation{Entry: ai.Entry{ID: "1", Amount: 1}, Accounts: []ai.Account{{Name: "a", Limit: 5}}})
	require.ErrorIs(t, err, context.Canceled)
	b, err := l.Balance(t.Context(), "a")
	require.NoError(t, err)
	assert.Zero(t, b)
}

func Example() {
	dir, err := os.MkdirTemp("", "posai")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	ledger, err := sqlbudget.Open(ctx, "sqlite://"+filepath.Join(dir, "budget.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	prices, err := ai.ReadPrices(strings.NewReader(`{"currency": "USD", "prices": [
		{"provider": "aitest", "model": "scripted", "from": "2026-01-01",
		 "input": "1", "cache_read": "0.1", "cache_write": "1.25", "output": "8"}
	]}`)) // invented
	if err != nil {
		log.Fatal(err)
	}
	limit, err := ai.ParseCost("0.50")
	if err != nil {
		log.Fatal(err)
	}
	budget, err := ai.NewBudget(ledger, prices, []ai.Cap{{Per: ai.PerShop, Period: ai.Forever, Limit: limit}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	model := ai.Wrap(aitest.NewModel(nil, aitest.Text("Hello!")), budget.Middleware)
	ctx = ai.WithCaller(ctx, ai.Caller{Shop: "example.myshopify.com"})
	if _, err := model.Generate(ctx, &ai.Request{Messages: []ai.Message{ai.User("Greet.")}}); err != nil {
		log.Fatal(err)
	}
	balance, err := ledger.Balance(ctx, "forever shop=example.myshopify.com")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(balance.Spent, balance.Usage.Total(), "tokens")
	// Output: 0.00005 15 tokens
}
