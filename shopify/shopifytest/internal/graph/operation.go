package graph

import (
	"cmp"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxTokens is how many lexical tokens a document may have. It bounds the time
// of validation, some rules of which are quadratic.
const maxTokens = 20_000

// An Operation is a valid operation with coerced variables, ready to run. It is
// not safe for concurrent use.
type Operation struct {
	// Name of the operation; may be empty.
	Name string
	// Mutation tells a mutation from a query.
	Mutation bool
	// RootFields are the names (not aliases) of the root fields, in order,
	// without __typename.
	RootFields []string
	// RequestedCost in points.
	RequestedCost int
	// Deprecated tells that a deprecated field is asked for.
	Deprecated bool

	engine *Engine
	req    Request
	root   *ast.Definition
	vars   map[string]any
	fields []*selection
}

// Prepare parses and validates. Exactly one result is non-nil: the operation,
// or the errors, which fill a response without data.
func (e *Engine) Prepare(req Request) (*Operation, []*Error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "query", Input: req.Query}, maxTokens)
	if err != nil {
		return nil, []*Error{syntaxError(err)}
	}
	if len(doc.Operations) == 0 {
		return nil, []*Error{{Message: "No query string was present"}}
	}
	if errs := e.validate(doc); errs != nil {
		return nil, errs
	}
	def, opErr := chooseOperation(doc, req.OperationName)
	if opErr != nil {
		return nil, []*Error{opErr}
	}
	vars, errs := e.coerceVariables(def, req.Variables)
	if errs != nil {
		return nil, errs
	}
	op := &Operation{Name: def.Name, engine: e, req: req, root: e.schema.Query, vars: vars}
	if def.Operation == ast.Mutation {
		op.Mutation, op.root = true, e.schema.Mutation
	}
	op.fields = op.collect(op.root.Name, def.SelectionSet)
	for _, s := range op.fields {
		if s.name() != typenameField {
			op.RootFields = append(op.RootFields, s.name())
		}
	}
	if errs := op.charge(); errs != nil {
		return nil, errs
	}
	return op, nil
}

func chooseOperation(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, *Error) {
	if name == "" {
		if len(doc.Operations) == 1 {
			return doc.Operations[0], nil
		}
		return nil, &Error{Message: "An operation name is required"}
	}
	if def := doc.Operations.ForName(name); def != nil {
		return def, nil
	}
	return nil, &Error{Message: `No operation named "` + name + `"`}
}

// A Root is one root field of an operation.
type Root struct {
	// Key is the field's key in the response: its alias or its name.
	Key string
	// Field, Args and Directives are as in [Call].
	Field      string
	Args       map[string]any
	Directives map[string]map[string]any
}

// Roots returns the root fields, in order, without those whose arguments are
// refused when the operation runs.
func (op *Operation) Roots() []Root {
	var out []Root
	for _, s := range op.fields {
		if args, err := op.arguments(s); err == nil {
			out = append(out, Root{Key: s.key, Field: s.name(), Args: args, Directives: op.directives(s)})
		}
	}
	return out
}

// typenameField is the meta field that every composite type has.
const typenameField = "__typename"

// A selection is a field to be answered: all nodes of the document that fall on
// one response key of one concrete type.
type selection struct {
	key    string
	parent string // the concrete type that has the field
	def    *ast.FieldDefinition
	nodes  []*ast.Field
	sub    map[string][]*selection // by concrete type; see Operation.children
	later  *deferral               // nil: it is answered at once
}

func (s *selection) name() string { return s.nodes[0].Name }

// children returns what is selected on a value of the named concrete type.
func (op *Operation) children(s *selection, typeName string) []*selection {
	if sub, ok := s.sub[typeName]; ok {
		return sub
	}
	sets := make([]ast.SelectionSet, len(s.nodes))
	for i, n := range s.nodes {
		sets[i] = n.SelectionSet
	}
	sub := op.collect(typeName, sets...)
	if s.sub == nil {
		s.sub = map[string][]*selection{}
	}
	s.sub[typeName] = sub
	return sub
}

// collect is CollectFields of the GraphQL specification.
func (op *Operation) collect(typeName string, sets ...ast.SelectionSet) []*selection {
	c := collector{op: op, typeName: typeName, byKey: map[fieldKey]*selection{}, seen: map[spread]bool{}}
	for _, set := range sets {
		c.add(set)
	}
	return c.out
}

type collector struct {
	op       *Operation
	typeName string
	out      []*selection
	byKey    map[fieldKey]*selection
	seen     map[spread]bool
	later    *deferral // of the fragment at hand
}

// spread is a named fragment that was taken in, and when it is answered. Whether it was put off itself counts too:
// where it was not, it belongs to what it stands in.
type spread struct {
	fragment, later string
	itself          bool
}

// fieldKey is a response key, which may be answered both at once and later.
type fieldKey struct {
	later *deferral
	key   string
}

func (c *collector) add(set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if !c.op.included(sel.Directives) {
				continue
			}
			key := fieldKey{c.later, sel.Alias}
			if s := c.byKey[key]; s != nil {
				s.nodes = append(s.nodes, sel)
				continue
			}
			s := &selection{key: sel.Alias, parent: c.typeName, def: c.op.definition(c.typeName, sel.Name), nodes: []*ast.Field{sel}, later: c.later}
			c.byKey[key] = s
			c.out = append(c.out, s)
		case *ast.InlineFragment:
			if c.op.included(sel.Directives) && c.op.engine.is(c.typeName, sel.TypeCondition) {
				c.fragment(c.op.deferral(sel.Directives), sel.SelectionSet)
			}
		case *ast.FragmentSpread:
			if !c.op.included(sel.Directives) || !c.op.engine.is(c.typeName, sel.Definition.TypeCondition) {
				continue
			}
			d := c.op.deferral(sel.Directives)
			if key := (spread{sel.Name, cmp.Or(d, c.later).suffix(), d != nil}); !c.seen[key] {
				c.seen[key] = true
				c.fragment(d, sel.Definition.SelectionSet)
			}
		}
	}
}

// fragment adds what a fragment selects, for later if d is not nil.
func (c *collector) fragment(d *deferral, set ast.SelectionSet) {
	if d != nil {
		defer func(outer *deferral) { c.later = outer }(c.later)
		c.later = d
	}
	c.add(set)
}

// included evaluates @skip and @include.
func (op *Operation) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		condition := false
		if arg := d.Arguments.ForName("if"); arg != nil {
			if arg.Value.Kind == ast.Variable {
				condition, _ = op.vars[arg.Value.Raw].(bool)
			} else {
				condition = arg.Value.Raw == "true"
			}
		}
		if condition == (d.Name == "skip") {
			return false
		}
	}
	return true
}

// definition is [Engine.field] with the meta field.
func (op *Operation) definition(typeName, field string) *ast.FieldDefinition {
	if field == typenameField {
		return typenameDefinition
	}
	return op.engine.field(typeName, field)
}

var typenameDefinition = &ast.FieldDefinition{Name: typenameField, Type: ast.NonNullNamedType("String", nil)}
