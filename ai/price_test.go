package ai_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// testPrices are invented. One call of the scripted model (10 tokens in, 5 out)
// costs 0.00002.
const testPrices = `{
	"currency": "USD",
	"prices": [
		{"provider": "aitest", "model": "scripted", "from": "2020-01-01", "input": "1", "cache_read": "0.1", "cache_write": "1.25", "output": "2"},
		{"provider": "aitest", "model": "scripted", "from": "2020-07-01", "input": "0.333333", "cache_read": "0", "cache_write": "0", "output": "0"},
		{"provider": "aitest", "model": "scripted", "from": "2020-10-01", "input": "1", "cache_read": "0.1", "cache_write": "1.25", "output": "2"},
		{"provider": "aitest", "model": "large*", "from": "2020-01-01", "input": "5", "cache_read": "0.5", "cache_write": "5", "output": "25"},
		{"provider": "aitest", "model": "large-mini*", "from": "2020-01-01", "input": "3", "cache_read": "0.3", "cache_write": "3", "output": "15"}
	]
}`

func cost(t *testing.T, s string) ai.Cost {
	t.Helper()
	c, err := ai.ParseCost(s)
	require.NoError(t, err)
	return c
}

func ExampleReadPrices() {
	prices, err := ai.ReadPrices(strings.NewReader(`{"currency": "USD", "prices": [
		{"provider": "openai", "model": "gpt-5-mini*", "from": "2026-01-01",
		 "input": "0.25", "cache_read": "0.025", "cache_write": "0.25", "output": "2"}
	]}`)) // an example, not today's prices
	if err != nil {
		fmt.Println(err)
		return
	}
	usage := ai.NewUsage(1000, 600, 0, 120, 0)
	at := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	cost, ok := prices.Cost(ai.Info{Provider: "openai", Model: "gpt-5-mini-2026-02-01"}, at, usage)
	fmt.Println(cost, prices.Currency(), ok)
	// Output: 0.000355 USD true
}

func TestPrices(t *testing.T) {
	prices, err := ai.ReadPrices(strings.NewReader(testPrices))
	require.NoError(t, err)
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		require.NoError(t, err)
		return at
	}
	usage := ai.NewUsage(10, 2, 3, 5, 4)
	for _, tt := range []struct {
		model, day, want string // want: empty if there is no price
	}{
		{"scripted", "2020-01-01", "0.00001895"}, // 5 + 2×0.1 + 3×1.25 + 5×2 millionths
		{"scripted", "2020-06-30", "0.00001895"},
		{"scripted", "2020-07-01", "0.000001666665"},
		{"scripted", "2026-01-01", "0.00001895"},
		{"scripted", "2019-12-31", ""},
		{"scripted-2", "2026-01-01", ""},
		{"large-2026", "2026-01-01", "0.000166"},
		{"large-mini", "2026-01-01", "0.0000996"},
	} {
		t.Run(tt.model+" on "+tt.day, func(t *testing.T) {
			got, ok := prices.Cost(ai.Info{Provider: "aitest", Model: tt.model}, day(tt.day), usage)
			assert.Equal(t, tt.want != "", ok)
			if ok {
				assert.Equal(t, tt.want, got.String())
			}
		})
	}
	_, ok := prices.Cost(ai.Info{Provider: "other", Model: "large"}, day("2026-01-01"), usage)
	assert.False(t, ok)
	huge, _ := prices.Cost(ai.Info{Provider: "aitest", Model: "large"}, day("2026-01-01"), ai.NewUsage(1<<62, 0, 0, 1<<62, 0))
	assert.Equal(t, ai.MaxCost, huge, "stops at the largest amount")
}

func TestReadPricesRefuses(t *testing.T) {
	row := `{"provider": "p", "model": "m", "from": "2026-01-01", "input": "1", "cache_read": "1", "cache_write": "1", "output": "1"}`
	table := func(rows string) string { return `{"currency": "USD", "prices": [` + rows + `]}` }
	_, err := ai.ReadPrices(strings.NewReader(table(row)))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"empty":              "",
		"no currency":        `{"prices": []}`,
		"unknown field":      table(strings.Replace(row, `"output"`, `"outptu"`, 1)),
		"missing field":      table(strings.Replace(row, `, "output": "1"`, "", 1)),
		"no model":           table(strings.Replace(row, `"m"`, `""`, 1)),
		"no date":            table(strings.Replace(row, `2026-01-01`, `soon`, 1)),
		"a float":            table(strings.Replace(row, `"output": "1"`, `"output": 1.0`, 1)),
		"negative":           table(strings.Replace(row, `"output": "1"`, `"output": "-1"`, 1)),
		"seven decimals":     table(strings.Replace(row, `"output": "1"`, `"output": "0.0000001"`, 1)),
		"exponent":           table(strings.Replace(row, `"output": "1"`, `"output": "1e999999999"`, 1)),
		"too large":          table(strings.Replace(row, `"output": "1"`, `"output": "99999999999999999999"`, 1)),
		"twice":              table(row + "," + row),
		"more after the end": table(row) + "{}",
		"too long":           strings.Repeat(" ", 4<<20+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ai.ReadPrices(strings.NewReader(text))
			require.Error(t, err)
		})
	}
}

func TestCost(t *testing.T) {
	for _, s := range []string{"0", "0.000000000001", "12.5", "9223372.036854775807"} {
		assert.Equal(t, s, cost(t, s).String())
		assert.True(t, decimal.RequireFromString(s).Equal(cost(t, s).Decimal()))
	}
	for _, s := range []string{"", "-1", "0.0000000000001", "9223372.036854775808", "1e3", "NaN", "1.2.3", strings.Repeat("9", 50)} {
		_, err := ai.ParseCost(s)
		require.Error(t, err, s)
	}
}

// FuzzReadPrices: whatever is accepted has a currency, and costs nothing less than
// nothing.
func FuzzReadPrices(f *testing.F) {
	for _, seed := range []string{testPrices, "", "{}", `{"currency":"USD","prices":[null]}`, `{"currency":"USD","prices":[{"from":"2026-01-01"}]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prices, err := ai.ReadPrices(strings.NewReader(text))
		if err != nil {
			return
		}
		if prices.Currency() == "" {
			t.Fatal("no currency")
		}
		for _, model := range []string{"scripted", "large", ""} {
			cost, _ := prices.Cost(ai.Info{Provider: "aitest", Model: model}, time.Now(), ai.NewUsage(1<<40, 1, 1, 1<<40, 1))
			if cost < 0 {
				t.Fatalf("a negative cost: %s", cost)
			}
		}
	})
}
