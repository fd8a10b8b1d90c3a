package aitest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// TestLedger checks that an [ai.Ledger] keeps the rules of its contract. The
// function returns a new ledger without entries.
func TestLedger(t *testing.T, newLedger func(t *testing.T) ai.Ledger) {
	for _, tt := range []struct {
		rule  string
		check func(*testing.T, ai.Ledger)
	}{
		{"spent plus held never exceeds a limit", ledgerLimit},
		{"a reservation counts on all accounts or on none", ledgerAllOrNothing},
		{"an entry is settled exactly once", ledgerSettleOnce},
		{"a held entry can be corrected", ledgerCorrect},
		{"the largest amounts do not overflow", ledgerOverflow},
		{"open entries are listed as they were made, oldest first", ledgerOpen},
		{"reservations at once never exceed a limit together", ledgerConcurrent},
	} {
		t.Run(tt.rule, func(t *testing.T) { tt.check(t, newLedger(t)) })
	}
}

var ledgerStart = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

func ledgerReservation(id string, amount ai.Cost, limit ai.Cost, accounts ...string) ai.Reservation {
	r := ai.Reservation{Entry: ai.Entry{ID: id, Time: ledgerStart, Provider: "aitest", Model: "scripted", Amount: amount}}
	for _, name := range accounts {
		r.Accounts = append(r.Accounts, ai.Account{Name: name, Limit: limit})
	}
	return r
}

func ledgerBalance(t *testing.T, l ai.Ledger, account string) ai.Balance {
	t.Helper()
	b, err := l.Balance(t.Context(), account)
	require.NoError(t, err)
	return b
}

func ledgerLimit(t *testing.T, l ai.Ledger) {
	ctx := t.Context()
	assert.Equal(t, ai.Balance{}, ledgerBalance(t, l, "a"), "an account without entries")
	require.NoError(t, l.Reserve(ctx, ledgerReservation("1", 60, 100, "a")))
	assert.Equal(t, ai.Balance{Held: 60}, ledgerBalance(t, l, "a"))

	err := l.Reserve(ctx, ledgerReservation("2", 41, 100, "a"))
	require.ErrorIs(t, err, ai.ErrBudget)
	refused, ok := errors.AsType[*ai.BudgetError](err)
	require.True(t, ok)
	assert.Equal(t, &ai.BudgetError{Account: "a", Limit: 100, Left: 40, Needed: 41}, refused)

	require.NoError(t, l.Reserve(ctx, ledgerReservation("3", 40, 100, "a")), "the limit itself can be reached")
	usage := ai.NewUsage(10, 4, 3, 5, 2)
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 10, Exact: true, Usage: usage}))
	assert.Equal(t, ai.Balance{Spent: 10, Held: 40, Usage: usage}, ledgerBalance(t, l, "a"))
	require.NoError(t, l.Reserve(ctx, ledgerReservation("4", 50, 100, "a")), "what was not used can be reserved again")
	require.ErrorIs(t, l.Reserve(ctx, ledgerReservation("5", 1, 100, "a")), ai.ErrBudget)
	require.NoError(t, l.Reserve(ctx, ledgerReservation("6", 1, 101, "a")), "the limit is that of the reservation")
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "3", Amount: 20, Exact: true, Usage: usage}))
	assert.Equal(t, ai.Balance{Spent: 30, Held: 51, Usage: usage.Add(usage)}, ledgerBalance(t, l, "a"))
}

func ledgerAllOrNothing(t *testing.T, l ai.Ledger) {
	ctx := t.Context()
	require.NoError(t, l.Reserve(ctx, ledgerReservation("1", 60, 100, "b")))
	err := l.Reserve(ctx, ledgerReservation("2", 50, 100, "c", "b", "a"))
	refused, ok := errors.AsType[*ai.BudgetError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "b", refused.Account)
	assert.Zero(t, ledgerBalance(t, l, "a"))
	assert.Zero(t, ledgerBalance(t, l, "c"))
	require.ErrorIs(t, l.Settle(ctx, ai.Settlement{ID: "2", Amount: 1, Exact: true}), ai.ErrNoEntry)

	require.NoError(t, l.Reserve(ctx, ledgerReservation("2", 40, 100, "c", "b", "a")), "the ID of a refused entry is free")
	for account, held := range map[string]ai.Cost{"a": 40, "b": 100, "c": 40} {
		assert.Equal(t, held, ledgerBalance(t, l, account).Held, account)
	}
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "2", Amount: 7, Exact: true}))
	for account, want := range map[string]ai.Balance{"a": {Spent: 7}, "b": {Spent: 7, Held: 60}, "c": {Spent: 7}} {
		assert.Equal(t, want, ledgerBalance(t, l, account), account)
	}
}

func ledgerSettleOnce(t *testing.T, l ai.Ledger) {
	ctx := t.Context()
	require.ErrorIs(t, l.Settle(ctx, ai.Settlement{ID: "none", Amount: 1, Exact: true}), ai.ErrNoEntry)
	require.NoError(t, l.Reserve(ctx, ledgerReservation("1", 60, 100, "a")))
	require.Error(t, l.Reserve(ctx, ledgerReservation("1", 10, 100, "a")), "a second entry of that ID")
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 30, Exact: true}))
	require.ErrorIs(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 30, Exact: true}), ai.ErrNoEntry)
	require.ErrorIs(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 5}), ai.ErrNoEntry)
	assert.Equal(t, ai.Balance{Spent: 30}, ledgerBalance(t, l, "a"))
}

func ledgerCorrect(t *testing.T, l ai.Ledger) {
	ctx := t.Context()
	require.NoError(t, l.Reserve(ctx, ledgerReservation("1", 60, 100, "a")))
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 50, ResponseID: "resp-1"}))
	assert.Equal(t, ai.Balance{Held: 50}, ledgerBalance(t, l, "a"))
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 55}))
	assert.Equal(t, ai.Balance{Held: 55}, ledgerBalance(t, l, "a"))
	for e, err := range l.Open(ctx) {
		require.NoError(t, err)
		assert.True(t, e.Held)
		assert.Equal(t, ai.Cost(55), e.Amount)
		assert.Equal(t, "resp-1", e.ResponseID, "what was known stays known")
	}
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "1", Amount: 33, Exact: true, Usage: ai.NewUsage(1, 0, 0, 2, 0)}))
	assert.Equal(t, ai.Balance{Spent: 33, Usage: ai.NewUsage(1, 0, 0, 2, 0)}, ledgerBalance(t, l, "a"))
}

func ledgerOverflow(t *testing.T, l ai.Ledger) {
	ctx := t.Context()
	require.NoError(t, l.Reserve(ctx, ledgerReservation("1", ai.MaxCost-1, ai.MaxCost-1, "a")))
	for _, amount := range []ai.Cost{1, 1000, ai.MaxCost} {
		require.ErrorIs(t, l.Reserve(ctx, ledgerReservation("2", amount, ai.MaxCost-1, "a")), ai.ErrBudget)
	}
	assert.Equal(t, ai.Balance{Held: ai.MaxCost - 1}, ledgerBalance(t, l, "a"))
}

func ledgerOpen(t *testing.T, l ai.Ledger) {
	ctx := t.Context()
	var want []ai.Entry
	for i := range 6 {
		r := ledgerReservation(fmt.Sprint("e", i), ai.Cost(i+1), 1000, "a", "b")
		r.Time = ledgerStart.Add(time.Duration(5-i) * time.Minute)
		r.Caller = ai.Caller{Shop: "a.myshopify.com", Staff: "gid://shopify/StaffMember/1", Role: "associate", Feature: "copilot"}
		require.NoError(t, l.Reserve(ctx, r))
		if i != 2 {
			want = append([]ai.Entry{r.Entry}, want...)
		}
	}
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "e2", Amount: 1, Exact: true}))
	var got []ai.Entry
	for e, err := range l.Open(ctx) {
		require.NoError(t, err)
		e.Time = e.Time.UTC()
		got = append(got, e)
	}
	assert.Equal(t, want, got)

	for _, err := range l.Open(ctx) { // leaving early frees what it holds
		require.NoError(t, err)
		break
	}
	require.NoError(t, l.Settle(ctx, ai.Settlement{ID: "e1", Amount: 1, Exact: true}))
}

func ledgerConcurrent(t *testing.T, l ai.Ledger) {
	var allowed atomic.Int64
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			// The accounts in both orders, which must not deadlock.
			accounts := []string{"a", "b", fmt.Sprint("own", i)}
			if i%2 == 0 {
				accounts = []string{fmt.Sprint("own", i), "b", "a"}
			}
			id := fmt.Sprint("e", i)
			switch err := l.Reserve(t.Context(), ledgerReservation(id, 7, 100, accounts...)); {
			case err == nil:
				allowed.Add(1)
				if i%3 == 0 {
					assert.NoError(t, l.Settle(t.Context(), ai.Settlement{ID: id, Amount: 7, Exact: true}))
				}
			case !errors.Is(err, ai.ErrBudget):
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	assert.Equal(t, int64(14), allowed.Load())
	b := ledgerBalance(t, l, "a")
	assert.Equal(t, ai.Cost(98), b.Spent+b.Held)
}
