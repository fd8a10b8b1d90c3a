package evaluate_test

import (
	"context"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/evaluate"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// world is a shop of customers with a rate of their own: who has come often comes often.
func world(customers int, after func(r *rand.Rand, rate float64) int) iter.Seq2[onlineretail.Row, error] {
	return func(yield func(onlineretail.Row, error) bool) {
		r := rand.New(rand.NewPCG(9, 9))
		begin := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
		n := 500000
		for c := range customers {
			rate := r.ExpFloat64()
			buy := func(day int) bool {
				n++
				return yield(onlineretail.Row{
					Invoice: strconv.Itoa(n), Article: strconv.Itoa(20000 + r.IntN(300)), Quantity: 1 + r.IntN(3), At: begin.AddDate(0, 0, day), Price: decimal.New(int64(100+r.IntN(900)), -2), Customer: strconv.Itoa(12000 + c),
				}, nil)
			}
			for range 1 + int(6*rate) {
				if !buy(r.IntN(90)) {
					return
				}
			}
			for range after(r, rate) {
				if !buy(90 + r.IntN(90)) {
					return
				}
			}
		}
	}
}

var split = evaluate.Split{Day: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}

func TestRun(t *testing.T) {
	r, err := evaluate.Run(t.Context(), world(400, func(_ *rand.Rand, rate float64) int { return int(6 * rate) }), split)
	require.NoError(t, err)
	assert.Equal(t, 400, r.Customers)
	for _, p := range r.Predictors {
		assert.Greater(t, p.Spearman, 0.2, p.Name)
		assert.True(t, p.Low <= p.Spearman && p.Spearman <= p.High, p.Name)
		assert.Greater(t, p.Decile, 0.1, p.Name)
		assert.GreaterOrEqual(t, p.Fifth, p.Decile, p.Name)
	}
	customers, came, spent := 0, 0, 0.0
	for _, s := range r.Segments {
		customers, came, spent = customers+s.Customers, came+s.Came, spent+s.Spent
	}
	assert.Equal(t, r.Customers, customers)
	assert.Equal(t, r.Came, came)
	assert.InDelta(t, r.Spent, spent, 0.01)
	var out strings.Builder
	r.Print(&out)
	for _, want := range []string{"R + F + M", "recency only", "past spend only", "Champions", "90 days", "overdue", "price band"} {
		assert.Contains(t, out.String(), want)
	}
	again, err := evaluate.Run(t.Context(), world(400, func(_ *rand.Rand, rate float64) int { return int(6 * rate) }), split)
	require.NoError(t, err)
	assert.Equal(t, r, again, "the same report each time")
}

// Where the future has nothing to do with the past, nothing is found.
func TestChanceIsChance(t *testing.T) {
	r, err := evaluate.Run(t.Context(), world(800, func(r *rand.Rand, _ float64) int { return r.IntN(5) }), split)
	require.NoError(t, err)
	for _, p := range r.Predictors {
		assert.InDelta(t, 0, p.Spearman, 0.11, p.Name)
		assert.InDelta(t, 0.1, p.Decile, 0.04, p.Name)
	}
}

// What is after the day does not change a profile of it.
func TestNoLookAhead(t *testing.T) {
	some, err := evaluate.Run(t.Context(), world(300, func(*rand.Rand, float64) int { return 1 }), split)
	require.NoError(t, err)
	// The same past: another future must be drawn from the same stream of chance.
	other, err := evaluate.Run(t.Context(), func(yield func(onlineretail.Row, error) bool) {
		for row, err := range world(300, func(*rand.Rand, float64) int { return 1 }) {
			if !row.At.Before(split.Day) {
				row.Price = row.Price.Mul(decimal.NewFromInt(int64(row.At.Day())))
			}
			if !yield(row, err) {
				return
			}
		}
	}, split)
	require.NoError(t, err)
	assert.NotEqual(t, some.Spent, other.Spent)
	for i := range some.Segments {
		assert.Equal(t, some.Segments[i].Segment, other.Segments[i].Segment)
		assert.Equal(t, some.Segments[i].Customers, other.Segments[i].Customers)
	}
	assert.Equal(t, some.Overdue, other.Overdue)
	assert.InDelta(t, some.OwnWidth, other.OwnWidth, 1e-9)
}

// Returns count when they happened: before the day against the past, in the window
// against the window.
func TestReturns(t *testing.T) {
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 9, 0, 0, 0, time.UTC) }
	row := func(invoice, customer, article string, quantity int, at time.Time) onlineretail.Row {
		return onlineretail.Row{Invoice: invoice, Customer: customer, Article: article, Quantity: quantity, At: at, Price: decimal.NewFromInt(1)}
	}
	var rows []onlineretail.Row
	for i := range 200 {
		rows = append(rows, row(strconv.Itoa(600000+i), strconv.Itoa(100+i), "10001", 10, day(1, 5)))
	}
	rows = append(rows,
		row("700001", "100", "10002", 7, day(5, 1)), row("C700002", "100", "10002", -3, day(5, 9)), row("C700003", "100", "10002", -100, day(8, 1)),
		row("C700004", "101", "10001", -10, day(2, 1)), row("700005", "101", "10001", 2, day(5, 2)), row("C700006", "102", "99999", -5, day(5, 2)))
	r, err := evaluate.Run(t.Context(), func(yield func(onlineretail.Row, error) bool) {
		for _, x := range rows {
			if !yield(x, nil) {
				return
			}
		}
	}, split)
	require.NoError(t, err)
	assert.InDelta(t, 7-3+2, r.Spent, 1e-9)
	assert.Equal(t, 2, r.Came)
}

func TestRunRefuses(t *testing.T) {
	_, err := evaluate.Run(t.Context(), world(50, func(*rand.Rand, float64) int { return 1 }), split)
	require.ErrorIs(t, err, evaluate.ErrTooLittle)
	_, err = evaluate.Run(t.Context(), world(200, func(*rand.Rand, float64) int { return 0 }), split)
	require.ErrorIs(t, err, evaluate.ErrTooLittle)
	_, err = evaluate.Run(t.Context(), onlineretail.Rows(strings.NewReader("nonsense")), split)
	require.ErrorIs(t, err, onlineretail.ErrData)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = evaluate.Run(ctx, world(200, func(*rand.Rand, float64) int { return 2 }), split)
	require.ErrorIs(t, err, context.Canceled)
}
