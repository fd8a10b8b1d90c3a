package openai_test

import (
	"context"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/sdkbench"
	"github.com/posai-go/posai/ai/openai"
)

var pricePattern = regexp.MustCompile(`\$[0-9]+`)

// wholeChain puts all middleware around a model, in the documented order.
func wholeChain(tb testing.TB, model, other ai.Model) ai.Model {
	tb.Helper()
	prices, err := ai.ReadPrices(strings.NewReader(`{"currency": "USD", "prices": [
		{"provider": "openai", "model": "gpt-test", "from": "2000-01-01", "input": "0.25", "cache_read": "0.025", "cache_write": "0.25", "output": "2"}
	]}`)) // invented
	if err != nil {
		tb.Fatal(err)
	}
	budget, err := ai.NewBudget(new(ai.MemoryLedger), prices, []ai.Cap{
		{Per: ai.PerShop, Period: ai.Monthly, Limit: ai.MaxCost},
		{Per: ai.PerShop | ai.PerFeature, Period: ai.Daily, Limit: ai.MaxCost},
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	limiter, err := ai.NewRateLimiter(ai.RateLimitOptions{RequestsPerMinute: 1 << 40, TokensPerMinute: 1 << 50})
	if err != nil {
		tb.Fatal(err)
	}
	return ai.Wrap(model,
		ai.Access(map[string][]string{"copilot": {"associate"}}),
		ai.Guard(ai.MaxLength(1000), ai.Forbid("claims", "clinically proven", "best price"),
			ai.OnlyKnown("prices", pricePattern, func(context.Context, string) (bool, error) { return true, nil })),
		ai.Redact(nil),
		ai.NewCache(&ai.CacheOptions{MaxEntries: 100}).Middleware,
		ai.Fallback(nil, other),
		ai.Hedge(time.Minute, nil),
		ai.Retry(nil),
		limiter.Middleware,
		ai.Timeout(time.Minute),
		budget.Middleware,
	)
}

// chainContext is that of a call for one customer.
func chainContext(ctx context.Context) context.Context {
	ctx = ai.WithCaller(ctx, ai.Caller{Shop: "a.myshopify.com", Staff: "1", Role: "associate", Feature: "copilot"})
	vault := ai.NewVault()
	vault.Know(ai.KindName, "Dana Whitfield", "Dana", "Whitfield")
	vault.Know(ai.KindEmail, "dana@example.com")
	return ai.WithVault(ctx, vault)
}

// chainRequest is a different request each time, so that the cache never has it.
func chainRequest(i int) *ai.Request {
	return &ai.Request{
		System: "You write for a small home and apparel shop. Be brief.",
		Messages: []ai.Message{ai.User("Dana Whitfield (dana@example.com) bought SCARF-1 for $45 in order #" + strconv.Itoa(i) +
			". Thank her in one sentence and name nothing that is out of stock.")},
		MaxOutputTokens: 100,
	}
}

// BenchmarkChain times the same call through the whole chain of middleware, through
// the adapter alone and through the bare SDK, in turn. added-µs/op and
// added-allocs/op are what the chain adds to the adapter.
func BenchmarkChain(b *testing.B) {
	client := &http.Client{Transport: sdkbench.Fixed{ContentType: "application/json", Body: []byte(wholeReply)}}
	model, bare := pair(b, client)
	chain := wholeChain(b, model, model)
	ctx := chainContext(b.Context())
	n := 0
	call := func(m ai.Model) {
		n++
		if _, err := m.Generate(ctx, chainRequest(n)); err != nil {
			b.Fatal(err)
		}
	}
	for range 200 { // fills the cache: from here on, each call evicts one
		call(chain)
	}
	allocs := testing.AllocsPerRun(500, func() { call(chain) }) - testing.AllocsPerRun(500, func() { call(model) })
	params := sdk.ChatCompletionNewParams{
		Model:    "gpt-test",
		Messages: []sdk.ChatCompletionMessageParamUnion{sdk.SystemMessage("You write for a shop."), sdk.UserMessage("Which scarf?")},
	}
	var chainTimes, adapterTimes, bareTimes []time.Duration
	for b.Loop() {
		began := time.Now()
		call(chain)
		second := time.Now()
		call(model)
		third := time.Now()
		if _, err := bare.New(ctx, params); err != nil {
			b.Fatal(err)
		}
		chainTimes = append(chainTimes, second.Sub(began))
		adapterTimes = append(adapterTimes, third.Sub(second))
		bareTimes = append(bareTimes, time.Since(third))
	}
	whole, adapter, sdkOnly := sdkbench.Median(chainTimes), sdkbench.Median(adapterTimes), sdkbench.Median(bareTimes)
	b.ReportMetric(whole-adapter, "added-µs/op")
	b.ReportMetric(allocs, "added-allocs/op")
	b.ReportMetric(whole, "chain-µs/op")
	b.ReportMetric(sdkOnly, "sdk-µs/op")
	b.ReportMetric(whole/sdkOnly, "ratio")
}

// The chain must not cost more allocations than it was built to, nor a goroutine.
func TestChainCost(t *testing.T) {
	client := &http.Client{Transport: sdkbench.Fixed{ContentType: "application/json", Body: []byte(wholeReply)}}
	model, err := openai.New(testKey, "gpt-test", &openai.Options{HTTPClient: client})
	require.NoError(t, err)
	chain := wholeChain(t, model, model)
	ctx := chainContext(t.Context())
	n := 0
	call := func(m ai.Model) {
		n++
		_, err := m.Generate(ctx, chainRequest(n))
		require.NoError(t, err)
	}
	for range 200 {
		call(chain)
	}
	allocations := func(m ai.Model) float64 {
		least := testing.AllocsPerRun(200, func() { call(m) })
		for range 4 { // what other goroutines allocate meanwhile counts, too
			least = min(least, testing.AllocsPerRun(200, func() { call(m) }))
		}
		return least
	}
	added := allocations(chain) - allocations(model)
	if !raceEnabled() { // the race detector allocates too
		assert.LessOrEqual(t, added, 25.0)
	}
	t.Logf("%.0f allocations added", added)
}

func TestChainStreamsWithoutGoroutines(t *testing.T) {
	client := &http.Client{Transport: sdkbench.Fixed{ContentType: "text/event-stream", Body: streamReply()}}
	model, err := openai.New(testKey, "gpt-test", &openai.Options{HTTPClient: client})
	require.NoError(t, err)
	// In a bubble, the goroutines that other tests leave to end do not count.
	synctest.Test(t, func(t *testing.T) {
		ctx := chainContext(t.Context())
		before := bubbled()
		during := func(m ai.Model, i int) int {
			events, most := 0, 0
			for _, err := range m.Stream(ctx, chainRequest(i)) {
				require.NoError(t, err)
				most = max(most, bubbled())
				if events++; events == 10 {
					break
				}
			}
			return most
		}
		alone := during(model, 0)
		chain := wholeChain(t, model, model)
		for i := range 20 {
			assert.LessOrEqual(t, during(chain, i), alone, "a goroutine for the stream")
		}
		synctest.Wait()
		assert.Equal(t, before, bubbled(), "a goroutine is left")
	})
}

// bubbled counts the goroutines of the bubble that it is called in.
func bubbled() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "synctest bubble")
}

// raceEnabled reports whether the race detector is on.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}
