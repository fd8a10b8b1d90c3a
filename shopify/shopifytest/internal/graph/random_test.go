package graph_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// A writer writes random valid operations.
type writer struct {
	schema    *ast.Schema
	rnd       *rand.Rand
	aliases   int
	variables []string       // declarations
	values    map[string]any // of the variables
	fragments []string

	ids        []string // to choose IDs from; if nil, one that fits nothing
	idempotent []string // mutations that get a key
}

func newWriter(schema *ast.Schema, seed uint64) *writer {
	return &writer{schema: schema, rnd: rand.New(rand.NewPCG(seed, 1)), values: map[string]any{}}
}

// operation returns an operation with one root field.
func (w *writer) operation(kind string, root *ast.Definition, field *ast.FieldDefinition) string {
	body := w.field(field, 4, true)
	declared := ""
	if w.variables != nil {
		declared = "(" + strings.Join(w.variables, ", ") + ")"
	}
	return fmt.Sprintf("%s Q%s {\n%s\n}\n%s", kind, declared, body, strings.Join(w.fragments, "\n"))
}

// field writes a field with arguments, directives and selections. Aliases are
// unique, so that no two fields conflict.
func (w *writer) field(f *ast.FieldDefinition, depth int, root bool) string {
	w.aliases++
	out := fmt.Sprintf("a%d: %s%s", w.aliases, f.Name, w.arguments(f, root))
	if root && slices.Contains(w.idempotent, f.Name) {
		out += fmt.Sprintf(" @idempotent(key: \"%016x\")", w.rnd.Uint64())
	}
	if !root && w.rnd.IntN(20) == 0 {
		out += fmt.Sprintf(" @%s(if: %t)", []string{"skip", "include"}[w.rnd.IntN(2)], w.rnd.IntN(2) == 0)
	}
	if def := w.schema.Types[f.Type.Name()]; def.IsCompositeType() {
		out += " " + w.selections(def, depth-1)
	}
	return out
}

func (w *writer) selections(def *ast.Definition, depth int) string {
	lines := []string{"__typename"}
	add := func(fields ast.FieldList, most int) {
		for range most {
			f := fields[w.rnd.IntN(len(fields))]
			if strings.HasPrefix(f.Name, "__") || depth <= 0 && w.schema.Types[f.Type.Name()].IsCompositeType() {
				continue
			}
			lines = append(lines, w.field(f, depth, false))
		}
	}
	if strings.HasSuffix(def.Name, "Connection") || strings.HasSuffix(def.Name, "Edge") || def.Name == "PageInfo" {
		for _, f := range def.Fields {
			lines = append(lines, w.field(f, depth+1, false))
		}
	} else if len(def.Fields) > 0 {
		add(def.Fields, 1+w.rnd.IntN(5))
	}
	if possible := w.schema.PossibleTypes[def.Name]; def.Kind != ast.Object && len(possible) > 0 && depth > 0 {
		for range 2 {
			t := possible[w.rnd.IntN(len(possible))]
			if t.Kind != ast.Object {
				continue
			}
			if w.rnd.IntN(2) == 0 {
				lines = append(lines, "... on "+t.Name+" "+w.selections(t, depth-1))
			} else {
				body := w.selections(t, depth-1)
				name := fmt.Sprintf("F%d", len(w.fragments))
				w.fragments = append(w.fragments, fmt.Sprintf("fragment %s on %s %s", name, t.Name, body))
				lines = append(lines, "..."+name)
			}
		}
	}
	return "{ " + strings.Join(lines, "\n") + " }"
}

func (w *writer) arguments(f *ast.FieldDefinition, root bool) string {
	var args []string
	for _, a := range f.Arguments {
		switch a.Name {
		case "first":
			args = append(args, fmt.Sprintf("first: %d", 1+w.rnd.IntN(3)))
			continue
		case "last", "before", "after":
			continue
		}
		if !a.Type.NonNull && w.rnd.IntN(4) != 0 {
			continue
		}
		if w.rnd.IntN(3) == 0 {
			name := fmt.Sprintf("v%d", len(w.variables))
			w.variables = append(w.variables, "$"+name+": "+a.Type.String())
			w.values[name] = w.value(a.Type, 3)
			args = append(args, a.Name+": $"+name)
			continue
		}
		args = append(args, a.Name+": "+w.literal(a.Type, w.value(a.Type, 3)))
	}
	if len(args) == 0 {
		return ""
	}
	return "(" + strings.Join(args, ", ") + ")"
}

// value makes a JSON value for an input type.
func (w *writer) value(t *ast.Type, depth int) any {
	if !t.NonNull && w.rnd.IntN(6) == 0 {
		return nil
	}
	if t.Elem != nil {
		list := []any{}
		for range w.rnd.IntN(3) {
			list = append(list, w.value(t.Elem, depth-1))
		}
		return list
	}
	def := w.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[w.rnd.IntN(len(def.EnumValues))].Name
	case ast.InputObject:
		obj := map[string]any{}
		if def.Directives.ForName("oneOf") != nil {
			f := def.Fields[w.rnd.IntN(len(def.Fields))]
			nonNull := *f.Type
			nonNull.NonNull = true
			obj[f.Name] = w.value(&nonNull, depth-1)
			return obj
		}
		for _, f := range def.Fields {
			if f.Type.NonNull && f.DefaultValue == nil || depth > 0 && w.rnd.IntN(4) == 0 {
				obj[f.Name] = w.value(f.Type, depth-1)
			}
		}
		return obj
	}
	if def.Name == "ID" && w.ids != nil {
		return w.ids[w.rnd.IntN(len(w.ids))]
	}
	return map[string]any{
		"ID": "gid://shopify/Product/632910392", "String": "a \"quoted\" text", "Int": 7, "Float": 1.5, "Boolean": true, "Decimal": "12.30", "Money": "4.99",
		"DateTime": "2026-11-24T10:00:00Z", "Date": "2026-11-24", "URL": "https://example.com/a", "JSON": map[string]any{"k": []any{1, "x"}}, "HTML": "<b>x</b>",
		"FormattedString": "x", "Color": "#ffffff", "UnsignedInt64": "18446744073709551615", "BigInt": "-5", "UtcOffset": "+01:00", "ARN": "arn:aws:x",
		"StorefrontID": "gid://shopify/Product/1",
	}[def.Name]
}

// literal writes a JSON value as a GraphQL literal of the type.
func (w *writer) literal(t *ast.Type, v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			inner := t
			if t != nil && t.Elem != nil {
				inner = t.Elem
			}
			parts[i] = w.literal(inner, x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) { // in one order, so that a seed is one document
			var inner *ast.Type
			if t != nil && w.schema.Types[t.Name()].Kind == ast.InputObject {
				inner = w.schema.Types[t.Name()].Fields.ForName(name).Type
			}
			parts = append(parts, name+": "+w.literal(inner, v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case string:
		if t != nil && w.schema.Types[t.Name()].Kind == ast.Enum {
			return v
		}
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}
