package shopifytest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// segmentQuery is a query of the segment language, such as
// "number_of_orders >= 3 AND customer_tags CONTAINS 'vip'", ready to be asked.
//
// https://shopify.dev/docs/api/shopifyql/segment-query-language-reference
type segmentQuery func(s *state, v *customer) bool

const (
	maxSegmentQuery = 5_000 // bytes
	maxSegmentDepth = 50    // parentheses in one another
)

// segmentFilters are the filters that the shop knows, with the values of a customer: decimal.Decimal, string
// or time.Time.
var segmentFilters = map[string]func(s *state, v *customer) []any{
	"number_of_orders":          func(_ *state, v *customer) []any { return []any{decimal.NewFromInt(int64(len(v.orders)))} },
	"amount_spent":              func(_ *state, v *customer) []any { return []any{v.spent()} },
	"customer_tags":             func(_ *state, v *customer) []any { return texts(v.tags...) },
	"customer_language":         func(_ *state, v *customer) []any { return texts(v.locale) },
	"email_subscription_status": func(_ *state, v *customer) []any { return texts(v.emailConsent.state) },
	"sms_subscription_status":   func(_ *state, v *customer) []any { return texts(v.smsConsent.state) },
	"customer_added_date":       func(_ *state, v *customer) []any { return []any{v.createdAt} },
	"rfm_group":                 func(s *state, v *customer) []any { return texts(asText(s.rfm(v))) },
	"predicted_spend_tier":      func(s *state, v *customer) []any { return texts(asText(s.spendTier(v))) },
	"customer_email_domain": func(_ *state, v *customer) []any {
		_, domain, _ := strings.Cut(v.email, "@")
		return texts(domain)
	},
	"customer_countries": func(_ *state, v *customer) []any {
		return texts(copies(v.addresses, func(a *address) string { return a.CountryCode })...)
	},
	"customer_cities": func(_ *state, v *customer) []any {
		return texts(copies(v.addresses, func(a *address) string { return a.CountryCode + "-" + a.ProvinceCode + "-" + a.City })...)
	},
	"first_order_date": func(_ *state, v *customer) []any {
		if len(v.orders) == 0 {
			return nil
		}
		return []any{slices.MinFunc(v.orders, func(a, b *order) int { return a.processedAt.Compare(b.processedAt) }).processedAt}
	},
	"last_order_date": func(_ *state, v *customer) []any {
		if o := v.lastOrder(); o != nil {
			return []any{o.processedAt}
		}
		return nil
	},
}

// texts is the strings that are not empty.
func asText(v any) string {
	text, _ := v.(string)
	return text
}

func texts(values ...string) []any {
	var out []any
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

var segmentToken = regexp.MustCompile(`^\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|<=|>=|!=|=|<|>|\(|\)|[-+]?[0-9]{1,6}[dwmy]\b|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.+Z-]*)?|-?[0-9]{1,18}(?:\.[0-9]{1,9})?|[A-Za-z_][A-Za-z0-9_.]*)`)

// segmentParser reads a query. The first thing that is wrong is kept.
type segmentParser struct {
	tokens  []string
	columns []int
	at      int
	depth   int
	problem string
}

// parseSegment reads a query, or says what is wrong with it in Shopify's manner.
func parseSegment(query string) (segmentQuery, string) {
	if strings.TrimSpace(query) == "" {
		return nil, "Query can't be blank"
	}
	if len(query) > maxSegmentQuery {
		return nil, "Query is too long (maximum is 5000 characters)"
	}
	p := &segmentParser{}
	for rest, column := query, 0; strings.TrimSpace(rest) != ""; {
		m := segmentToken.FindStringSubmatchIndex(rest)
		if m == nil {
			return nil, fmt.Sprintf("Line 1 Column %d: unexpected character.", column)
		}
		p.tokens = append(p.tokens, rest[m[2]:m[3]])
		p.columns = append(p.columns, column+m[2])
		rest, column = rest[m[1]:], column+m[1]
	}
	q := p.or()
	if p.problem == "" && p.at < len(p.tokens) {
		p.fail("'" + p.tokens[p.at] + "' is unexpected")
	}
	if p.problem != "" {
		return nil, p.problem
	}
	return q, ""
}

func (p *segmentParser) fail(what string) segmentQuery {
	if p.problem == "" {
		column := 0
		if n := len(p.columns); n > 0 {
			column = p.columns[min(p.at, n-1)]
		}
		p.problem = fmt.Sprintf("Line 1 Column %d: %s.", column, what)
	}
	return func(*state, *customer) bool { return false }
}

// take takes the next token if it is the word, whatever its case.
func (p *segmentParser) take(word string) bool {
	if p.at < len(p.tokens) && strings.EqualFold(p.tokens[p.at], word) {
		p.at++
		return true
	}
	return false
}

// peek is the next token, "" at the end; it is taken with skip.
func (p *segmentParser) peek() string {
	if p.at >= len(p.tokens) {
		return ""
	}
	return p.tokens[p.at]
}

func (p *segmentParser) skip() { p.at++ }

func (p *segmentParser) or() segmentQuery {
	either := []segmentQuery{p.and()}
	for p.problem == "" && p.take("OR") {
		either = append(either, p.and())
	}
	return func(s *state, v *customer) bool {
		return slices.ContainsFunc(either, func(q segmentQuery) bool { return q(s, v) })
	}
}

func (p *segmentParser) and() segmentQuery {
	all := []segmentQuery{p.term()}
	for p.problem == "" && p.take("AND") {
		all = append(all, p.term())
	}
	return func(s *state, v *customer) bool {
		return !slices.ContainsFunc(all, func(q segmentQuery) bool { return !q(s, v) })
	}
}

func (p *segmentParser) term() segmentQuery {
	if p.take("(") {
		if p.depth++; p.depth > maxSegmentDepth {
			return p.fail("too many parentheses")
		}
		q := p.or()
		p.depth--
		if !p.take(")") {
			return p.fail("')' is missing")
		}
		return q
	}
	name := p.peek()
	values, ok := segmentFilters[strings.ToLower(name)]
	if !ok {
		return p.fail("'" + name + "' filter cannot be found")
	}
	p.skip()
	return p.predicate(values)
}

// predicate reads what is asked of the values of a filter.
func (p *segmentParser) predicate(values func(*state, *customer) []any) segmentQuery {
	ask := func(holds func(s *state, value any) bool) segmentQuery {
		return func(s *state, v *customer) bool {
			return slices.ContainsFunc(values(s, v), func(value any) bool { return holds(s, value) })
		}
	}
	not := func(q segmentQuery) segmentQuery {
		return func(s *state, v *customer) bool { return !q(s, v) }
	}
	operator := strings.ToUpper(p.peek())
	if !slices.Contains([]string{"=", "!=", "<", "<=", ">", ">=", "CONTAINS", "NOT", "BETWEEN", "IS"}, operator) {
		return p.fail("an operator is expected")
	}
	p.skip()
	switch operator {
	case "=", "CONTAINS":
		return ask(p.compare(func(c int) bool { return c == 0 }))
	case "!=":
		return not(ask(p.compare(func(c int) bool { return c == 0 })))
	case "<":
		return ask(p.compare(func(c int) bool { return c < 0 }))
	case "<=":
		return ask(p.compare(func(c int) bool { return c <= 0 }))
	case ">":
		return ask(p.compare(func(c int) bool { return c > 0 }))
	case ">=":
		return ask(p.compare(func(c int) bool { return c >= 0 }))
	case "NOT":
		if !p.take("CONTAINS") {
			return p.fail("CONTAINS is expected after NOT")
		}
		return not(ask(p.compare(func(c int) bool { return c == 0 })))
	case "BETWEEN":
		from := p.compare(func(c int) bool { return c >= 0 })
		if !p.take("AND") {
			return p.fail("AND is expected after BETWEEN")
		}
		to := p.compare(func(c int) bool { return c <= 0 })
		return ask(func(s *state, value any) bool { return from(s, value) && to(s, value) })
	default: // IS
		negated := p.take("NOT")
		if !p.take("NULL") {
			return p.fail("NULL is expected after IS")
		}
		return func(s *state, v *customer) bool { return (len(values(s, v)) == 0) != negated }
	}
}

var relativeDate = regexp.MustCompile(`^([-+]?[0-9]{1,6})([dwmy])$`)

// compare reads a literal and compares values of its kind with it.
func (p *segmentParser) compare(want func(int) bool) func(s *state, value any) bool {
	literal := p.peek()
	number, errNumber := decimal.NewFromString(literal)
	var quoted string
	if n := len(literal); n >= 2 && (literal[0] == '\'' || literal[0] == '"') {
		quoted = strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(literal[1 : n-1])
	} else if errNumber != nil && relativeDate.FindString(literal) == "" && !isDate(literal) {
		p.fail("a value is expected")
	}
	p.skip()
	return func(s *state, value any) bool {
		switch value := value.(type) {
		case decimal.Decimal:
			return errNumber == nil && want(value.Cmp(number))
		case string:
			return quoted != "" && want(strings.Compare(strings.ToLower(value), strings.ToLower(quoted)))
		case time.Time:
			from, ok := s.segmentDate(literal)
			if !ok {
				return false
			}
			day := value.In(s.shop.location)
			return want(time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, s.shop.location).Compare(from))
		}
		return false
	}
}

func isDate(literal string) bool {
	if len(literal) < len(time.DateOnly) {
		return false
	}
	_, err := time.Parse(time.DateOnly, literal[:len(time.DateOnly)])
	return err == nil
}

// segmentDate is the day that a literal names, also as a distance from today: -30d, -4w, -3m, -1y.
func (s *state) segmentDate(literal string) (time.Time, bool) {
	if m := relativeDate.FindStringSubmatch(literal); m != nil {
		n, _ := strconv.Atoi(m[1])
		now := s.now().In(s.shop.location)
		day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.shop.location)
		switch m[2] {
		case "w":
			return day.AddDate(0, 0, 7*n), true
		case "m":
			return day.AddDate(0, n, 0), true
		case "y":
			return day.AddDate(n, 0, 0), true
		}
		return day.AddDate(0, 0, n), true
	}
	if !isDate(literal) {
		return time.Time{}, false
	}
	day, err := time.ParseInLocation(time.DateOnly, literal[:len(time.DateOnly)], s.shop.location)
	return day, err == nil
}
