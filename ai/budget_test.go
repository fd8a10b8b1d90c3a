package ai_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func TestMemoryLedger(t *testing.T) {
	aitest.TestLedger(t, func(*testing.T) ai.Ledger { return new(ai.MemoryLedger) })
}

func TestMemoryLedgerForgets(t *testing.T) {
	l := new(ai.MemoryLedger)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	reserve := func(i int, account string) {
		at := day.Add(time.Duration(i) * time.Minute)
		require.NoError(t, l.Reserve(t.Context(), ai.Reservation{
			Entry:    ai.Entry{ID: strconv.Itoa(i), Time: at, Amount: 1},
			Accounts: []ai.Account{{Name: account, Limit: 10, Until: at.Add(time.Minute)}},
		}))
	}
	reserve(0, "held")
	for i := 1; i < 5000; i++ {
		reserve(i, fmt.Sprint("account", i))
		require.NoError(t, l.Settle(t.Context(), ai.Settlement{ID: strconv.Itoa(i), Amount: 1, Exact: true}))
	}
	for account, want := range map[string]ai.Balance{"held": {Held: 1}, "account1": {}, "account4999": {Spent: 1}} {
		b, err := l.Balance(t.Context(), account)
		require.NoError(t, err)
		assert.Equal(t, want, b, account)
	}
}

func newBudget(t *testing.T, ledger ai.Ledger, caps []ai.Cap, opts *ai.BudgetOptions) *ai.Budget {
	t.Helper()
	prices, err := ai.ReadPrices(strings.NewReader(testPrices))
	require.NoError(t, err)
	budget, err := ai.NewBudget(ledger, prices, caps, opts)
	require.NoError(t, err)
	return budget
}

// one is a cap on everything together.
func one(t *testing.T, limit string) []ai.Cap {
	return []ai.Cap{{Period: ai.Forever, Limit: cost(t, limit)}}
}

func TestBudgetBooks(t *testing.T) {
	usage := ai.NewUsage(100, 20, 30, 50, 40)
	exact := ai.Balance{Spent: cost(t, "0.0001895"), Usage: usage}
	status := func(class error, status int) aitest.Reply {
		return aitest.Error(&ai.Error{Class: class, Status: status})
	}
	for _, tt := range []struct {
		name  string
		reply aitest.Reply
		held  bool        // the whole reservation
		want  *ai.Balance // nil: nothing
	}{
		{"a reply", aitest.Reply{Text: "x", Usage: usage}, false, &exact},
		{"a reply that was cut off", aitest.Reply{Text: "x", Usage: usage, StopReason: ai.StopLength}, false, &exact},
		{"a reply without usage", aitest.Reply{Text: "x", Usage: ai.Usage{Missing: true}}, true, nil},
		{"refused by the provider", status(ai.ErrInvalidRequest, 400), false, nil},
		{"rate limited", status(ai.ErrRateLimited, 429), false, nil},
		{"content filter", status(ai.ErrContentFiltered, 400), false, nil},
		{"server error", status(ai.ErrUnavailable, 500), false, nil},
		{"gateway error", status(ai.ErrUnavailable, 502), true, nil},
		{"gateway timeout", status(ai.ErrTimeout, 408), true, nil},
		{"connection lost", status(ai.ErrTransport, 0), true, nil},
		{"timeout", status(ai.ErrTimeout, 0), true, nil},
		{"malformed reply", status(ai.ErrMalformedReply, 0), true, nil},
		{"canceled", aitest.Error(context.Canceled), true, nil},
		{"foreign error", aitest.Error(errors.New("other")), true, nil},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", tt.name, streamed), func(t *testing.T) {
				ledger := new(ai.MemoryLedger)
				model := ai.Wrap(aitest.NewModel(t, tt.reply), newBudget(t, ledger, one(t, "1"), nil).Middleware)
				if streamed {
					_, _ = ai.Accumulate(model.Stream(t.Context(), question()))
				} else {
					_, _ = model.Generate(t.Context(), question())
				}
				b, err := ledger.Balance(t.Context(), "forever")
				require.NoError(t, err)
				if tt.held {
					assert.Zero(t, b.Spent)
					assert.Greater(t, b.Held, cost(t, "0.008192"), "4096 tokens of output at least")
					return
				}
				if tt.want == nil {
					tt.want = new(ai.Balance)
				}
				assert.Equal(t, *tt.want, b)
			})
		}
	}
}

func TestBudgetStreamLeft(t *testing.T) {
	ledger := new(ai.MemoryLedger)
	budget := newBudget(t, ledger, one(t, "1"), nil)
	model := ai.Wrap(aitest.NewModel(t, aitest.Text("one two three"), aitest.Text("one two three"), aitest.Reply{Text: "one two", CutAfter: 1, ID: "r-9"}), budget.Middleware)
	for _, err := range model.Stream(t.Context(), question()) {
		require.NoError(t, err)
		break
	}
	for ev, err := range model.Stream(t.Context(), question()) {
		require.NoError(t, err)
		if _, done := ev.(ai.Done); done {
			break // all the usage is known
		}
	}
	_, err := ai.Accumulate(model.Stream(t.Context(), question()))
	require.ErrorIs(t, err, ai.ErrTransport)
	var open []ai.Entry
	for e, err := range ledger.Open(t.Context()) {
		require.NoError(t, err)
		assert.True(t, e.Held)
		open = append(open, e)
	}
	require.Len(t, open, 2)
	b, err := ledger.Balance(t.Context(), "forever")
	require.NoError(t, err)
	assert.Equal(t, ai.Balance{Spent: cost(t, "0.00002"), Held: open[0].Amount + open[1].Amount, Usage: ai.NewUsage(10, 0, 0, 5, 0)}, b)

	require.NoError(t, budget.Correct(t.Context(), open[0], ai.NewUsage(10, 0, 0, 1, 0)))
	require.ErrorIs(t, budget.Correct(t.Context(), open[0], ai.Usage{}), ai.ErrNoEntry)
	require.ErrorIs(t, budget.Correct(t.Context(), ai.Entry{Model: "unpriced"}, ai.Usage{}), ai.ErrBudget)
	b, err = ledger.Balance(t.Context(), "forever")
	require.NoError(t, err)
	assert.Equal(t, cost(t, "0.000032"), b.Spent)
}

type panicking struct{ ai.Model }

func (panicking) Generate(context.Context, *ai.Request) (*ai.Response, error) { panic("bug") }
func (panicking) Stream(context.Context, *ai.Request) iter.Seq2[ai.Event, error] {
	return func(func(ai.Event, error) bool) { panic("bug") }
}

func TestBudgetPanic(t *testing.T) {
	ledger := new(ai.MemoryLedger)
	model := ai.Wrap(panicking{aitest.NewModel(t)}, newBudget(t, ledger, one(t, "1"), nil).Middleware)
	assert.Panics(t, func() { _, _ = model.Generate(t.Context(), question()) })
	assert.Panics(t, func() { _, _ = ai.Accumulate(model.Stream(t.Context(), question())) })
	held := 0
	for e, err := range ledger.Open(t.Context()) {
		require.NoError(t, err)
		assert.True(t, e.Held)
		held++
	}
	assert.Equal(t, 2, held)
}

func TestBudgetRefuses(t *testing.T) {
	pdf := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.PDF("a.pdf", []byte("%PDF"))}}}}
	image := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{ai.Image{URL: "https://example.com/a.png"}}}}}
	for _, tt := range []struct {
		name string
		caps []ai.Cap
		opts *ai.BudgetOptions
		info ai.Info
		req  *ai.Request
		want string
	}{
		{"over the cap", one(t, "0.0001"), nil, ai.Info{}, question(), "forever: 0.0001 left of 0.0001"},
		{"no price", one(t, "1"), nil, ai.Info{Provider: "aitest", Model: "unpriced"}, question(), "no price"},
		{"a file", one(t, "1"), nil, ai.Info{}, pdf, "MaxInputTokens"},
		{"an image by URL", one(t, "1"), nil, ai.Info{}, image, "MaxInputTokens"},
		{"a file larger than the cap", one(t, "1"), &ai.BudgetOptions{MaxInputTokens: 1_000_000}, ai.Info{}, pdf, "forever: 1 left of 1, 1.258192 needed"},
		{"no cap for the caller", []ai.Cap{{Period: ai.Daily, Limit: 1, Only: ai.Caller{Role: "manager"}}}, nil, ai.Info{}, question(), "no cap applies"},
		{"invalid", one(t, "1"), nil, ai.Info{}, &ai.Request{}, "no messages"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := aitest.NewModel(t) // must not be asked
			if tt.info.Provider != "" {
				script.SetInfo(tt.info)
			}
			model := ai.Wrap(script, newBudget(t, new(ai.MemoryLedger), tt.caps, tt.opts).Middleware)
			_, err := model.Generate(t.Context(), tt.req)
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, tt.name != "invalid", errors.Is(err, ai.ErrBudget))
			assert.False(t, ai.Retryable(err))
			_, err = ai.Accumulate(model.Stream(t.Context(), tt.req))
			require.ErrorContains(t, err, tt.want)
		})
	}
	t.Run("a file in the window", func(t *testing.T) {
		script := aitest.NewModel(t, aitest.Text("x"))
		budget := newBudget(t, new(ai.MemoryLedger), one(t, "1"), &ai.BudgetOptions{MaxInputTokens: 100_000, MaxOutputTokens: 77})
		_, err := ai.Wrap(script, budget.Middleware).Generate(t.Context(), pdf)
		require.NoError(t, err)
		assert.Equal(t, 77, script.Requests()[0].MaxOutputTokens)
		assert.Zero(t, pdf.MaxOutputTokens, "the request was changed")
	})
}

func TestBudgetWindow(t *testing.T) {
	ledger := new(ai.MemoryLedger)
	lost := aitest.Error(&ai.Error{Class: ai.ErrTransport})
	budget := newBudget(t, ledger, one(t, "1"), &ai.BudgetOptions{MaxInputTokens: 1000, MaxOutputTokens: 1})
	long := &ai.Request{Messages: []ai.Message{ai.User(strings.Repeat("word ", 10_000))}}
	_, err := ai.Wrap(aitest.NewModel(t, lost), budget.Middleware).Generate(t.Context(), long)
	require.ErrorIs(t, err, ai.ErrTransport)
	b, err := ledger.Balance(t.Context(), "forever")
	require.NoError(t, err)
	assert.Equal(t, cost(t, "0.001252"), b.Held, "no request is larger than the window")
}

func TestBudgetAccounts(t *testing.T) {
	auckland, err := time.LoadLocation("Pacific/Auckland")
	require.NoError(t, err)
	caller := ai.Caller{Shop: "a.myshopify.com", Staff: "Dana X", Role: "associate", Feature: "copilot"}
	at := time.Date(2026, 11, 30, 13, 0, 0, 0, time.UTC)
	budget := newBudget(t, new(ai.MemoryLedger), []ai.Cap{
		{Period: ai.Forever, Limit: 1},
		{Per: ai.PerShop, Period: ai.Monthly, Limit: 2},
		{Per: ai.PerShop | ai.PerStaff, Period: ai.Daily, Location: auckland, Limit: 3},
		{Per: ai.PerRole | ai.PerFeature, Period: ai.Daily, Limit: 4},
		{Only: ai.Caller{Feature: "copilot"}, Period: ai.Daily, Limit: 5},
		{Only: ai.Caller{Feature: "other"}, Period: ai.Daily, Limit: 6},
	}, nil)
	assert.Equal(t, []ai.Account{
		{Name: "forever", Limit: 1},
		{Name: "month 2026-11 shop=a.myshopify.com", Limit: 2, Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		{Name: "day 2026-12-01 shop=a.myshopify.com staff=Dana+X", Limit: 3, Until: time.Date(2026, 12, 2, 0, 0, 0, 0, auckland)},
		{Name: "day 2026-11-30 role=associate feature=copilot", Limit: 4, Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		{Name: "day 2026-11-30 only feature=copilot", Limit: 5, Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
	}, budget.Accounts(caller, at))
}

func TestBudgetPeriodBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC))) // a bubble begins in 2000, before all prices
		ledger := new(ai.MemoryLedger)
		script := aitest.NewModel(t, aitest.Text("x"), aitest.Text("y"))
		// Enough for one reservation.
		budget := newBudget(t, ledger, []ai.Cap{{Per: ai.PerStaff, Period: ai.Daily, Limit: cost(t, "0.0083")}}, nil)
		model := ai.Wrap(script, budget.Middleware)
		ctx := ai.WithCaller(t.Context(), ai.Caller{Staff: "1"})
		lost := aitest.Error(&ai.Error{Class: ai.ErrTransport})
		_, err := ai.Wrap(aitest.NewModel(t, lost), budget.Middleware).Generate(ctx, question())
		require.ErrorIs(t, err, ai.ErrTransport)
		_, err = model.Generate(ctx, question())
		require.ErrorIs(t, err, ai.ErrBudget)
		_, err = model.Generate(ai.WithCaller(t.Context(), ai.Caller{Staff: "2"}), question())
		require.NoError(t, err, "somebody else's budget")
		time.Sleep(24 * time.Hour)
		_, err = model.Generate(ctx, question())
		require.NoError(t, err)
	})
}

func TestNewBudgetRefuses(t *testing.T) {
	prices, err := ai.ReadPrices(strings.NewReader(testPrices))
	require.NoError(t, err)
	ok := ai.Cap{Period: ai.Daily, Limit: 1}
	for name, caps := range map[string][]ai.Cap{
		"none": nil, "no period": {{Limit: 1}}, "no limit": {{Period: ai.Daily}}, "unknown scope": {{Period: ai.Daily, Limit: 1, Per: 64}},
		"twice":                 {ok, {Period: ai.Daily, Limit: 2}},
		"twice, in other words": {{Period: ai.Daily, Limit: 1, Only: ai.Caller{Shop: "a"}}, {Period: ai.Daily, Limit: 1, Per: ai.PerShop, Only: ai.Caller{Shop: "a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ai.NewBudget(new(ai.MemoryLedger), prices, caps, nil)
			require.Error(t, err)
		})
	}
	_, err = ai.NewBudget(nil, prices, []ai.Cap{ok}, nil)
	require.Error(t, err)
	_, err = ai.NewBudget(new(ai.MemoryLedger), nil, []ai.Cap{ok}, nil)
	require.Error(t, err)
}

// brokenBooks is a ledger whose disk is full after the reservation.
type brokenBooks struct{ ai.MemoryLedger }

func (*brokenBooks) Settle(context.Context, ai.Settlement) error { return errors.New("disk full") }

func TestBudgetReportsBrokenBooks(t *testing.T) {
	var entry string
	var failed error
	ledger := new(brokenBooks)
	budget := newBudget(t, ledger, one(t, "1"), &ai.BudgetOptions{OnError: func(id string, err error) { entry, failed = id, err }})
	resp, err := ai.Wrap(aitest.NewModel(t, aitest.Text("x")), budget.Middleware).Generate(t.Context(), question())
	require.NoError(t, err)
	assert.Equal(t, "x", resp.Text())
	require.ErrorContains(t, failed, "disk full")
	for e, err := range ledger.Open(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, e.ID, entry)
	}
	b, err := ledger.Balance(t.Context(), "forever")
	require.NoError(t, err)
	assert.NotZero(t, b.Held, "the reservation stays")
}

func TestInputBound(t *testing.T) {
	schema, err := ai.SchemaFor[judgment]()
	require.NoError(t, err)
	text, _ := schema.MarshalJSON()
	req := &ai.Request{
		System: strings.Repeat("s", 100),
		Messages: []ai.Message{
			ai.User(strings.Repeat("é", 100)),
			{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Reasoning{Opaque: []byte("{}")}, ai.ToolCall{ID: "1", Arguments: []byte("{}")}, ai.Unknown{Raw: []byte("{}")}}},
			ai.ToolResults(ai.ToolResult{CallID: "1", Content: []ai.Part{ai.Text{Text: strings.Repeat("r", 100)}}}),
			{Role: ai.RoleUser, Parts: []ai.Part{ai.Image{Data: []byte{1}}}},
		},
		Tools:  []ai.Tool{{Name: "t", Input: schema}},
		Output: &ai.Output{Name: "o", Schema: schema},
	}
	n, ok := ai.InputBound(req)
	assert.True(t, ok)
	assert.Equal(t, int64(100+200+3*2+1+100+1+50_000+1+1+2*(1024+2*len(text))+16*12), n)
}
