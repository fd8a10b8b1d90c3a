package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// MarshalJSON returns the canonical form of e, the bytes that the log commits
// to. It is the JSON of RFC 8785 (https://www.rfc-editor.org/rfc/rfc8785):
// members sorted by name, no white space, only the escapes that JSON demands.
// In addition empty members are left out, "v" holds the schema version, and
// time is RFC 3339 in UTC with as many decimals as it needs, at most six. The
// same entry has the same bytes, always. Of a sealed part the form has name and
// pseudonyms alone.
//
// It fails with a [*FieldError] where [Entry.Validate] does, where the form is
// larger than [MaxEntrySize], and where a part is not sealed yet.
func (e Entry) MarshalJSON() ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	return e.canonical()
}

// canonical returns the canonical form of a valid entry.
func (e *Entry) canonical() ([]byte, error) {
	for i, p := range e.Sealed {
		if len(p.Of) == 0 {
			return nil, &FieldError{Field: fmt.Sprintf("sealed[%d].of", i), Reason: "missing: Append seals"}
		}
	}
	b := e.appendCanonical(make([]byte, 0, 512))
	if len(b) > MaxEntrySize {
		return nil, &FieldError{Reason: fmt.Sprintf("larger than %d bytes", MaxEntrySize)}
	}
	return b, nil
}

// UnmarshalJSON reads the form that MarshalJSON writes, and nothing else: any
// other bytes, be it a space or an unknown member, fail with a [*FieldError].
func (e *Entry) UnmarshalJSON(data []byte) error {
	parsed, err := parseEntry(data)
	if err == nil {
		*e = *parsed
	}
	return err
}

func parseEntry(data []byte) (*Entry, error) {
	if len(data) > MaxEntrySize {
		return nil, &FieldError{Reason: fmt.Sprintf("larger than %d bytes", MaxEntrySize)}
	}
	// plain drops the methods, so that encoding/json reads the fields.
	type plain Entry
	wire := struct {
		*plain
		V int `json:"v"`
	}{plain: new(plain)}
	// The error's text could repeat content, so it is not passed on.
	if json.Unmarshal(data, &wire) != nil {
		return nil, &FieldError{Reason: "not an entry in JSON"}
	}
	if wire.V < 1 || wire.V > Version {
		return nil, &FieldError{Field: "v", Reason: fmt.Sprintf("schema version %d, this program reads 1 to %d", wire.V, Version)}
	}
	e := (*Entry)(wire.plain)
	if wire.V != Version {
		e.schema = wire.V
	}
	canonical, err := e.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(canonical, data) {
		return nil, &FieldError{Reason: "not in canonical form"}
	}
	return e, nil
}

// The members are written in the order of their names.
func (e *Entry) appendCanonical(b []byte) []byte {
	o := object{b: append(b, '{')}
	o.string("action", e.Action)
	o.object("actor", true, func(o *object) {
		o.string("assurance", e.Actor.Assurance)
		o.string("channel", e.Actor.Channel)
		o.string("id", e.Actor.ID)
		o.string("methods", e.Actor.Methods)
		o.string("role", e.Actor.Role)
		o.string("type", string(e.Actor.Type))
	})
	o.object("attributes", len(e.Attributes) > 0, func(o *object) {
		o.strings(e.Attributes)
	})
	o.string("correlation", e.Correlation)
	o.object("cost", e.Cost != Cost{}, func(o *object) {
		o.string("amount", e.Cost.Amount)
		o.string("currency", e.Cost.Currency)
	})
	o.object("decision", e.Decision != nil, func(o *object) {
		o.string("digest", e.Decision.Digest)
		appendList(o, "edits", e.Decision.Edits, func(b []byte, x Edit) []byte {
			o := object{b: append(b, '{')}
			o.string("after", x.After)
			o.string("before", x.Before)
			o.string("path", x.Path)
			return append(o.b, '}')
		})
		o.string("reason", e.Decision.Reason)
		o.time("shown_at", e.Decision.ShownAt)
		o.string("verdict", e.Decision.Verdict)
		o.int("view_ms", e.Decision.ViewMillis)
	})
	o.object("effect", e.Effect != nil, func(o *object) {
		o.int("attempt", e.Effect.Attempt)
		o.string("idempotency_key", e.Effect.IdempotencyKey)
		appendList(o, "ids", e.Effect.IDs, appendString)
		o.string("operation", e.Effect.Operation)
		o.string("outcome", e.Effect.Outcome)
		o.string("request_id", e.Effect.RequestID)
	})
	o.string("id", e.ID)
	o.string("kind", string(e.Kind))
	o.string("location", e.Location)
	o.object("model", e.Model != nil, func(o *object) {
		if e.Model.Baseline {
			o.name("baseline")
			o.b = append(o.b, "true"...)
		}
		o.string("input_digest", e.Model.InputDigest)
		o.int("input_tokens", e.Model.InputTokens)
		o.string("name", e.Model.Name)
		o.string("output_digest", e.Model.OutputDigest)
		o.int("output_tokens", e.Model.OutputTokens)
		o.object("parameters", len(e.Model.Parameters) > 0, func(o *object) { o.strings(e.Model.Parameters) })
		o.string("prompt_digest", e.Model.PromptDigest)
		o.string("provider", e.Model.Provider)
	})
	o.string("note", e.Note)
	o.object("policy", e.Policy != nil, func(o *object) {
		o.string("reason", e.Policy.Reason)
		o.string("rule", e.Policy.Rule)
		o.string("verdict", e.Policy.Verdict)
		o.string("version", e.Policy.Version)
	})
	o.string("preview_digest", e.Preview)
	appendList(&o, "sealed", e.Sealed, func(b []byte, p Part) []byte {
		o := object{b: append(b, '{')}
		o.string("name", p.Name)
		appendList(&o, "of", p.Of, appendString)
		return append(o.b, '}')
	})
	o.string("shop", e.Shop)
	appendList(&o, "subjects", e.Subjects, func(b []byte, s Subject) []byte {
		o := object{b: append(b, '{')}
		o.string("id", s.ID)
		o.string("type", s.Type)
		return append(o.b, '}')
	})
	o.time("time", e.Time)
	o.string("trace_id", e.TraceID)
	o.int("v", int64(e.SchemaVersion()))
	return append(o.b, '}')
}

// object writes the members of one JSON object into b.
type object struct {
	b     []byte
	wrote bool
}

func (o *object) name(name string) {
	if o.wrote {
		o.b = append(o.b, ',')
	}
	o.wrote = true
	o.b = append(appendString(o.b, name), ':')
}

func (o *object) string(name, value string) {
	if value != "" {
		o.name(name)
		o.b = appendString(o.b, value)
	}
}

func (o *object) int(name string, value int64) {
	if value != 0 {
		o.name(name)
		o.b = strconv.AppendInt(o.b, value, 10)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.string(name, t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
	}
}

// strings writes the members of a map in the order of their names.
func (o *object) strings(members map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(members)) {
		o.name(k)
		o.b = appendString(o.b, members[k])
	}
}

func (o *object) object(name string, present bool, members func(*object)) {
	if !present {
		return
	}
	o.name(name)
	o.b = append(o.b, '{')
	o.wrote = false
	members(o)
	o.b = append(o.b, '}')
	o.wrote = true
}

func appendList[T any](o *object, name string, list []T, appendItem func([]byte, T) []byte) {
	if len(list) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i, item := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendItem(o.b, item)
	}
	o.b = append(o.b, ']')
}

// appendString writes s, which is UTF-8, as RFC 8785 section 3.2.2.2 says.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x20:
			b = append(b, c)
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c == '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}
