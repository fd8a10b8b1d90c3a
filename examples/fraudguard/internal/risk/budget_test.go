package risk_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

func budget(days int) *risk.Budget {
	return risk.NewBudget(risk.BudgetPolicy{OneIn: 100, Days: days, MinScore: 0.3, LateFrom: risk.Duration(18 * time.Hour)}, time.UTC)
}

// Whatever comes, in whatever order, the cap holds at every moment.
func TestCapIsNeverExceeded(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 9))
		days := 1 + int(seed%3)
		b := budget(days)
		at, flags, seen := noon, map[int64]int{}, map[int64]int{}
		for i := range 8000 {
			at = at.Add(time.Duration(random.ExpFloat64() * float64(time.Minute)))
			when := at.Add(-time.Duration(random.IntN(3)) * time.Second) // clocks are never quite even
			score := random.Float64()
			if i%3000 < 500 {
				score = 0.9 + score/10 // a flood of what looks worst
			}
			period := risk.Period(at, days)
			if risk.Period(when, days) != period {
				when = at
			}
			b.Seen(when, score)
			seen[period]++
			if b.Offer(risk.Candidate{Key: strconv.Itoa(i), Score: score}, when) {
				flags[period]++
			}
			for {
				if _, ok := b.Next(when); !ok {
					break
				}
				flags[period]++
			}
			require.LessOrEqual(t, flags[period], seen[period]/100, "after %d", i)
			n, f, _ := b.Present(when)
			require.Equal(t, seen[period], n)
			require.Equal(t, flags[period], f)
		}
	}
}

func TestTheHighestScoresAreFlagged(t *testing.T) {
	b := budget(1)
	random := rand.New(rand.NewPCG(5, 5))
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	// What ordinary scores are: none of them would earn a flag.
	for range 1000 {
		b.Seen(at.AddDate(0, 0, -1), 0.2*random.Float64())
	}
	var flagged []float64
	for i := range 1000 {
		score := 0.2 * random.Float64()
		if i%50 == 10 { // 20 of them, for 10 flags
			score = 0.3 + 0.6*float64(i)/1000
		}
		when := at.Add(time.Duration(i) * 36 * time.Second) // until seven
		b.Seen(when, score)
		if b.Offer(risk.Candidate{Key: strconv.Itoa(i), Score: score}, when) {
			flagged = append(flagged, score)
		}
		for {
			c, ok := b.Next(when)
			if !ok {
				break
			}
			flagged = append(flagged, c.Score)
		}
	}
	assert.GreaterOrEqual(t, len(flagged), 9, "late in the day what is left goes to what waited")
	assert.LessOrEqual(t, len(flagged), 10)
	low := 0
	for _, s := range flagged {
		if s < 0.6 { // the lower half
			low++
		}
	}
	assert.LessOrEqual(t, low, 5)
}

func TestNothingBelowTheLeastScore(t *testing.T) {
	b := budget(1)
	for i := range 1000 {
		b.Seen(noon, 0.29)
		require.False(t, b.Offer(risk.Candidate{Key: strconv.Itoa(i), Score: 0.29}, noon))
	}
	_, flagged, waiting := b.Present(noon.Add(8 * time.Hour))
	assert.Zero(t, flagged)
	assert.Zero(t, waiting)
	_, ok := b.Next(noon.Add(8 * time.Hour))
	assert.False(t, ok, "a cap is no quota")
}

func TestOneFlagIsKeptForTheRegister(t *testing.T) {
	b := budget(1)
	morning := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	require.False(t, b.Offer(risk.Candidate{Key: "early", Score: 0.8}, morning), "there is none to give yet")
	for range 100 {
		b.Seen(morning, 0.1)
	}
	_, ok := b.Next(morning)
	assert.False(t, ok, "the only one is kept for what comes")
	evening := morning.Add(9*time.Hour + time.Minute)
	c, ok := b.Next(evening)
	require.True(t, ok, "but not overnight")
	assert.Equal(t, "early", c.Key)

	b.Withdraw(evening)
	_, flagged, _ := b.Present(evening)
	assert.Zero(t, flagged, "a flag that could not be put on record")
	assert.True(t, b.Offer(risk.Candidate{Key: "next", Score: 0.9}, evening))

	tomorrow := morning.AddDate(0, 0, 1)
	b.Withdraw(evening)
	seen, flagged, waiting := b.Present(tomorrow)
	assert.Zero(t, seen+flagged+waiting, "a new day begins with nothing")
	b.Withdraw(evening)
	b.Seen(tomorrow, 0.1)
	for range 99 {
		b.Seen(tomorrow, 0.1)
	}
	require.True(t, b.Offer(risk.Candidate{Key: "tomorrow", Score: 0.9}, tomorrow))
	b.Withdraw(evening)
	seen, flagged, _ = b.Present(tomorrow)
	assert.Equal(t, []int{100, 1}, []int{seen, flagged}, "yesterday's flag is not taken from today")
}

func TestRestored(t *testing.T) {
	b := budget(1)
	for i := range 250 {
		b.Seen(noon, 0.1)
		if i == 20 || i == 40 {
			b.Wait(risk.Candidate{Key: fmt.Sprint("k", i), Score: 0.5 + float64(i)/1000}, noon)
		}
	}
	b.Restore("k40", noon)
	seen, flagged, waiting := b.Present(noon)
	assert.Equal(t, []int{250, 1, 1}, []int{seen, flagged, waiting})
	c, ok := b.Next(noon.Add(7 * time.Hour))
	require.True(t, ok)
	assert.Equal(t, "k20", c.Key)
	_, ok = b.Next(noon.Add(7 * time.Hour))
	assert.False(t, ok)
}

func TestPeriod(t *testing.T) {
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, risk.Period(monday, 7), risk.Period(monday.AddDate(0, 0, 6).Add(23*time.Hour), 7), "weeks begin on Monday")
	assert.NotEqual(t, risk.Period(monday, 7), risk.Period(monday.Add(-time.Second), 7))
	berlin := time.FixedZone("", 3600)
	late := time.Date(2026, 11, 16, 23, 30, 0, 0, time.UTC)
	assert.Equal(t, risk.Period(late, 1)+1, risk.Period(late.In(berlin), 1), "days are those of the zone")
}
