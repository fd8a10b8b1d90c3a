package salesforcetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// soql is a query: SELECT fields FROM object [WHERE …] [ORDER BY field] [LIMIT n].
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
type soql struct {
	fields []string
	count  bool
	object string
	where  condition
	order  string
	desc   bool
	limit  int // -1 without one
}

// condition says whether a record is meant.
type condition func(get func(path string) (any, *Problem)) (bool, *Problem)

var soqlToken = regexp.MustCompile(`^\s*(?:('(?:[^'\\]|\\.)*')|([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:?[0-9]{2}))|([A-Za-z_][A-Za-z0-9_.]*)|(-?[0-9]+(?:\.[0-9]+)?)|(<=|>=|!=|[=<>(),]))`)

type parser struct {
	tokens []string
	at     int
}

func malformed(what string) *Problem {
	return &Problem{Code: "MALFORMED_QUERY", Message: what, status: 400}
}

func parseSOQL(q string) (*soql, *Problem) {
	p := &parser{}
	for rest := q; strings.TrimSpace(rest) != ""; {
		m := soqlToken.FindString(rest)
		if m == "" || len(p.tokens) > 50_000 {
			return nil, malformed("unexpected token at row 1")
		}
		p.tokens = append(p.tokens, strings.TrimSpace(m))
		rest = rest[len(m):]
	}
	s := &soql{limit: -1}
	if !p.word("SELECT") {
		return nil, malformed("unexpected token: expected SELECT")
	}
	for {
		name := p.next()
		switch {
		case strings.EqualFold(name, "count") && p.is("(") && p.is(")"):
			s.count = true
		case identifier(name):
			s.fields = append(s.fields, name)
		default:
			return nil, malformed("unexpected token: '" + name + "'")
		}
		if !p.is(",") {
			break
		}
	}
	if !p.word("FROM") {
		return nil, malformed("unexpected token: '" + p.peek() + "'")
	}
	if s.object = p.next(); !identifier(s.object) {
		return nil, malformed("unexpected token: '" + s.object + "'")
	}
	return s, p.tail(s)
}

func (p *parser) tail(s *soql) *Problem {
	if p.word("WHERE") {
		var prob *Problem
		if s.where, prob = p.either(0); prob != nil {
			return prob
		}
	}
	if p.word("ORDER") {
		if s.order = ""; !p.word("BY") {
			return malformed("expected BY")
		}
		if s.order = p.next(); !identifier(s.order) {
			return malformed("unexpected token: '" + s.order + "'")
		}
		if !p.word("ASC") {
			s.desc = p.word("DESC")
		}
	}
	if p.word("LIMIT") {
		n, err := strconv.Atoi(p.next())
		if err != nil || n < 0 {
			return malformed("unexpected limit")
		}
		s.limit = n
	}
	if p.at < len(p.tokens) {
		return malformed("unexpected token: '" + p.peek() + "'")
	}
	return nil
}

var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func identifier(s string) bool { return name.MatchString(s) }

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *parser) next() string {
	t := p.peek()
	p.at++
	return t
}

func (p *parser) is(token string) bool {
	if p.peek() != token {
		return false
	}
	p.at++
	return true
}

func (p *parser) word(w string) bool {
	if !strings.EqualFold(p.peek(), w) {
		return false
	}
	p.at++
	return true
}

// either is a list of conditions with AND or with OR: without brackets SOQL mixes the two
// not.
func (p *parser) either(depth int) (condition, *Problem) {
	if depth > 20 {
		return nil, malformed("too deep")
	}
	first, prob := p.condition(depth)
	if prob != nil {
		return nil, prob
	}
	all, or := []condition{first}, false
	for n := 0; ; n++ {
		isAnd, isOr := strings.EqualFold(p.peek(), "AND"), strings.EqualFold(p.peek(), "OR")
		if !isAnd && !isOr {
			break
		}
		if n > 0 && isOr != or {
			return nil, malformed("unexpected token: '" + p.peek() + "'")
		}
		or = isOr
		p.at++
		c, prob := p.condition(depth)
		if prob != nil {
			return nil, prob
		}
		all = append(all, c)
	}
	return func(get func(string) (any, *Problem)) (bool, *Problem) {
		for _, c := range all {
			if yes, prob := c(get); prob != nil || yes == or {
				return yes, prob
			}
		}
		return !or, nil
	}, nil
}

func (p *parser) condition(depth int) (condition, *Problem) {
	if p.is("(") {
		c, prob := p.either(depth + 1)
		if prob == nil && !p.is(")") {
			prob = malformed("expected )")
		}
		return c, prob
	}
	path, op := p.next(), p.next()
	if !identifier(path) {
		return nil, malformed("unexpected token: '" + path + "'")
	}
	if strings.EqualFold(op, "NOT") && p.word("IN") {
		op = "NOT IN"
	}
	switch op = strings.ToUpper(op); op {
	case "=", "!=", "<", ">", "<=", ">=":
		want, prob := literal(p.next())
		if prob != nil {
			return nil, prob
		}
		return func(get func(string) (any, *Problem)) (bool, *Problem) {
			have, prob := get(path)
			return prob == nil && compare(have, op, want), prob
		}, nil
	case "IN", "NOT IN":
		return p.list(path, op == "NOT IN")
	}
	return nil, malformed("unexpected token: '" + op + "'")
}

func (p *parser) list(path string, not bool) (condition, *Problem) {
	if !p.is("(") {
		return nil, malformed("expected (")
	}
	in, exact := make(map[any]bool), make(map[any]bool)
	for {
		v, prob := literal(p.next())
		if prob != nil {
			return nil, prob
		}
		in[fold(v)], exact[v] = true, true
		if p.is(")") {
			break
		}
		if !p.is(",") {
			return nil, malformed("expected , or )")
		}
	}
	return func(get func(string) (any, *Problem)) (bool, *Problem) {
		have, prob := get(path)
		if s, is := have.(sensitive); is {
			return prob == nil && exact[string(s)] != not, prob
		}
		return prob == nil && in[fold(have)] != not, prob
	}, nil
}

// sensitive is a text of a field that tells capitals from small letters.
type sensitive string

// fold makes values that are equal to SOQL equal to Go.
func fold(v any) any {
	switch v := v.(type) {
	case sensitive:
		return string(v)
	case string:
		return strings.ToLower(v)
	case json.Number:
		f, _ := v.Float64()
		return f
	case time.Time:
		return v.UnixMilli()
	}
	return v
}

func literal(t string) (any, *Problem) {
	switch {
	case strings.HasPrefix(t, "'") && len(t) >= 2:
		return unquote(t[1 : len(t)-1])
	case strings.EqualFold(t, "null"):
		return nil, nil
	case strings.EqualFold(t, "true"), strings.EqualFold(t, "false"):
		return strings.EqualFold(t, "true"), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.000-0700"} {
		if at, err := time.Parse(layout, t); err == nil {
			return at, nil
		}
	}
	if _, err := strconv.ParseFloat(t, 64); err == nil {
		return json.Number(t), nil
	}
	return nil, malformed("unexpected token: '" + t + "'")
}

var escapes = map[byte]string{'n': "\n", 'r': "\r", 't': "\t", 'b': "\b", 'f': "\f", '\\': `\`, '\'': "'", '"': `"`, 'N': "\n", 'R': "\r", 'T': "\t", 'B': "\b", 'F': "\f"}

func unquote(s string) (any, *Problem) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) || escapes[s[i]] == "" {
			return nil, malformed(`Illegal character sequence '\` + "'")
		}
		b.WriteString(escapes[s[i]])
	}
	return b.String(), nil
}

func compare(have any, op string, want any) bool {
	if s, is := have.(sensitive); is {
		if w, text := want.(string); text && (op == "=" || op == "!=") {
			return (string(s) == w) == (op == "=")
		}
	}
	a, b := fold(have), fold(want)
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	}
	if a == nil || b == nil {
		return false
	}
	var c int
	switch a := a.(type) {
	case float64:
		b, is := b.(float64)
		if !is {
			return false
		}
		c = cmpFloat(a, b)
	default:
		c = strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}
	return op[0] == '<' && c < 0 || op[0] == '>' && c > 0 || len(op) == 2 && c == 0
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// get reads a field, or one of a record that it refers to: "Contact__r.Email".
func (o *Org) get(obj *object, r *record, path string) (any, *Problem) {
	first, rest, nested := strings.Cut(path, ".")
	if nested {
		rel, is := obj.relation(first)
		to := o.objects[rel.To]
		if !is || to == nil {
			return nil, noField(obj, path)
		}
		var parent *record
		if r != nil {
			id, _ := r.values[rel.Name].(string)
			parent = to.live(id)
		}
		return o.get(to, parent, rest)
	}
	f, is := obj.field(first)
	if !is {
		return nil, noField(obj, path)
	}
	if r == nil {
		return nil, nil
	}
	switch f.Name {
	case "Id":
		return r.id, nil
	case "IsDeleted":
		return r.deleted, nil
	case "CreatedDate":
		return r.created, nil
	case "LastModifiedDate", "SystemModstamp":
		return r.modified, nil
	}
	v := r.values[f.Name]
	if s, text := v.(string); text && f.Sensitive {
		return sensitive(s), nil
	}
	return v, nil
}

func noField(obj *object, path string) *Problem {
	return &Problem{Code: "INVALID_FIELD", status: 400, Message: "No such column '" + path + "' on entity '" + obj.def.Name + "'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."}
}

// run answers a query.
func (o *Org) run(q string) ([]map[string]any, int, *Problem) {
	s, p := parseSOQL(q)
	if p != nil {
		return nil, 0, p
	}
	var obj *object
	for known, def := range o.objects {
		if strings.EqualFold(known, s.object) {
			obj = def
		}
	}
	if obj == nil {
		return nil, 0, &Problem{Code: "INVALID_TYPE", status: 400, Message: "sObject type '" + s.object + "' is not supported."}
	}
	for _, path := range append(slices.Clone(s.fields), s.order) {
		if _, p := o.get(obj, nil, path); path != "" && p != nil {
			return nil, 0, p
		}
	}
	if s.where != nil {
		if _, p := s.where(func(path string) (any, *Problem) { return o.get(obj, nil, path) }); p != nil {
			return nil, 0, p
		}
	}
	found, p := o.match(obj, s)
	if p != nil {
		return nil, 0, p
	}
	if s.count {
		return nil, len(found), nil
	}
	records := make([]map[string]any, len(found))
	for i, r := range found {
		records[i] = o.project(obj, r, s.fields)
	}
	return records, len(records), nil
}

func (o *Org) match(obj *object, s *soql) ([]*record, *Problem) {
	var found []*record
	for _, id := range obj.order {
		r := obj.live(id)
		if r == nil {
			continue
		}
		if s.where != nil {
			yes, p := s.where(func(path string) (any, *Problem) { return o.get(obj, r, path) })
			if p != nil {
				return nil, p
			}
			if !yes {
				continue
			}
		}
		found = append(found, r)
	}
	if s.order != "" {
		slices.SortStableFunc(found, func(a, b *record) int {
			x, _ := o.get(obj, a, s.order)
			y, _ := o.get(obj, b, s.order)
			c := strings.Compare(fmt.Sprint(fold(x)), fmt.Sprint(fold(y)))
			if s.desc {
				c = -c
			}
			return c
		})
	}
	if s.limit >= 0 && len(found) > s.limit {
		found = found[:s.limit]
	}
	return found, nil
}

// project gives the fields of a record that a query asks for.
func (o *Org) project(obj *object, r *record, fields []string) map[string]any {
	m := map[string]any{"attributes": attributes(obj, r.id)}
	for _, path := range fields {
		first, rest, nested := strings.Cut(path, ".")
		if !nested {
			f, _ := obj.field(path)
			m[f.Name] = o.shown(obj, r, path)
			continue
		}
		rel, _ := obj.relation(first)
		to := o.objects[rel.To]
		id, _ := r.values[rel.Name].(string)
		parent := to.live(id)
		if parent == nil {
			m[rel.Relation] = nil
			continue
		}
		nestedFields := o.project(to, parent, []string{rest})
		if was, is := m[rel.Relation].(map[string]any); is {
			maps.Copy(was, nestedFields)
			continue
		}
		m[rel.Relation] = nestedFields
	}
	return m
}

// shown is a value as JSON has it.
func (o *Org) shown(obj *object, r *record, path string) any {
	v, _ := o.get(obj, r, path)
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000+0000")
	case sensitive:
		return string(v)
	}
	return v
}
