package profile

import (
	"slices"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

// A Visit is one time that a customer came, or ordered.
type Visit struct {
	At      time.Time // of its latest order
	Channel book.Channel
	Store   string // empty online
	Orders  []*book.Order
	Value   shopify.Money // in the profile's currency, counted as Profile.Lifetime is
}

// Bought are the titles of what was bought and not brought back, at most n, those for
// which most was paid first within each order; and how many more there are. Gifts and
// gift cards are among them.
func (v *Visit) Bought(n int) (titles []string, more int) {
	return v.bought(n, func(*book.Line) bool { return true })
}

// BoughtForThemselves is Bought without gifts and gift cards.
func (v *Visit) BoughtForThemselves(n int) []string {
	titles, _ := v.bought(n, func(l *book.Line) bool { return !l.Gift && !l.GiftCard })
	return titles
}

func (v *Visit) bought(n int, of func(*book.Line) bool) (titles []string, more int) {
	seen := map[string]bool{}
	for _, o := range v.Orders {
		lines := slices.Clone(o.Lines)
		slices.SortStableFunc(lines, func(a, b book.Line) int {
			if !usable(a.Paid.Amount) || !usable(b.Paid.Amount) {
				return 0
			}
			return b.Paid.Amount.Cmp(a.Paid.Amount)
		})
		for i := range lines {
			bought, back := pieces(&lines[i])
			title := Clip(lines[i].Title)
			if bought == back || title == "" || seen[title] || !of(&lines[i]) {
				continue
			}
			seen[title] = true
			if len(titles) < n {
				titles = append(titles, title)
			} else {
				more++
			}
		}
	}
	return titles, more
}

// visits groups orders, which come latest first.
func visits(orders []*book.Order, currency string, now time.Time) []Visit {
	type key struct {
		day   time.Time
		store string
	}
	at := map[key]int{}
	var out []Visit
	for _, o := range orders {
		if o.At.IsZero() {
			continue
		}
		value := shopify.Money{CurrencyCode: currency}
		if w := worthOf(o); w.ok && w.currency == currency {
			value.Amount = w.value
		}
		k := key{day(o.At, now.Location()), o.Location}
		if o.Channel == book.Register {
			if i, ok := at[k]; ok {
				out[i].Orders = append(out[i].Orders, o)
				out[i].Value.Amount = out[i].Value.Amount.Add(value.Amount)
				continue
			}
			at[k] = len(out)
		}
		out = append(out, Visit{At: o.At, Channel: o.Channel, Store: o.Location, Orders: []*book.Order{o}, Value: value})
	}
	return out
}

// Rhythm is how often a customer comes. Known says whether there are enough intervals
// to tell; the rest is zero otherwise.
type Rhythm struct {
	Known     bool
	Intervals int
	// Usual is the median of the intervals between visits, whatever the channel, and
	// Spread the median of how far they are from it: neither is moved by one long pause.
	Usual, Spread time.Duration
	// Due is when they should have come by: after the last visit, Usual and thrice the
	// Spread, but at least one and a half times the Usual.
	Due     time.Time
	Overdue bool
}

func rhythm(visits []Visit, now time.Time) Rhythm {
	var gaps []time.Duration
	for i := 1; i < len(visits); i++ {
		// Orders of one day are one occasion, in whatever channel.
		if gap := visits[i-1].At.Sub(visits[i].At); gap >= 12*time.Hour {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) < MinIntervals {
		return Rhythm{}
	}
	r := Rhythm{Known: true, Intervals: len(gaps), Usual: median(gaps)}
	for i := range gaps {
		gaps[i] = (gaps[i] - r.Usual).Abs()
	}
	r.Spread = median(gaps)
	// Times may be anything: beyond half a century nothing is due.
	wait := min(max(r.Usual+3*min(r.Spread, farAway), r.Usual+r.Usual/2), farAway)
	r.Due = visits[0].At.Add(wait)
	r.Overdue = now.After(r.Due)
	return r
}

const farAway = 50 * 365 * 24 * time.Hour

// median sorts its argument.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	m := len(d) / 2
	if len(d)%2 == 1 {
		return min(d[m], farAway)
	}
	low, high := min(d[m-1], farAway), min(d[m], farAway)
	return low + (high-low)/2
}
