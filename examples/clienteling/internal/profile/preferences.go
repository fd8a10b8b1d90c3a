package profile

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

// The bounds of what is stated.
const (
	maxStated     = 3  // preferences of a kind
	maxCategories = 5  // with sizes and price bands
	maxSizes      = 2  // in a category
	minShare      = 20 // percent of the pieces, for a preference
	minSizeShare  = 40 // percent of a category's pieces, for a size
	minHabitShare = 50 // percent of the visits, for a favorite store or channel
	minTimeShare  = 40 // percent of the visits to stores, for a time
)

// tally counts one question: what colors, what brands.
type tally struct {
	kept, returned map[string]int            // by folded value
	spelled        map[string]map[string]int // pieces by spelling
	total          int                       // kept
}

func newTally() *tally {
	return &tally{kept: map[string]int{}, returned: map[string]int{}, spelled: map[string]map[string]int{}}
}

func (t *tally) add(value string, kept, returned int) {
	value = Clip(value)
	key := fold(value)
	if key == "" {
		return
	}
	t.kept[key] += kept
	t.returned[key] += returned
	t.total += kept
	if t.spelled[key] == nil {
		t.spelled[key] = map[string]int{}
	}
	t.spelled[key][value] += kept + returned
}

// spelling is how a value is written most often, the first in order among equals.
func (t *tally) spelling(key string) string {
	best := ""
	for _, s := range slices.Sorted(maps.Keys(t.spelled[key])) {
		if best == "" || t.spelled[key][s] > t.spelled[key][best] {
			best = s
		}
	}
	return best
}

// state returns what may be said: what is kept more often than brought back, often
// enough, with a share of at least least percent. What was brought back counts against
// the order, too.
func (t *tally) state(most, least int) []Preference {
	var out []Preference
	for key, kept := range t.kept {
		p := Preference{Value: t.spelling(key), Pieces: kept, Of: t.total, Returned: t.returned[key]}
		if kept >= MinPieces && kept > p.Returned && p.Percent() >= least {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Preference) int {
		return cmp.Or(cmp.Compare(b.Pieces-b.Returned, a.Pieces-a.Returned), cmp.Compare(b.Pieces, a.Pieces), cmp.Compare(a.Value, b.Value))
	})
	return out[:min(len(out), most)]
}

// price is what was paid for one piece, for n of them.
type price struct {
	each decimal.Decimal
	n    int
}

// preferences counts what the lines say. Gifts say nothing, gift cards neither.
func (p *Profile) preferences(orders []*book.Order) {
	categories, colors, brands := newTally(), newTally(), newTally()
	sizes, prices := map[string]*tally{}, map[string][]price{}
	for _, o := range orders {
		for i := range o.Lines {
			l := &o.Lines[i]
			bought, back := pieces(l)
			if bought == 0 || l.GiftCard || l.Gift {
				continue
			}
			kept := bought - back
			categories.add(l.Category, kept, back)
			brands.add(l.Vendor, kept, back)
			category := fold(Clip(l.Category))
			for _, opt := range l.Options {
				switch optionKind(opt) {
				case sizeOption:
					if sizes[category] == nil {
						sizes[category] = newTally()
					}
					sizes[category].add(opt.Value, kept, back)
				case colorOption:
					colors.add(opt.Value, kept, back)
				}
			}
			if kept > 0 && category != "" && l.Paid.CurrencyCode == p.Currency && usable(l.Paid.Amount) && !l.Paid.Amount.IsNegative() {
				each := l.Paid.Amount.DivRound(decimal.NewFromInt(int64(bought)), digits(p.Currency))
				prices[category] = append(prices[category], price{each, kept})
			}
		}
	}
	p.Categories = categories.state(maxStated, minShare)
	p.Colors = colors.state(maxStated, minShare)
	p.Brands = brands.state(maxStated, minShare)
	for _, c := range categories.state(maxCategories, 0) {
		key := fold(c.Value)
		if t := sizes[key]; t != nil {
			for _, s := range t.state(maxSizes, minSizeShare) {
				s.Category = c.Value
				p.Sizes = append(p.Sizes, s)
			}
		}
		if band, ok := p.band(prices[key]); ok {
			band.Category = c.Value
			p.PriceBands = append(p.PriceBands, band)
		}
	}
	if t := sizes[""]; t != nil { // goods without a category share one
		p.Sizes = append(p.Sizes, t.state(maxSizes, minSizeShare)...)
	}
}

// band returns the quartiles of prices, by nearest rank.
func (p *Profile) band(prices []price) (PriceBand, bool) {
	n := 0
	for _, x := range prices {
		n += x.n
	}
	if n < MinPieces {
		return PriceBand{}, false
	}
	slices.SortFunc(prices, func(a, b price) int { return a.each.Cmp(b.each) })
	at := func(quarter int) shopify.Money {
		rank, seen := (quarter*n+3)/4, 0 // from 1
		for _, x := range prices {
			if seen += x.n; seen >= rank {
				return p.money(x.each)
			}
		}
		return p.money(prices[len(prices)-1].each)
	}
	return PriceBand{Low: at(1), Median: at(2), High: at(3), Pieces: n}, true
}

// habits counts where and when they come.
func (p *Profile) habits(now time.Time) {
	stores, channels, times := newTally(), newTally(), newTally()
	for i := range p.Visits {
		v := &p.Visits[i]
		channels.add(string(v.Channel), 1, 0)
		if v.Channel == book.Register {
			stores.add(v.Store, 1, 0)
			times.add(partOfWeek(v.At.In(now.Location())), 1, 0)
		}
	}
	p.Store = only(stores.state(1, minHabitShare))
	p.Channel = only(channels.state(1, minHabitShare))
	p.Time = only(times.state(1, minTimeShare))
}

func only(p []Preference) *Preference {
	if len(p) == 0 {
		return nil
	}
	return &p[0]
}

// partOfWeek names one of six: mornings end at noon, afternoons at five.
func partOfWeek(t time.Time) string {
	week := "weekday"
	if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		week = "weekend"
	}
	switch h := t.Hour(); {
	case h < 12:
		return week + " mornings"
	case h < 17:
		return week + " afternoons"
	}
	return week + " evenings"
}
