package desk

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/shopify"
)

const longDate = "2 January 2006"

func (d *Desk) dateOf(t time.Time) string { return t.In(d.opts.Location).Format(longDate) }

// clip is a text in one line, of bounded length.
func clip(text string) string { return profile.Clip(text) }

// tidy is a text without control characters, but for line feeds, and without what changes
// the direction of other text or does not show. Joiners stay, which scripts need.
func tidy(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) && r != 0x200c && r != 0x200d {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// name is the customer's name in one line; empty if the shop has none.
func name(c *book.Customer) string {
	return strings.TrimSpace(clip(c.FirstName) + " " + clip(c.LastName))
}

func nameOf(first, last string) string {
	if n := strings.TrimSpace(clip(first) + " " + clip(last)); n != "" {
		return n
	}
	return "No name"
}

// where names a channel, and the store if there is one.
func where(c book.Channel, store string) string {
	switch c {
	case book.Register:
		return joined(", ", "In store", clip(store))
	case book.Online:
		return "Online"
	}
	return "Other"
}

// joined joins what is not empty.
func joined(by string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, by)
}

// counted is a number of things: "1 day", "3 days".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// grouped is an amount as people read it, "1,240.50 USD".
func grouped(m shopify.Money) string {
	text := profile.Amount(m)
	sign := ""
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = "−", rest
	}
	whole, rest, hasRest := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasRest {
		whole += "." + rest
	}
	return strings.TrimSpace(sign + whole + " " + clip(m.CurrencyCode))
}

// maskEmail leaves what is needed to compare an address with one that is said:
// "m…@e…com".
func maskEmail(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" {
		return mask(s)
	}
	end := domain
	if i := strings.LastIndexByte(domain, '.'); i > 0 {
		end = domain[i+1:]
	}
	return first(local) + "…@" + first(domain) + "…" + clip(end)
}

// maskPhone leaves the last two digits.
func maskPhone(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	if len(digits) < 6 {
		return mask(s)
	}
	return "… " + digits[len(digits)-2:]
}

func mask(s string) string {
	if s == "" {
		return ""
	}
	return "…"
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
