package evaluate_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/fraudguard/internal/evaluate"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

func TestReadRetail(t *testing.T) {
	text, err := os.ReadFile("testdata/invoices.csv")
	require.NoError(t, err)
	stream, err := evaluate.ReadRetail(bytes.NewReader(text))
	require.NoError(t, err)
	var got []string
	for _, x := range stream {
		got = append(got, fmt.Sprintf("%s %s %s %d lines receipt=%s customer=%s %s", x.Key, x.Kind, x.Amount.StringFixed(2), len(x.Lines), x.Receipt, x.Customer, x.Location))
		assert.NoError(t, x.Validate())
	}
	assert.Equal(t, []string{
		"invoice/700001 sale 58.50 2 lines receipt= customer=501 United-Kingdom",
		"invoice/700002 sale 25.00 1 lines receipt= customer= Channel-Islands",
		"invoice/C700003 return 37.50 1 lines receipt=invoice/700001 customer=501 United-Kingdom",
		"invoice/C700004 return 37.50 1 lines receipt= customer=501 United-Kingdom", // of four bought, three are back already
		"invoice/700007 sale 100.00 1 lines receipt= customer=502 United-Kingdom",
	}, got, "fees, corrections and stock movements are left out")
	assert.True(t, stream[4].Lines[0].GiftCard)

	// The names and the times of the other editions.
	other := strings.NewReplacer("InvoiceNo", "\ufeffInvoice", "UnitPrice", "Price", "CustomerID", "Customer ID", "2026-03-02 09:15:00", "3/2/2026 9:15").Replace(string(text))
	again, err := evaluate.ReadRetail(strings.NewReader(other))
	require.NoError(t, err)
	assert.Equal(t, stream, again)

	for name, bad := range map[string]string{
		"empty":           "",
		"another file":    "a,b\n1,2\n",
		"no invoices":     strings.SplitAfter(string(text), "\n")[0],
		"ragged":          string(text) + "1,2\n",
		"quantity":        strings.Replace(string(text), ",4,", ",four,", 1),
		"price":           strings.Replace(string(text), "12.50", "much", 1),
		"enormous price":  strings.Replace(string(text), "12.50", "1e999999999", 1),
		"time":            strings.Replace(string(text), "2026-03-02 09:15:00", "noon", 1),
		"a quoted corner": strings.Replace(string(text), "BLUE LAMP", `"BLUE`, 1),
	} {
		_, err := evaluate.ReadRetail(strings.NewReader(bad))
		assert.ErrorIs(t, err, evaluate.ErrData, name)
	}
}

func FuzzReadRetail(f *testing.F) {
	text, err := os.ReadFile("testdata/invoices.csv")
	require.NoError(f, err)
	f.Add(string(text))
	f.Add("InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\nC1,12345,-1,2026-01-01 00:00:00,1e9,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		stream, err := evaluate.ReadRetail(strings.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, evaluate.ErrData)
			return
		}
		for _, x := range stream {
			require.NotEmpty(t, x.Lines)
			require.False(t, x.Amount.IsNegative())
		}
	})
}

// small is a stream of stores that is quick to go through.
func small(seed uint64) []evaluate.Labeled { return evaluate.Simulate(seed, 21, 0.006) }

func TestSimulatedStreams(t *testing.T) {
	stream := small(1)
	assert.Equal(t, stream, small(1), "the same seed gives the same stream")
	assert.NotEqual(t, stream[0], small(2)[0])
	assert.True(t, slices.IsSortedFunc(stream, func(a, b evaluate.Labeled) int { return a.At.Compare(b.At) }))
	keys, frauds, scenarios := map[string]bool{}, 0, map[string]bool{}
	for _, x := range stream {
		require.NoError(t, x.Validate())
		require.False(t, keys[x.Key], "keys are unique")
		keys[x.Key] = true
		if x.Fraud != "" {
			frauds++
			scenarios[x.Fraud] = true
		}
	}
	assert.InDelta(t, 0.006, float64(frauds)/float64(len(stream)), 0.002)
	assert.GreaterOrEqual(t, len(scenarios), 9, "%v", scenarios) // something long after may not fit in
}

// invoices makes a stream of a wholesaler, to inject into.
func invoices(t *testing.T) []evaluate.Labeled {
	t.Helper()
	stream := evaluate.Simulate(77, 21, 0)
	for _, x := range stream {
		require.Empty(t, x.Fraud)
	}
	return stream
}

func TestInject(t *testing.T) {
	honest := invoices(t)
	stream := evaluate.Inject(honest, 3, 0.005)
	assert.Equal(t, stream, evaluate.Inject(honest, 3, 0.005))
	var rest []evaluate.Labeled
	frauds := map[string]int{}
	for _, x := range stream {
		require.NoError(t, x.Validate())
		if x.Fraud == "" {
			rest = append(rest, x)
		} else {
			frauds[x.Fraud]++
		}
	}
	assert.Equal(t, honest, rest, "the real ones are untouched")
	assert.Len(t, frauds, 6, "%v", frauds)
}

// Neither labels nor the future reach what is flagged.
func TestNothingLeaks(t *testing.T) {
	policy := risk.DefaultPolicy()
	stream := small(5)
	split := evaluate.Split(stream, policy.Budget.Days)
	want, err := evaluate.Flagged(stream, policy, evaluate.Guard)
	require.NoError(t, err)
	require.NotEmpty(t, want)

	blank := slices.Clone(stream)
	for i := range blank {
		blank[i].Fraud, blank[i].Case = "", 0
	}
	got, err := evaluate.Flagged(blank, policy, evaluate.Guard)
	require.NoError(t, err)
	assert.Equal(t, want, got, "labels")

	calibrated, err := evaluate.Calibrate(policy, stream, split)
	require.NoError(t, err)
	later := slices.Clone(blank)
	for i := range later {
		if !later[i].At.Before(split) {
			later[i].Amount = later[i].Amount.Add(later[i].Amount)
		}
	}
	again, err := evaluate.Calibrate(policy, later, split)
	require.NoError(t, err)
	assert.Equal(t, calibrated.Digest(), again.Digest(), "calibration sees neither labels nor what comes after the split")

	cut := slices.IndexFunc(stream, func(x evaluate.Labeled) bool { return !x.At.Before(split) })
	got, err = evaluate.Flagged(stream[:cut], policy, evaluate.Guard)
	require.NoError(t, err)
	for key := range got {
		assert.True(t, want[key], "the future")
	}
	for key := range want {
		if !got[key] {
			i := slices.IndexFunc(stream, func(x evaluate.Labeled) bool { return x.Key == key })
			assert.GreaterOrEqual(t, i, cut, "the future")
		}
	}
}

func TestRunCounts(t *testing.T) {
	policy := risk.DefaultPolicy()
	stream := small(6)
	split := evaluate.Split(stream, 1)
	frauds := 0
	for _, x := range stream {
		if x.Fraud != "" && !x.At.Before(split) {
			frauds++
		}
	}
	for _, m := range evaluate.Methods() {
		c, err := evaluate.Run(stream, split, policy, m)
		require.NoError(t, err)
		assert.Equal(t, frauds, c.Frauds, m)
		assert.Zero(t, c.Over, "%s stays within the budget", m)
		assert.LessOrEqual(t, c.FlagRate(), 0.01, m)
		sum := 0
		for _, s := range c.ByScenario {
			sum += s[1]
		}
		assert.Equal(t, c.Hits, sum, m)
		assert.LessOrEqual(t, c.Before, c.Hits, m)
	}
}

// The claim, at a reduced size: the command measures it on more seeds and on the
// public data.
func TestRecallBesideTheValue(t *testing.T) {
	trial := &evaluate.Trial{
		Name: "three weeks", Policy: risk.DefaultPolicy(), Seeds: 4, Stream: func(seed uint64) []evaluate.Labeled { return evaluate.Simulate(seed+1000, 21, 0.005) },
	}
	result, err := trial.Measure(nil)
	require.NoError(t, err)
	var out bytes.Buffer
	result.Print(&out, trial)
	t.Log(out.String())
	for _, m := range []evaluate.Method{evaluate.ValueOnly, evaluate.Hindsight} {
		assert.Greater(t, result.Of(evaluate.Guard, evaluate.Counts.Recall).Mean, 3*result.Of(m, evaluate.Counts.Recall).Mean, m)
	}
	assert.Contains(t, out.String(), "periods over the cap: 0")

	canceled := errors.New("enough")
	_, err = trial.Measure(func(int) error { return canceled })
	require.ErrorIs(t, err, canceled)
}

func TestSplitIsAtAPeriod(t *testing.T) {
	stream := small(1)
	split := evaluate.Split(stream, 7)
	assert.Equal(t, time.Monday, split.Weekday())
	assert.NotEqual(t, risk.Period(split, 7), risk.Period(split.Add(-time.Second), 7))
}
