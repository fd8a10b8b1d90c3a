package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Shopify's charges, in points: an object 1, a scalar nothing, a connection
// connectionBase and a share per element that grows slower than their number, a
// mutation mutationBase with the plain objects of its payload.
// https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits
const (
	maxCost        = 1_000
	connectionBase = 2
	mutationBase   = 10
	maxPage        = 250
)

// maxSelections bounds the work on documents whose fragments multiply.
const maxSelections = 30_000

const costDocumentation = "https://shopify.dev/api/usage/limits#rate-limits"

// share is what n elements of a connection cost where each costs one point. The
// figures that it fits have been measured: 1→1, 2→1, 3→2, 5→3, 10→4, 20→5,
// 50→7, 100→9, 250→11.
func share(n int) int {
	if n <= 0 {
		return 0
	}
	return max(1, int(2*math.Log(float64(n))))
}

// charge computes the requested cost and refuses what is too much.
func (op *Operation) charge() []*Error {
	m := meter{op: op}
	for _, s := range op.fields {
		m.path = append(m.path[:0], s.key)
		if op.Mutation && s.name() != typenameField {
			m.total(mutationBase)
			op.RequestedCost += mutationBase + m.field(s, true)
		} else {
			op.RequestedCost += m.field(s, false)
		}
	}
	switch {
	case m.errs != nil:
		return m.errs
	case op.RequestedCost > maxCost || m.selections > maxSelections:
		return []*Error{{
			Message: fmt.Sprintf("Query cost is %d, which exceeds the single query max cost limit (%d).\n\n"+
				"See %s for more information on how the\ncost of a query is calculated.", op.RequestedCost, maxCost, costDocumentation),
			Extensions: map[string]any{
				"code": "MAX_COST_EXCEEDED", "cost": op.RequestedCost, "maxCost": maxCost, "documentation": costDocumentation,
			},
		}}
	}
	return nil
}

// A meter adds up the requested cost.
type meter struct {
	op         *Operation
	path       []any
	selections int
	errs       []*Error
}

// total saturates, so that hostile nesting cannot overflow.
func (m *meter) total(costs ...int) int {
	sum := 0
	for _, c := range costs {
		sum = min(sum+c, math.MaxInt32)
	}
	return sum
}

// field returns the cost of a field with all below it. Objects are free directly
// below a mutation's payload.
func (m *meter) field(s *selection, free bool) int {
	m.selections++
	if m.selections > maxSelections || m.errs != nil {
		return maxCost + 1
	}
	if s.def.Directives.ForName("deprecated") != nil {
		m.op.Deprecated = true
	}
	args := m.arguments(s)
	def := m.op.engine.schema.Types[s.def.Type.Name()]
	if def == nil || !def.IsCompositeType() || strings.HasPrefix(s.name(), "__") {
		return 0
	}
	if isConnection(s.def) {
		return m.connection(s, def.Name, pageSize(args))
	}
	below := m.dearest(s, def, free)
	if free {
		return below
	}
	return m.total(1, below)
}

func (m *meter) arguments(s *selection) map[string]any {
	args, err := m.op.arguments(s)
	if err != nil {
		return nil // reported when the field is executed
	}
	for _, name := range slices.Sorted(mapKeys(args)) {
		m.sizes(args[name], append(slices.Clone(m.path), name), inputLimit(s.name()), s)
	}
	return args
}

// connection multiplies what one element costs.
func (m *meter) connection(s *selection, typeName string, n int) int {
	var nodes, edges, others int
	both := 0
	for _, c := range m.op.children(s, typeName) {
		switch c.name() {
		case "nodes":
			nodes = m.element(c)
			both++
		case "edges":
			edges = m.edge(c)
			both++
		case "pageInfo":
		default:
			others = m.total(others, m.descend(c, false))
		}
	}
	element := max(nodes, edges)
	extra := 0
	if both == 2 && n == 2 {
		extra = 1 // measured
	}
	if element == 0 && both > 0 {
		element = 1
	}
	return m.total(connectionBase, min(share(n)*element, math.MaxInt32), others, extra)
}

func (m *meter) element(c *selection) int { return m.descend(c, false) }

func (m *meter) edge(c *selection) int {
	cost := 0
	for _, f := range m.op.children(c, c.def.Type.Name()) {
		cost = m.total(cost, m.descend(f, false))
	}
	return cost
}

func (m *meter) descend(c *selection, free bool) int {
	m.path = append(m.path, c.key)
	cost := m.field(c, free)
	m.path = m.path[:len(m.path)-1]
	return cost
}

// dearest returns the cost of the selections on the type; for an abstract type
// on the dearest of those concrete types that the document tells apart.
func (m *meter) dearest(s *selection, def *ast.Definition, free bool) int {
	if !def.IsAbstractType() {
		return m.sum(s, def.Name, free)
	}
	dearest := 0
	for _, name := range m.op.representatives(s, def.Name) {
		dearest = max(dearest, m.sum(s, name, free))
	}
	return dearest
}

func (m *meter) sum(s *selection, typeName string, free bool) int {
	cost := 0
	for _, c := range m.op.children(s, typeName) {
		cost = m.total(cost, m.descend(c, free))
	}
	return cost
}

// representatives returns one concrete type for each set of type conditions
// under the selection that a possible type can meet.
func (op *Operation) representatives(s *selection, abstract string) []string {
	var conditions []string
	seen := map[string]bool{}
	var scan func(ast.SelectionSet)
	scan = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.InlineFragment:
				conditions = append(conditions, sel.TypeCondition)
				scan(sel.SelectionSet)
			case *ast.FragmentSpread:
				if !seen[sel.Name] {
					seen[sel.Name] = true
					conditions = append(conditions, sel.Definition.TypeCondition)
					scan(sel.Definition.SelectionSet)
				}
			}
		}
	}
	for _, n := range s.nodes {
		scan(n.SelectionSet)
	}
	slices.Sort(conditions)
	conditions = slices.Compact(conditions)
	var out []string
	known := map[string]bool{}
	for _, name := range op.engine.concrete[abstract] {
		met := make([]byte, len(conditions))
		for i, c := range conditions {
			if op.engine.is(name, c) {
				met[i] = 1
			}
		}
		if !known[string(met)] {
			known[string(met)] = true
			out = append(out, name)
		}
	}
	return out
}

// pageSize returns how many elements the arguments ask for.
func pageSize(args map[string]any) int {
	for _, name := range []string{"first", "last"} {
		if n, ok := args[name].(int); ok {
			return min(max(n, 0), maxPage)
		}
	}
	return 1
}

// inputLimit returns the longest input list of a root field.
func inputLimit(field string) int {
	switch {
	case field == "productSet":
		return 2_048
	case strings.HasPrefix(field, "draftOrder"):
		return 499
	}
	return 250
}

// sizes reports lists that are too long.
func (m *meter) sizes(v any, path []any, limit int, s *selection) {
	switch v := v.(type) {
	case []any:
		if len(v) > limit {
			m.errs = append(m.errs, &Error{
				Message:    fmt.Sprintf("The input array size of %d is greater than the maximum allowed of %d.", len(v), limit),
				Locations:  []Location{location(s.nodes[0].Position)},
				Path:       path,
				Extensions: map[string]any{"code": "MAX_INPUT_SIZE_EXCEEDED"},
			})
			return
		}
		for i, x := range v {
			m.sizes(x, append(slices.Clone(path), i), limit, s)
		}
	case map[string]any:
		for _, name := range slices.Sorted(mapKeys(v)) {
			m.sizes(v[name], append(slices.Clone(path), name), limit, s)
		}
	}
}
