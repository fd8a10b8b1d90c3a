package graph

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// complete writes a value as its type wants it. seed is the identity of the
// object that has the field. It returns false where the value had to be null and
// must not be.
func (x *execution) complete(s *selection, t *ast.Type, value any, seed uint64) bool {
	if value == nil {
		if t.NonNull {
			return x.null(s, t, fmt.Errorf("null for the non-null type %s", t))
		}
		return x.null(s, t, nil)
	}
	if isConnection(s.def) {
		conn, cost, err := x.paged(s, value)
		if err != nil {
			return x.null(s, t, err)
		}
		return x.connection(s, t, conn, cost, seed)
	}
	if t.Elem != nil {
		return x.list(s, t, value, seed)
	}
	def := x.op.engine.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Scalar:
		b, err := outputScalar(def.Name, value)
		if err != nil {
			return x.null(s, t, err)
		}
		x.buf = append(x.buf, b...)
		return true
	case ast.Enum:
		name, ok := enumName(value)
		if !ok || def.EnumValues.ForName(name) == nil {
			return x.null(s, t, fmt.Errorf("a %T is not a value of the enum %s", value, def.Name))
		}
		x.buf = appendJSON(x.buf, name)
		return true
	}
	obj, ok := asObject(value)
	if !ok {
		return x.null(s, t, fmt.Errorf("a %T is not a %s object", value, def.Name))
	}
	concrete, err := x.op.engine.concreteType(def, obj)
	if err != nil {
		return x.null(s, t, err)
	}
	if def.IsAbstractType() && x.op.req.Access != nil {
		if required := x.op.req.Access(s.parent, s.name(), concrete); required != "" {
			return x.null(s, t, AccessDenied(s.name(), required))
		}
	}
	if !free(s, concrete) && !strings.HasPrefix(concrete, "__") && !x.inPayload() {
		x.cost++
	}
	if x.object(concrete, obj, identity(obj, seed, s), x.op.children(s, concrete), nil) {
		return true
	}
	return x.null(s, t, nil)
}

// free reports objects without a charge: the parts of a connection.
func free(s *selection, concrete string) bool {
	return concrete == "PageInfo" || strings.HasSuffix(s.parent, "Connection") && s.name() == "edges"
}

// inPayload reports whether the path is that of a plain object in the payload of
// a mutation, which mutationBase covers.
func (x *execution) inPayload() bool { return x.op.Mutation && x.connections == 0 }

func enumName(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case fmt.Stringer:
		return v.String(), true
	}
	return "", false
}

func asObject(v any) (Object, bool) {
	switch v := v.(type) {
	case Object:
		return v, v != nil
	case map[string]any:
		return Object(v), v != nil
	}
	return nil, false
}

// concreteType returns the object type of a value of a composite type.
func (e *Engine) concreteType(def *ast.Definition, obj Object) (string, error) {
	name := obj.TypeName()
	if !def.IsAbstractType() {
		if name != "" && name != def.Name {
			return "", fmt.Errorf("an object of type %s is not a %s", name, def.Name)
		}
		return def.Name, nil
	}
	if name == "" {
		name = gidType(obj.ID())
	}
	if !e.possible[def.Name][name] {
		return "", fmt.Errorf("an object of type %q is not a %s", name, def.Name)
	}
	return name, nil
}

// list writes a plain list.
func (x *execution) list(s *selection, t *ast.Type, value any, seed uint64) bool {
	elements, ok := asSlice(value)
	if !ok {
		return x.null(s, t, fmt.Errorf("a %T is not a list", value))
	}
	start, waiting, cost := len(x.buf), len(x.later), x.cost
	x.buf = append(x.buf, '[')
	for i, el := range elements {
		if i > 0 {
			x.buf = append(x.buf, ',')
		}
		x.path = append(x.path, i)
		ok := x.complete(s, t.Elem, el, mix(seed, uint64(i)+1))
		x.path = x.path[:len(x.path)-1]
		if !ok || x.exhausted() {
			x.rewind(start, waiting)
			return x.null(s, t, nil)
		}
	}
	x.buf = append(x.buf, ']')
	if n := len(elements); n > 1 && s.parent != "" && !strings.HasSuffix(s.parent, "Connection") {
		x.cost = cost + (x.cost-cost)/float64(n) // a plain list is charged like one object
	}
	return true
}

func asSlice(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case List:
		return anys(v), true
	case []Object:
		return anys(v), true
	case []map[string]any:
		return anys(v), true
	case []string:
		return anys(v), true
	}
	return nil, false
}

func anys[S ~[]E, E any](list S) []any {
	out := make([]any, len(list))
	for i, el := range list {
		out[i] = el
	}
	return out
}
