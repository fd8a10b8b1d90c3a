package ai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"sync"
)

// A Schema is a JSON Schema (draft 2020-12) that describes a Go type. It comes
// from [SchemaFor], is immutable and safe for concurrent use, and marshals to
// the same bytes every time, properties in the order of the struct's fields.
//
// The type decides:
//
//   - bool, integers, floats and strings are what they are; unsigned integers
//     have a minimum of 0
//   - [encoding/json.Number] and [math/big.Int] are number and integer, of any
//     size, without loss
//   - a type with an UnmarshalText method, such as a decimal, is a string;
//     [time.Time] is a string of format date-time
//   - a slice or array is an array, but []byte a string in base64; a map is an
//     object whose keys are strings or have UnmarshalText
//   - a pointer is the type it points to, or null
//   - a struct is an object without other properties than its exported fields,
//     under their encoding/json names; fields of embedded structs are promoted
//     as encoding/json does
//   - a type that refers to itself goes to $defs
//
// A property is required unless its json tag says omitempty or omitzero.
// Interfaces, channels, functions, complex numbers, the json option "string" and
// types with an UnmarshalJSON method but no UnmarshalText cannot be described.
//
// A field's tag `description:"…"` tells the model what the field means. Its tag
// `jsonschema:"…"` holds constraints, separated by commas:
//
//	minLength=1,maxLength=280    characters of a string
//	enum=gift|replenishment      values of a string or integer
//	format=email                 date-time, date, email, uri or uuid
//	minimum=0,maximum=1          of a number; exclusiveMinimum, exclusiveMaximum
//	minItems=1,maxItems=2        of an array; uniqueItems
//	pattern=^[a-z]{1,3}$         RE2, takes the rest of the tag, so it comes last
//
// On a slice or a map, the constraints of strings and numbers are those of the
// elements. A type with a method of [Enum] brings its values along.
type Schema struct {
	root *node
	defs []namedNode // sorted by name

	once sync.Once
	text []byte // see json
}

// An Enum is a type with a fixed set of values. SchemaValues returns them as
// they are in JSON: without quotes for a string type, in decimal for an integer
// type. It is called on the zero value.
type Enum interface{ SchemaValues() []string }

// A node is one schema object. It holds the subset of JSON Schema that Go types
// and tags can express.
type node struct {
	kind        kind
	nullable    bool
	description string
	ref         string // name in defs; then kind and everything below is unset

	enum                       []string // JSON texts are made by enumJSON
	format                     string
	pattern                    *regexp.Regexp
	minLength, maxLength       *int
	minimum, maximum           json.Number // empty: none
	exclusiveMin, exclusiveMax json.Number
	items                      *node // of an array
	values                     *node // of an object that is a map
	minItems, maxItems         *int
	uniqueItems                bool
	properties                 []property // of an object that is a struct
	base64                     bool       // of a string
	indivisible                bool       // a string that means nothing as long as its end is missing
}

type kind string

const (
	kindBoolean kind = "boolean"
	kindInteger kind = "integer"
	kindNumber  kind = "number"
	kindString  kind = "string"
	kindArray   kind = "array"
	kindObject  kind = "object"
)

type property struct {
	name     string
	node     *node
	required bool
}

type namedNode struct {
	name string
	node *node
}

// SchemaFor returns the schema of T. It fails when T, or a tag in it, is
// something that a [Schema] cannot describe; the error names the field.
func SchemaFor[T any]() (*Schema, error) {
	return schemaOf(reflect.TypeFor[T]())
}

// IsObject reports whether the schema describes an object, as tools and
// structured output require.
func (s *Schema) IsObject() bool {
	return s.root.kind == kindObject && !s.root.nullable
}

// MarshalJSON returns the schema as JSON.
func (s *Schema) MarshalJSON() ([]byte, error) { return bytes.Clone(s.json()), nil }

// json returns the schema as JSON. The caller must not change it.
func (s *Schema) json() []byte {
	s.once.Do(func() {
		var w schemaWriter
		w.node(s.root, s.defs)
		s.text = w.buf.Bytes()
	})
	return s.text
}

// resolve follows a reference to the definition.
func (s *Schema) resolve(n *node) *node {
	if n.ref == "" {
		return n
	}
	for _, d := range s.defs {
		if d.name == n.ref {
			return d.node
		}
	}
	return nil // cannot happen: the reflector defines what it refers to
}

// wrapped returns the schema of an object with the one property "value", which
// has schema s: providers demand an object at the root.
func (s *Schema) wrapped() *Schema {
	return &Schema{defs: s.defs, root: &node{
		kind:       kindObject,
		properties: []property{{name: "value", node: s.root, required: true}},
	}}
}

// A schemaWriter writes schema objects with their keywords in a fixed order.
type schemaWriter struct {
	buf   bytes.Buffer
	comma bool
}

func (w *schemaWriter) open()  { w.buf.WriteByte('{'); w.comma = false }
func (w *schemaWriter) close() { w.buf.WriteByte('}'); w.comma = true }

func (w *schemaWriter) key(name string) {
	if w.comma {
		w.buf.WriteByte(',')
	}
	w.buf.Write(quoteJSON(name))
	w.buf.WriteByte(':')
	w.comma = true
}

func (w *schemaWriter) text(key, value string) {
	if value != "" {
		w.key(key)
		w.buf.Write(quoteJSON(value))
	}
}

func (w *schemaWriter) raw(key, value string) {
	if value != "" {
		w.key(key)
		w.buf.WriteString(value)
	}
}

func (w *schemaWriter) count(key string, value *int) {
	if value != nil {
		w.raw(key, strconv.Itoa(*value))
	}
}

func (w *schemaWriter) node(n *node, defs []namedNode) {
	w.open()
	switch {
	case n.ref != "" && n.nullable:
		w.text("description", n.description)
		w.raw("anyOf", `[{"$ref":`+string(quoteJSON("#/$defs/"+n.ref))+`},{"type":"null"}]`)
	case n.ref != "":
		// Some providers forbid siblings of $ref, so the description is left out.
		w.text("$ref", "#/$defs/"+n.ref)
	default:
		w.keywords(n)
	}
	if len(defs) > 0 {
		w.key("$defs")
		w.open()
		for _, d := range defs {
			w.key(d.name)
			w.node(d.node, nil)
		}
		w.close()
	}
	w.close()
}

func (w *schemaWriter) keywords(n *node) {
	if n.nullable {
		w.raw("type", fmt.Sprintf(`[%q,"null"]`, n.kind))
	} else {
		w.text("type", string(n.kind))
	}
	w.text("description", n.description)
	if len(n.enum) > 0 {
		w.key("enum")
		w.buf.WriteString(n.enumJSON())
	}
	w.text("format", n.format)
	if n.base64 {
		w.text("contentEncoding", "base64")
	}
	if n.pattern != nil {
		w.text("pattern", n.pattern.String())
	}
	w.count("minLength", n.minLength)
	w.count("maxLength", n.maxLength)
	w.raw("minimum", n.minimum.String())
	w.raw("maximum", n.maximum.String())
	w.raw("exclusiveMinimum", n.exclusiveMin.String())
	w.raw("exclusiveMaximum", n.exclusiveMax.String())
	if n.items != nil {
		w.key("items")
		w.node(n.items, nil)
	}
	w.count("minItems", n.minItems)
	w.count("maxItems", n.maxItems)
	if n.uniqueItems {
		w.raw("uniqueItems", "true")
	}
	if n.kind == kindObject {
		w.object(n)
	}
}

func (w *schemaWriter) object(n *node) {
	if n.values != nil {
		w.key("additionalProperties")
		w.node(n.values, nil)
		return
	}
	w.key("properties")
	w.open()
	required := []string{}
	for _, p := range n.properties {
		w.key(p.name)
		w.node(p.node, nil)
		if p.required {
			required = append(required, p.name)
		}
	}
	w.close()
	w.key("required")
	list, _ := json.Marshal(required) // strings always marshal
	w.buf.Write(list)
	w.raw("additionalProperties", "false")
}

// enumJSON returns the values, and null if the node is nullable, as a JSON array.
func (n *node) enumJSON() string {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range n.enum {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.kind == kindString {
			b.Write(quoteJSON(v))
		} else {
			b.WriteString(v)
		}
	}
	if n.nullable {
		b.WriteString(",null")
	}
	b.WriteByte(']')
	return b.String()
}

// quoteJSON returns s as a JSON string without escaping <, > and &: the schema
// is read by a model, not by a browser.
func quoteJSON(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // strings always encode
	return bytes.TrimRight(b.Bytes(), "\n")
}
