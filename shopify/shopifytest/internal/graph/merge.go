package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxMergeWork bounds the comparison of fields with the same response key, in
// fields looked at.
const maxMergeWork = 1_000_000

// A merger checks that fields with the same response key can be one: rule
// FieldsInSetCanMerge of https://spec.graphql.org/draft/#sec-Field-Selection-Merging.
// Instead of comparing all pairs it compares groups, and each group once, so
// that repeated fields and fragments stay cheap. The document is otherwise valid.
type merger struct {
	engine *Engine
	done   map[string]bool
	work   int
	err    *Error
}

// A placed field is one with the type that it is selected on.
type placed struct {
	*ast.Field
	parent *ast.Definition
	def    *ast.FieldDefinition
}

// merges returns the first conflict of the operation, or nil.
func (e *Engine) merges(op *ast.OperationDefinition) *Error {
	root := e.schema.Query
	if op.Operation == ast.Mutation {
		root = e.schema.Mutation
	}
	m := merger{engine: e, done: map[string]bool{}}
	fields := m.expand(nil, root, op.SelectionSet, map[string]bool{})
	m.shapes(fields)
	m.same(fields)
	return m.err
}

// expand appends the fields of a selection set and its fragments.
func (m *merger) expand(out []placed, parent *ast.Definition, set ast.SelectionSet, seen map[string]bool) []placed {
	for _, sel := range set {
		if m.work++; m.work > maxMergeWork {
			m.err = &Error{Message: "This query is too large to execute."}
		}
		if m.err != nil {
			return nil
		}
		switch sel := sel.(type) {
		case *ast.Field:
			def := typenameDefinition
			if sel.Name != typenameField {
				def = m.engine.field(parent.Name, sel.Name)
			}
			out = append(out, placed{sel, parent, def})
		case *ast.InlineFragment:
			inner := parent
			if sel.TypeCondition != "" {
				inner = m.engine.schema.Types[sel.TypeCondition]
			}
			out = m.expand(out, inner, sel.SelectionSet, seen)
		case *ast.FragmentSpread:
			if !seen[sel.Name] {
				seen[sel.Name] = true
				out = m.expand(out, m.engine.schema.Types[sel.Definition.TypeCondition], sel.Definition.SelectionSet, seen)
			}
		}
	}
	return out
}

// below returns what is selected on the values of the fields.
func (m *merger) below(fields []placed) []placed {
	var out []placed
	seen := map[string]bool{}
	for _, f := range fields {
		if len(f.SelectionSet) > 0 {
			out = m.expand(out, m.engine.schema.Types[f.def.Type.Name()], f.SelectionSet, seen)
		}
	}
	return out
}

// first reports whether the fields have not been through this step before.
func (m *merger) first(step string, fields []placed) bool {
	key := []byte(step)
	for _, f := range fields {
		key = fmt.Appendf(key, "%p,", f.Field)
	}
	again := m.done[string(key)]
	m.done[string(key)] = true
	return !again && m.err == nil
}

// byKey groups fields by response key, in order.
func byKey(fields []placed) [][]placed {
	var out [][]placed
	at := map[string]int{}
	for _, f := range fields {
		i, ok := at[f.Alias]
		if !ok {
			i = len(out)
			at[f.Alias] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

// shapes checks that values under one response key have one shape, whichever
// type they are of.
func (m *merger) shapes(fields []placed) {
	for _, group := range byKey(fields) {
		if !m.first("shape ", group) {
			continue
		}
		for _, f := range group[1:] {
			if !m.sameShape(group[0].def.Type, f.def.Type) {
				m.conflict("a return_type", group[0], f, group[0].def.Type.String(), f.def.Type.String())
				return
			}
		}
		m.shapes(m.below(group))
	}
}

func (m *merger) sameShape(a, b *ast.Type) bool {
	if a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return m.sameShape(a.Elem, b.Elem)
	}
	if a.NamedType == b.NamedType {
		return true
	}
	types := m.engine.schema.Types
	return types[a.NamedType].IsCompositeType() && types[b.NamedType].IsCompositeType()
}

// same checks that fields that one object can have under one response key are
// the same field with the same arguments.
func (m *merger) same(fields []placed) {
	for _, group := range byKey(fields) {
		if !m.first("same ", group) {
			continue
		}
		for _, rivals := range byParent(group) {
			args := argumentText(rivals[0].Field)
			for _, f := range rivals[1:] {
				if f.Name != rivals[0].Name {
					m.conflict("a field", rivals[0], f, rivals[0].Name, f.Name)
					return
				}
				if text := argumentText(f.Field); text != args {
					m.conflict("an argument", rivals[0], f, args, text)
					return
				}
			}
			m.same(m.below(rivals))
		}
	}
}

// byParent groups fields that one object can have: those on each object type,
// each with those on all abstract types.
func byParent(fields []placed) [][]placed {
	var abstract []placed
	var names []string
	concrete := map[string][]placed{}
	for _, f := range fields {
		if f.parent.Kind != ast.Object {
			abstract = append(abstract, f)
			continue
		}
		if concrete[f.parent.Name] == nil {
			names = append(names, f.parent.Name)
		}
		concrete[f.parent.Name] = append(concrete[f.parent.Name], f)
	}
	if names == nil {
		return [][]placed{abstract}
	}
	out := make([][]placed, len(names))
	for i, name := range names {
		out[i] = append(slices.Clone(abstract), concrete[name]...)
	}
	return out
}

func argumentText(f *ast.Field) string {
	parts := make([]string, len(f.Arguments))
	for i, a := range f.Arguments {
		parts[i] = a.Name + ":" + a.Value.String()
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

func (m *merger) conflict(kind string, a, b placed, what ...string) {
	if m.err != nil {
		return
	}
	slices.Sort(what)
	conflicts := strings.Join(what, " or ")
	m.err = &Error{
		Message:    fmt.Sprintf("Field '%s' has %s conflict: %s?", a.Alias, kind, conflicts),
		Locations:  []Location{location(a.Position), location(b.Position)},
		Extensions: map[string]any{"code": "fieldConflict", "fieldName": a.Alias, "conflicts": conflicts},
	}
}
