package graph

import (
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// introspect answers __schema and __type. The objects compute their fields when
// asked, so that the types may refer to one another.
func (e *Engine) introspect(c *Call) (any, bool) {
	switch {
	case !strings.HasPrefix(c.Field, "__") || c.ParentType != e.schema.Query.Name:
		return nil, false
	case c.Field == "__type":
		name, _ := c.Args["name"].(string)
		if def := e.schema.Types[name]; def != nil {
			return e.typeObject(def), true
		}
		return nil, true
	}
	return e.schemaObject(), true
}

func (e *Engine) schemaObject() Object {
	return Object{
		"description": nil,
		"types": lazy(func() any {
			var out []any
			for _, name := range slices.Sorted(maps.Keys(e.schema.Types)) {
				out = append(out, e.typeObject(e.schema.Types[name]))
			}
			return out
		}),
		"queryType":        e.typeObject(e.schema.Query),
		"mutationType":     e.optionalType(e.schema.Mutation),
		"subscriptionType": e.optionalType(e.schema.Subscription),
		"directives": lazy(func() any {
			var out []any
			for _, name := range slices.Sorted(maps.Keys(e.schema.Directives)) {
				out = append(out, e.directiveObject(e.schema.Directives[name]))
			}
			return out
		}),
	}
}

func lazy(fn func() any) Func {
	return func(*Call) (any, error) { return fn(), nil }
}

func (e *Engine) optionalType(def *ast.Definition) any {
	if def == nil {
		return nil
	}
	return e.typeObject(def)
}

func (e *Engine) typeObject(def *ast.Definition) Object {
	obj := Object{
		Closed: true, "kind": string(def.Kind), "name": def.Name, "description": description(def.Description),
		"specifiedByURL": nil, "isOneOf": nil,
	}
	switch def.Kind {
	case ast.Object, ast.Interface:
		obj["fields"] = Func(func(c *Call) (any, error) { return e.fieldObjects(def, c), nil })
		obj["interfaces"] = lazy(func() any { return e.namedTypes(def.Interfaces) })
	case ast.Enum:
		obj["enumValues"] = Func(func(c *Call) (any, error) {
			out := []any{}
			for _, v := range def.EnumValues {
				if o := deprecatable(Object{"name": v.Name, "description": description(v.Description)}, v.Directives, c); o != nil {
					out = append(out, o)
				}
			}
			return out, nil
		})
	case ast.InputObject:
		obj["isOneOf"] = def.Directives.ForName("oneOf") != nil
		obj["inputFields"] = Func(func(c *Call) (any, error) {
			out := []any{}
			for _, f := range def.Fields {
				if o := e.inputObject(f.Name, f.Description, f.Type, f.DefaultValue, f.Directives, c); o != nil {
					out = append(out, o)
				}
			}
			return out, nil
		})
	case ast.Scalar:
		if d := def.Directives.ForName("specifiedBy"); d != nil {
			if arg := d.Arguments.ForName("url"); arg != nil {
				obj["specifiedByURL"] = arg.Value.Raw
			}
		}
	}
	if def.IsAbstractType() {
		obj["possibleTypes"] = lazy(func() any { return e.namedTypes(e.concrete[def.Name]) })
	}
	return obj
}

func (e *Engine) namedTypes(names []string) any {
	out := make([]any, 0, len(names))
	for _, name := range names {
		if def := e.schema.Types[name]; def != nil {
			out = append(out, e.typeObject(def))
		}
	}
	return out
}

func (e *Engine) fieldObjects(def *ast.Definition, c *Call) []any {
	out := []any{}
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		obj := deprecatable(Object{
			"name": f.Name, "description": description(f.Description),
			"args": e.argumentObjects(f.Arguments), "type": lazy(func() any { return e.typeReference(f.Type) }),
		}, f.Directives, c)
		if obj != nil {
			out = append(out, obj)
		}
	}
	return out
}

func (e *Engine) argumentObjects(defs ast.ArgumentDefinitionList) Func {
	return func(c *Call) (any, error) {
		out := []any{}
		for _, a := range defs {
			if o := e.inputObject(a.Name, a.Description, a.Type, a.DefaultValue, a.Directives, c); o != nil {
				out = append(out, o)
			}
		}
		return out, nil
	}
}

func (e *Engine) inputObject(name, about string, t *ast.Type, def *ast.Value, directives ast.DirectiveList, c *Call) any {
	obj := Object{
		"name": name, "description": description(about), "defaultValue": nil,
		"type": lazy(func() any { return e.typeReference(t) }),
	}
	if def != nil {
		obj["defaultValue"] = def.String()
	}
	return deprecatable(obj, directives, c)
}

// deprecatable adds the deprecation; nil where the call does not want deprecated
// ones.
func deprecatable(obj Object, directives ast.DirectiveList, c *Call) any {
	obj["isDeprecated"], obj["deprecationReason"] = false, nil
	if d := directives.ForName("deprecated"); d != nil {
		if include, _ := c.Args["includeDeprecated"].(bool); !include {
			return nil
		}
		obj["isDeprecated"], obj["deprecationReason"] = true, "No longer supported"
		if reason := d.Arguments.ForName("reason"); reason != nil {
			obj["deprecationReason"] = reason.Value.Raw
		}
	}
	return obj
}

func (e *Engine) directiveObject(d *ast.DirectiveDefinition) Object {
	locations := make([]any, len(d.Locations))
	for i, l := range d.Locations {
		locations[i] = string(l)
	}
	return Object{
		"name": d.Name, "description": description(d.Description), "isRepeatable": d.IsRepeatable,
		"locations": locations, "args": e.argumentObjects(d.Arguments),
	}
}

// typeReference wraps the named type in LIST and NON_NULL.
func (e *Engine) typeReference(t *ast.Type) Object {
	if t.NonNull {
		inner := *t
		inner.NonNull = false
		return Object{Closed: true, "kind": "NON_NULL", "ofType": lazy(func() any { return e.typeReference(&inner) })}
	}
	if t.Elem != nil {
		return Object{Closed: true, "kind": "LIST", "ofType": lazy(func() any { return e.typeReference(t.Elem) })}
	}
	return e.typeObject(e.schema.Types[t.NamedType])
}

func description(s string) any {
	if s == "" {
		return nil
	}
	return s
}
