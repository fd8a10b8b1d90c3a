package console

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/posai-go/posai/approval"
)

// figureDays is how far the figures go back.
const figureDays = 28

// maxFigures bounds how many requests are looked at.
const maxFigures = 20_000

type figuresPage struct {
	frame
	Days                           int
	Total                          int
	Cut                            bool
	At                             *moment
	Tiles                          []tile
	Chart, OutcomeChart, TimeChart template.HTML
	Table                          []dayRow
	Outcomes                       []outcomeRow
	Times                          []timeRow
	People                         []personRow
}

type tile struct{ Value, Label string }

type dayRow struct {
	Day                              string
	Allowed, Approved, Rejected, Out int
}

func (d dayRow) sum() int { return d.Allowed + d.Approved + d.Rejected + d.Out }

type outcomeRow struct {
	Label string
	Tone  string
	Count int
	Share string
}

type timeRow struct {
	Label string
	Count int
}

type personRow struct {
	Name                      string
	Decided, Rejected, Edited int
	Rate, Median              string
	Streak                    int
	Fast                      string
	Reflex                    bool // approving seems to have become a reflex
}

// figures shows how requests were decided in the last weeks, of those that me
// may see.
func (c *Console) figures(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	f, err := c.counted.get(r.Context(), personKey(me), func(ctx context.Context) (*counted, error) { return c.count(ctx, me) })
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	page := figuresPage{Days: figureDays, Total: f.total, Cut: f.cut, At: c.clock().moment(f.at), Tiles: f.tiles}
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	page.frame = c.frame(r, &me, "Figures", token)
	page.Chart, page.Table = chart(f.days), slices.Clone(f.days)
	slices.Reverse(page.Table)
	page.Outcomes, page.Times = f.outcomes, f.times
	var outcomes, times []bar
	for _, o := range f.outcomes {
		outcomes = append(outcomes, bar{o.Label, o.Tone, o.Count})
	}
	for _, t := range f.times {
		times = append(times, bar{t.Label, "good", t.Count})
	}
	page.OutcomeChart = bars("outcomes", "What became of the requests", outcomes)
	page.TimeChart = bars("times", "How long decisions took", times)
	if c.queue.MayControl(me, approval.Scope{Location: firstOf(me.Locations)}) == nil {
		page.People = attention(f.people)
	}
	c.failed(r, write(w, r, http.StatusOK, c.pages.figures, page.Nonce, page))
}

// counted is what the figures are made of, for one person.
type counted struct {
	at       time.Time
	total    int
	cut      bool
	days     []dayRow
	tiles    []tile
	outcomes []outcomeRow
	times    []timeRow
	people   []approval.Attention
}

// personKey names whoever sees the same: a person with the same rights.
func personKey(p approval.Principal) string {
	return fmt.Sprintf("%q %q %q %q", p.ID, p.Type, p.Roles, p.Locations)
}

// count goes through the requests of the last weeks that me may see.
func (c *Console) count(ctx context.Context, me approval.Principal) (*counted, error) {
	now := time.Now().In(c.opts.TimeZone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, c.opts.TimeZone)
	first := today.AddDate(0, 0, 1-figureDays)
	f := &counted{at: now, days: make([]dayRow, figureDays)}
	for i := range f.days {
		f.days[i].Day = first.AddDate(0, 0, i).Format("2 Jan")
	}
	t := newTally()
	var attentive approval.AttentionCounter
	looked := 0
	for q, err := range c.queue.List(ctx, approval.Filter{Since: first, Newest: true, Limit: maxFigures, Locations: c.places(ctx, me)}) {
		if err != nil {
			return nil, err
		}
		looked++
		f.cut = looked == maxFigures
		if !c.sees(ctx, q, me) {
			continue
		}
		f.total++
		attentive.Add(q)
		// Days have 23 to 25 hours, so they are counted by the calendar.
		day := 0
		for day < figureDays-1 && !q.CreatedAt.Before(first.AddDate(0, 0, day+1)) {
			day++
		}
		f.days[day].add(q)
		t.add(q)
	}
	f.tiles, f.outcomes, f.times, f.people = t.tiles(), t.outcomes(), t.times(), attentive.People()
	return f, nil
}

func (d *dayRow) add(q *approval.Request) {
	switch {
	case q.State == approval.Rejected || q.State == approval.Denied:
		d.Rejected++
	case q.State == approval.Expired || q.State == approval.Pending:
		d.Out++
	case q.Ruling.Verdict == approval.RuleAllow && len(q.Decisions) == 0:
		d.Allowed++
	default:
		d.Approved++
	}
}

// tally counts what the tiles and the tables say.
type tally struct {
	states  map[approval.State]int
	asked   int
	decided int
	waits   []time.Duration // from proposal to the decision that settled it
}

func newTally() *tally { return &tally{states: map[approval.State]int{}} }

func (t *tally) add(q *approval.Request) {
	t.states[q.State]++
	if q.Ruling.Verdict == approval.RuleAsk || len(q.Decisions) > 0 {
		t.asked++
	}
	if n := len(q.Decisions); n > 0 && q.State != approval.Pending {
		t.decided++
		t.waits = append(t.waits, q.Decisions[n-1].At.Sub(q.CreatedAt))
	}
}

func (t *tally) tiles() []tile {
	total := 0
	for _, n := range t.states {
		total += n
	}
	median := "–"
	if len(t.waits) > 0 {
		slices.Sort(t.waits)
		median = span(t.waits[len(t.waits)/2])
	}
	return []tile{
		{strconv.Itoa(total), "requests"},
		{share(t.asked, total), "needed a person"},
		{median, "until decided, half of them sooner"},
		{strconv.Itoa(t.states[approval.Expired]), "expired undecided"},
	}
}

func (t *tally) outcomes() []outcomeRow {
	total := 0
	for _, n := range t.states {
		total += n
	}
	var rows []outcomeRow
	for _, s := range []approval.State{
		approval.Executed, approval.Approved, approval.Executing, approval.Rejected, approval.Denied, approval.Expired,
		approval.Pending, approval.Failed, approval.Uncertain,
	} {
		if n := t.states[s]; n > 0 {
			label := stateOf(s)
			rows = append(rows, outcomeRow{Label: label.Label, Tone: label.Tone, Count: n, Share: share(n, total)})
		}
	}
	return rows
}

// times groups how long decisions took.
func (t *tally) times() []timeRow {
	steps := []struct {
		label string
		below time.Duration
	}{
		{"under 1 minute", time.Minute},
		{"1 to 10 minutes", 10 * time.Minute},
		{"10 to 60 minutes", time.Hour},
		{"1 to 8 hours", 8 * time.Hour},
		{"longer", 1 << 62},
	}
	rows := make([]timeRow, len(steps))
	for i, s := range steps {
		rows[i].Label = s.label
	}
	for _, w := range t.waits {
		rows[slices.IndexFunc(steps, func(s struct {
			label string
			below time.Duration
		},
		) bool {
			return w < s.below
		})].Count++
	}
	return rows
}

func share(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(of))
}

// span is a time span as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// What looks like a reflex: many approvals in a row, most of them faster than
// anybody reads.
const reflexStreak = 20

func attention(list []approval.Attention) []personRow {
	rows := make([]personRow, len(list))
	for i, a := range list {
		rows[i] = personRow{
			Name: a.Person, Decided: a.Approved + a.Rejected, Rejected: a.Rejected, Edited: a.Edited,
			Rate: share(a.Approved, a.Approved+a.Rejected), Streak: a.Streak, Fast: share(a.Fast, a.Timed), Median: "–",
			Reflex: a.Streak >= reflexStreak && 2*a.Fast > a.Timed,
		}
		if a.Timed > 0 {
			rows[i].Median = span(a.Median)
		}
	}
	return rows
}
