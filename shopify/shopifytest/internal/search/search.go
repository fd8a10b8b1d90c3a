// Package search understands the `query:` argument of Shopify's connections.
//
// The language is that of https://shopify.dev/docs/api/usage/search-syntax: terms such as
// `tag:gift` or `created_at:>=2026-01-01` joined by spaces or AND, OR, NOT or a leading
// minus, and parentheses. As in Shopify a faulty query does not fail: it gives
// [Warning]s, a term with an unknown field matches everything and a term whose value the field
// cannot take matches nothing.
//
// Start with [Compile]. Everything here is a pure function and safe for concurrent use.
package search

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

const (
	maxQuery = 10_000 // bytes
	maxDepth = 50     // nested parentheses and negations
)

// Warning says what is wrong with a query. It marshals as in Shopify's extensions.search.
type Warning struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Code    string `json:"code"` // invalid_field, invalid_value or invalid_syntax
}

// Index says how values of T are searched.
type Index[T any] struct {
	// Fields gives the values of each field that can be named: any mix of string, int,
	// int64, decimal.Decimal, time.Time, bool and [ID]. No value: the field is empty.
	Fields map[string]Field[T]

	// Unlisted gives the fields that are not in Fields. It may be nil.
	Unlisted func(name string) (Field[T], bool)

	// Words gives the text that a term without a field is looked for in.
	Words func(T) []string
}

// Field is one field of an [Index].
type Field[T any] struct {
	Kind   Kind
	Values func(T) []any
}

// Kind is the type of a field's values.
type Kind int

// The kinds of fields.
const (
	Keyword Kind = iota // string, compared whole, ignoring case; a trailing * matches the rest
	Text                // string, matched by its words
	Number              // int, int64 or decimal.Decimal
	Time                // time.Time
	Bool                // bool
	ID                  // int64; the query may have the number or a GID
	Auto                // string, compared as a number where both sides are one
)

// Compile reads query and returns the predicate it stands for, what is wrong with
// it, and its parsed form for extensions.search. An empty query matches everything.
func Compile[T any](index Index[T], query string) (match func(T) bool, warnings []Warning, parsed any) {
	if len(query) > maxQuery {
		return nothing[T], []Warning{{Message: "Query is too long.", Code: "invalid_syntax"}}, nil
	}
	p := parser{tokens: lex(query)}
	root := p.or()
	if root == nil {
		return everything[T], p.warnings, map[string]any{}
	}
	c := compiler[T]{index: index, warnings: p.warnings}
	match = c.compile(root)
	return match, c.warnings, root.parsed()
}

func everything[T any](T) bool { return true }

func nothing[T any](T) bool { return false }

type compiler[T any] struct {
	index    Index[T]
	warnings []Warning
}

func (c *compiler[T]) compile(n *expr) func(T) bool {
	switch n.op {
	case opAnd, opOr:
		parts := make([]func(T) bool, len(n.args))
		for i, a := range n.args {
			parts[i] = c.compile(a)
		}
		want := n.op == opOr
		return func(v T) bool {
			for _, p := range parts {
				if p(v) == want {
					return want
				}
			}
			return !want
		}
	case opNot:
		inner := c.compile(n.args[0])
		return func(v T) bool { return !inner(v) }
	default:
		return c.term(n)
	}
}

func (c *compiler[T]) term(n *expr) func(T) bool {
	if n.field == "" {
		return c.word(n.value)
	}
	f, ok := c.index.Fields[strings.ToLower(n.field)]
	if !ok && c.index.Unlisted != nil {
		f, ok = c.index.Unlisted(n.field)
	}
	if !ok {
		c.warnings = append(c.warnings, Warning{Field: n.field, Message: "Invalid search field for this query.", Code: "invalid_field"})
		return everything[T]
	}
	if n.value == "*" && n.cmp == "" {
		return func(v T) bool { return len(f.Values(v)) > 0 }
	}
	values := []string{n.value}
	if !n.quoted && n.cmp == "" {
		values = strings.Split(n.value, ",")
	}
	tests := make([]func(any) bool, 0, len(values))
	for _, value := range values {
		test, ok := comparison(f.Kind, n.cmp, value)
		if !ok {
			c.warnings = append(c.warnings, Warning{Field: n.field, Message: "Input `" + value + "` is not an accepted value.", Code: "invalid_value"})
			continue
		}
		tests = append(tests, test)
	}
	return func(v T) bool {
		for _, have := range f.Values(v) {
			for _, test := range tests {
				if test(have) {
					return true
				}
			}
		}
		return false
	}
}

func (c *compiler[T]) word(value string) func(T) bool {
	if value == "*" {
		return everything[T]
	}
	return func(v T) bool {
		for _, text := range c.index.Words(v) {
			if textMatch(text, value) {
				return true
			}
		}
		return false
	}
}

// comparison builds the test of one value; false if the field cannot have such a value.
func comparison(kind Kind, cmp, value string) (func(any) bool, bool) {
	switch kind {
	case Auto:
		return autoComparison(cmp, value), true
	case Number:
		want, ok := parseNumber(value)
		if !ok {
			return nil, false
		}
		return func(have any) bool { return holds(cmp, toDecimal(have).Cmp(want)) }, true
	case ID:
		want, err := strconv.ParseInt(value[strings.LastIndexByte(value, '/')+1:], 10, 64)
		if err != nil {
			return nil, false
		}
		return func(have any) bool { return holds(cmp, compareInt(have, want)) }, true
	case Time:
		return timeComparison(cmp, value)
	case Bool:
		want, err := strconv.ParseBool(value)
		if err != nil || cmp != "" {
			return nil, false
		}
		return func(have any) bool { b, ok := have.(bool); return ok && b == want }, true
	case Text:
		return func(have any) bool { s, ok := have.(string); return ok && textMatch(s, value) }, true
	default:
		return keywordComparison(cmp, value), true
	}
}

// parseNumber reads numbers of a size that can be compared without effort.
func parseNumber(value string) (decimal.Decimal, bool) {
	if len(value) > 40 {
		return decimal.Zero, false
	}
	d, err := decimal.NewFromString(value)
	return d, err == nil && d.Exponent() <= 40 && d.Exponent() >= -40
}

func autoComparison(cmp, value string) func(any) bool {
	keyword := keywordComparison(cmp, value)
	want, isNumber := parseNumber(value)
	return func(have any) bool {
		s, ok := have.(string)
		if !ok {
			return false
		}
		if number, ok := parseNumber(s); ok && isNumber {
			return holds(cmp, number.Cmp(want))
		}
		return keyword(have)
	}
}

func keywordComparison(cmp, value string) func(any) bool {
	if prefix, ok := strings.CutSuffix(value, "*"); ok && cmp == "" {
		prefix = strings.ToLower(prefix)
		return func(have any) bool {
			s, ok := have.(string)
			return ok && strings.HasPrefix(strings.ToLower(s), prefix)
		}
	}
	value = strings.ToLower(value)
	return func(have any) bool {
		s, ok := have.(string)
		return ok && holds(cmp, strings.Compare(strings.ToLower(s), value))
	}
}

// timeComparison takes RFC 3339 instants, dates and "now". A date is its midnight in UTC
// when it is compared and the whole day when it is asked for.
func timeComparison(cmp, value string) (func(any) bool, bool) {
	var (
		want time.Time
		err  error
		day  bool
	)
	switch {
	case value == "now":
		want = time.Now()
	case len(value) == len(time.DateOnly):
		want, err = time.Parse(time.DateOnly, value)
		day = true
	default:
		want, err = time.Parse(time.RFC3339, value)
		if err != nil {
			want, err = time.Parse("2006-01-02T15:04:05", value)
		}
	}
	if err != nil {
		return nil, false
	}
	return func(have any) bool {
		t, ok := have.(time.Time)
		if !ok {
			return false
		}
		if cmp == "" && day {
			return !t.Before(want) && t.Before(want.AddDate(0, 0, 1))
		}
		// The schema's DateTime has seconds.
		return holds(cmp, t.Truncate(time.Second).Compare(want))
	}, true
}

func holds(cmp string, order int) bool {
	switch cmp {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	default:
		return order == 0
	}
}

func toDecimal(v any) decimal.Decimal {
	switch v := v.(type) {
	case int:
		return decimal.NewFromInt(int64(v))
	case int64:
		return decimal.NewFromInt(v)
	case decimal.Decimal:
		return v
	default:
		return decimal.Zero
	}
}

func compareInt(v any, want int64) int {
	have, _ := v.(int64)
	switch {
	case have < want:
		return -1
	case have > want:
		return 1
	default:
		return 0
	}
}

// textMatch reports whether the words of want stand in text one after the other, the last one
// perhaps cut short by a star.
func textMatch(text, want string) bool {
	want, prefix := strings.CutSuffix(want, "*")
	text, want = " "+fold(text)+" ", " "+fold(want)
	if !prefix {
		want += " "
	}
	return strings.Contains(text, want)
}

// fold lower-cases s and makes every run of other characters than letters and digits one space.
func fold(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return ('a' > r || r > 'z') && ('0' > r || r > '9') && r <= 127
	}), " ")
}
