package ai

import (
	"fmt"
	"slices"
	"strings"
)

// A Dialect is the part of JSON Schema that a provider can enforce. The zero
// value is the smallest: closed objects with all their properties required, and
// no constraints beyond types and enums.
type Dialect struct {
	// OptionalProperties: properties may be left out of "required". Without it,
	// an optional property becomes required and nullable.
	OptionalProperties bool

	// Maps: objects may have properties that are not listed.
	Maps bool

	// Formats are the values of "format" that may be used.
	Formats []string

	// Lengths: minLength and maxLength. Patterns: pattern. Bounds: minimum,
	// maximum, exclusiveMinimum, exclusiveMaximum. Items: minItems and maxItems.
	// UniqueItems: uniqueItems.
	Lengths, Patterns, Bounds, Items, UniqueItems bool

	// MaxDepth, MaxProperties and MaxEnumValues are limits on the whole schema.
	// If zero, there is none.
	MaxDepth, MaxProperties, MaxEnumValues int
}

// Adapt returns the schema in a provider's dialect. A constraint that the dialect
// lacks moves into the description, so that the model is still told. A value that
// meets the adapted schema, null for what is optional, is what [Extract] decodes;
// it is not yet known to meet the constraints that moved.
//
// If the dialect cannot express the schema, the error matches
// [ErrUnsupportedSchema] and says what stands in the way.
func (s *Schema) Adapt(d Dialect) (*Schema, error) {
	a := &adapter{dialect: d}
	out := &Schema{root: a.node(s.root, 1, "$")}
	for _, def := range s.defs {
		out.defs = append(out.defs, namedNode{name: def.name, node: a.node(def.node, 1, "$defs."+def.name)})
	}
	switch {
	case a.problem != "":
	case d.MaxProperties > 0 && a.properties > d.MaxProperties:
		a.problem = fmt.Sprintf("%d properties, the limit is %d", a.properties, d.MaxProperties)
	case d.MaxEnumValues > 0 && a.enumValues > d.MaxEnumValues:
		a.problem = fmt.Sprintf("%d enum values, the limit is %d", a.enumValues, d.MaxEnumValues)
	}
	if a.problem != "" {
		return nil, &Error{Class: ErrUnsupportedSchema, Detail: a.problem}
	}
	return out, nil
}

type adapter struct {
	dialect                Dialect
	problem                string // the first one
	properties, enumValues int
}

func (a *adapter) fail(path, problem string) {
	if a.problem == "" {
		a.problem = path + ": " + problem
	}
}

func (a *adapter) node(n *node, depth int, path string) *node {
	if a.dialect.MaxDepth > 0 && depth > a.dialect.MaxDepth {
		a.fail(path, fmt.Sprintf("nested deeper than %d", a.dialect.MaxDepth))
	}
	out := *n
	a.enumValues += len(n.enum)
	a.moveConstraints(&out)
	if n.items != nil {
		out.items = a.node(n.items, depth+1, path+"[]")
	}
	if n.values != nil {
		if !a.dialect.Maps {
			a.fail(path, "an object with free keys (a Go map)")
		}
		out.values = a.node(n.values, depth+1, path+".*")
	}
	out.properties = nil
	a.properties += len(n.properties)
	for _, p := range n.properties {
		child := a.node(p.node, depth+1, path+"."+p.name)
		if !p.required && !a.dialect.OptionalProperties {
			child.nullable = true
			p.required = true
		}
		p.node = child
		out.properties = append(out.properties, p)
	}
	return &out
}

// moveConstraints takes away what the dialect lacks and says it in words.
func (a *adapter) moveConstraints(n *node) {
	var words []string
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }

	if !a.dialect.Lengths {
		if n.minLength != nil {
			say("length at least %d", *n.minLength)
		}
		if n.maxLength != nil {
			say("length at most %d", *n.maxLength)
		}
		n.minLength, n.maxLength = nil, nil
	}
	if n.pattern != nil && !a.dialect.Patterns {
		say("matches the regular expression %s", n.pattern)
		n.pattern = nil
	}
	if n.format != "" && !slices.Contains(a.dialect.Formats, n.format) {
		say("format %s", n.format)
		n.format = ""
	}
	if n.base64 {
		say("base64")
		n.base64 = false
	}
	if !a.dialect.Bounds {
		for _, b := range []struct {
			word  string
			value string
		}{
			{"at least", n.minimum.String()},
			{"at most", n.maximum.String()},
			{"greater than", n.exclusiveMin.String()},
			{"less than", n.exclusiveMax.String()},
		} {
			if b.value != "" {
				say("%s %s", b.word, b.value)
			}
		}
		n.minimum, n.maximum, n.exclusiveMin, n.exclusiveMax = "", "", "", ""
	}
	if !a.dialect.Items {
		if n.minItems != nil {
			say("number of items at least %d", *n.minItems)
		}
		if n.maxItems != nil {
			say("number of items at most %d", *n.maxItems)
		}
		n.minItems, n.maxItems = nil, nil
	}
	if n.uniqueItems && !a.dialect.UniqueItems {
		say("no item twice")
		n.uniqueItems = false
	}
	if len(words) > 0 {
		n.description = strings.TrimSpace(n.description + " (" + strings.Join(words, ", ") + ")")
	}
}
