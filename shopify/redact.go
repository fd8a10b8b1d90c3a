package shopify

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// redactor removes the request's own values from what Shopify says about them,
// so that an error can be logged: a message such as "e-mail jo@example.com has
// been taken" repeats a customer's data.
type redactor struct{ values []string }

const (
	minSecret  = 3    // shorter values would tear ordinary words apart
	maxSecrets = 1000 // values that are looked for
	maxMessage = 500  // bytes of a message that are kept
)

// newRedactor collects the string and number values of the variables, as they
// were sent.
func newRedactor(variables json.RawMessage) *redactor {
	r := &redactor{}
	var v any
	dec := json.NewDecoder(bytes.NewReader(variables))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return r
	}
	r.collect(v)
	// The longest first, so that a part does not spoil the whole.
	slices.SortFunc(r.values, func(a, b string) int { return len(b) - len(a) })
	return r
}

func (r *redactor) collect(v any) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case []any:
		for _, e := range v {
			r.collect(e)
		}
	case map[string]any:
		for _, e := range v {
			r.collect(e)
		}
	}
	if len(s) >= minSecret && len(r.values) < maxSecrets {
		r.values = append(r.values, s)
	}
}

// clean returns a text that is safe to print: without the values, without
// control characters, bounded.
func (r *redactor) clean(s string) string {
	if len(s) > 4*maxMessage {
		s = s[:4*maxMessage]
	}
	if r != nil {
		for _, v := range r.values {
			s = strings.ReplaceAll(s, v, "…")
		}
	}
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
