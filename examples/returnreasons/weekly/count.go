package weekly

import (
	"github.com/posai-go/posai/internal/stats"
)

// Cell is one figure of a week. A hidden one is zero but for Hidden.
type Cell struct {
	Hidden bool // of too few orders, or it would tell of another that is
	Units  int  // that came back in the week
	Sold   int  // units sold in the window
	Rate   float64
	Low    float64 // of Wilson's 95 % interval
	High   float64

	tally tally // what it is made of; gone when the summary is done
}

// tally is what a cell is computed from.
type tally struct {
	units          int
	inWindow       int // of the units, sold in the window
	sold           int
	orders         int // that returned
	ordersInWindow int
	ordersSold     int
}

// which selects sales and returns; "" is all.
type which struct{ channel, product, reason string }

// count answers for the week that was so many weeks before.
func (b *book) count(w which, before int) tally {
	var t tally
	returned, inWindow := map[string]bool{}, map[string]bool{}
	for _, r := range b.returnsOf[w.product] {
		if !b.in(r.At, before) || w.channel != "" && r.Channel != w.channel || w.reason != "" && r.Reason != w.reason {
			continue
		}
		t.units += r.Units
		returned[r.Order] = true
		if b.atRisk(r.SoldAt, before) {
			t.inWindow += r.Units
			inWindow[r.Order] = true
		}
	}
	sold := b.soldFor(w.channel, w.product, before)
	t.orders, t.ordersInWindow, t.ordersSold = len(returned), len(inWindow), len(sold.orders)
	// A return may be of an order that the list of sales does not have: never
	// more came back than was sold.
	for order := range inWindow {
		if !sold.orders[order] {
			t.ordersSold++
		}
	}
	t.sold = max(sold.units, t.inWindow)
	return t
}

// sold is what was sold in the window of a week.
type sold struct {
	units  int
	orders map[string]bool
}

type soldKey struct {
	channel, product string
	before           int
}

// soldFor counts sales once for all reasons.
func (b *book) soldFor(channel, product string, before int) sold {
	key := soldKey{channel, product, before}
	if s, ok := b.sold[key]; ok {
		return s
	}
	s := sold{orders: map[string]bool{}}
	for _, sale := range b.salesOf[product] {
		if b.atRisk(sale.At, before) && (channel == "" || sale.Channel == channel) {
			s.units += sale.Units
			s.orders[sale.Order] = true
		}
	}
	b.sold[key] = s
	return s
}

func (t tally) plus(o tally) tally {
	return tally{
		t.units + o.units, t.inWindow + o.inWindow, t.sold + o.sold,
		t.orders + o.orders, t.ordersInWindow + o.ordersInWindow, t.ordersSold + o.ordersSold,
	}
}

func (t tally) cell() Cell {
	c := Cell{Units: t.units, Sold: t.sold, tally: t}
	if t.sold > 0 {
		c.Rate = float64(t.inWindow) / float64(t.sold)
	}
	c.Low, c.High = stats.Wilson(t.inWindow, t.sold)
	return c
}

// done returns the cell as it may be shown.
func (c Cell) done() Cell {
	if c.Hidden {
		return Cell{Hidden: true}
	}
	c.tally = tally{}
	return c
}

// table has a row for each reason and one for all, a column for each channel and
// one for all, of the week that was so many weeks before. What is hidden is decided
// for it as a whole and for itself: so every page that shows figures of a week
// hides the same of them, and two pages side by side tell no more than one.
func (b *book) table(before int) [][]Cell {
	table := make([][]Cell, 0, len(b.opts.Reasons)+1)
	for _, key := range b.keys() {
		row := make([]Cell, 0, len(b.channels)+1)
		for _, channel := range b.channels {
			row = append(row, b.count(which{channel: channel, reason: key}, before).cell())
		}
		table = append(table, append(row, b.count(which{reason: key}, before).cell()))
	}
	hide(table, b.opts.MinCount)
	return table
}

// keys are those of the reasons, and "" for all.
func (b *book) keys() []string {
	keys := make([]string, 0, len(b.opts.Reasons)+1)
	for _, r := range b.opts.Reasons {
		keys = append(keys, r.Key)
	}
	return append(keys, "")
}

// rows makes the table of reasons: each with this week, the last one, and this
// week by channel.
func (b *book) rows(s *Summary) {
	this, last, all := b.table(0), b.table(1), len(b.channels)
	labels := map[string]string{"": "All returns"}
	for _, r := range b.opts.Reasons {
		labels[r.Key] = r.Label
	}
	var rows []Row
	var p []float64
	for i, key := range b.keys() {
		now, then := this[i][all].tally, last[i][all].tally
		p = append(p, stats.Fisher(now.ordersInWindow, now.ordersSold, then.ordersInWindow, then.ordersSold))
		row := Row{Key: key, Label: labels[key], This: this[i][all].done(), Last: last[i][all].done()}
		for _, c := range this[i][:all] {
			row.Channels = append(row.Channels, c.done())
		}
		rows = append(rows, row)
	}
	for i, q := range stats.Adjust(p) {
		rows[i].Change = change(rows[i], p[i], q, b.opts.FDR)
	}
	s.Reasons, s.Total = rows[:len(rows)-1], rows[len(rows)-1]
}

func change(r Row, p, q, fdr float64) Change {
	switch {
	case r.This.Hidden || r.Last.Hidden:
		return Change{}
	case q > fdr:
		return Change{Known: true, P: p, Q: q}
	case r.This.Rate < r.Last.Rate:
		return Change{Known: true, P: p, Q: q, Direction: -1}
	}
	return Change{Known: true, P: p, Q: q, Direction: 1}
}

func (b *book) trend(s *Summary) {
	for before := b.opts.Weeks - 1; before >= 0; before-- {
		from, _ := b.week(before)
		table := b.table(before)
		w := TrendWeek{Week: WeekName(from)}
		for _, c := range table[len(table)-1] {
			w.Channels = append(w.Channels, c.done())
		}
		w.All, w.Channels = w.Channels[len(b.channels)], w.Channels[:len(b.channels)]
		s.Trend = append(s.Trend, w)
	}
}
