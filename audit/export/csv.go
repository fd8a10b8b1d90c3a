package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/posai-go/posai/audit"
)

// column is one of a CSV file.
type column struct {
	name  string
	value func(r *audit.Record) string
}

// columns are those of [CSV]. New ones are added at the end.
var columns = []column{
	{"index", func(r *audit.Record) string { return strconv.FormatInt(r.Index, 10) }},
	{"time", func(r *audit.Record) string { return instant(r.Entry.Time) }},
	{"id", func(r *audit.Record) string { return r.Entry.ID }},
	{"kind", func(r *audit.Record) string { return string(r.Entry.Kind) }},
	{"correlation", func(r *audit.Record) string { return r.Entry.Correlation }},
	{"shop", func(r *audit.Record) string { return r.Entry.Shop }},
	{"location", func(r *audit.Record) string { return r.Entry.Location }},
	{"actor_type", func(r *audit.Record) string { return string(r.Entry.Actor.Type) }},
	{"actor_id", func(r *audit.Record) string { return r.Entry.Actor.ID }},
	{"actor_role", func(r *audit.Record) string { return r.Entry.Actor.Role }},
	{"actor_channel", func(r *audit.Record) string { return r.Entry.Actor.Channel }},
	{"actor_assurance", func(r *audit.Record) string { return r.Entry.Actor.Assurance }},
	{"action", func(r *audit.Record) string { return r.Entry.Action }},
	{"subjects", func(r *audit.Record) string { return subjects(r.Entry.Subjects) }},
	{"model_provider", model(func(m *audit.Model) string { return m.Provider })},
	{"model_name", model(func(m *audit.Model) string { return m.Name })},
	{"model_baseline", model(func(m *audit.Model) string { return strconv.FormatBool(m.Baseline) })},
	{"prompt_digest", model(func(m *audit.Model) string { return m.PromptDigest })},
	{"input_digest", model(func(m *audit.Model) string { return m.InputDigest })},
	{"output_digest", model(func(m *audit.Model) string { return m.OutputDigest })},
	{"policy_version", policy(func(p *audit.Policy) string { return p.Version })},
	{"policy_rule", policy(func(p *audit.Policy) string { return p.Rule })},
	{"policy_verdict", policy(func(p *audit.Policy) string { return p.Verdict })},
	{"policy_reason", policy(func(p *audit.Policy) string { return p.Reason })},
	{"decision_verdict", decision(func(d *audit.Decision) string { return d.Verdict })},
	{"decision_reason", decision(func(d *audit.Decision) string { return d.Reason })},
	{"decision_shown_at", decision(func(d *audit.Decision) string { return instant(d.ShownAt) })},
	{"effect_outcome", effect(func(f *audit.Effect) string { return f.Outcome })},
	{"effect_ids", effect(func(f *audit.Effect) string { return strings.Join(f.IDs, " ") })},
	{"effect_request_id", effect(func(f *audit.Effect) string { return f.RequestID })},
	{"idempotency_key", effect(func(f *audit.Effect) string { return f.IdempotencyKey })},
	{"cost_amount", func(r *audit.Record) string { return r.Entry.Cost.Amount }},
	{"cost_currency", func(r *audit.Record) string { return r.Entry.Cost.Currency }},
	{"trace_id", func(r *audit.Record) string { return r.Entry.TraceID }},
	{"note", func(r *audit.Record) string { return r.Entry.Note }},
	{"attributes", func(r *audit.Record) string { return attributes(r.Entry.Attributes) }},
	{"leaf_hash", func(r *audit.Record) string { return r.LeafHash.String() }},
}

// CSV writes a header and one row for each record (RFC 4180, but lines end in LF
// alone, so that no CR within a cell is lost; UTF-8). Subjects are "type id" pairs, separated by "; ", attributes a JSON object.
//
// A cell that a spreadsheet could take for a formula begins with an apostrophe
// (https://owasp.org/www-community/attacks/CSV_Injection), which is not part of
// the value.
func CSV(w io.Writer, records iter.Seq2[audit.Record, error]) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			out.Flush() // what was read is not lost
			return err
		}
		for i, c := range columns {
			row[i] = harmless(c.value(&r))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from calculating the cell. Some take no notice of
// what cannot be seen in front, and some take full-width signs for the usual ones.
func harmless(cell string) string {
	visible := strings.TrimLeftFunc(cell, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	if strings.IndexAny(visible, "=+-@|＝＋－＠") == 0 || strings.IndexAny(cell, "\t\r\n") == 0 {
		return "'" + cell
	}
	return cell
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func subjects(list []audit.Subject) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Type+" "+s.ID)
	}
	return strings.Join(out, "; ")
}

func attributes(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	b, _ := json.Marshal(m) // strings only: it cannot fail
	return string(b)
}

func model(value func(*audit.Model) string) func(*audit.Record) string {
	return func(r *audit.Record) string { return part(r.Entry.Model, value) }
}

func policy(value func(*audit.Policy) string) func(*audit.Record) string {
	return func(r *audit.Record) string { return part(r.Entry.Policy, value) }
}

func decision(value func(*audit.Decision) string) func(*audit.Record) string {
	return func(r *audit.Record) string { return part(r.Entry.Decision, value) }
}

func effect(value func(*audit.Effect) string) func(*audit.Record) string {
	return func(r *audit.Record) string { return part(r.Entry.Effect, value) }
}

func part[T any](p *T, value func(*T) string) string {
	if p == nil {
		return ""
	}
	return value(p)
}
