package weekly_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/returnreasons/weekly"
	"github.com/posai-go/posai/internal/stats"
)

// now is a Friday; the last complete week is 2026-W47, from the 16th.
var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func options() weekly.Options {
	return weekly.Options{
		Shop: "Alder & Wren", Now: now, Channels: []string{"pos", "online"},
		Reasons: []weekly.Reason{
			{Key: "defective", Label: "Defective", Product: true},
			{Key: "size", Label: "Size or fit", Product: true},
			{Key: "gift", Label: "Unwanted gift"},
			{Key: "abstain", Label: "No reason given", Silent: true},
		},
	}
}

// ledger makes sales and returns.
type ledger struct {
	sales   []weekly.Sale
	returns []weekly.Return
	orders  int
}

// sell sells single units of a product, each in an order of its own.
func (l *ledger) sell(n int, at time.Time, channel, product string) []weekly.Sale {
	var out []weekly.Sale
	for range n {
		l.orders++
		out = append(out, weekly.Sale{Order: fmt.Sprint("o", l.orders), At: at, Channel: channel, Product: product, Units: 1})
	}
	l.sales = append(l.sales, out...)
	return out
}

func (l *ledger) back(sold []weekly.Sale, at time.Time, reason, quote string) {
	for _, s := range sold {
		l.returns = append(l.returns, weekly.Return{
			Order: s.Order, SoldAt: s.At, At: at, Channel: s.Channel, Product: s.Product, Title: "The " + s.Product, Units: s.Units, Reason: reason, Quote: quote,
		})
	}
}

var (
	inWeek     = time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	weekBefore = inWeek.AddDate(0, 0, -7)
	soldAt     = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
)

func TestCountsRatesAndIntervals(t *testing.T) {
	var l ledger
	pos, online := l.sell(200, soldAt, "pos", "candle"), l.sell(100, soldAt, "online", "shirt")
	old := l.sell(9, soldAt.AddDate(0, -2, 0), "pos", "candle")
	l.back(pos[:12], inWeek, "defective", "It broke.")
	l.back(online[:20], inWeek, "size", "Too small.")
	l.back(old[:6], inWeek, "defective", "")
	l.back(pos[20:26], weekBefore, "defective", "")
	l.back(online[40:46], weekBefore, "size", "")
	s := weekly.Summarize(l.sales, l.returns, options())
	assert.Equal(t, "2026-W47", s.Week)
	assert.True(t, s.Complete)
	assert.Equal(t, 38, s.Total.This.Units)
	assert.Equal(t, 12, s.Total.Last.Units)
	defective := s.Reasons[0]
	assert.Equal(t, 18, defective.This.Units, "old ones are counted")
	assert.InDelta(t, 12.0/300, defective.This.Rate, 1e-12, "but are in no rate")
	low, high := stats.Wilson(12, 300)
	assert.InDelta(t, low, defective.This.Low, 1e-12)
	assert.InDelta(t, high, defective.This.High, 1e-12)
	assert.Equal(t, 18, defective.Channels[0].Units)
	assert.Zero(t, defective.Channels[1].Units)
	assert.InDelta(t, 0.2, s.Reasons[1].Channels[1].Rate, 1e-12)

	// Fisher's test of 20 of 300 orders against 6 of 300, among five tests.
	assert.InDelta(t, stats.Fisher(20, 300, 6, 300), s.Reasons[1].Change.P, 1e-12)
	assert.Equal(t, 1, s.Reasons[1].Change.Direction)
	assert.Equal(t, 0, defective.Change.Direction, "12 against 6 may be chance")
	assert.Greater(t, s.Reasons[1].Change.Q, s.Reasons[1].Change.P)
	assert.Len(t, s.Trend, 8)
	assert.Equal(t, "2026-W47", s.Trend[7].Week)
	assert.Equal(t, 20, s.Trend[7].Channels[1].Units)
	require.Len(t, s.Quotes, 2)
	assert.Equal(t, []string{"It broke."}, s.Quotes[0].Quotes, "the same once")
}

func TestOneOrderIsOneVoice(t *testing.T) {
	var l ledger
	l.sell(300, soldAt, "pos", "towel")
	l.sales = append(l.sales, weekly.Sale{Order: "bulk", At: soldAt, Channel: "pos", Product: "towel", Units: 40})
	l.returns = append(l.returns, weekly.Return{Order: "bulk", SoldAt: soldAt, At: inWeek, Channel: "pos", Product: "towel", Title: "Towel", Units: 40, Reason: "defective"})
	s := weekly.Summarize(l.sales, l.returns, options())
	assert.Empty(t, s.Issues, "forty towels of one customer are one reason")
	assert.True(t, s.Reasons[0].This.Hidden, "and one customer")
}

func TestEmergingIssue(t *testing.T) {
	var l ledger
	var candles []weekly.Sale
	for week := range 8 {
		candles = append(candles, l.sell(30, inWeek.AddDate(0, 0, -7*week-1), "pos", "candle")...)
		l.sell(60, inWeek.AddDate(0, 0, -7*week-1), "online", "shirt")
	}
	for week := 1; week <= 6; week++ {
		l.back(candles[30*week:30*week+2], inWeek.AddDate(0, 0, -7*week), "defective", "")
	}
	l.back(candles[:14], inWeek, "defective", "Cracked.")
	s := weekly.Summarize(l.sales, l.returns, options())
	require.Len(t, s.Issues, 1)
	i := s.Issues[0]
	assert.Equal(t, "The candle", i.Title)
	assert.Equal(t, "defective", i.Key)
	assert.Equal(t, 14, i.This.Units)
	assert.Less(t, i.Q, 0.01)
	assert.Greater(t, i.Lift, 3.0)
	assert.Equal(t, 1, s.Tested)
}

// Where nothing is going on, hardly a week may name something: the guard against
// chance holds for the page as a whole.
func TestFalseDiscoveries(t *testing.T) {
	const trials = 60
	random := rand.New(rand.NewPCG(4, 2))
	named := 0
	for range trials {
		var l ledger
		for product := range 30 {
			name := fmt.Sprint("p", product)
			for week := range 10 {
				for _, s := range l.sell(20, inWeek.AddDate(0, 0, -7*week-2), "pos", name) {
					if random.IntN(100) < 6 {
						l.back([]weekly.Sale{s}, s.At.AddDate(0, 0, random.IntN(20)), []string{"defective", "size"}[random.IntN(2)], "")
					}
				}
			}
		}
		opts := options()
		opts.MinCount = 2
		if s := weekly.Summarize(l.sales, l.returns, opts); len(s.Issues) > 0 {
			named++
		}
	}
	t.Logf("%d of %d quiet weeks named an issue", named, trials)
	assert.LessOrEqual(t, named, trials/5, "the share of weeks with a false finding is about 10 %%")
}

func TestWeeks(t *testing.T) {
	for in, want := range map[string]string{"2026-W47": "2026-11-16", "2026-W01": "2025-12-29", "2026-W53": "2026-12-28", "2024-W01": "2024-01-01"} {
		got, err := weekly.ParseWeek(in, time.UTC)
		require.NoError(t, err, in)
		assert.Equal(t, want, got.Format(time.DateOnly), in)
		assert.Equal(t, in, weekly.WeekName(got))
	}
	for _, bad := range []string{"", "2026", "2026-W00", "2025-W53", "2026-W54", "2026-w47", "2026-W471", "W47-2026", "2026-W4", "-026-W47", "2026-W+7"} {
		_, err := weekly.ParseWeek(bad, time.UTC)
		assert.Error(t, err, bad)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, 11, 15, 23, 30, 0, 0, time.UTC) // Monday there
	assert.Equal(t, "2026-W47", weekly.WeekName(weekly.StartOfWeek(at, berlin)))
	assert.Equal(t, "2026-W46", weekly.WeekName(weekly.StartOfWeek(at, time.UTC)))
	summer := weekly.StartOfWeek(time.Date(2026, 3, 31, 0, 0, 0, 0, berlin), berlin)
	assert.Equal(t, 0, summer.Hour(), "midnight there, whatever the clocks did")
}

func FuzzParseWeek(f *testing.F) {
	f.Add("2026-W47")
	f.Add("2026-W53")
	f.Add("0000-W01")
	f.Fuzz(func(t *testing.T, in string) {
		if got, err := weekly.ParseWeek(in, time.UTC); err == nil && weekly.WeekName(got) != in {
			t.Fatalf("%q read as %q", in, weekly.WeekName(got))
		}
	})
}

// The page is made of what strangers wrote.
func TestHostileTexts(t *testing.T) {
	const evil = `</svg><script>alert(1)</script>"'&{{.}}`
	var l ledger
	sold := l.sell(40, soldAt, evil, "x")
	l.back(sold[:12], inWeek, "defective", evil)
	for i := range l.returns {
		l.returns[i].Title = evil
	}
	opts := options()
	opts.Shop = evil
	opts.Reasons[0].Label = evil
	s := weekly.Summarize(l.sales, l.returns, opts)
	require.Len(t, s.Issues, 1)
	var page bytes.Buffer
	require.NoError(t, s.WriteHTML(&page))
	assert.NotContains(t, page.String(), "<script")
	assert.NotContains(t, page.String(), "http://")
	assert.NotContains(t, page.String(), "https://", "nothing from elsewhere")
	assert.Equal(t, strings.Count(page.String(), "<svg"), strings.Count(page.String(), "</svg>"))
	assert.Contains(t, page.String(), "&lt;script&gt;")
}

func TestEmptyWeek(t *testing.T) {
	s := weekly.Summarize(nil, nil, options())
	var page, text bytes.Buffer
	require.NoError(t, s.WriteHTML(&page))
	require.NoError(t, s.WriteText(&text))
	assert.Contains(t, page.String(), "No product stands out")
	assert.NotContains(t, page.String()+text.String(), "NaN")
	assert.Contains(t, text.String(), "2026-W47")
}

func TestTheRunningWeek(t *testing.T) {
	opts := options()
	opts.Week = now
	s := weekly.Summarize(nil, nil, opts)
	assert.Equal(t, "2026-W48", s.Week)
	assert.False(t, s.Complete)
	var text bytes.Buffer
	require.NoError(t, s.WriteText(&text))
	assert.Contains(t, text.String(), "not over yet")
}

// A week is shown on its own page, on the next week's as the week before, and in
// the trend of the weeks after: what one hides, no other may show.
func TestAllPagesHideTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	for range 40 {
		var l ledger
		for week := range 4 {
			for _, channel := range []string{"pos", "online", "phone"} {
				sold := l.sell(150, inWeek.AddDate(0, 0, -7*week-3), channel, "x")
				for _, reason := range []string{"defective", "size", "gift", "abstain"} {
					n := random.IntN(12)
					l.back(sold[:n], inWeek.AddDate(0, 0, -7*week), reason, "")
					sold = sold[n:]
				}
			}
		}
		opts := options()
		later := weekly.Summarize(l.sales, l.returns, opts)
		opts.Week = weekBefore
		own := weekly.Summarize(l.sales, l.returns, opts)
		for i := range own.Reasons {
			assert.Equal(t, own.Reasons[i].This, later.Reasons[i].Last)
		}
		assert.Equal(t, own.Total.This, later.Total.Last)
		assert.Equal(t, own.Total.Channels, later.Trend[6].Channels)
		assert.Equal(t, own.Trend[7], later.Trend[6])
	}
}
