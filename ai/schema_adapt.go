package ai

import (
	"encoding/json"
	"fmt"
	"math/big"
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

	// Recursion: a type may refer to itself.
	Recursion bool

	// Maps: objects may have properties that are not listed.
	Maps bool

	// Formats are the values of "format" that may be used.
	Formats []string

	// Lengths: minLength and maxLength. Patterns: pattern. Bounds: minimum and
	// maximum. ExclusiveBounds: exclusiveMinimum and exclusiveMaximum; without it
	// but with Bounds, those of integers become inclusive ones. Items: minItems and
	// maxItems. NonEmpty: a minItems of 0 or 1. UniqueItems: uniqueItems.
	Lengths, Patterns, Bounds, ExclusiveBounds, Items, NonEmpty, UniqueItems bool

	// MaxDepth, MaxProperties, MaxOptional, MaxNullable and MaxEnumValues are the
	// limits of the provider on the whole schema: on levels of nesting, properties,
	// optional properties, places where null is allowed, and values of enums. If
	// zero, the provider has no such limit.
	MaxDepth, MaxProperties, MaxOptional, MaxNullable, MaxEnumValues int
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
	if len(s.defs) > 0 && !d.Recursion { // only recursive types are in defs
		a.fail("$defs."+s.defs[0].name, "a type that refers to itself")
	}
	a.limit("properties", a.properties, d.MaxProperties)
	a.limit("optional properties", a.optional, d.MaxOptional)
	a.limit("nullable places", a.nullable, d.MaxNullable)
	a.limit("enum values", a.enumValues, d.MaxEnumValues)
	if a.problem != "" {
		return nil, &Error{Class: ErrUnsupportedSchema, Detail: a.problem}
	}
	return out, nil
}

type adapter struct {
	dialect Dialect
	problem string // the first one

	properties, optional, nullable, enumValues int
}

func (a *adapter) limit(what string, count, limit int) {
	if a.problem == "" && limit > 0 && count > limit {
		a.problem = fmt.Sprintf("%d %s, the limit is %d", count, what, limit)
	}
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
	if n.nullable {
		a.nullable++
	}
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
		switch {
		case p.required:
		case a.dialect.OptionalProperties:
			a.optional++
		default:
			if !child.nullable {
				a.nullable++
			}
			child.nullable, p.required = true, true
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
	a.moveBounds(n, say)
	if n.minItems != nil && !a.dialect.Items && (!a.dialect.NonEmpty || *n.minItems > 1) {
		say("number of items at least %d", *n.minItems)
		n.minItems = nil
	}
	if n.maxItems != nil && !a.dialect.Items {
		say("number of items at most %d", *n.maxItems)
		n.maxItems = nil
	}
	if n.uniqueItems && !a.dialect.UniqueItems {
		say("no item twice")
		n.uniqueItems = false
	}
	if len(words) > 0 {
		n.description = strings.TrimSpace(n.description + " (" + strings.Join(words, ", ") + ")")
	}
}

// moveBounds does the same for the bounds of numbers.
func (a *adapter) moveBounds(n *node, say func(string, ...any)) {
	if a.dialect.Bounds && !a.dialect.ExclusiveBounds && n.kind == kindInteger {
		n.minimum = inclusive(n.minimum, n.exclusiveMin, 1)
		n.maximum = inclusive(n.maximum, n.exclusiveMax, -1)
		n.exclusiveMin, n.exclusiveMax = "", ""
	}
	for _, b := range []struct {
		keep  bool
		word  string
		value *json.Number
	}{
		{a.dialect.Bounds, "at least", &n.minimum},
		{a.dialect.Bounds, "at most", &n.maximum},
		{a.dialect.ExclusiveBounds, "greater than", &n.exclusiveMin},
		{a.dialect.ExclusiveBounds, "less than", &n.exclusiveMax},
	} {
		if *b.value != "" && !b.keep {
			say("%s %s", b.word, *b.value)
			*b.value = ""
		}
	}
}

// inclusive returns the tighter of an inclusive bound of integers and an
// exclusive one; step is 1 for lower bounds and -1 for upper ones.
func inclusive(bound, exclusive json.Number, step int64) json.Number {
	limit, err := parseNumber(exclusive.String())
	if err != nil {
		return bound // there is no exclusive one
	}
	whole := new(big.Int).Div(limit.Num(), limit.Denom()) // rounds down
	if step > 0 || limit.IsInt() {
		whole.Add(whole, big.NewInt(step))
	}
	if have, err := parseNumber(bound.String()); err == nil {
		if have.Cmp(new(big.Rat).SetInt(whole))*int(step) >= 0 {
			return bound
		}
	}
	return json.Number(whole.String())
}
