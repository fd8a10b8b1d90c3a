package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// selections checks what is selected on a value of a composite type.
func (l *linter) selections(def *ast.Definition, set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			l.push(sel.Alias)
			l.field(def, sel)
			l.pop()
		case *ast.InlineFragment:
			l.inline(def, sel)
		case *ast.FragmentSpread:
			l.push("... " + sel.Name)
			l.spread(def, sel)
			l.pop()
		}
	}
}

func (l *linter) inline(def *ast.Definition, sel *ast.InlineFragment) {
	inner := def
	if sel.TypeCondition != "" {
		l.push("... on " + sel.TypeCondition)
		inner = l.condition(sel.TypeCondition, sel.Position)
		if inner != nil && !l.overlap(def, inner) {
			l.add(sel.Position, "cannotSpreadFragment", fmt.Sprintf("Fragment on %s can't be spread inside %s", inner.Name, def.Name),
				"typeName", inner.Name, "fragmentName", "unknown", "parentName", def.Name)
		}
	} else {
		l.push("...")
	}
	defer l.pop()
	l.directives(sel.Directives, ast.LocationInlineFragment, "inline fragments")
	if inner != nil {
		l.selections(inner, sel.SelectionSet)
	}
}

func (l *linter) spread(def *ast.Definition, sel *ast.FragmentSpread) {
	l.spreads[sel.Name] = true
	l.directives(sel.Directives, ast.LocationFragmentSpread, "fragment spreads")
	if sel.Definition == nil {
		l.add(sel.Position, "useAndDefineFragment", fmt.Sprintf("Fragment %s was used, but not defined", sel.Name), "fragmentName", sel.Name)
		return
	}
	inner := l.engine.schema.Types[sel.Definition.TypeCondition]
	if inner != nil && inner.IsCompositeType() && !l.overlap(def, inner) {
		l.add(sel.Position, "cannotSpreadFragment", fmt.Sprintf("Fragment %s on %s can't be spread inside %s", sel.Name, inner.Name, def.Name),
			"typeName", inner.Name, "fragmentName", sel.Name, "parentName", def.Name)
	}
}

// overlap reports whether an object can be of both types.
func (l *linter) overlap(a, b *ast.Definition) bool {
	if !a.IsAbstractType() {
		return l.engine.is(a.Name, b.Name)
	}
	for name := range l.engine.possible[a.Name] {
		if l.engine.is(name, b.Name) {
			return true
		}
	}
	return false
}

func (l *linter) field(parent *ast.Definition, f *ast.Field) {
	l.directives(f.Directives, ast.LocationField, "fields")
	def := typenameDefinition
	if f.Name != typenameField {
		def = l.engine.field(parent.Name, f.Name)
	}
	if def == nil {
		l.add(f.Position, "undefinedField", fmt.Sprintf("Field '%s' doesn't exist on type '%s'", f.Name, parent.Name),
			"typeName", parent.Name, "fieldName", f.Name)
		return
	}
	l.arguments("Field", f.Name, f.Position, def.Arguments, f.Arguments)
	out := l.engine.schema.Types[def.Type.Name()]
	switch {
	case !out.IsCompositeType() && len(f.SelectionSet) > 0:
		l.add(f.Position, "selectionMismatch",
			fmt.Sprintf("Selections can't be made on %s (field '%s' returns %s but has selections [%s])",
				plural(out.Kind), f.Name, out.Name, quotedNames(f.SelectionSet)),
			"nodeName", "field '"+f.Name+"'", "typeName", out.Name)
	case out.IsCompositeType() && len(f.SelectionSet) == 0:
		l.add(f.Position, "selectionMismatch",
			fmt.Sprintf("Field must have selections (field '%s' returns %s but has no selections. Did you mean '%s { ... }'?)", f.Name, out.Name, f.Name),
			"nodeName", "field '"+f.Name+"'", "typeName", out.Name)
	case out.IsCompositeType():
		l.selections(out, f.SelectionSet)
	}
}

func plural(kind ast.DefinitionKind) string {
	if kind == ast.Enum {
		return "enums"
	}
	return "scalars"
}

func quotedNames(set ast.SelectionSet) string {
	var names []string
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			names = append(names, `"`+sel.Name+`"`)
		case *ast.FragmentSpread:
			names = append(names, `"`+sel.Name+`"`)
		}
	}
	return strings.Join(names, ", ")
}

// directives checks the directives at a place, which has a name for messages.
func (l *linter) directives(list ast.DirectiveList, at ast.DirectiveLocation, place string) {
	seen := map[string]bool{}
	for _, d := range list {
		def := l.engine.schema.Directives[d.Name]
		if def == nil {
			l.add(d.Position, "undefinedDirective", fmt.Sprintf("Directive @%s is not defined", d.Name), "directiveName", d.Name)
			continue
		}
		if !slices.Contains(def.Locations, at) {
			l.add(d.Position, "directiveCannotBeApplied", fmt.Sprintf("'@%s' can't be applied to %s", d.Name, place),
				"targetName", place, "name", d.Name)
			continue
		}
		if seen[d.Name] && !def.IsRepeatable {
			l.add(d.Position, "directiveNotUniqueForLocation",
				fmt.Sprintf("The directive %q can only be used once at this location.", d.Name), "directiveName", d.Name)
		}
		seen[d.Name] = true
		l.arguments("Directive", d.Name, d.Position, def.Arguments, d.Arguments)
	}
}

// arguments checks the arguments of a field or directive.
func (l *linter) arguments(kind, name string, pos *ast.Position, defs ast.ArgumentDefinitionList, given ast.ArgumentList) {
	l.holder = pos
	seen := map[string]bool{}
	for _, arg := range given {
		if seen[arg.Name] {
			l.add(arg.Position, "argumentNotUnique", fmt.Sprintf("There can be only one argument named %q", arg.Name), "name", arg.Name)
			continue
		}
		seen[arg.Name] = true
		l.push(arg.Name)
		if def := defs.ForName(arg.Name); def != nil {
			l.argument(kind, name, def.Name, def.Type, def.DefaultValue != nil, arg.Value)
		} else {
			l.add(arg.Position, "argumentNotAccepted", fmt.Sprintf("%s '%s' doesn't accept argument '%s'", kind, name, arg.Name),
				"name", name, "typeName", kind, "argumentName", arg.Name)
			l.references(arg.Value)
		}
		l.pop()
	}
	var missing []string
	for _, def := range defs {
		if def.Type.NonNull && def.DefaultValue == nil && !seen[def.Name] {
			missing = append(missing, def.Name)
		}
	}
	if missing != nil {
		names := strings.Join(missing, ", ")
		l.add(pos, "missingRequiredArguments", fmt.Sprintf("%s '%s' is missing required arguments: %s", kind, name, names),
			"className", kind, "name", name, "arguments", names)
	}
}

// references notes the variables in a value of unknown type.
func (l *linter) references(v *ast.Value) {
	if v.Kind == ast.Variable {
		if _, known := l.uses[v.Raw]; !known {
			l.uses[v.Raw] = v.Position
		}
	}
	for _, child := range v.Children {
		l.references(child.Value)
	}
}
