package weekly

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Sale is one line of an order.
type Sale struct {
	Order   string
	At      time.Time
	Channel string
	Product string
	Units   int
}

// Return is one line that came back.
type Return struct {
	Order   string
	SoldAt  time.Time
	At      time.Time
	Channel string // that sold it
	Product string
	Title   string // of the product
	Units   int
	Reason  string // key of a Reason

	// Quote is what somebody said, without personal data, or "".
	Quote string
	// Provisional says that the reason is not on record yet: it is what rules
	// made of the notes just now.
	Provisional bool
}

// Reason is a reason that returns may have.
type Reason struct {
	Key, Label string
	// Product says that the reason may point to an issue of the product.
	Product bool
	// Silent says that there is nothing to quote.
	Silent bool
}

// Options say what to summarize. Zero fields are the defaults.
type Options struct {
	Shop     string
	Location *time.Location // whose weeks. If nil, UTC
	Reasons  []Reason       // in the order of the page; required
	Channels []string       // in the order of the page; others are added behind

	// Now is the present. If zero, time.Now().
	Now time.Time
	// Week is any moment of the week. If zero, the last complete one before Now.
	Week time.Time
	// Window is how long before the end of the week a sale may be to count for
	// rates. If zero, 30 days.
	Window time.Duration
	// MinCount is the fewest orders that a figure is shown for. If zero, 5.
	MinCount int
	// FDR is the share of findings that may be chance. If zero, 0.1.
	FDR float64
	// Weeks is how many weeks the trend has, at most 26. If zero, 8.
	Weeks int
	// Quotes is how many are shown for a reason. If zero, 3.
	Quotes int
}

// baselineWeeks is how many weeks an emerging issue is compared with.
const baselineWeeks = 4

func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Week.IsZero() {
		o.Week = StartOfWeek(o.Now, o.Location).AddDate(0, 0, -7)
	}
	o.Week = StartOfWeek(o.Week, o.Location)
	o.Window = cmp.Or(o.Window, 30*24*time.Hour)
	o.MinCount = cmp.Or(o.MinCount, 5)
	o.FDR = cmp.Or(o.FDR, 0.1)
	o.Weeks = min(cmp.Or(o.Weeks, 8), 26)
	o.Quotes = cmp.Or(o.Quotes, 3)
	return o
}

// Since is the earliest sale and return that a summary with these options looks
// at.
func (o Options) Since() time.Time {
	o = o.withDefaults()
	return o.Week.AddDate(0, 0, -7*(max(o.Weeks, baselineWeeks+1)-1)).Add(-o.Window)
}

// StartOfWeek is the Monday, 0:00 in the zone, of the week of t (ISO 8601).
func StartOfWeek(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	back := (int(t.Weekday()) + 6) % 7
	return time.Date(t.Year(), t.Month(), t.Day()-back, 0, 0, 0, 0, zone)
}

var weekShape = regexp.MustCompile(`^([0-9]{4})-W([0-9]{2})$`)

// ParseWeek reads "2026-W47".
func ParseWeek(s string, zone *time.Location) (time.Time, error) {
	parts := weekShape.FindStringSubmatch(s)
	if parts == nil {
		return time.Time{}, fmt.Errorf("%q is not a week such as 2026-W47", s)
	}
	year, _ := strconv.Atoi(parts[1]) // four digits
	week, _ := strconv.Atoi(parts[2])
	// The 4th of January is always in the first week.
	start := StartOfWeek(time.Date(year, 1, 4, 0, 0, 0, 0, zone), zone).AddDate(0, 0, 7*(week-1))
	if y, w := start.ISOWeek(); y != year || w != week {
		return time.Time{}, fmt.Errorf("%d has no week %d", year, week)
	}
	return start, nil
}

// WeekName is "2026-W47".
func WeekName(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// Summary is what a week was like. What is not to be shown is not in it.
type Summary struct {
	Shop       string
	Week       string    // "2026-W47"
	From, To   time.Time // To is the first moment after it
	Made       time.Time
	Complete   bool // the week is over
	WindowDays int
	MinCount   int
	FDR        float64

	Channels []string
	Total    Row   // of all reasons
	Reasons  []Row // in the order of the options
	Trend    []TrendWeek
	Issues   []Issue
	Tested   int // products and reasons that were tested for issues
	Quotes   []QuoteGroup
	// Provisional is the share of units whose reason is not on record yet.
	Provisional float64
}

// Row is a line of the table of reasons.
type Row struct {
	Key, Label string
	This, Last Cell
	Channels   []Cell // in the order of Summary.Channels
	Change     Change
}

// Change is how a rate differs from the week before.
type Change struct {
	Known     bool // both weeks may be shown and were tested
	P, Q      float64
	Direction int // -1, 0 or 1: 0 where it may be chance
}

// TrendWeek is one week of the trend.
type TrendWeek struct {
	Week     string
	Channels []Cell
	All      Cell
}

// Issue is a product and a reason that stand out.
type Issue struct {
	Product, Title string
	Key, Label     string // of the reason
	This           Cell
	Before         Cell    // the four weeks before, each unit counted in each week it was at risk
	Lift           float64 // how many times the rate before; 0 if that was 0
	P, Q           float64
}

// QuoteGroup is what was said for a reason.
type QuoteGroup struct {
	Key, Label string
	Quotes     []string
}

// Summarize makes the summary of a week.
func Summarize(sales []Sale, returns []Return, opts Options) *Summary {
	opts = opts.withDefaults()
	b := newBook(sales, returns, opts)
	s := &Summary{
		Shop: opts.Shop, Week: WeekName(opts.Week), From: opts.Week, To: opts.Week.AddDate(0, 0, 7), Made: opts.Now,
		WindowDays: int(opts.Window.Hours() / 24), MinCount: opts.MinCount, FDR: opts.FDR, Channels: b.channels,
	}
	s.Complete = !s.To.After(opts.Now)
	b.rows(s)
	b.trend(s)
	b.issues(s)
	b.quotes(s)
	units, provisional := 0, 0
	for _, r := range b.returns {
		if b.in(r.At, 0) {
			units += r.Units
			if r.Provisional {
				provisional += r.Units
			}
		}
	}
	if units > 0 {
		s.Provisional = float64(provisional) / float64(units)
	}
	return s
}

// book is the sales and returns, sorted for questions about them.
type book struct {
	opts      Options
	returns   []Return
	salesOf   map[string][]Sale   // by product; all under ""
	returnsOf map[string][]Return // likewise
	sold      map[soldKey]sold
	channels  []string
	titles    map[string]string
}

func newBook(sales []Sale, returns []Return, opts Options) *book {
	b := &book{
		opts: opts, titles: map[string]string{}, channels: slices.Clone(opts.Channels),
		salesOf: map[string][]Sale{"": sales}, returnsOf: map[string][]Return{}, sold: map[soldKey]sold{},
	}
	known := map[string]bool{}
	for _, r := range opts.Reasons {
		known[r.Key] = true
	}
	last := opts.Reasons[len(opts.Reasons)-1].Key
	var others []string
	note := func(channel string) {
		if !slices.Contains(b.channels, channel) && !slices.Contains(others, channel) {
			others = append(others, channel)
		}
	}
	for _, r := range returns {
		if !known[r.Reason] {
			r.Reason = last
		}
		b.returns = append(b.returns, r)
		if r.Product != "" {
			b.returnsOf[r.Product] = append(b.returnsOf[r.Product], r)
		}
		if r.Title != "" {
			b.titles[r.Product] = r.Title
		}
		note(r.Channel)
	}
	for _, s := range sales {
		note(s.Channel)
		if s.Product != "" {
			b.salesOf[s.Product] = append(b.salesOf[s.Product], s)
		}
	}
	b.returnsOf[""] = b.returns
	slices.Sort(others)
	b.channels = append(b.channels, others...)
	return b
}

// week returns the bounds of the week that was so many weeks before.
func (b *book) week(before int) (from, to time.Time) {
	from = b.opts.Week.AddDate(0, 0, -7*before)
	return from, from.AddDate(0, 0, 7)
}

func (b *book) in(t time.Time, before int) bool {
	from, to := b.week(before)
	return !t.Before(from) && t.Before(to)
}

// atRisk says whether what was sold then counts for the rates of that week.
func (b *book) atRisk(sold time.Time, before int) bool {
	_, to := b.week(before)
	return sold.Before(to) && !sold.Before(to.Add(-b.opts.Window))
}
