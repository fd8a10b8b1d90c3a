package mail

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/posai-go/posai/approval"
)

// maxSubject bounds a subject, in characters.
const maxSubject = 120

// compose writes the mail about r.
func (a *Asker) compose(r *approval.Request, link string) Message {
	title := oneLine(r.Preview.Title)
	if title == "" {
		title = r.Kind
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", title)
	for _, f := range []struct{ label, value string }{
		{"Why you are asked", oneLine(r.Ruling.Reason)},
		{"Needed", r.Need().String()},
		{"At stake", strings.TrimSpace(r.Amount.Amount + " " + r.Amount.Currency)},
		{"Where", a.place(r)},
		{"Proposed by", oneLine(name(r.Proposer))},
		{"Until", r.ExpiresAt.In(a.opts.TimeZone).Format("Mon 2 Jan 2006, 15:04 MST")},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", f.label, f.value)
		}
	}
	fmt.Fprintf(&b, "\nLook at it and decide here:\n%s\n", link)
	b.WriteString("\nThe link signs you in, so keep it to yourself. Opening it decides nothing.\n")
	return Message{Subject: cut("Please decide: "+title, maxSubject), Text: b.String()}
}

func (a *Asker) place(r *approval.Request) string {
	if r.Location == "" || a.opts.LocationName == nil {
		return ""
	}
	return oneLine(a.opts.LocationName(r.Location))
}

func name(p approval.Principal) string {
	if p.Name != "" {
		return p.Name
	}
	return p.ID
}

// oneLine keeps what came from elsewhere within its line: line ends in a
// subject would be headers of their own.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

func cut(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}
