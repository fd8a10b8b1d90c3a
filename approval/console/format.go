package console

import (
	"fmt"
	"strings"
	"time"
)

// moment is a point in time as a page shows it.
type moment struct {
	Short   string // "4 min ago", "in 2 h"
	Exact   string
	Machine string // RFC 3339, for the datetime attribute
	Soon    bool   // less than 15 minutes ahead
}

func newMoment(t, now time.Time, zone *time.Location) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.In(zone)
	return &moment{
		Short:   distance(t, now.In(zone)),
		Exact:   t.Format("Mon 2 Jan 2006, 15:04:05 MST"),
		Machine: t.Format(time.RFC3339),
		Soon:    t.Sub(now) < 15*time.Minute,
	}
}

// distance says how far t is from now, as people say it.
func distance(t, now time.Time) string {
	d := now.Sub(t)
	format := "%s ago"
	if d < 0 {
		d, format = -d, "in %s"
	}
	switch {
	case d < 45*time.Second && t.After(now):
		return "in less than a minute"
	case d < 45*time.Second:
		return "just now"
	case d < time.Hour-30*time.Second:
		return fmt.Sprintf(format, fmt.Sprintf("%d min", max(1, int((d+30*time.Second)/time.Minute))))
	case d < 24*time.Hour:
		return fmt.Sprintf(format, fmt.Sprintf("%d h", int((d+30*time.Minute)/time.Hour)))
	case t.Year() == now.Year():
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006")
}

// amount is money as a page shows it: the digits of the decimal string, grouped.
type amount struct{ Number, Currency string }

func newAmount(number, currency string) *amount {
	if number == "" {
		return nil
	}
	return &amount{Number: group(number), Currency: currency}
}

// group puts a comma between thousands of a decimal number. What is not a plain
// decimal number comes back as it is.
func group(number string) string {
	digits, sign := number, ""
	if rest, ok := strings.CutPrefix(number, "-"); ok {
		digits, sign = rest, "−"
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return number
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	return b.String()
}

// plural returns "1 request", "2 requests".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
