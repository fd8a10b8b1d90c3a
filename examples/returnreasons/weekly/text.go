package weekly

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteText writes the summary for a terminal.
func (s *Summary) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Returns of %s, %s to %s%s\n", s.Week, s.From.Format("2 Jan"), s.To.AddDate(0, 0, -1).Format("2 Jan 2006"), map[bool]string{false: ", which is not over yet"}[s.Complete])
	fmt.Fprintf(&b, "  %-18s %8s %9s  %-19s %9s  %s\n", "reason", "units", "rate", "95 % interval", "week ago", "change")
	for _, r := range append(s.Reasons[:len(s.Reasons):len(s.Reasons)], s.Total) {
		fmt.Fprintf(&b, "  %-18s %8s %9s  %-19s %9s  %s\n", r.Label, s.units(r.This), rate(r.This), interval(r.This), s.units(r.Last), r.Change.text())
	}
	if len(s.Channels) > 0 {
		b.WriteString("  by channel         ")
		for i, c := range s.Channels {
			fmt.Fprintf(&b, " %s %s (%s)", ChannelName(c), s.units(s.Total.Channels[i]), rate(s.Total.Channels[i]))
		}
		b.WriteByte('\n')
	}
	if len(s.Issues) == 0 {
		fmt.Fprintf(&b, "  no product stands out (%d tested)\n", s.Tested)
	}
	for _, i := range s.Issues {
		fmt.Fprintf(&b, "  stands out         %s: %s, %s units this week, %s (%s before), q %s\n", i.Title, strings.ToLower(i.Label), s.units(i.This), rate(i.This), rate(i.Before), qText(i.Q))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ChannelName is a channel for people.
func ChannelName(channel string) string {
	switch channel {
	case "pos":
		return "In store"
	case "online":
		return "Online"
	case "":
		return "Elsewhere"
	}
	return channel
}

func (s *Summary) units(c Cell) string {
	if c.Hidden {
		return "–"
	}
	return strconv.Itoa(c.Units)
}

func rate(c Cell) string {
	if c.Hidden || c.Sold == 0 {
		return "–"
	}
	return percent(c.Rate)
}

func interval(c Cell) string {
	if c.Hidden || c.Sold == 0 {
		return "–"
	}
	return percent(c.Low) + " to " + percent(c.High)
}

func percent(p float64) string { return fmt.Sprintf("%.1f %%", 100*p) }

func (c Change) text() string {
	switch {
	case !c.Known:
		return "–"
	case c.Direction > 0:
		return "up (q " + qText(c.Q) + ")"
	case c.Direction < 0:
		return "down (q " + qText(c.Q) + ")"
	}
	return "no clear change"
}

// qText is "= 0.034", or "< 0.001".
func qText(q float64) string {
	if q < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("= %.3f", q)
}
