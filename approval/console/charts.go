package console

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// chart draws the days as stacked bars. The numbers stand in a table below. All
// of it is made of numbers and our own words, nothing of a request.
func chart(days []dayRow) template.HTML {
	const width, height, left, bottom, gap = 860.0, 220.0, 34.0, 24.0, 4.0
	most := 1
	for _, d := range days {
		most = max(most, d.sum())
	}
	top := roundUp(most)
	var b strings.Builder
	openChart(&b, "days", "Decisions day by day", fmt.Sprintf("At most %d requests a day in %d days. The numbers are in the table below.", most, len(days)), width, height)
	scale := (height - bottom - 10) / float64(top)
	for _, tick := range []int{0, top / 2, top} {
		y := height - bottom - float64(tick)*scale
		fmt.Fprintf(&b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="tick" x="%g" y="%.1f" text-anchor="end">%d</text>`,
			left, width, y, y, left-6, y+4, tick)
	}
	bar := (width - left) / float64(len(days))
	for i, d := range days {
		x, y := left+float64(i)*bar+gap/2, height-bottom
		for _, part := range []struct {
			class string
			n     int
		}{{"s-allowed", d.Allowed}, {"s-approved", d.Approved}, {"s-rejected", d.Rejected}, {"s-out", d.Out}} {
			if part.n == 0 {
				continue
			}
			h := float64(part.n) * scale
			y -= h
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`, part.class, x, y, bar-gap, h)
		}
		if i%7 == len(days)%7 {
			fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%g" text-anchor="middle">%s</text>`, x+(bar-gap)/2, height-6, d.Day)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // numbers and constant words, see above
}

// openChart begins a chart that says what it is.
// https://www.w3.org/TR/graphics-aam-1.0/
func openChart(b *strings.Builder, id, title, text string, width, height float64) {
	fmt.Fprintf(b, `<svg class="chart" viewBox="0 0 %g %g" role="img" aria-labelledby="t-%s d-%s" focusable="false"><title id="t-%s">%s</title><desc id="d-%s">%s</desc>`,
		width, height, id, id, id, html.EscapeString(title), id, html.EscapeString(text))
}

// bar is one line of a chart.
type bar struct {
	label, tone string
	n           int
}

// bars draws lines with their numbers. Its labels are our own words.
func bars(id, title string, list []bar) template.HTML {
	const width, label, number, step, thick = 380.0, 142.0, 44.0, 28.0, 15.0
	most, said := 1, make([]string, 0, len(list))
	for _, l := range list {
		most = max(most, l.n)
		said = append(said, fmt.Sprintf("%s: %d", l.label, l.n))
	}
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	openChart(&b, id, title, strings.Join(said, ", ")+".", width, step*float64(len(list)))
	for i, l := range list {
		y := step * float64(i)
		class := "bar-calm"
		if l.tone != "" {
			class = "bar-" + l.tone
		}
		long := (width - label - number) * float64(l.n) / float64(most)
		fmt.Fprintf(&b, `<text class="bar-label" x="0" y="%g">%s</text><line class="grid" x1="%g" x2="%g" y1="%g" y2="%g"/>`,
			y+19, html.EscapeString(l.label), label, label, y+3, y+step-3)
		if l.n > 0 {
			fmt.Fprintf(&b, `<rect class="%s" x="%g" y="%g" width="%.1f" height="%g" rx="3"/>`, class, label, y+7, max(2, long), thick)
		}
		fmt.Fprintf(&b, `<text class="bar-label" x="%.1f" y="%g">%d</text>`, label+max(2, long)+8, y+20, l.n)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // numbers and constant words, see above
}

// roundUp returns a number that halves well and is at least n.
func roundUp(n int) int {
	step := 2
	for step*5 < n {
		if step *= 5; step*2 >= n {
			break
		}
		step *= 2
	}
	return (n + step - 1) / step * step
}
