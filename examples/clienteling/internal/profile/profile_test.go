package profile_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/shopify"
)

func text(t *testing.T, p profile.Profile) string {
	t.Helper()
	b, err := json.Marshal(p)
	require.NoError(t, err)
	return string(b)
}

// The order of orders and notes does not matter, nor how often they come; a canceled
// order is as one that is not there; and somebody else's is none.
func TestTheSameWhateverTheOrder(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(1, seed))
		e := randomEntry(r)
		shop := randomShop(t, r, 60, 0)
		want := text(t, profile.Of(e, shop, now))
		for range 3 {
			require.Equal(t, want, text(t, profile.Of(shuffled(r, e), shop, now)), "seed %d: another order", seed)
		}
		again := e
		again.Orders, again.Notes = append(slices.Clone(e.Orders), e.Orders...), append(slices.Clone(e.Notes), e.Notes...)
		require.Equal(t, want, text(t, profile.Of(shuffled(r, again), shop, now)), "seed %d: twice", seed)
		more := e
		more.Orders = append(slices.Clone(e.Orders),
			book.Order{ID: "gid://shopify/Order/900", At: now, Canceled: true, Total: usd("99"), Lines: []book.Line{{Category: "Hats", Quantity: 5}}},
			book.Order{ID: "gid://shopify/Order/901", At: now, Customer: "gid://shopify/Customer/77", Total: usd("99"), Lines: []book.Line{{Category: "Hats", Quantity: 5}}},
			book.Order{At: now, Total: usd("99")})
		got := profile.Of(more, shop, now)
		got.Canceled--
		require.Equal(t, want, text(t, got), "seed %d: what does not count", seed)
	}
}

// An order that is canceled later is as if it had never been.
func TestCanceledIsAbsent(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(2, seed))
		e := randomEntry(r)
		if len(e.Orders) == 0 {
			continue
		}
		gone := e.Orders[r.IntN(len(e.Orders))].ID
		canceled, without := e, e
		canceled.Orders, without.Orders = slices.Clone(e.Orders), nil
		for i := range canceled.Orders {
			if canceled.Orders[i].ID == gone {
				canceled.Orders[i].Canceled = true
			} else {
				without.Orders = append(without.Orders, canceled.Orders[i])
			}
		}
		a, b := profile.Of(canceled, nil, now), profile.Of(without, nil, now)
		a.Canceled, b.Canceled = 0, 0
		require.Equal(t, text(t, b), text(t, a), "seed %d", seed)
	}
}

// TestLifetimeValue compares with a sum in rational numbers that is written down in
// another way: state by state, in cents.
func TestLifetimeValue(t *testing.T) {
	compared := 0
	for seed := range uint64(400) {
		e := randomEntry(rand.New(rand.NewPCG(3, seed)))
		sums := map[string]*big.Rat{}
		orders, unclear := 0, false
		for _, id := range ids(e.Orders) {
			var last *book.Order
			for i := range e.Orders {
				o := &e.Orders[i]
				if o.ID != id || o.Customer == "gid://shopify/Customer/2" {
					continue
				}
				switch {
				case last == nil || o.UpdatedAt.After(last.UpdatedAt), o.UpdatedAt.Equal(last.UpdatedAt) && o.Canceled && !last.Canceled:
					last = o
				case o.UpdatedAt.Equal(last.UpdatedAt) && o.Canceled == last.Canceled:
					unclear = true // two states of one moment that differ in money: not for this oracle
				}
			}
			if last.Canceled {
				continue
			}
			orders++
			code := last.Total.CurrencyCode
			if sums[code] == nil {
				sums[code] = new(big.Rat)
			}
			given := last.Refunded.Amount.Rat()
			for _, l := range last.Lines {
				if !l.GiftCard || l.Quantity == 0 {
					continue
				}
				sums[code].Sub(sums[code], l.Paid.Amount.Rat())
				places := int32(2)
				if code == "JPY" {
					places = 0
				}
				back := l.Paid.Amount.DivRound(decimal.NewFromInt(int64(l.Quantity)), places).Mul(decimal.NewFromInt(int64(l.Returned)))
				if l.Returned == l.Quantity {
					back = l.Paid.Amount
				}
				given.Sub(given, back.Rat())
			}
			sums[code].Add(sums[code], last.Total.Amount.Rat())
			if given.Sign() > 0 {
				sums[code].Sub(sums[code], given)
			}
		}
		if unclear {
			continue
		}
		compared++
		shop := emptyShop(t, "USD")
		p := profile.Of(e, shop, now)
		require.Equal(t, orders, p.Orders, "seed %d", seed)
		want := new(big.Rat)
		if sums["USD"] != nil {
			want = sums["USD"]
		}
		require.Zero(t, p.Lifetime.Amount.Rat().Cmp(want), "seed %d: %s and %s", seed, p.Lifetime, want.FloatString(2))
		require.Equal(t, "USD", p.Lifetime.CurrencyCode)
		for _, m := range p.OtherCurrencies {
			require.NotEqual(t, "USD", m.CurrencyCode)
			require.Zero(t, m.Amount.Rat().Cmp(sums[m.CurrencyCode]), "seed %d: %s", seed, m)
		}
		total := decimal.Zero
		visits := 0
		for _, c := range p.Channels {
			total = total.Add(c.Value.Amount)
			visits += c.Visits
		}
		require.True(t, total.Equal(p.Lifetime.Amount), "seed %d: the channels add up", seed)
		require.Equal(t, len(p.Visits), visits)
	}
	assert.Greater(t, compared, 100)
}

func ids(orders []book.Order) []shopify.GID {
	seen := map[shopify.GID]bool{}
	var out []shopify.GID
	for _, o := range orders {
		if o.Customer != "gid://shopify/Customer/2" && !seen[o.ID] {
			seen[o.ID] = true
			out = append(out, o.ID)
		}
	}
	return out
}

func emptyShop(t *testing.T, currency string) *profile.Population {
	t.Helper()
	p, err := profile.NewPopulation(currency, func(func(profile.Member, error) bool) {}, nil)
	require.NoError(t, err)
	return p
}

func members(all []profile.Member) iter.Seq2[profile.Member, error] {
	return func(yield func(profile.Member, error) bool) {
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func randomShop(t *testing.T, r *rand.Rand, n, limit int) *profile.Population {
	t.Helper()
	p, err := profile.NewPopulation("USD", members(randomMembers(r, n)), &profile.PopulationOptions{Limit: limit})
	require.NoError(t, err)
	return p
}

func randomMembers(r *rand.Rand, n int) []profile.Member {
	out := make([]profile.Member, n)
	for i := range out {
		out[i] = profile.Member{Customer: shopify.NewGID("Customer", int64(i+1)), Last: now.AddDate(0, 0, -r.IntN(30)), Orders: 1 + r.IntN(3)*r.IntN(4), Value: decimal.New(r.Int64N(300), 0)}
	}
	return out
}

// TestScores compares with counting: of all members, those below and those equal.
func TestScores(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(4, seed))
		all := randomMembers(r, 20+r.IntN(200))
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		p, err := profile.NewPopulation("USD", members(all), nil)
		require.NoError(t, err)
		require.Equal(t, len(all), p.Len())
		for _, m := range all {
			oracle := func(compare func(o profile.Member) int) int {
				twice := 0
				for _, o := range all {
					switch c := compare(o); {
					case c < 0:
						twice += 2
					case c == 0:
						twice++
					}
				}
				for s := 5; s > 1; s-- { // the share of the shop that lies below reaches the fifths
					if 5*twice >= 2*len(all)*(s-1) {
						return s
					}
				}
				return 1
			}
			rec, freq, mon := p.Scores(m)
			require.Equal(t, oracle(func(o profile.Member) int { return o.Last.Compare(m.Last) }), rec)
			require.Equal(t, oracle(func(o profile.Member) int { return o.Orders - m.Orders }), freq)
			require.Equal(t, oracle(func(o profile.Member) int { return o.Value.Cmp(m.Value) }), mon)
		}
	}
}

func TestPopulation(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	all := randomMembers(r, 5000)
	exact, err := profile.NewPopulation("USD", members(all), nil)
	require.NoError(t, err)
	sample, err := profile.NewPopulation("USD", members(all), &profile.PopulationOptions{Limit: 1000})
	require.NoError(t, err)
	assert.Equal(t, 1000, sample.Len())
	again := append(slices.Clone(all), all[:2500]...)
	r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	other, err := profile.NewPopulation("USD", members(again), &profile.PopulationOptions{Limit: 1000})
	require.NoError(t, err)
	assert.Equal(t, sample, other, "the sample is the same in any order, and when some come twice")
	off, far := 0, 0
	for _, m := range all {
		a, b, c := exact.Scores(m)
		x, y, z := sample.Scores(m)
		for _, d := range []int{a - x, b - y, c - z} {
			if d != 0 {
				off++
			}
			if d > 1 || d < -1 {
				far++
			}
		}
	}
	assert.Zero(t, far)
	assert.Less(t, off, 15000/10, "a sample puts few members into another quintile")

	few, err := profile.NewPopulation("USD", members(all[:profile.MinMembers-1]), nil)
	require.NoError(t, err)
	rec, freq, mon := few.Scores(all[0])
	assert.Equal(t, [3]int{}, [3]int{rec, freq, mon}, "nothing is said of a shop that small")
	_, err = profile.NewPopulation("USD", func(yield func(profile.Member, error) bool) { yield(profile.Member{}, assert.AnError) }, nil)
	assert.ErrorIs(t, err, assert.AnError)
	var none *profile.Population
	assert.Zero(t, none.Len())
	p := profile.Of(book.Entry{}, none, now)
	assert.Empty(t, p.RFM.Segment)
}

// The table of segments is total, monotone where it should be, and as documented.
func TestSegments(t *testing.T) {
	rank := map[profile.Segment]int{}
	for i, s := range profile.Segments() {
		rank[s] = i
	}
	seen := map[profile.Segment]bool{profile.Prospects: true}
	for r := 1; r <= 5; r++ {
		for f := 1; f <= 5; f++ {
			for m := 1; m <= 5; m++ {
				for _, orders := range []int{1, 7} {
					s := profile.SegmentOf(r, f, m, orders)
					require.Contains(t, rank, s)
					seen[s] = true
				}
				if r > 1 {
					assert.LessOrEqual(t, rank[profile.SegmentOf(r, f, m, 7)], rank[profile.SegmentOf(r-1, f, m, 7)], "later is not worse: %d %d %d", r, f, m)
				}
				if r >= 3 && f > 1 {
					assert.LessOrEqual(t, rank[profile.SegmentOf(r, f, m, 7)], rank[profile.SegmentOf(r, f-1, m, 7)], "more often is not worse: %d %d %d", r, f, m)
				}
			}
		}
	}
	assert.Len(t, seen, len(profile.Segments()), "each can happen")
	assert.Equal(t, profile.Champions, profile.SegmentOf(5, 5, 4, 9))
	assert.Equal(t, profile.New, profile.SegmentOf(5, 2, 5, 1))
	assert.Equal(t, profile.AtRisk, profile.SegmentOf(2, 5, 5, 9))
	assert.Equal(t, profile.Prospects, profile.SegmentOf(0, 0, 0, 0))
	assert.Empty(t, profile.SegmentOf(0, 3, 3, 2))
	assert.Equal(t, "Needs attention", profile.NeedsAttention.Label())
	r := profile.RFM{Segment: profile.Loyal}
	assert.Equal(t, profile.Loyal, r.Group())
	r.Shopify = profile.AtRisk
	assert.Equal(t, profile.AtRisk, r.Group(), "Shopify's goes first")
}

func line(category string, quantity, returned int, paid string, options ...string) book.Line {
	l := book.Line{Title: "Thing", Category: category, Vendor: "Northfell", Quantity: quantity, Returned: returned, Paid: usd(paid)}
	for i := 0; i < len(options); i += 2 {
		l.Options = append(l.Options, book.Option{Name: options[i], Value: options[i+1]})
	}
	return l
}

func bought(lines ...book.Line) book.Entry {
	var e book.Entry
	for i, l := range lines {
		e.Orders = append(e.Orders, book.Order{ID: shopify.NewGID("Order", int64(i+1)), At: now.AddDate(0, 0, -i), Channel: book.Online, Lines: []book.Line{l}, Total: l.Paid})
	}
	return e
}

func TestPreferences(t *testing.T) {
	gift := line("Hats", 9, 0, "90", "Size", "XS")
	gift.Gift = true
	card := line("Gift cards", 9, 0, "900", "Size", "50")
	card.GiftCard = true
	p := profile.Of(bought(
		line("Shirts", 3, 0, "150.00", "Größe", "M", "Farbe", "Navy"), line("Shirts", 2, 0, "100", "Size", "m", "Color", "navy"),
		line("Shirts", 2, 2, "80", "Taille", "L", "Couleur", "Red"), line("Shoes", 3, 1, "330.00", "Shoe size", "42"), line("Shoes", 1, 0, "99", "EU-Größe", "42"),
		line("Shoes", 4, 3, "400", "Shoe size", "43"), line("Socks", 3, 0, "10", "Size", "One Size"), gift, card,
	), nil, now)
	assert.Equal(t, []profile.Preference{{Value: "Shirts", Pieces: 5, Of: 12, Returned: 2}, {Value: "Socks", Pieces: 3, Of: 12}}, p.Categories, "shoes came back as often as not")
	assert.Equal(t, []profile.Preference{{Value: "M", Category: "Shirts", Pieces: 5, Of: 5}}, p.Sizes)
	assert.Equal(t, []profile.Preference{{Value: "Navy", Pieces: 5, Of: 5}}, p.Colors)
	require.Len(t, p.PriceBands, 2)
	assert.Equal(t, profile.PriceBand{Category: "Shirts", Low: usd("50.00"), Median: usd("50.00"), High: usd("50.00"), Pieces: 5}, roundTrip(p.PriceBands[0]))
	assert.Equal(t, "3.33 USD", p.PriceBands[1].Low.String(), "unit prices are rounded to cents")
	assert.Equal(t, 27, p.Pieces, "gifts were bought too")
	assert.Equal(t, 22, p.ReturnRate())

	few := profile.Of(bought(line("Shirts", 2, 0, "100", "Size", "M")), nil, now)
	assert.Empty(t, few.Categories, "two pieces say nothing")
	assert.Empty(t, few.Sizes)
	assert.Empty(t, few.PriceBands)
	both := profile.Of(bought(line("Shirts", 4, 0, "100", "Size", "M"), line("Shirts", 3, 0, "100", "Size", "L")), nil, now)
	assert.Len(t, both.Sizes, 2, "between two sizes")
}

// roundTrip makes amounts of one form, so that they compare equal.
func roundTrip(b profile.PriceBand) profile.PriceBand {
	b.Low, b.Median, b.High = usd(b.Low.Amount.StringFixed(2)), usd(b.Median.Amount.StringFixed(2)), usd(b.High.Amount.StringFixed(2))
	return b
}

func TestQuartiles(t *testing.T) {
	var lines []book.Line
	for i := range 11 { // 1.00 to 11.00
		lines = append(lines, line("Cards", 1, 0, fmt.Sprintf("%d.00", 11-i)))
	}
	b := profile.Of(bought(lines...), nil, now).PriceBands[0]
	assert.Equal(t, []string{"3.00 USD", "6.00 USD", "9.00 USD"}, []string{b.Low.String(), b.Median.String(), b.High.String()})
}

// A gift card counts when somebody pays with it, not when it is sold.
func TestGiftCardsCountOnce(t *testing.T) {
	card := line("Gift cards", 2, 1, "100.00")
	card.GiftCard = true
	e := book.Entry{Orders: []book.Order{
		{ID: "gid://shopify/Order/1", At: now, Lines: []book.Line{card, line("Shirts", 1, 0, "60.00")}, Total: usd("160.00"), Refunded: usd("50.00")},
		{ID: "gid://shopify/Order/2", At: now, Lines: []book.Line{line("Shirts", 1, 0, "50.00")}, Total: usd("50.00")}, // paid with the card
		{ID: "gid://shopify/Order/3", At: now, Lines: []book.Line{card}, Total: usd("100.00"), Refunded: usd("50.00")},
	}}
	p := profile.Of(e, nil, now)
	assert.Equal(t, "110.00 USD", p.Lifetime.String())
	assert.Equal(t, "100.00 USD", p.GiftCards.String())
	assert.Equal(t, "55.00 USD", p.Average.String(), "of the orders with goods")
	assert.Equal(t, 2, p.Pieces)
	assert.Equal(t, 3, p.Orders)
}

func TestCurrencies(t *testing.T) {
	e := book.Entry{Orders: []book.Order{
		{ID: "gid://shopify/Order/1", At: now, Total: shopify.Money{Amount: decimal.NewFromInt(1000), CurrencyCode: "JPY"}},
		{ID: "gid://shopify/Order/2", At: now, Total: shopify.Money{Amount: decimal.NewFromInt(500), CurrencyCode: "JPY"}},
		{ID: "gid://shopify/Order/3", At: now, Total: usd("10")},
		{ID: "gid://shopify/Order/4", At: now, Total: shopify.Money{Amount: decimal.NewFromInt(7)}},                                        // of no currency
		{ID: "gid://shopify/Order/5", At: now, Total: shopify.Money{Amount: decimal.New(1, 1<<30), CurrencyCode: "USD"}},                   // would fill the memory
		{ID: "gid://shopify/Order/6", At: now, Total: shopify.Money{Amount: decimal.New(1, -(1 << 30)), CurrencyCode: "USD"}},              // so would this
		{ID: "gid://shopify/Order/7", At: now, Total: shopify.Money{Amount: decimal.NewFromInt(1), CurrencyCode: strings.Repeat("X", 99)}}, // none that exists
	}}
	p := profile.Of(e, nil, now)
	assert.Equal(t, "USD", p.Currency, "of most orders, the first by name among equals")
	p = profile.Of(book.Entry{Orders: e.Orders[:3]}, nil, now)
	assert.Equal(t, "JPY", p.Currency)
	assert.Equal(t, "1500", profile.Amount(p.Lifetime), "yen have no cents")
	assert.Equal(t, "750", profile.Amount(p.Average))
	p = profile.Of(e, emptyShop(t, "EUR"), now)
	assert.Equal(t, "0.00 EUR", p.Lifetime.String())
	assert.Len(t, p.OtherCurrencies, 3)
	assert.Equal(t, 7, p.Orders)
}

func TestVisitsAndRhythm(t *testing.T) {
	at := func(d int, c book.Channel, place string) book.Order {
		return book.Order{ID: shopify.NewGID("Order", int64(1000+d*10+len(place)+len(c))), At: now.AddDate(0, 0, -d), Channel: c, Location: place, Total: usd("10")}
	}
	e := book.Entry{Orders: []book.Order{at(10, book.Register, "A"), at(10, book.Register, "BB"), at(10, book.Online, ""), at(40, book.Register, "A"), at(70, book.Register, "A"), at(100, book.Register, "A"), at(400, book.Register, "A")}}
	second := at(10, book.Register, "A")
	second.ID, second.At = "gid://shopify/Order/5", second.At.Add(-time.Hour)
	e.Orders = append(e.Orders, second)
	p := profile.Of(e, nil, now)
	require.Len(t, p.Visits, 7, "one in each store and online, and two orders of one visit")
	assert.Equal(t, "20.00 USD", p.Visits[slices.IndexFunc(p.Visits, func(v profile.Visit) bool { return len(v.Orders) == 2 })].Value.String())
	assert.Equal(t, 30*24*time.Hour, p.Rhythm.Usual, "the long pause does not move it")
	assert.Equal(t, 4, p.Rhythm.Intervals)
	assert.False(t, p.Rhythm.Overdue)
	assert.True(t, profile.Of(e, nil, now.AddDate(0, 0, 40)).Rhythm.Overdue)
	assert.Equal(t, "A", p.Store.Value)
	assert.Equal(t, 5, p.Store.Pieces)
	assert.Equal(t, 6, p.Store.Of)
	assert.False(t, profile.Of(book.Entry{Orders: e.Orders[:4]}, nil, now).Rhythm.Known, "one interval is no rhythm")

	tokyo := time.FixedZone("", 9*60*60)
	late := profile.Of(bought(), nil, now.In(tokyo))
	assert.Nil(t, late.LastVisit())
	e = book.Entry{}
	for i := range 4 {
		o := at(7*i+6, book.Register, "A") // Saturdays, 15:30 UTC
		o.At = o.At.In(time.UTC)
		e.Orders = append(e.Orders, o)
	}
	assert.Equal(t, "weekend afternoons", profile.Of(e, nil, now).Time.Value)
	assert.Equal(t, "weekend mornings", profile.Of(e, nil, now.In(tokyo)).Time.Value, "half past midnight, where the shop is")
}

func TestNotes(t *testing.T) {
	on := func(id string, ago int, kind book.NoteKind, due int, settles string) book.Note {
		n := book.Note{ID: id, At: now.AddDate(0, 0, -ago), Kind: kind, Text: id, Settles: settles}
		if due != 0 {
			n.Due = now.AddDate(0, 0, due)
		}
		return n
	}
	p := profile.Of(book.Entry{Notes: []book.Note{
		on("old", 90, book.Preference, 0, ""), on("kept", 30, book.Promise, -20, ""), on("kept it", 25, book.Service, 0, "kept"), on("someday", 40, book.Promise, 0, ""),
		on("later", 2, book.Promise, 9, ""), on("late", 20, book.Promise, -1, ""), on("later still", 20, book.Promise, -7, ""), on("itself", 3, book.Promise, 30, "itself"),
		on("before", 50, book.Service, 0, "someday"),
	}}, nil, now)
	var got []string
	for _, n := range p.Notes {
		got = append(got, fmt.Sprintf("%s %t %t %t", n.ID, n.Open, n.Overdue, n.Settled != nil))
	}
	assert.Equal(t, []string{
		"later still true true false", "late true true false", "later true false false", "itself true false false", "someday true false false",
		"kept it false false false", "kept false false true", "before false false false", "old false false false",
	}, got)
	due := book.Note{ID: "today", Kind: book.Promise, Due: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}
	assert.False(t, profile.Of(book.Entry{Notes: []book.Note{due}}, nil, now).Notes[0].Overdue, "a day is not over before it ends")
	assert.True(t, profile.Of(book.Entry{Notes: []book.Note{due}}, nil, now.Add(24*time.Hour)).Notes[0].Overdue)
}

func TestClip(t *testing.T) {
	assert.Equal(t, "a b", profile.Clip(" a\n\t b\x00\u202e "))
	long := profile.Clip(strings.Repeat("ä", 500))
	assert.Equal(t, 80, len([]rune(long)))
	assert.True(t, strings.HasSuffix(long, "…"))
	assert.LessOrEqual(t, len([]rune(profile.Clip(strings.Repeat("a ", 500)))), 80)
}
