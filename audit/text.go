package audit

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Format returns the record as lines of plain text for people: a headline with
// index, time, kind, actor and action, then one indented line for each further
// part. Each line ends with a newline. What could disturb a terminal or hide
// text is replaced by "�".
func Format(r Record) string {
	e := &r.Entry
	var b strings.Builder
	fmt.Fprintf(&b, "%6d  %s  %-10s  %s", r.Index, e.Time.UTC().Format("2006-01-02 15:04:05Z"), e.Kind, actorText(e.Actor))
	if e.Action != "" {
		b.WriteString(": " + plain(e.Action))
	}
	b.WriteByte('\n')
	line := func(label, format string, args ...any) {
		if text := strings.TrimSpace(fmt.Sprintf(format, args...)); text != "" {
			fmt.Fprintf(&b, "        %-10s  %s\n", label, plain(text))
		}
	}
	for _, s := range e.Subjects {
		line("about", "%s %s", s.Type, s.ID)
	}
	if e.Location != "" || e.Shop != "" {
		line("at", "%s %s", e.Shop, e.Location)
	}
	if m := e.Model; m != nil {
		line("model", "%s", modelText(m))
	}
	if p := e.Policy; p != nil {
		line("policy", "%s%s%s%s", p.Verdict, prefixed(" — ", p.Reason), prefixed(" (rule ", p.Rule, ")"), prefixed(" (version ", p.Version, ")"))
	}
	if d := e.Decision; d != nil {
		line("decision", "%s%s%s", d.Verdict, prefixed(" — ", d.Reason), prefixed(" (shown ", short(d.Digest), ")"))
		if d.ViewMillis > 0 {
			line("viewed for", "%s", time.Duration(d.ViewMillis)*time.Millisecond)
		}
		for _, x := range d.Edits {
			line("edited", "%s: %s → %s", x.Path, x.Before, x.After)
		}
	}
	if f := e.Effect; f != nil {
		attempt := ""
		if f.Attempt > 0 {
			attempt = fmt.Sprintf(" (attempt %d)", f.Attempt)
		}
		line("effect", "%s%s%s", f.Outcome, attempt, prefixed(" (request ", f.RequestID, ")"))
		for _, id := range f.IDs {
			line("", "%s", id)
		}
	}
	line("cost", "%s %s", e.Cost.Amount, e.Cost.Currency)
	line("note", "%s", e.Note)
	for _, p := range e.Sealed {
		line("sealed", "%s", p.Name)
	}
	for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
		line(k, "%s", e.Attributes[k])
	}
	return b.String()
}

// WriteText writes the records as [Format] does. The first error, of the
// records or of w, ends it.
func WriteText(w io.Writer, records iter.Seq2[Record, error]) error {
	return each(records, func(r Record) error {
		_, err := io.WriteString(w, Format(r))
		return err
	})
}

// WriteJSONL writes each record as one line of JSON, a [Record] whose entry is
// in canonical form, byte for byte: with a newline it is the leaf. The first
// error, of the records or of w, ends it.
func WriteJSONL(w io.Writer, records iter.Seq2[Record, error]) error {
	return each(records, func(r Record) error {
		entry, err := r.Entry.MarshalJSON()
		if err != nil {
			return err
		}
		// Not through encoding/json, which would escape more than the canonical
		// form does.
		_, err = fmt.Fprintf(w, "{\"index\":%d,\"entry\":%s,\"leaf_hash\":%q}\n", r.Index, entry, r.LeafHash)
		return err
	})
}

func each(records iter.Seq2[Record, error], do func(Record) error) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

func actorText(a Actor) string {
	who := string(a.Type)
	if a.ID != "" {
		who += " " + a.ID
	}
	return plain(who + prefixed(" (", a.Role, ")") + prefixed(" via ", a.Channel) + prefixed(", ", a.Assurance))
}

func modelText(m *Model) string {
	name := strings.Trim(m.Provider+" "+m.Name, " ")
	if m.Baseline {
		name = strings.TrimSpace("no AI: baseline " + name)
	}
	if m.InputTokens > 0 || m.OutputTokens > 0 {
		name += fmt.Sprintf(", %d tokens in, %d out", m.InputTokens, m.OutputTokens)
	}
	return name + prefixed(" (output ", short(m.OutputDigest), ")")
}

// prefixed returns before, text and after, or nothing where text is empty.
func prefixed(before, text string, after ...string) string {
	if text == "" {
		return ""
	}
	return before + text + strings.Join(after, "")
}

// short returns enough of a digest to recognize it.
func short(digest string) string {
	if r := []rune(digest); len(r) > 19 {
		return string(r[:19]) + "…"
	}
	return digest
}

// plain keeps text on its line and visible: control characters and those that
// change the direction of writing are replaced.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
