package ai

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
)

// maxSchemaNodes bounds the size of a schema: types that use one another many
// times over grow exponentially when they are written out.
const maxSchemaNodes = 5000

var (
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonUnmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	enumType            = reflect.TypeFor[Enum]()
	timeType            = reflect.TypeFor[time.Time]()
	bigIntType          = reflect.TypeFor[big.Int]()
	numberType          = reflect.TypeFor[json.Number]()
	bytesType           = reflect.TypeFor[[]byte]()
)

// A reflector turns Go types into nodes.
type reflector struct {
	nodes     int
	open      []reflect.Type          // struct types being described, outermost first
	recursive map[reflect.Type]string // struct types that refer to themselves → name in defs
	names     map[string]int
	defs      []namedNode
}

func schemaOf(t reflect.Type) (*Schema, error) {
	r := &reflector{recursive: map[reflect.Type]string{}, names: map[string]int{}}
	root, err := r.describe(t)
	if err != nil {
		return nil, fmt.Errorf("ai: schema of %s: %w", t, err)
	}
	if root.ref != "" {
		// The root must be an object itself, not a reference to one.
		for _, d := range r.defs {
			if d.name == root.ref {
				direct := *d.node
				direct.nullable = root.nullable
				root = &direct
				break
			}
		}
	}
	slices.SortFunc(r.defs, func(a, b namedNode) int { return strings.Compare(a.name, b.name) })
	return &Schema{root: root, defs: r.defs}, nil
}

func (r *reflector) describe(t reflect.Type) (*node, error) {
	if r.nodes++; r.nodes > maxSchemaNodes {
		return nil, fmt.Errorf("more than %d schema nodes", maxSchemaNodes)
	}
	if t.Kind() == reflect.Pointer {
		n, err := r.describe(t.Elem())
		if err != nil {
			return nil, err
		}
		if t.Elem() != bigIntType { // a *big.Int is how a big integer is held
			n.nullable = true
		}
		return n, nil
	}
	n, err := r.special(t)
	if n == nil && err == nil {
		n, err = r.byKind(t)
	}
	if err != nil {
		return nil, err
	}
	if values := enumValues(t); values != nil {
		if err := n.setEnum(values); err != nil {
			return nil, fmt.Errorf("SchemaValues of %s: %w", t, err)
		}
	}
	return n, nil
}

// special describes the types that their methods or names give a meaning. It
// returns nil for all others.
func (r *reflector) special(t reflect.Type) (*node, error) {
	switch t {
	case timeType:
		return &node{kind: kindString, format: "date-time"}, nil
	case bigIntType:
		return &node{kind: kindInteger}, nil
	case numberType:
		return &node{kind: kindNumber}, nil
	case bytesType:
		return &node{kind: kindString, base64: true}, nil
	}
	pointer := reflect.PointerTo(t)
	switch {
	case pointer.Implements(textUnmarshalerType):
		return &node{kind: kindString, indivisible: true}, nil
	case pointer.Implements(jsonUnmarshalerType):
		return nil, fmt.Errorf("%s has UnmarshalJSON, which says nothing about its shape", t)
	}
	return nil, nil
}

func (r *reflector) byKind(t reflect.Type) (*node, error) {
	switch t.Kind() {
	case reflect.Bool:
		return &node{kind: kindBoolean}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &node{kind: kindInteger}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &node{kind: kindInteger, minimum: "0"}, nil
	case reflect.Float32, reflect.Float64:
		return &node{kind: kindNumber}, nil
	case reflect.String:
		return &node{kind: kindString}, nil
	case reflect.Slice, reflect.Array:
		return r.array(t)
	case reflect.Map:
		return r.dictionary(t)
	case reflect.Struct:
		return r.object(t)
	}
	return nil, fmt.Errorf("%s has no JSON Schema", t)
}

func (r *reflector) array(t reflect.Type) (*node, error) {
	items, err := r.describe(t.Elem())
	if err != nil {
		return nil, err
	}
	n := &node{kind: kindArray, items: items}
	if t.Kind() == reflect.Array {
		n.minItems, n.maxItems = new(t.Len()), new(t.Len())
	}
	return n, nil
}

func (r *reflector) dictionary(t reflect.Type) (*node, error) {
	if k := t.Key(); k.Kind() != reflect.String && !reflect.PointerTo(k).Implements(textUnmarshalerType) {
		return nil, fmt.Errorf("map key %s is not a string", k)
	}
	values, err := r.describe(t.Elem())
	if err != nil {
		return nil, err
	}
	return &node{kind: kindObject, values: values}, nil
}

// object describes a struct. A struct that is met inside itself becomes a
// reference, and the outer description goes to defs when it is complete.
func (r *reflector) object(t reflect.Type) (*node, error) {
	if name, ok := r.recursive[t]; ok {
		return &node{ref: name}, nil
	}
	if slices.Contains(r.open, t) {
		name := r.defName(t)
		r.recursive[t] = name
		return &node{ref: name}, nil
	}
	r.open = append(r.open, t)
	defer func() { r.open = r.open[:len(r.open)-1] }()

	fields := jsonFields(t)
	n := &node{kind: kindObject, properties: make([]property, 0, len(fields))}
	for _, f := range fields {
		child, err := r.field(f)
		if err != nil {
			return nil, fmt.Errorf("field %s.%s: %w", t.Name(), f.field.Name, err)
		}
		n.properties = append(n.properties, property{name: f.name, node: child, required: !f.optional})
	}
	if name, ok := r.recursive[t]; ok {
		r.defs = append(r.defs, namedNode{name: name, node: n})
		return &node{ref: name}, nil
	}
	return n, nil
}

func (r *reflector) field(f jsonField) (*node, error) {
	if f.quoted {
		return nil, errors.New(`json option "string" cannot be described`)
	}
	n, err := r.describe(f.field.Type)
	if err != nil {
		return nil, err
	}
	n.description = f.field.Tag.Get("description")
	return n, n.applyTag(f.field.Tag.Get("jsonschema"))
}

// defName returns an unused name for a type in defs.
func (r *reflector) defName(t reflect.Type) string {
	var b strings.Builder
	for _, c := range t.Name() {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
			b.WriteRune(c)
		default: // type parameters, letters outside ASCII
			b.WriteByte('_')
		}
	}
	name := b.String()
	r.names[name]++
	if count := r.names[name]; count > 1 {
		name = fmt.Sprintf("%s_%d", name, count)
	}
	return name
}

// enumValues returns the values of a type with the method of [Enum], on the type
// or on a pointer to it, and nil for all others.
func enumValues(t reflect.Type) []string {
	if t.Kind() == reflect.Interface {
		return nil
	}
	v := reflect.New(t)
	if !v.Type().Implements(enumType) {
		return nil
	}
	return v.Interface().(Enum).SchemaValues()
}
