package graph

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
)

// argument checks the value of an argument, or of a field of an input object.
// kind and owner say whose: Field 'orders', InputObject 'OrderInput'.
func (l *linter) argument(kind, owner, name string, t *ast.Type, hasDefault bool, v *ast.Value) {
	if v.Kind == ast.Variable {
		l.references(v)
		l.mismatch(name, t, hasDefault, v)
		return
	}
	if !l.literal(t, v) {
		l.add(l.holder, "argumentLiteralsIncompatible",
			fmt.Sprintf("Argument '%s' on %s '%s' has an invalid value (%s). Expected type '%s'.", name, kind, owner, v.String(), t),
			"typeName", kind, "argumentName", name)
	}
}

// literal reports whether a literal fits its type. What is wrong inside an input
// object is reported there.
func (l *linter) literal(t *ast.Type, v *ast.Value) bool {
	switch {
	case v.Kind == ast.NullValue:
		return !t.NonNull
	case v.Kind == ast.Variable:
		l.argument("", "", v.Raw, t, false, v)
		return true
	case t.Elem != nil && v.Kind == ast.ListValue:
		for _, child := range v.Children {
			if !l.literal(t.Elem, child.Value) {
				return false
			}
		}
		return true
	case t.Elem != nil:
		return l.literal(t.Elem, v)
	}
	def := l.engine.schema.Types[t.NamedType]
	if def.Kind == ast.InputObject {
		if v.Kind != ast.ObjectValue {
			return false
		}
		l.inputObject(def, v)
		return true
	}
	l.references(v) // a JSON literal may contain some
	if v.Kind == ast.ListValue || v.Kind == ast.ObjectValue {
		return t.NamedType == "JSON"
	}
	if def.Kind == ast.Scalar && l.globalID(t, v) {
		return true
	}
	c := coercer{engine: l.engine}
	c.literal(t, v, nil)
	return c.problems == nil
}

// globalID reports IDs that are not global, in words of their own.
func (l *linter) globalID(t *ast.Type, v *ast.Value) bool {
	if t.NamedType != "ID" || v.Kind != ast.StringValue && v.Kind != ast.IntValue || gidPattern.MatchString(v.Raw) {
		return false
	}
	l.add(l.holder, "argumentLiteralsIncompatible", "Invalid global id '"+v.Raw+"'", "typeName", "CoercionError")
	return true
}

func (l *linter) inputObject(def *ast.Definition, v *ast.Value) {
	outer := l.holder
	l.holder = v.Position
	defer func() { l.holder = outer }()
	seen := map[string]bool{}
	for _, child := range v.Children {
		if seen[child.Name] {
			l.add(child.Position, "inputFieldNotUnique", fmt.Sprintf("There can be only one input field named %q", child.Name), "name", child.Name)
			continue
		}
		seen[child.Name] = true
		l.push(child.Name)
		if f := def.Fields.ForName(child.Name); f != nil {
			l.argument("InputObject", def.Name, f.Name, f.Type, f.DefaultValue != nil, child.Value)
		} else {
			l.add(child.Position, "argumentNotAccepted", fmt.Sprintf("InputObject '%s' doesn't accept argument '%s'", def.Name, child.Name),
				"name", def.Name, "typeName", "InputObject", "argumentName", child.Name)
			l.references(child.Value)
		}
		l.pop()
	}
	for _, f := range def.Fields {
		if f.Type.NonNull && f.DefaultValue == nil && !seen[f.Name] {
			l.add(v.Position, "missingRequiredInputObjectAttribute",
				fmt.Sprintf("Argument '%s' on InputObject '%s' is required. Expected type %s", f.Name, def.Name, f.Type),
				"argumentName", f.Name, "argumentType", f.Type.String(), "inputObjectType", def.Name)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		l.oneOf(def, v)
	}
}

func (l *linter) oneOf(def *ast.Definition, v *ast.Value) {
	if len(v.Children) != 1 {
		l.add(v.Position, "invalidOneOfInputObject",
			fmt.Sprintf("'%s' requires exactly one argument, but %d were provided.", def.Name, len(v.Children)), "inputObjectType", def.Name)
		return
	}
	child := v.Children[0]
	nullable := child.Value.Kind == ast.NullValue
	if d := l.variables[child.Value.Raw]; child.Value.Kind == ast.Variable && d != nil {
		nullable = !d.Type.NonNull
	}
	if nullable {
		l.add(child.Position, "invalidOneOfInputObject",
			fmt.Sprintf("Argument '%s' on InputObject '%s' must be non-null because it is a OneOf Input Object", child.Name, def.Name),
			"inputObjectType", def.Name)
	}
}

// mismatch checks that a variable may stand where it stands.
func (l *linter) mismatch(name string, want *ast.Type, hasDefault bool, v *ast.Value) {
	def := l.variables[v.Raw]
	if def == nil || l.engine.schema.Types[def.Type.Name()] == nil {
		return // reported elsewhere
	}
	expected := *want
	if hasDefault || def.DefaultValue != nil && def.DefaultValue.Kind != ast.NullValue {
		expected.NonNull = false
	}
	if def.Type.IsCompatible(&expected) {
		return
	}
	problem := "Nullability mismatch"
	switch {
	case def.Type.Name() != want.Name():
		problem = "Type mismatch"
	case dimension(def.Type) != dimension(want):
		problem = "List dimension mismatch"
	}
	l.add(v.Position, "variableMismatch", fmt.Sprintf("%s on variable $%s and argument %s (%s / %s)", problem, v.Raw, name, def.Type, want),
		"variableName", v.Raw, "typeName", def.Type.String(), "argumentName", name, "errorMessage", problem)
}

func dimension(t *ast.Type) int {
	if t.Elem == nil {
		return 0
	}
	return 1 + dimension(t.Elem)
}
