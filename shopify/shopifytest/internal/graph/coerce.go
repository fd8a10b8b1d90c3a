package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

func mapKeys(m map[string]any) iter.Seq[string] { return maps.Keys(m) }

// A problem is why an input value does not fit its type, in Shopify's words.
type problem struct {
	path        []any
	explanation string
	global      bool // the value is not a global ID: Shopify repeats the explanation as message
}

func (p problem) MarshalJSON() ([]byte, error) {
	m := map[string]any{"path": p.path, "explanation": p.explanation}
	if p.path == nil {
		m["path"] = []any{}
	}
	if p.global {
		m["message"] = p.explanation
	}
	return json.Marshal(m)
}

// maxProblems is how many problems of one value are told.
const maxProblems = 50

// A coercer turns input values into Go values by their types.
type coercer struct {
	engine   *Engine
	vars     map[string]any
	problems []problem
}

func (c *coercer) add(path []any, explanation string) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, problem{path: slices.Clone(path), explanation: explanation})
	}
}

const notNull = "Expected value to not be null"

// value coerces a JSON value, such as a variable's.
func (c *coercer) value(t *ast.Type, v any, path []any) any {
	if v == nil {
		if t.NonNull {
			c.add(path, notNull)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return []any{c.value(t.Elem, v, path)}
		}
		out := make([]any, len(list))
		for i, x := range list {
			out[i] = c.value(t.Elem, x, append(path, i))
		}
		return out
	}
	def := c.engine.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.InputObject:
		m, ok := v.(map[string]any)
		if !ok {
			c.add(path, fmt.Sprintf("Expected %s to be a key-value object.", quote(v)))
			return nil
		}
		return c.object(def, path, maps.Keys(m), func(f *ast.FieldDefinition, path []any) (any, bool) {
			x, ok := m[f.Name]
			if !ok {
				return nil, false
			}
			return c.value(f.Type, x, path), true
		})
	case ast.Enum:
		name, ok := v.(string)
		if !ok || def.EnumValues.ForName(name) == nil {
			c.add(path, notOneOf(def, v))
			return nil
		}
		return name
	}
	return c.scalar(def.Name, v, path)
}

func notOneOf(def *ast.Definition, v any) string {
	names := make([]string, len(def.EnumValues))
	for i, e := range def.EnumValues {
		names[i] = e.Name
	}
	return fmt.Sprintf("Expected %s to be one of: %s", quote(v), strings.Join(names, ", "))
}

// object coerces the fields of an input object; get coerces one that is present.
func (c *coercer) object(def *ast.Definition, path []any, given iter.Seq[string], get func(*ast.FieldDefinition, []any) (any, bool)) any {
	names := slices.Sorted(given)
	for _, name := range names {
		if def.Fields.ForName(name) == nil {
			c.add(append(path, name), "Field is not defined on "+def.Name)
		}
	}
	out := map[string]any{}
	for _, f := range def.Fields {
		at := slices.Concat(path, []any{f.Name})
		v, ok := get(f, at)
		switch {
		case ok:
			out[f.Name] = v
		case f.DefaultValue != nil:
			out[f.Name] = c.literal(f.Type, f.DefaultValue, at)
		case f.Type.NonNull:
			c.add(at, notNull)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		if len(names) != 1 {
			c.add(path, fmt.Sprintf("'%s' requires exactly one argument, but %d were provided.", def.Name, len(names)))
		} else if v, ok := out[names[0]]; ok && v == nil && len(c.problems) == 0 {
			c.add(append(path, names[0]), fmt.Sprintf("'%s' requires exactly one argument, but '%s' was `null`.", def.Name, names[0]))
		}
	}
	return out
}

// literal coerces a value of the document.
func (c *coercer) literal(t *ast.Type, v *ast.Value, path []any) any {
	if v.Kind == ast.Variable {
		return c.vars[v.Raw] // coerced already; validation compared the types
	}
	if v.Kind == ast.NullValue {
		if t.NonNull {
			c.add(path, notNull)
		}
		return nil
	}
	if t.Elem != nil {
		if v.Kind != ast.ListValue {
			return []any{c.literal(t.Elem, v, path)}
		}
		out := make([]any, len(v.Children))
		for i, x := range v.Children {
			out[i] = c.literal(t.Elem, x.Value, append(path, i))
		}
		return out
	}
	def := c.engine.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.InputObject:
		if v.Kind != ast.ObjectValue {
			c.add(path, fmt.Sprintf("Expected %s to be a key-value object.", v.String()))
			return nil
		}
		return c.object(def, path, childNames(v), func(f *ast.FieldDefinition, path []any) (any, bool) {
			x := v.Children.ForName(f.Name)
			if x == nil || c.absent(x) {
				return nil, false
			}
			return c.literal(f.Type, x, path), true
		})
	case ast.Enum:
		if v.Kind != ast.EnumValue || def.EnumValues.ForName(v.Raw) == nil {
			c.add(path, notOneOf(def, v.Raw))
			return nil
		}
		return v.Raw
	}
	if v.Kind == ast.EnumValue && def.Name != "JSON" {
		c.add(path, fmt.Sprintf("Could not coerce value %s to %s", v.Raw, def.Name))
		return nil
	}
	return c.scalar(def.Name, c.plain(v), path)
}

func childNames(v *ast.Value) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, child := range v.Children {
			if !yield(child.Name) {
				return
			}
		}
	}
}

// absent reports a reference to a variable that has no value.
func (c *coercer) absent(v *ast.Value) bool {
	if v.Kind != ast.Variable {
		return false
	}
	_, ok := c.vars[v.Raw]
	return !ok
}

// plain returns a literal as the JSON value that says the same.
func (c *coercer) plain(v *ast.Value) any {
	switch v.Kind {
	case ast.Variable:
		return c.vars[v.Raw]
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.NullValue:
		return nil
	case ast.ListValue:
		out := make([]any, len(v.Children))
		for i, x := range v.Children {
			out[i] = c.plain(x.Value)
		}
		return out
	case ast.ObjectValue:
		out := make(map[string]any, len(v.Children))
		for _, x := range v.Children {
			out[x.Name] = c.plain(x.Value)
		}
		return out
	}
	return v.Raw
}

// quote shows a value in an explanation as graphql-ruby does: as JSON.
func quote(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(b)
}

// coerceVariables returns the values of the operation's variables: those that
// were given and those with a default.
func (e *Engine) coerceVariables(def *ast.OperationDefinition, given map[string]any) (map[string]any, []*Error) {
	vars := map[string]any{}
	var errs []*Error
	for _, v := range def.VariableDefinitions {
		c := coercer{engine: e}
		value, ok := given[v.Variable]
		switch {
		case ok:
			vars[v.Variable] = c.value(v.Type, value, nil)
		case v.DefaultValue != nil:
			vars[v.Variable] = c.literal(v.Type, v.DefaultValue, nil)
		case v.Type.NonNull:
			c.add(nil, notNull)
		}
		if c.problems != nil {
			errs = append(errs, invalidVariable(v, value, c.problems))
		}
	}
	return vars, errs
}

func invalidVariable(v *ast.VariableDefinition, value any, problems []problem) *Error {
	message := fmt.Sprintf("Variable $%s of type %s was provided invalid value", v.Variable, v.Type)
	var fields []string
	for _, p := range problems {
		if len(p.path) > 0 {
			steps := make([]string, len(p.path))
			for i, step := range p.path {
				steps[i] = fmt.Sprint(step)
			}
			fields = append(fields, strings.Join(steps, ".")+" ("+p.explanation+")")
		}
	}
	if fields != nil {
		message += " for " + strings.Join(fields, ", ")
	}
	return &Error{
		Message:    message,
		Locations:  []Location{location(v.Position)},
		Extensions: map[string]any{"code": "INVALID_VARIABLE", "value": value, "problems": problems},
	}
}

// arguments returns the coerced arguments of a field.
func (op *Operation) arguments(s *selection) (map[string]any, error) {
	return op.argumentMap(s.def.Arguments, s.nodes[0].Arguments)
}

func (op *Operation) argumentMap(defs ast.ArgumentDefinitionList, given ast.ArgumentList) (map[string]any, error) {
	c := coercer{engine: op.engine, vars: op.vars}
	args := make(map[string]any, len(given))
	for _, def := range defs {
		arg := given.ForName(def.Name)
		switch {
		case arg != nil && !c.absent(arg.Value):
			v := c.literal(def.Type, arg.Value, []any{def.Name})
			if v == nil && def.Type.NonNull {
				c.add([]any{def.Name}, notNull)
			}
			args[def.Name] = detach(v)
		case def.DefaultValue != nil:
			args[def.Name] = c.literal(def.Type, def.DefaultValue, []any{def.Name})
		case def.Type.NonNull:
			c.add([]any{def.Name}, notNull)
		}
	}
	if c.problems != nil {
		return nil, errors.New(c.problems[0].explanation)
	}
	return args, nil
}

// detach copies a value, so that its receiver may own it.
func detach(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = detach(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = detach(x)
		}
		return out
	}
	return v
}
