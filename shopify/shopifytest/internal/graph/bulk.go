package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Limits of bulk queries.
// https://shopify.dev/docs/api/usage/bulk-operations/queries#operation-restrictions
const (
	maxBulkConnections = 5
	maxBulkDepth       = 2
	maxBulkFields      = 100 * maxFields
)

// A BulkLine is one object of a bulk query's result, and what stands below it.
type BulkLine struct {
	// JSON is the object, without the connections in it.
	JSON     []byte
	Children []*BulkLine
}

// PrepareBulk parses a bulk query and checks it against the schema and the
// rules for bulk queries. Either the operation is non-nil or the messages say
// what is wrong, as user errors of the field query.
func (e *Engine) PrepareBulk(req Request) (*Operation, []string) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "query", Input: req.Query}, maxTokens)
	if err != nil {
		return nil, []string{"Invalid bulk query: " + syntaxError(err).Message}
	}
	if len(doc.Operations) == 0 {
		return nil, []string{"Invalid bulk query: syntax error, unexpected end of file"}
	}
	if errs := e.validate(doc); errs != nil {
		out := make([]string, len(errs))
		for i, err := range errs {
			out[i] = "Invalid bulk query: " + err.Message
		}
		return nil, out
	}
	def, opErr := chooseOperation(doc, "")
	switch {
	case opErr != nil:
		return nil, []string{"Invalid bulk query: " + opErr.Message}
	case def.Operation != ast.Query:
		return nil, []string{"Invalid operation type. Only `query` operations are supported."}
	}
	vars, errs := e.coerceVariables(def, nil)
	if errs != nil {
		return nil, []string{"Invalid bulk query: " + errs[0].Message}
	}
	check := bulkCheck{engine: e}
	check.fields(e.schema.Query.Name, def.SelectionSet, "", 0, false, true)
	if problems := check.problems(); problems != nil {
		return nil, problems
	}
	op := &Operation{Name: def.Name, engine: e, req: req, root: e.schema.Query, vars: vars}
	op.fields = op.collect(op.root.Name, def.SelectionSet)
	return op, nil
}

// bulkCheck finds what a bulk query must not have.
type bulkCheck struct {
	engine             *Engine
	connections, depth int
	nodes, withoutID   []string
	topLevel           []string
	inList             bool
	selections         int
	tooLarge           bool
}

// fields looks at a selection set. connection is the name of the connection
// around it, if any, and hasID tells whether its node selects id.
func (c *bulkCheck) fields(typeName string, set ast.SelectionSet, connection string, depth int, inList, hasID bool) {
	for _, sel := range set {
		if c.selections++; c.selections > maxSelections {
			c.tooLarge = true
			return
		}
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			inner := typeName
			if sel.TypeCondition != "" {
				inner = sel.TypeCondition
			}
			c.fields(inner, sel.SelectionSet, connection, depth, inList, hasID)
		case *ast.FragmentSpread:
			c.fields(sel.Definition.TypeCondition, sel.Definition.SelectionSet, connection, depth, inList, hasID)
		case *ast.Field:
			c.field(typeName, sel, connection, depth, inList, hasID)
		}
	}
}

func (c *bulkCheck) field(typeName string, f *ast.Field, connection string, depth int, inList, hasID bool) {
	if typeName == c.engine.schema.Query.Name && (f.Name == "node" || f.Name == "nodes") {
		c.topLevel = append(c.topLevel, f.Name)
	}
	def := c.engine.field(typeName, f.Name)
	if def == nil || len(f.SelectionSet) == 0 {
		return
	}
	if !isConnection(def) {
		c.fields(def.Type.Name(), f.SelectionSet, connection, depth, inList || def.Type.Elem != nil, hasID)
		return
	}
	c.connections++
	c.depth = max(c.depth, depth)
	c.inList = c.inList || inList
	if connection != "" && !hasID && !slices.Contains(c.withoutID, connection) {
		c.withoutID = append(c.withoutID, connection)
	}
	edges := c.pick(f.SelectionSet, "edges")
	if edges == nil || c.pick(f.SelectionSet, "nodes") != nil {
		c.nodes = append(c.nodes, f.Name)
		return
	}
	edgeType := c.engine.field(def.Type.Name(), "edges").Type.Name()
	for _, edge := range edges {
		for _, node := range c.pick(edge.SelectionSet, "node") {
			c.fields(c.engine.field(edgeType, "node").Type.Name(), node.SelectionSet, f.Name, depth+1, false, c.selectsID(node.SelectionSet))
		}
	}
}

// pick returns the fields with the name in a set and its fragments.
func (c *bulkCheck) pick(set ast.SelectionSet, name string) []*ast.Field {
	var out []*ast.Field
	for _, sel := range set {
		if c.selections++; c.selections > maxSelections {
			c.tooLarge = true
			return nil
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Name == name {
				out = append(out, sel)
			}
		case *ast.InlineFragment:
			out = append(out, c.pick(sel.SelectionSet, name)...)
		case *ast.FragmentSpread:
			out = append(out, c.pick(sel.Definition.SelectionSet, name)...)
		}
	}
	return out
}

func (c *bulkCheck) selectsID(set ast.SelectionSet) bool {
	return slices.ContainsFunc(c.pick(set, "id"), func(f *ast.Field) bool { return f.Alias == "id" })
}

// problems are what was found, in Shopify's words as far as they are known.
func (c *bulkCheck) problems() []string {
	var out []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(c.tooLarge, "Invalid bulk query: This query is too large to execute.")
	add(c.nodes != nil, "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: 'products { edges { node {'. "+
		"Selecting via 'nodes' is not supported. Invalid connection fields: '%s'.", strings.Join(c.nodes, "', '"))
	for _, name := range c.topLevel {
		add(true, "Bulk queries cannot contain a top level `%s` field.", name)
	}
	add(c.depth > maxBulkDepth, "Bulk queries cannot contain connections with a nesting depth greater than %d.", maxBulkDepth)
	add(c.connections > maxBulkConnections, "Bulk queries cannot contain more than %d connections.", maxBulkConnections)
	add(c.withoutID != nil, "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID' return type. "+
		"Connection fields without 'id': %s.", strings.Join(c.withoutID, ", "))
	add(c.inList, "Queries that contain a connection field within a list field are not currently supported.")
	add(c.connections == 0, "Bulk queries must contain at least one connection.")
	return out
}

// ExecuteBulk runs a bulk query: connections are not paged, and each node is a
// line of its own. Errors end nothing: the fields are null.
func (op *Operation) ExecuteBulk(ctx context.Context, r Resolver) ([]*BulkLine, []*Error) {
	root := &BulkLine{}
	x := &execution{op: op, ctx: ctx, resolver: r, line: root}
	x.object(op.root.Name, Object{typenameField: op.root.Name}, seedOf(op.root.Name), op.fields, nil)
	if x.fatal != nil {
		return root.Children, append(x.errs, x.fatal)
	}
	return root.Children, x.errs
}

// lines writes the nodes of a connection as lines below the present one. It
// returns false where the execution has to end.
func (x *execution) lines(typeName string, obj Object, seed uint64, s *selection) bool {
	if x.exhausted() {
		return false
	}
	if x.op.req.Access != nil {
		if required := x.op.req.Access(typeName, s.name(), s.def.Type.Name()); required != "" {
			x.errs = append(x.errs, x.report(s, AccessDenied(s.name(), required)))
			return true
		}
	}
	value, err := x.value(typeName, obj, seed, s)
	if err != nil {
		x.errs = append(x.errs, x.report(s, err))
		return true
	}
	nodes, ok := allNodes(value)
	if !ok {
		return true
	}
	for _, edge := range x.op.children(s, s.def.Type.NamedType) {
		if edge.name() != "edges" {
			continue
		}
		for _, node := range x.op.children(edge, edge.def.Type.Name()) {
			if node.name() != "node" {
				continue
			}
			for i, v := range nodes {
				if !x.lineOf(node, v, mix(seed, uint64(i)+1)) {
					return false
				}
			}
		}
	}
	return true
}

// lineOf writes one node.
func (x *execution) lineOf(s *selection, v any, seed uint64) bool {
	obj, ok := asObject(v)
	if !ok {
		return true
	}
	concrete, err := x.op.engine.concreteType(x.op.engine.schema.Types[s.def.Type.Name()], obj)
	if err != nil {
		x.errs = append(x.errs, x.report(s, err))
		return true
	}
	parent, buf := x.line, x.buf
	x.line, x.buf = &BulkLine{}, nil
	written := x.object(concrete, obj, identity(obj, seed, s), x.op.children(s, concrete), nil)
	if written {
		x.line.JSON = x.buf
		parent.Children = append(parent.Children, x.line)
	}
	x.line, x.buf = parent, buf
	return x.fatal == nil
}

// allNodes are the elements of a connection value, before paging.
func allNodes(value any) ([]any, bool) {
	switch v := value.(type) {
	case nil:
		return nil, false
	case Connection:
		return v.Nodes, true
	case *Connection:
		return v.Nodes, true
	}
	if obj, ok := asObject(value); ok {
		return asSlice(obj["nodes"])
	}
	return asSlice(value)
}

// WithParent is the line as it stands in the file: with the parent's id, if it
// has a parent.
func (l *BulkLine) WithParent(parent *BulkLine) []byte {
	if parent == nil {
		return l.JSON
	}
	var p struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(parent.JSON, &p) // bulkCheck has seen to it that it is selected
	id, _ := json.Marshal(p.ID)         //nolint:errchkjson // a string always marshals
	out := append([]byte{}, l.JSON[:len(l.JSON)-1]...)
	if len(out) > 1 {
		out = append(out, ',')
	}
	return append(append(append(out, `"__parentId":`...), id...), '}')
}

// Roots parses a document with one operation and returns whether it is a
// mutation and which root fields it has, without looking at variables.
func (e *Engine) Roots(document string) (mutation bool, roots []string, problem *Error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "query", Input: document}, maxTokens)
	if err != nil {
		return false, nil, syntaxError(err)
	}
	if errs := e.validate(doc); errs != nil {
		return false, nil, errs[0]
	}
	def, problem := chooseOperation(doc, "")
	if problem != nil {
		return false, nil, problem
	}
	root := e.schema.Query
	if def.Operation == ast.Mutation {
		mutation, root = true, e.schema.Mutation
	}
	op := &Operation{engine: e, root: root}
	for _, s := range op.collect(root.Name, def.SelectionSet) {
		roots = append(roots, s.name())
	}
	return mutation, roots, nil
}
