package ai

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// errPartialJSON is a text that is not the beginning of JSON.
var errPartialJSON = errors.New("not the beginning of JSON")

// partialJSON returns the largest JSON object that the beginning of one holds, for
// a schema: what is not there yet is left out, lists and objects are closed where
// the text ends, and so are strings that mean something before their end. A number
// or a literal at the end may go on, so it is left out. The result is nil if the
// object has not begun. It is not validated.
func partialJSON(text []byte, s *Schema) ([]byte, error) {
	p := partialParser{in: text, schema: s, out: make([]byte, 0, len(text)+16)}
	p.space()
	if p.at == len(p.in) {
		return nil, nil
	}
	if p.in[p.at] != '{' {
		return nil, errPartialJSON
	}
	if _, err := p.value(s.root, 0); err != nil {
		return nil, err
	}
	return p.out, nil
}

type partialParser struct {
	in     []byte
	at     int
	out    []byte
	schema *Schema
}

// How a value ended.
type partialEnd int

const (
	valueWhole  partialEnd = iota
	valueCut               // the text ended within it, and what there was is written
	valueAbsent            // the text ended, and nothing is written
)

func (p *partialParser) space() {
	for p.at < len(p.in) && bytes.IndexByte([]byte(" \t\r\n"), p.in[p.at]) >= 0 {
		p.at++
	}
}

// value copies the value at the current place. The node is nil where the schema
// knows nothing.
func (p *partialParser) value(n *node, depth int) (partialEnd, error) {
	if depth > maxJSONDepth {
		return 0, errPartialJSON
	}
	if n != nil {
		n = p.schema.resolve(n)
	}
	p.space()
	if p.at == len(p.in) {
		return valueAbsent, nil
	}
	switch p.in[p.at] {
	case '{':
		return p.object(n, depth)
	case '[':
		return p.array(n, depth)
	case '"':
		divisible := n != nil && n.kind == kindString && !n.indivisible && !n.base64 && n.format == "" && len(n.enum) == 0
		return p.str(divisible)
	}
	return p.scalar()
}

// scalar copies a number or a literal.
func (p *partialParser) scalar() (partialEnd, error) {
	start := p.at
	for p.at < len(p.in) && (isWord(p.in[p.at]) || p.in[p.at] == '-' || p.in[p.at] == '+' || p.in[p.at] == '.') {
		p.at++
	}
	switch {
	case p.at == start:
		return 0, errPartialJSON
	case p.at == len(p.in):
		return valueAbsent, nil // 12 may become 120
	}
	token := p.in[start:p.at]
	if checkSyntax(token) != nil {
		return 0, errPartialJSON
	}
	p.out = append(p.out, token...)
	return valueWhole, nil
}

// str copies a string. One that the text cuts off is closed if it may be, else
// left out.
func (p *partialParser) str(divisible bool) (partialEnd, error) {
	start := p.at
	end := start + 1 // of what is complete
	for end < len(p.in) {
		b := p.in[end]
		if b == '"' {
			p.at = end + 1
			if checkSyntax(p.in[start:p.at]) != nil {
				return 0, errPartialJSON
			}
			p.out = append(p.out, p.in[start:p.at]...)
			return valueWhole, nil
		}
		size := 1
		switch {
		case b == '\\':
			size = escapeLen(p.in[end:])
		case b >= utf8.RuneSelf:
			if !utf8.FullRune(p.in[end:]) {
				size = 0
			} else {
				_, size = utf8.DecodeRune(p.in[end:])
			}
		}
		if size == 0 {
			break
		}
		end += size
	}
	p.at = len(p.in)
	if !divisible {
		return valueAbsent, nil
	}
	mark := len(p.out)
	p.out = append(p.out, p.in[start:end]...)
	p.out = append(p.out, '"')
	if checkSyntax(p.out[mark:]) != nil {
		return 0, errPartialJSON
	}
	return valueCut, nil
}

// escapeLen returns the length of the escape at the start, both halves of a
// surrogate pair together; 0 if the text ends within it.
func escapeLen(text []byte) int {
	switch {
	case len(text) < 2:
		return 0
	case text[1] != 'u':
		return 2
	case len(text) < 6:
		return 0
	}
	high := text[2]|0x20 == 'd' && bytes.IndexByte([]byte("89abAB"), text[3]) >= 0
	if !high {
		return 6
	}
	if len(text) < 12 && (len(text) < 7 || text[6] == '\\') {
		return 0
	}
	if text[6] == '\\' && text[7] == 'u' {
		return 12
	}
	return 6
}

func (p *partialParser) array(n *node, depth int) (partialEnd, error) {
	var items *node
	if n != nil {
		items = n.items
	}
	p.at++
	p.out = append(p.out, '[')
	for first := true; ; first = false {
		p.space()
		if p.at == len(p.in) {
			break
		}
		if first && p.in[p.at] == ']' {
			return p.close(']'), nil
		}
		mark := len(p.out)
		if !first {
			p.out = append(p.out, ',')
		}
		end, err := p.value(items, depth+1)
		if err != nil {
			return 0, err
		}
		if end == valueAbsent {
			p.out = p.out[:mark]
		}
		if end != valueWhole {
			break
		}
		if end, err = p.separator(']'); err != nil || end == valueWhole {
			return end, err
		}
		if end == valueCut {
			break
		}
	}
	p.out = append(p.out, ']')
	return valueCut, nil
}

func (p *partialParser) object(n *node, depth int) (partialEnd, error) {
	p.at++
	p.out = append(p.out, '{')
	for first := true; ; first = false {
		p.space()
		if p.at == len(p.in) {
			break
		}
		if first && p.in[p.at] == '}' {
			return p.close('}'), nil
		}
		if p.in[p.at] != '"' {
			return 0, errPartialJSON
		}
		mark := len(p.out)
		if !first {
			p.out = append(p.out, ',')
		}
		name := p.at
		end, err := p.str(false)
		if err != nil {
			return 0, err
		}
		if end == valueWhole {
			end, err = p.member(n, p.in[name+1:p.at-1], depth)
			if err != nil {
				return 0, err
			}
		}
		if end == valueAbsent {
			p.out = p.out[:mark]
		}
		if end != valueWhole {
			break
		}
		if end, err = p.separator('}'); err != nil || end == valueWhole {
			return end, err
		}
		if end == valueCut {
			break
		}
	}
	p.out = append(p.out, '}')
	return valueCut, nil
}

// member copies what follows the name of a property.
func (p *partialParser) member(n *node, name []byte, depth int) (partialEnd, error) {
	p.space()
	if p.at == len(p.in) {
		return valueAbsent, nil
	}
	if p.in[p.at] != ':' {
		return 0, errPartialJSON
	}
	p.at++
	p.out = append(p.out, ':')
	var child *node
	if n != nil {
		child = n.values
		for _, property := range n.properties {
			if property.name == string(name) {
				child = property.node
			}
		}
	}
	return p.value(child, depth+1)
}

// separator reads a comma, which is valueAbsent, since another value follows; or
// copies the end of a list or an object.
func (p *partialParser) separator(closing byte) (partialEnd, error) {
	p.space()
	switch {
	case p.at == len(p.in):
		return valueCut, nil
	case p.in[p.at] == ',':
		p.at++
		return valueAbsent, nil
	case p.in[p.at] == closing:
		return p.close(closing), nil
	}
	return 0, errPartialJSON
}

func (p *partialParser) close(b byte) partialEnd {
	p.at++
	p.out = append(p.out, b)
	return valueWhole
}
