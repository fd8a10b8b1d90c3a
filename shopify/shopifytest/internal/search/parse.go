package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a parenthesis, an operator or a term. Quotes are gone; quoted says that there were some.
type token struct {
	kind   tokenKind
	field  string
	cmp    string
	value  string
	quoted bool
}

type tokenKind int

const (
	tokTerm tokenKind = iota
	tokOpen
	tokClose
	tokAnd
	tokOr
	tokNot
)

// lex cuts the query into tokens. Every input has tokens: there is no syntax error on this level.
func lex(q string) []token {
	var out []token
	for {
		q = strings.TrimLeftFunc(q, unicode.IsSpace)
		if q == "" {
			return out
		}
		switch {
		case q[0] == '(':
			out, q = append(out, token{kind: tokOpen}), q[1:]
			continue
		case q[0] == ')':
			out, q = append(out, token{kind: tokClose}), q[1:]
			continue
		case q[0] == '-' && len(q) > 1 && q[1] != ' ':
			out, q = append(out, token{kind: tokNot}), q[1:]
			continue
		}
		var t token
		t, q = lexTerm(q)
		out = append(out, t)
	}
}

// lexTerm reads one term or operator word from the front of q, which is not empty, and returns the rest.
func lexTerm(q string) (token, string) {
	word, quoted, rest := lexValue(q, true)
	if !quoted {
		switch word {
		case "AND":
			return token{kind: tokAnd}, rest
		case "OR":
			return token{kind: tokOr}, rest
		case "NOT":
			return token{kind: tokNot}, rest
		}
	}
	if quoted || !strings.HasPrefix(rest, ":") {
		return token{value: word, quoted: quoted}, rest
	}
	t := token{field: word}
	rest = rest[1:]
	for _, cmp := range []string{">=", "<=", ">", "<", "="} {
		if after, ok := strings.CutPrefix(rest, cmp); ok {
			t.cmp, rest = cmp, after
			break
		}
	}
	if t.cmp == "=" {
		t.cmp = ""
	}
	t.value, t.quoted, rest = lexValue(rest, false)
	return t, rest
}

// lexValue reads a quoted string or a bare word; a bare word that may be a field's name ends at the colon.
func lexValue(q string, name bool) (value string, quoted bool, rest string) {
	if q == "" {
		return "", false, ""
	}
	if q[0] == '"' || q[0] == '\'' {
		if v, after, ok := lexQuoted(q); ok {
			return v, true, after
		}
	}
	end := strings.IndexFunc(q, func(r rune) bool {
		return unicode.IsSpace(r) || r == '(' || r == ')' || name && r == ':'
	})
	if end < 0 {
		end = len(q)
	}
	if end == 0 { // a lone colon or parenthesis where a word should be
		if q[0] == '(' || q[0] == ')' || unicode.IsSpace(rune(q[0])) {
			return "", false, q
		}
		_, size := utf8.DecodeRuneInString(q)
		return q[:size], false, q[size:]
	}
	return strings.ReplaceAll(q[:end], `\`, ""), false, q[end:]
}

// lexQuoted reads the quoted string at the front of q. A backslash takes the next byte as it is.
func lexQuoted(q string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(q); i++ {
		switch {
		case q[i] == '\\' && i+1 < len(q):
			i++
			b.WriteByte(q[i])
		case q[i] == q[0]:
			return b.String(), q[i+1:], true
		default:
			b.WriteByte(q[i])
		}
	}
	return "", "", false
}

type op int

const (
	opTerm op = iota
	opAnd
	opOr
	opNot
)

// expr is a node of the syntax tree.
type expr struct {
	op     op
	args   []*expr
	field  string
	cmp    string
	value  string
	quoted bool
}

// parsed is the form in which extensions.search shows the query.
func (e *expr) parsed() any {
	switch e.op {
	case opAnd, opOr:
		args := make([]any, len(e.args))
		for i, a := range e.args {
			args[i] = a.parsed()
		}
		return map[string]any{map[op]string{opAnd: "and", opOr: "or"}[e.op]: args}
	case opNot:
		return map[string]any{"not": e.args[0].parsed()}
	default:
		field := e.field
		if field == "" {
			field = "default"
		}
		relation := map[string]string{"": "match_all", ">": "range_gt", ">=": "range_gte", "<": "range_lt", "<=": "range_lte"}[e.cmp]
		return map[string]any{"field": field, relation: e.value}
	}
}

// parser builds the tree by recursive descent; what does not fit is left out with a warning.
type parser struct {
	tokens   []token
	depth    int // of parentheses and negations
	open     int // parentheses
	warnings []Warning
}

func (p *parser) peek() (token, bool) {
	if len(p.tokens) == 0 {
		return token{}, false
	}
	return p.tokens[0], true
}

func (p *parser) accept(kind tokenKind) bool {
	if t, ok := p.peek(); ok && t.kind == kind {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) warn(message string) {
	if len(p.warnings) < 10 {
		p.warnings = append(p.warnings, Warning{Message: message, Code: "invalid_syntax"})
	}
}

func (p *parser) or() *expr {
	var args []*expr
	for {
		if a := p.and(); a != nil {
			args = append(args, a)
		}
		if p.accept(tokOr) {
			continue
		}
		return join(opOr, args)
	}
}

func (p *parser) and() *expr {
	var args []*expr
	for {
		t, ok := p.peek()
		if !ok || t.kind == tokOr || t.kind == tokClose && p.open > 0 {
			return join(opAnd, args)
		}
		switch t.kind {
		case tokClose:
			p.warn("Unexpected closing parenthesis.")
			fallthrough
		case tokAnd:
			p.tokens = p.tokens[1:]
			continue
		}
		if a := p.unary(); a != nil {
			args = append(args, a)
		}
	}
}

func (p *parser) unary() *expr {
	if p.depth >= maxDepth {
		p.warn("Query is nested too deeply.")
		p.tokens = nil
		return nil
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	switch t.kind {
	case tokNot:
		if next, ok := p.peek(); !ok || next.kind == tokClose || next.kind == tokOr {
			p.warn("NOT without a term.")
			return nil
		}
		if p.accept(tokAnd) && len(p.tokens) == 0 {
			return nil
		}
		p.depth++
		defer func() { p.depth-- }()
		if inner := p.unary(); inner != nil {
			return &expr{op: opNot, args: []*expr{inner}}
		}
		return nil
	case tokOpen:
		p.depth++
		p.open++
		inner := p.or()
		p.depth--
		p.open--
		if !p.accept(tokClose) {
			p.warn("Missing closing parenthesis.")
		}
		return inner
	case tokTerm:
		return &expr{field: t.field, cmp: t.cmp, value: t.value, quoted: t.quoted}
	default:
		return nil
	}
}

func join(o op, args []*expr) *expr {
	switch len(args) {
	case 0:
		return nil
	case 1:
		return args[0]
	default:
		return &expr{op: o, args: args}
	}
}
