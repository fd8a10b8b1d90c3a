package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// A linter says what is wrong with a document in graphql-ruby's words, which are
// Shopify's: message, place, path in the document, code and the names involved.
// gqlparser has walked the document before and linked its nodes.
type linter struct {
	engine *Engine
	doc    *ast.QueryDocument
	path   []any
	errs   []*Error
	// uses are the variables by the definition (operation or fragment) that uses
	// them, spreads the fragments, both of the definition at hand.
	uses    map[string]*ast.Position
	spreads map[string]bool
	// variables of the operation at hand; in a fragment those of all operations.
	variables map[string]*ast.VariableDefinition
	// holder is the place of the field, directive or input object that has the
	// arguments at hand.
	holder *ast.Position
}

func newLinter(e *Engine, doc *ast.QueryDocument) *linter {
	return &linter{engine: e, doc: doc}
}

// add reports an error at the current path. The details are pairs of keys and values.
func (l *linter) add(pos *ast.Position, code, message string, details ...string) {
	if len(l.errs) > maxValidationErrors {
		return
	}
	err := &Error{
		Message: message, Locations: []Location{location(pos)}, Path: slices.Clone(l.path),
		Extensions: map[string]any{"code": code},
	}
	for i := 0; i+1 < len(details); i += 2 {
		err.Extensions[details[i]] = details[i+1]
	}
	l.errs = append(l.errs, err)
}

func (l *linter) push(step string) { l.path = append(l.path, step) }
func (l *linter) pop()             { l.path = l.path[:len(l.path)-1] }

// used is what a definition uses directly.
type used struct {
	variables map[string]*ast.Position
	spreads   map[string]bool
}

func (l *linter) document() {
	l.names()
	fragments := map[string]used{}
	l.variables = map[string]*ast.VariableDefinition{}
	for _, op := range l.doc.Operations {
		for _, v := range op.VariableDefinitions {
			l.variables[v.Variable] = v
		}
	}
	for _, f := range l.doc.Fragments {
		l.begin()
		l.push("fragment " + f.Name)
		if def := l.condition(f.TypeCondition, f.Position); def != nil {
			l.directives(f.Directives, ast.LocationFragmentDefinition, "fragment definitions")
			l.selections(def, f.SelectionSet)
		}
		l.pop()
		fragments[f.Name] = used{l.uses, l.spreads}
	}
	reached := map[string]bool{}
	for _, op := range l.doc.Operations {
		l.operation(op, fragments, reached)
	}
	for _, f := range l.doc.Fragments {
		if !reached[f.Name] {
			l.push("fragment " + f.Name)
			l.add(f.Position, "useAndDefineFragment", fmt.Sprintf("Fragment %s was defined, but not used", f.Name), "fragmentName", f.Name)
			l.pop()
		}
	}
	l.cycles(fragments)
}

func (l *linter) begin() {
	l.uses, l.spreads = map[string]*ast.Position{}, map[string]bool{}
}

// names checks that operations and fragments have names of their own.
func (l *linter) names() {
	seen := map[string]bool{}
	for _, op := range l.doc.Operations {
		if op.Name == "" && len(l.doc.Operations) > 1 {
			l.add(op.Position, "uniquelyNamedOperations", "Operation name is required when multiple operations are present")
		} else if seen[op.Name] {
			l.add(op.Position, "uniquelyNamedOperations", fmt.Sprintf("Operation name %q must be unique", op.Name), "operationName", op.Name)
		}
		seen[op.Name] = true
	}
	clear(seen)
	for _, f := range l.doc.Fragments {
		if seen[f.Name] {
			l.add(f.Position, "fragmentNotUnique", fmt.Sprintf("Fragment name %q must be unique", f.Name), "fragmentName", f.Name)
		}
		seen[f.Name] = true
	}
}

func (l *linter) operation(op *ast.OperationDefinition, fragments map[string]used, reached map[string]bool) {
	name := string(op.Operation)
	if op.Name != "" {
		name += " " + op.Name
	}
	l.push(name)
	defer l.pop()
	var root *ast.Definition
	switch op.Operation {
	case ast.Query:
		root = l.engine.schema.Query
	case ast.Mutation:
		root = l.engine.schema.Mutation
	}
	if root == nil {
		l.add(op.Position, "missing"+strings.ToUpper(name[:1])+string(op.Operation)[1:]+"Configuration",
			fmt.Sprintf("Schema is not configured for %ss", op.Operation))
		return
	}
	l.variables = map[string]*ast.VariableDefinition{}
	for _, v := range op.VariableDefinitions {
		l.variable(v)
	}
	l.begin()
	locations := map[ast.Operation]ast.DirectiveLocation{ast.Query: ast.LocationQuery, ast.Mutation: ast.LocationMutation}
	l.directives(op.Directives, locations[op.Operation], map[ast.Operation]string{ast.Query: "queries", ast.Mutation: "mutations"}[op.Operation])
	l.selections(root, op.SelectionSet)
	l.usage(op, fragments, reached)
}

func (l *linter) variable(v *ast.VariableDefinition) {
	if _, again := l.variables[v.Variable]; again {
		l.add(v.Position, "variableNotUnique", fmt.Sprintf("There can only be one variable named %q", v.Variable), "variableName", v.Variable)
	}
	l.variables[v.Variable] = v
	typeName := v.Type.Name()
	def := l.engine.schema.Types[typeName]
	switch {
	case def == nil:
		l.add(v.Position, "variableRequiresValidType", fmt.Sprintf("%s isn't a defined input type (on $%s)", typeName, v.Variable),
			"typeName", typeName, "variableName", v.Variable)
	case !def.IsInputType():
		l.add(v.Position, "variableRequiresValidType", fmt.Sprintf("%s isn't a valid input type (on $%s)", typeName, v.Variable),
			"typeName", typeName, "variableName", v.Variable)
	case v.DefaultValue != nil:
		c := coercer{engine: l.engine}
		c.literal(v.Type, v.DefaultValue, nil)
		if c.problems != nil {
			l.add(v.Position, "defaultValueInvalidType", fmt.Sprintf("Default value for $%s doesn't match type %s", v.Variable, v.Type),
				"variableName", v.Variable, "typeName", v.Type.String())
		}
	}
}

// usage compares the variables declared with those used, also in fragments.
func (l *linter) usage(op *ast.OperationDefinition, fragments map[string]used, reached map[string]bool) {
	uses, visited := maps.Clone(l.uses), map[string]bool{}
	in := map[string]string{}
	queue := slices.Sorted(maps.Keys(l.spreads))
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if visited[name] {
			continue
		}
		visited[name], reached[name] = true, true
		for v, pos := range fragments[name].variables {
			if _, known := uses[v]; !known {
				uses[v], in[v] = pos, name
			}
		}
		queue = append(queue, slices.Sorted(maps.Keys(fragments[name].spreads))...)
	}
	owner := op.Name
	if owner == "" {
		owner = "anonymous " + string(op.Operation)
	}
	for _, v := range op.VariableDefinitions {
		if _, ok := uses[v.Variable]; !ok {
			l.add(op.Position, "variableNotUsed", fmt.Sprintf("Variable $%s is declared by %s but not used", v.Variable, owner), "variableName", v.Variable)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if _, ok := l.variables[name]; !ok {
			user := owner
			if in[name] != "" {
				user = in[name]
			}
			l.add(uses[name], "variableNotDefined", fmt.Sprintf("Variable $%s is used by %s but not declared", name, user), "variableName", name)
		}
	}
}

// cycles reports fragments that contain themselves.
func (l *linter) cycles(fragments map[string]used) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(name string) bool
	visit = func(name string) bool {
		switch state[name] {
		case visiting:
			return true
		case done:
			return false
		}
		state[name] = visiting
		cyclic := false
		for _, next := range slices.Sorted(maps.Keys(fragments[name].spreads)) {
			cyclic = visit(next) || cyclic
		}
		state[name] = done
		return cyclic
	}
	for _, f := range l.doc.Fragments {
		if visit(f.Name) {
			l.push("fragment " + f.Name)
			l.add(f.Position, "infiniteLoop", fmt.Sprintf("Fragment %s contains an infinite loop", f.Name), "fragmentName", f.Name)
			l.pop()
		}
	}
}

// condition checks the type condition of a fragment and returns its type, or nil.
func (l *linter) condition(name string, pos *ast.Position) *ast.Definition {
	def := l.engine.schema.Types[name]
	switch {
	case def == nil:
		l.add(pos, "undefinedType", fmt.Sprintf("No such type %s, so it can't be a fragment condition", name), "typeName", name)
		return nil
	case !def.IsCompositeType():
		l.add(pos, "fragmentOnNonCompositeType",
			fmt.Sprintf("Invalid fragment on type %s (must be Union, Interface or Object)", name), "typeName", name, "argumentName", name)
		return nil
	}
	return def
}
