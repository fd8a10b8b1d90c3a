package shopify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Kind is the kind of a GraphQL operation.
type Kind string

// The kinds of operations.
const (
	Query        Kind = "query"
	Mutation     Kind = "mutation"
	Subscription Kind = "subscription"
)

// Operation is what the client knows about an operation: what its document
// says, no more.
type Operation struct {
	Name   string // empty if the document gives none
	Kind   Kind
	Fields []string // the root fields, in order, by their names in the schema
	Safety Safety   // of the least safe root field
}

// maxDocument bounds a GraphQL document, in bytes; Shopify refuses longer ones
// too.
const maxDocument = 256 << 10

// maxSelectionDepth bounds fragments inside fragments at the root.
const maxSelectionDepth = 16

// ParseOperation finds the operation called name in a GraphQL document, or the
// only operation if name is empty. It reads what a safe retry depends on (the
// kind, the root fields, and whether they carry an idempotency key) and leaves
// the rest to the server. The error matches [ErrInvalid].
func ParseOperation(document, name string) (Operation, error) {
	d, err := parseDocument(document, name)
	if err != nil {
		return Operation{}, err
	}
	return d.op, nil
}

// parsedDocument is an operation and what the client needs besides.
type parsedDocument struct {
	op    Operation
	roots []rootField
	// pages are the variables that say how long a page is: the cost depends on
	// them.
	pages []string
	// digests are the variables with the digest that a metafield must have.
	digests []string
	costs   string // what the costs are remembered under
	head    []byte // see bodyHead
}

func parseDocument(document, name string) (*parsedDocument, error) {
	if len(document) > maxDocument {
		return nil, fmt.Errorf("shopify: %w: document is longer than %d bytes", ErrInvalid, maxDocument)
	}
	p := documentParser{lex: lexer{src: document}, fragments: map[string][]rootField{}}
	p.next()
	for p.tok.kind != tokenEnd {
		if !p.definition() {
			return nil, fmt.Errorf("shopify: %w: not a GraphQL document (at byte %d)", ErrInvalid, p.tok.at)
		}
	}
	ops := p.operations
	if name != "" {
		ops = slices.DeleteFunc(ops, func(o parsedOperation) bool { return o.name != name })
	}
	if len(ops) != 1 {
		return nil, fmt.Errorf("shopify: %w: the document holds %d matching operations, want one", ErrInvalid, len(ops))
	}
	fields, ok := p.resolve(ops[0].fields, 0)
	if !ok || len(fields) == 0 {
		return nil, fmt.Errorf("shopify: %w: the operation selects no known root field", ErrInvalid)
	}
	op := Operation{Name: ops[0].name, Kind: ops[0].kind, Safety: SafetyRead}
	for _, f := range fields {
		op.Fields = append(op.Fields, f.name)
		if op.Kind != Query {
			op.Safety = max(op.Safety, mutationSafety(f.name, f.idempotent))
		}
	}
	if p.digest && op.Safety == SafetyIdempotent {
		op.Safety = SafetyUnsafe
	}
	d := &parsedDocument{op: op, roots: fields, digests: p.digests}
	for _, v := range ops[0].ints {
		if slices.Contains(p.pages, v) {
			d.pages = append(d.pages, v)
		}
	}
	return d, nil
}

// conditional reports whether variables of the document hold the digest that a
// metafield must have: the write that succeeded makes the condition untrue, so
// that the same write fails when it is repeated.
func (d *parsedDocument) conditional(variables json.RawMessage) bool {
	if bytes.Contains(variables, []byte(`"compareDigest":"`)) {
		return true
	}
	if len(d.digests) == 0 {
		return false
	}
	var values map[string]json.RawMessage
	_ = json.Unmarshal(variables, &values) // ours, of a moment ago
	return slices.ContainsFunc(d.digests, func(v string) bool { return string(values[v]) != "null" })
}

// judge classifies the operation by the mutations of another API.
func (d *parsedDocument) judge(safety map[string]Safety) {
	if d.op.Kind == Query {
		return
	}
	d.op.Safety = SafetyRead
	for _, f := range d.roots {
		class := SafetyUnsafe
		if known, ok := safety[f.name]; ok {
			class = known
		}
		d.op.Safety = max(d.op.Safety, class)
	}
}

// rootField is a field at the root of an operation, or a fragment spread there.
type rootField struct {
	name   string
	spread bool
	end    int // byte offset behind name and arguments, where a directive may stand
	idempotentDirective
}

type parsedOperation struct {
	name   string
	kind   Kind
	fields []rootField
	ints   []string
}

type documentParser struct {
	lex        lexer
	tok        token
	last       int // byte offset behind the token before tok
	operations []parsedOperation
	fragments  map[string][]rootField

	// What arguments of some names hold, wherever they stand.
	argument       string   // the argument whose value tok begins, or its name
	value          bool     // tok begins it
	digest         bool     // a text as compareDigest
	pages, digests []string // variables as first or last, and as compareDigest
}

func (p *documentParser) next() {
	p.last = p.lex.at
	before := p.tok
	p.tok = p.lex.next()
	p.look(before)
}

// look follows the tokens "name: value" of the arguments that matter.
func (p *documentParser) look(before token) {
	switch {
	case p.value && before.text == "$":
		if p.argument == "compareDigest" {
			p.digests = append(p.digests, p.tok.text)
		} else {
			p.pages = append(p.pages, p.tok.text)
		}
	case before.text == ":" && p.argument != "":
		if p.value = p.tok.text == "$"; !p.value {
			p.digest = p.digest || p.argument == "compareDigest" && p.tok.kind == tokenValue
			break
		}
		return
	case before.kind == tokenName && p.is(":"):
		switch before.text {
		case "first", "last", "compareDigest":
			p.argument = before.text
			return
		}
	}
	p.argument, p.value = "", false
}

// is reports whether the current token is this punctuator.
func (p *documentParser) is(text string) bool {
	return p.tok.kind == tokenPunctuator && p.tok.text == text
}

// name takes a name.
func (p *documentParser) name() (string, bool) {
	if p.tok.kind != tokenName {
		return "", false
	}
	text := p.tok.text
	p.next()
	return text, true
}

func (p *documentParser) definition() bool {
	if p.is("{") { // the short form of a query
		fields, ok := p.selectionSet(0)
		p.operations = append(p.operations, parsedOperation{kind: Query, fields: fields})
		return ok
	}
	keyword, ok := p.name()
	if !ok {
		return false
	}
	switch kind := Kind(keyword); kind {
	case Query, Mutation, Subscription:
		op := parsedOperation{kind: kind}
		if p.tok.kind == tokenName {
			op.name, _ = p.name()
		}
		if p.is("(") {
			if op.ints, ok = p.variables(); !ok {
				return false
			}
		}
		if _, ok = p.directives(); !ok {
			return false
		}
		op.fields, ok = p.selectionSet(0)
		p.operations = append(p.operations, op)
		return ok
	}
	if keyword != "fragment" {
		return false
	}
	name, ok := p.name()
	if !ok || name == "on" {
		return false
	}
	if on, ok := p.name(); !ok || on != "on" {
		return false
	}
	if _, ok := p.name(); !ok {
		return false
	}
	if _, ok := p.directives(); !ok {
		return false
	}
	// Every fragment is read as if it stood at the root; only those that are
	// spread there are asked for.
	p.fragments[name], ok = p.selectionSet(0)
	return ok
}

// selectionSet reads "{ … }" one level deep.
func (p *documentParser) selectionSet(depth int) ([]rootField, bool) {
	if !p.is("{") || depth > maxSelectionDepth {
		return nil, false
	}
	p.next()
	var fields []rootField
	for !p.is("}") {
		if p.is("...") {
			p.next()
			more, ok := p.spread(depth)
			if !ok {
				return nil, false
			}
			fields = append(fields, more...)
			continue
		}
		name, ok := p.name()
		if !ok {
			return nil, false
		}
		if p.is(":") { // an alias
			p.next()
			if name, ok = p.name(); !ok {
				return nil, false
			}
		}
		field := rootField{name: name, end: p.last}
		if p.is("(") {
			if !p.skipBalanced() {
				return nil, false
			}
			field.end = p.last
		}
		field.idempotentDirective, ok = p.directives()
		if !ok || p.is("{") && !p.skipBalanced() {
			return nil, false
		}
		fields = append(fields, field)
	}
	p.next()
	return fields, true
}

// spread reads what follows "...".
func (p *documentParser) spread(depth int) ([]rootField, bool) {
	if p.tok.kind == tokenName && p.tok.text != "on" {
		name, _ := p.name()
		_, ok := p.directives()
		return []rootField{{name: name, spread: true}}, ok
	}
	if p.tok.kind == tokenName {
		p.next()
		if _, ok := p.name(); !ok {
			return nil, false
		}
	}
	if _, ok := p.directives(); !ok {
		return nil, false
	}
	return p.selectionSet(depth + 1)
}

// idempotentDirective is @idempotent and its key.
type idempotentDirective struct {
	idempotent           bool
	keyVariable, keyText string
}

// directives skips directives and reports whether @idempotent is among them.
func (p *documentParser) directives() (found idempotentDirective, ok bool) {
	for p.is("@") {
		p.next()
		name, ok := p.name()
		if !ok {
			return found, false
		}
		if name == "idempotent" {
			found.idempotent = true
		}
		if !p.is("(") {
			continue
		}
		start := p.tok.at
		if !p.skipBalanced() {
			return found, false
		}
		if name == "idempotent" {
			found.keyVariable, found.keyText = keyArgument(p.lex.src[start:p.last])
		}
	}
	return found, true
}

// keyArgument reads `(key: $variable)` or `(key: "text")`.
func keyArgument(arguments string) (variable, text string) {
	l := lexer{src: arguments}
	for t := l.next(); t.kind != tokenEnd && t.kind != tokenBad; t = l.next() {
		if t.kind != tokenName || t.text != "key" || l.next().text != ":" {
			continue
		}
		switch t = l.next(); {
		case t.text == "$":
			return l.next().text, ""
		case t.kind == tokenValue:
			_ = json.Unmarshal([]byte(t.text), &text) // GraphQL's strings are JSON's, but for block strings
			return "", text
		}
	}
	return "", ""
}

// variables skips "($a: Int!, …)" and returns the names of those of type Int.
func (p *documentParser) variables() (ints []string, ok bool) {
	start := p.tok.at
	if !p.skipBalanced() {
		return nil, false
	}
	l := lexer{src: p.lex.src[start:p.last]}
	for t := l.next(); t.kind != tokenEnd && t.kind != tokenBad; t = l.next() {
		if t.text != "$" {
			continue
		}
		name := l.next()
		colon, typ := l.next(), l.next()
		if colon.text == ":" && typ.text == "Int" {
			ints = append(ints, name.text)
		}
	}
	return ints, true
}

// skipBalanced skips from an opening bracket behind its closing one.
func (p *documentParser) skipBalanced() bool {
	var open []byte
	for {
		if p.tok.kind == tokenEnd || p.tok.kind == tokenBad {
			return false
		}
		if p.tok.kind == tokenPunctuator {
			switch c := p.tok.text[0]; c {
			case '(', '[', '{':
				open = append(open, c)
			case ')', ']', '}':
				last := open[len(open)-1]
				if last == '(' && c != ')' || last == '[' && c != ']' || last == '{' && c != '}' {
					return false
				}
				open = open[:len(open)-1]
			}
		}
		p.next()
		if len(open) == 0 {
			return true
		}
	}
}

// resolve replaces fragment spreads by the fields of the fragments.
func (p *documentParser) resolve(fields []rootField, depth int) ([]rootField, bool) {
	var out []rootField
	for _, f := range fields {
		if !f.spread {
			out = append(out, f)
			continue
		}
		inner, ok := p.fragments[f.name]
		if !ok || depth >= maxSelectionDepth {
			return nil, false
		}
		// A fragment inside a fragment, many times over, would grow without
		// bound; no sane operation has this many root fields.
		inner, ok = p.resolve(inner, depth+1)
		if out = append(out, inner...); !ok || len(out) > 1000 {
			return nil, false
		}
	}
	return out, true
}
