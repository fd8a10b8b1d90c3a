package graph

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Sizes of generated lists: plain ones, and connections before paging. Three
// elements let a client that asks for two see a second page.
const (
	generatedList       = 2
	generatedConnection = 3
)

// generate makes a value for a field that nobody supplies.
func (x *execution) generate(s *selection, parent Object, seed uint64, args map[string]any) (any, error) {
	e := x.op.engine
	seed = fieldSeed(seed, s.name(), args)
	if s.parent == e.schema.Query.Name {
		if v, ok, err := e.lookup(s, args); ok || err != nil {
			return v, err
		}
	}
	if !s.def.Type.NonNull && usuallyNull(s.name()) {
		return nil, nil
	}
	if isConnection(s.def) {
		return e.generateConnection(s.def.Type.NamedType, seed), nil
	}
	return e.generateValue(s.def.Type, s.parent, s.name(), parent, seed), nil
}

// lookup makes the objects of root fields that ask by ID: node, nodes, and
// those like order(id:).
func (e *Engine) lookup(s *selection, args map[string]any) (v any, ok bool, err error) {
	if ids, isList := args["ids"].([]any); isList && s.name() == "nodes" {
		out := make([]any, len(ids))
		for i, id := range ids {
			text, _ := id.(string)
			out[i] = e.node(s.def.Type.Name(), text)
		}
		return out, true, nil
	}
	id, isText := args["id"].(string)
	if !isText || s.def.Type.Elem != nil {
		return nil, false, nil
	}
	typeName := s.def.Type.Name()
	def := e.schema.Types[typeName]
	switch {
	case def == nil || !def.IsCompositeType():
		return nil, false, nil
	case def.IsAbstractType():
		return e.node(typeName, id), true, nil
	case e.field(typeName, "id") == nil:
		return nil, false, nil
	case gidType(id) != typeName && e.field(gidType(id), "id") != nil:
		return nil, true, NewError("RESOURCE_NOT_FOUND", "Invalid id: "+id)
	}
	return Object{typenameField: typeName, "id": id}, true, nil
}

// node makes the object with the ID, or nil where its type does not fit.
func (e *Engine) node(abstract, id string) any {
	typeName := gidType(id)
	if !e.possible[abstract][typeName] {
		return nil
	}
	return Object{typenameField: typeName, "id": id}
}

func (e *Engine) generateConnection(typeName string, seed uint64) any {
	element := e.field(typeName, "nodes")
	if element == nil {
		if edges := e.field(typeName, "edges"); edges != nil {
			element = e.field(edges.Type.Name(), "node")
		}
	}
	if element == nil {
		return Object{}
	}
	t := element.Type
	if t.Elem != nil {
		t = t.Elem
	}
	nodes := make([]any, generatedConnection)
	for i := range nodes {
		nodes[i] = e.generateValue(t, typeName, "node", nil, mix(seed, uint64(i)))
	}
	return Connection{Nodes: nodes}
}

// generateValue makes a value of the type, never nil but for errors.
func (e *Engine) generateValue(t *ast.Type, parentType, field string, parent Object, seed uint64) any {
	if t.Elem != nil {
		if isErrorType(t.Name()) {
			return []any{}
		}
		out := make([]any, generatedList)
		for i := range out {
			out[i] = e.generateValue(t.Elem, parentType, field, parent, mix(seed, uint64(i)))
		}
		return out
	}
	def := e.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Scalar:
		return e.generateScalar(def.Name, parentType, field, parent, seed)
	case ast.Enum:
		return e.generateEnum(def, seed)
	}
	if !t.NonNull && isErrorType(t.NamedType) {
		return nil
	}
	typeName := def.Name
	if def.IsAbstractType() {
		names := e.concrete[def.Name]
		typeName = names[seed%uint64(len(names))]
	}
	obj := Object{typenameField: typeName}
	if id := e.field(typeName, "id"); id != nil && id.Type.NamedType == "ID" {
		obj["id"] = globalID(typeName, seed)
	} else {
		obj[seedKey] = seed
	}
	return obj
}

func isErrorType(name string) bool {
	return strings.HasSuffix(name, "Error") || strings.HasSuffix(name, "Errors")
}

func (e *Engine) generateEnum(def *ast.Definition, seed uint64) any {
	preferred := map[string]string{
		"CurrencyCode": e.opts.Currency, "CountryCode": "US", "WeightUnit": "KILOGRAMS",
	}[def.Name]
	if def.EnumValues.ForName(preferred) != nil {
		return preferred
	}
	var names []string
	for _, v := range def.EnumValues {
		if v.Directives.ForName("deprecated") == nil {
			names = append(names, v.Name)
		}
	}
	if names == nil {
		return def.EnumValues[0].Name
	}
	return names[seed%uint64(len(names))]
}

// globalID returns an ID whose number needs more than 53 bits, as Shopify's do.
func globalID(typeName string, seed uint64) string {
	const least, span = 100_000_000_000_000_000, 800_000_000_000_000_000
	return fmt.Sprintf("gid://shopify/%s/%d", typeName, least+seed%span)
}

// number returns the number at the end of a global ID.
func number(id string) (string, bool) {
	_, tail, _ := strings.Cut(strings.TrimPrefix(id, "gid://"), "/")
	_, tail, _ = strings.Cut(tail, "/")
	if i := strings.IndexByte(tail, '?'); i >= 0 {
		tail = tail[:i]
	}
	_, err := strconv.ParseUint(tail, 10, 64)
	return tail, err == nil
}
