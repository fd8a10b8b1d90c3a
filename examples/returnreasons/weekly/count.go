package weekly

import (
	"github.com/posai-go/posai/examples/internal/stats"
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
	returned, inWindow, sold := map[string]bool{}, map[string]bool{}, map[string]bool{}
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
	for _, s := range b.salesOf[w.product] {
		if b.atRisk(s.At, before) && (w.channel == "" || s.Channel == w.channel) {
			t.sold += s.Units
			sold[s.Order] = true
		}
	}
	// A return may be of an order that the list of sales does not have: never
	// more came back than was sold.
	for order := range inWindow {
		sold[order] = true
	}
	t.sold = max(t.sold, t.inWindow)
	t.orders, t.ordersInWindow, t.ordersSold = len(returned), len(inWindow), len(sold)
	return t
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

// rows makes the table of reasons: each with this week, the last one, and this
// week by channel.
func (b *book) rows(s *Summary) {
	keys := make([]string, len(b.opts.Reasons), len(b.opts.Reasons)+1)
	labels := map[string]string{"": "All returns"}
	for i, r := range b.opts.Reasons {
		keys[i], labels[r.Key] = r.Key, r.Label
	}
	keys = append(keys, "")
	rows := make([]Row, len(keys))
	table, last := make([][]Cell, len(keys)), make([][]Cell, len(keys))
	var p []float64
	for i, key := range keys {
		rows[i] = Row{Key: key, Label: labels[key]}
		for _, channel := range b.channels {
			table[i] = append(table[i], b.count(which{channel: channel, reason: key}, 0).cell())
		}
		table[i] = append(table[i], b.count(which{reason: key}, 0).cell())
		last[i] = []Cell{b.count(which{reason: key}, 1).cell()}
		now, then := table[i][len(b.channels)].tally, last[i][0].tally
		p = append(p, stats.Fisher(now.ordersInWindow, now.ordersSold, then.ordersInWindow, then.ordersSold))
	}
	q := stats.Adjust(p)
	hide(table, b.opts.MinCount)
	hide(last, b.opts.MinCount)
	for i := range rows {
		this, before := table[i][len(b.channels)], last[i][0]
		if !this.Hidden && !before.Hidden {
			rows[i].Change = Change{Known: true, P: p[i], Q: q[i]}
			if q[i] <= b.opts.FDR {
				rows[i].Change.Direction = 1
				if this.Rate < before.Rate {
					rows[i].Change.Direction = -1
				}
			}
		}
		rows[i].This, rows[i].Last = this.done(), before.done()
		for _, c := range table[i][:len(b.channels)] {
			rows[i].Channels = append(rows[i].Channels, c.done())
		}
	}
	s.Reasons, s.Total = rows[:len(rows)-1], rows[len(rows)-1]
}

func (b *book) trend(s *Summary) {
	for before := b.opts.Weeks - 1; before >= 0; before-- {
		from, _ := b.week(before)
		line := make([]Cell, 0, len(b.channels)+1)
		for _, channel := range b.channels {
			line = append(line, b.count(which{channel: channel}, before).cell())
		}
		line = append(line, b.count(which{}, before).cell())
		hide([][]Cell{line}, b.opts.MinCount)
		all := &line[len(b.channels)]
		switch before { // the same figures are in the table
		case 0:
			for i, c := range s.Total.Channels {
				line[i].Hidden = line[i].Hidden || c.Hidden
			}
			all.Hidden = all.Hidden || s.Total.This.Hidden
		case 1:
			all.Hidden = all.Hidden || s.Total.Last.Hidden
		}
		for i := range line {
			line[i] = line[i].done()
		}
		s.Trend = append(s.Trend, TrendWeek{Week: WeekName(from), Channels: line[:len(b.channels)], All: line[len(b.channels)]})
	}
}
