package weekly

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// The charts are SVG of our own: no script, no file from elsewhere. Colors and
// fonts are the page's; each chart has its figures in a table beside it, which is
// what a screen reader is sent to.

// Measures of the charts, in the units of their view box.
const (
	barHeight   = 34
	barLabel    = 150 // width of the labels
	barPlot     = 410
	barValue    = 150
	lineWidth   = 710
	lineHeight  = 250
	marginLeft  = 48
	marginRight = 104
	marginTop   = 14
	marginDown  = 34
)

// barChart shows the rates of the reasons with their intervals.
func (s *Summary) barChart() template.HTML {
	top := 0.0
	for _, r := range s.Reasons {
		if !r.This.Hidden && r.This.Units > 0 {
			top = max(top, r.This.High)
		}
	}
	scale := niceTop(top)
	var b strings.Builder
	height := barHeight*len(s.Reasons) + 28
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-labelledby="bars-title bars-desc">`, barLabel+barPlot+barValue, height)
	fmt.Fprintf(&b, `<title id="bars-title">Return rate by reason, %s</title>`, esc(s.Week))
	b.WriteString(`<desc id="bars-desc">One bar for each reason, with the 95 % interval as a line. The figures are in the table below.</desc>`)
	x := func(rate float64) float64 { return barLabel + barPlot*rate/scale }
	for i := range 5 {
		at := scale * float64(i) / 4
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" y1="0" x2="%.1f" y2="%d"/>`, x(at), x(at), height-24)
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(at), height-8, esc(tick(at)))
	}
	for i, r := range s.Reasons {
		y := float64(barHeight * i)
		fmt.Fprintf(&b, `<text class="label" x="%d" y="%.1f" text-anchor="end">%s</text>`, barLabel-10, y+21, esc(r.Label))
		switch {
		case r.This.Hidden:
			fmt.Fprintf(&b, `<text class="note" x="%d" y="%.1f">not shown: fewer than %d orders, or it would tell of one that is</text>`, barLabel+6, y+21, s.MinCount)
			continue
		case r.This.Units == 0:
			fmt.Fprintf(&b, `<text class="note" x="%d" y="%.1f">none</text>`, barLabel+6, y+21)
			continue
		}
		fmt.Fprintf(&b, `<rect class="bar" x="%d" y="%.1f" width="%.1f" height="18" rx="3"/>`, barLabel, y+7, x(r.This.Rate)-barLabel)
		fmt.Fprintf(&b, `<path class="error" d="M%.1f %.1fV%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f"/>`,
			x(r.This.Low), y+11, y+21, x(r.This.Low), y+16, x(r.This.High), x(r.This.High), y+11, y+21)
		fmt.Fprintf(&b, `<text class="value" x="%.1f" y="%.1f">%s · %s</text>`, x(r.This.High)+8, y+21, esc(percent(r.This.Rate)), esc(unitsText(r.This.Units)))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // everything from outside went through esc
}

// trendChart shows the rates of the channels by week. Where a week may not be
// shown the line has a gap.
func (s *Summary) trendChart() template.HTML {
	top := 0.0
	for _, w := range s.Trend {
		for _, c := range w.Channels {
			top = max(top, c.Rate)
		}
	}
	scale := niceTop(top)
	plotWidth, plotHeight := float64(lineWidth-marginLeft-marginRight), float64(lineHeight-marginTop-marginDown)
	x := func(i int) float64 { return marginLeft + plotWidth*float64(i)/float64(max(len(s.Trend)-1, 1)) }
	y := func(rate float64) float64 { return marginTop + plotHeight*(1-rate/scale) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-labelledby="trend-title trend-desc">`, lineWidth, lineHeight)
	b.WriteString(`<title id="trend-title">Return rate by channel and week</title>`)
	b.WriteString(`<desc id="trend-desc">One line for each channel. The figures are in the table below.</desc>`)
	for i := range 5 {
		at := scale * float64(i) / 4
		fmt.Fprintf(&b, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`, marginLeft, y(at), lineWidth-marginRight, y(at))
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, marginLeft-8, y(at)+4, esc(tick(at)))
	}
	for i, w := range s.Trend {
		if (len(s.Trend)-1-i)%max(len(s.Trend)/8, 1) == 0 {
			fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(i), lineHeight-12, esc(w.Week[5:]))
		}
	}
	var labels []float64
	for c, channel := range s.Channels {
		s.trendLine(&b, c, x, y)
		for i := len(s.Trend) - 1; i >= 0; i-- {
			cell := s.Trend[i].Channels[c]
			if cell.Hidden || cell.Sold == 0 {
				continue
			}
			fmt.Fprintf(&b, `<text class="label s%d" x="%d" y="%.1f">%s</text>`, c%4, lineWidth-marginRight+10, apart(&labels, y(cell.Rate)+4), esc(ChannelName(channel)))
			break
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // everything from outside went through esc
}

func (s *Summary) trendLine(b *strings.Builder, c int, x func(int) float64, y func(float64) float64) {
	var path strings.Builder
	pen := "M"
	for i, w := range s.Trend {
		cell := w.Channels[c]
		if cell.Hidden || cell.Sold == 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x(i), y(cell.Rate))
		pen = "L"
	}
	fmt.Fprintf(b, `<path class="line s%d" d="%s"/>`, c%4, path.String())
	for i, w := range s.Trend {
		if cell := w.Channels[c]; !cell.Hidden && cell.Sold > 0 {
			b.WriteString(marker(c, x(i), y(cell.Rate)))
		}
	}
}

// marker is a point of a channel: each has a shape of its own, for those who do
// not tell the colors apart.
func marker(c int, x, y float64) string {
	switch c % 4 {
	case 1:
		return fmt.Sprintf(`<rect class="point s1" x="%.1f" y="%.1f" width="8" height="8"/>`, x-4, y-4)
	case 2:
		return fmt.Sprintf(`<path class="point s2" d="M%.1f %.1fl5 9h-10z"/>`, x, y-5)
	case 3:
		return fmt.Sprintf(`<path class="point s3" d="M%.1f %.1fl5 5l-5 5l-5 -5z"/>`, x, y-5)
	}
	return fmt.Sprintf(`<circle class="point s0" cx="%.1f" cy="%.1f" r="4.5"/>`, x, y)
}

// apart returns the nearest place to y that leaves room for a line of text beside
// those that are taken, and takes it.
func apart(taken *[]float64, y float64) float64 {
	for shift := 0.0; ; shift += 2 {
		for _, at := range []float64{y - shift, y + shift} {
			free := true
			for _, t := range *taken {
				free = free && math.Abs(t-at) >= 16
			}
			if free {
				*taken = append(*taken, at)
				return at
			}
		}
	}
}

// niceTop is where an axis ends: the first number from rate on whose quarters are round.
func niceTop(rate float64) float64 {
	for _, top := range []float64{0.004, 0.008, 0.012, 0.016, 0.02, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.32, 0.4, 0.6, 0.8} {
		if rate <= top {
			return top
		}
	}
	return 1
}

func tick(rate float64) string {
	if r := 100 * rate; r != math.Trunc(r) {
		return fmt.Sprintf("%.1f %%", r)
	}
	return fmt.Sprintf("%.0f %%", 100*rate)
}

func unitsText(n int) string {
	if n == 1 {
		return "1 unit"
	}
	return fmt.Sprintf("%d units", n)
}

func esc(text string) string { return template.HTMLEscapeString(text) }
