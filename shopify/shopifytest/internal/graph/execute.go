package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxFields is how many fields one execution may answer. Query cost keeps
// ordinary operations far below; it bounds plain lists within plain lists.
const maxFields = 400_000

// maxErrors is how many errors of one execution are told.
const maxErrors = 1_000

// An execution is one run of an operation.
type execution struct {
	op       *Operation
	ctx      context.Context //nolint:containedctx // it lives as long as the call that got it
	resolver Resolver
	refuser  Refuser // the resolver, if it is one
	buf      []byte
	path     []any
	errs     []*Error
	causes   []error
	search   []SearchWarning
	cost     float64
	// connections is how many connections are open around the current field.
	connections int
	fields      int
	fatal       *Error
	// later are the fragments that wait for the rest to be done.
	later []*postponed
	// line is what a bulk query is writing; nil in other executions.
	line *BulkLine
}

// Execute runs the operation. It returns when it is done or ctx ends; in the
// latter case the response has no data.
func (op *Operation) Execute(ctx context.Context, r Resolver) *Response {
	x := &execution{op: op, ctx: ctx, resolver: r}
	x.refuser, _ = r.(Refuser)
	if !x.object(op.root.Name, Object{typenameField: op.root.Name}, seedOf(op.root.Name), op.fields, nil) {
		x.buf = append(x.buf[:0], "null"...)
	}
	resp := &Response{Data: json.RawMessage(x.buf), Errors: x.errs}
	resp.Deferred = x.deferred()
	if x.fatal != nil {
		return &Response{Errors: []*Error{x.fatal}, Causes: x.causes}
	}
	resp.ActualCost, resp.Causes = min(int(x.cost+0.999), op.RequestedCost), x.causes
	if x.search != nil {
		resp.Extensions = map[string]any{"search": x.search}
	}
	return resp
}

// object writes an object. It returns false, and nothing is written, where a
// field that must not be null is null. Of the fields only those are written that
// are due: at once, or with the fragment that has been deferred until now.
func (x *execution) object(typeName string, obj Object, seed uint64, fields []*selection, due *deferral) bool {
	start, waiting := len(x.buf), len(x.later)
	isRoot := typeName == x.op.root.Name
	x.buf = append(x.buf, '{')
	for _, s := range fields {
		if s.later != due {
			continue
		}
		if x.line != nil && isConnection(s.def) {
			if !x.lines(typeName, obj, seed, s) {
				x.rewind(start, waiting)
				return false
			}
			continue
		}
		if len(x.buf) > start+1 {
			x.buf = append(x.buf, ',')
		}
		x.buf = appendJSON(x.buf, s.key)
		x.buf = append(x.buf, ':')
		if isRoot && x.op.Mutation && s.name() != typenameField {
			x.cost += mutationBase
		}
		x.path = append(x.path, s.key)
		ok := x.field(typeName, obj, seed, s)
		x.path = x.path[:len(x.path)-1]
		if !ok || x.fatal != nil {
			x.rewind(start, waiting)
			return false
		}
	}
	x.buf = append(x.buf, '}')
	if due == nil {
		x.postpone(typeName, obj, seed, fields)
	}
	return true
}

// rewind takes back what was written and what was deferred since.
func (x *execution) rewind(start, waiting int) { x.buf, x.later = x.buf[:start], x.later[:waiting] }

// field writes the value of one field, or null. It returns false where null is
// not allowed.
func (x *execution) field(typeName string, obj Object, seed uint64, s *selection) bool {
	if x.exhausted() {
		return false
	}
	if s.name() == typenameField {
		x.buf = appendJSON(x.buf, typeName)
		return true
	}
	if x.op.req.Access != nil && !strings.HasPrefix(typeName, "__") {
		if required := x.op.req.Access(typeName, s.name(), s.def.Type.Name()); required != "" {
			return x.null(s, s.def.Type, AccessDenied(s.name(), required))
		}
	}
	if x.refuser != nil {
		if err := x.refuser.Refuse(typeName, s.name(), x.path); err != nil {
			return x.null(s, s.def.Type, err)
		}
	}
	value, err := x.value(typeName, obj, seed, s)
	if err != nil {
		return x.null(s, s.def.Type, err)
	}
	return x.complete(s, s.def.Type, value, seed)
}

// exhausted reports that the execution must end, and says why in x.fatal.
func (x *execution) exhausted() bool {
	x.fields++
	switch {
	case x.fatal != nil:
	case x.fields > maxFields && (x.line == nil || x.fields > maxBulkFields):
		x.fatal = NewError("INTERNAL_SERVER_ERROR", "This query is too large to execute.")
	case x.fields%64 == 1 && x.ctx.Err() != nil:
		x.fatal = NewError("TIMEOUT", "Timeout")
		x.causes = append(x.causes, context.Cause(x.ctx))
	}
	return x.fatal != nil
}

// null writes null for a value that could not be had, and the error. It returns
// false where null is not allowed.
func (x *execution) null(s *selection, t *ast.Type, err error) bool {
	if err != nil && len(x.errs) < maxErrors {
		x.errs = append(x.errs, x.report(s, err))
	}
	if t.NonNull {
		return false
	}
	x.buf = append(x.buf, "null"...)
	return true
}

// report makes an error of the response from an error of a field.
func (x *execution) report(s *selection, err error) *Error {
	known, ok := errors.AsType[*Error](err)
	if !ok {
		x.causes = append(x.causes, fmt.Errorf("%s.%s: %w", s.parent, s.name(), err))
		known = NewError("INTERNAL_SERVER_ERROR", "Internal error. Looks like something went wrong on our end.")
	}
	out := *known
	if out.Locations == nil {
		out.Locations = []Location{location(s.nodes[0].Position)}
	}
	if out.Path == nil {
		out.Path = slices.Clone(x.path)
	}
	return &out
}

const accessDocumentation = "https://shopify.dev/api/usage/access-scopes"

// AccessDenied returns the error of a field that needs another access scope; required is that in Shopify's words.
func AccessDenied(field, required string) *Error {
	return &Error{
		Message: "Access denied for " + field + " field. Required access: " + required,
		Extensions: map[string]any{
			"code": "ACCESS_DENIED", "documentation": accessDocumentation, "requiredAccess": required,
		},
	}
}

// value finds the value of a field: in the object, with the resolver, or
// generated.
func (x *execution) value(typeName string, obj Object, seed uint64, s *selection) (any, error) {
	stored, held := obj[s.name()]
	if held {
		if _, computed := stored.(Func); !computed && !isRootObject(x, typeName) {
			return stored, nil
		}
	}
	args, err := x.op.arguments(s)
	if err != nil {
		return nil, NewError("INVALID_FIELD_ARGUMENTS", err.Error())
	}
	call := &Call{
		Context: x.ctx, Parent: obj, ParentType: typeName, Field: s.name(), Args: args,
		Directives: x.op.directives(s), Path: slices.Clone(x.path), exec: x,
	}
	if fn, ok := stored.(Func); ok {
		return fn(call)
	}
	if v, ok := x.op.engine.introspect(call); ok {
		return v, nil
	}
	if closed, _ := obj[Closed].(bool); closed {
		return x.empty(s.def.Type), nil
	}
	if x.resolver != nil {
		if v, handled, err := x.resolver.Resolve(call); handled || err != nil {
			return v, err
		}
	}
	if stored, _ := obj[Stored].(bool); stored {
		if t := s.def.Type; !t.NonNull || t.Elem != nil || isConnection(s.def) {
			return x.absent(s), nil
		}
	}
	// The resolver may have used the arguments up.
	if args, err = x.op.arguments(s); err != nil {
		return nil, NewError("INVALID_FIELD_ARGUMENTS", err.Error())
	}
	return x.generate(s, obj, seed, args)
}

func isRootObject(x *execution, typeName string) bool { return typeName == x.op.root.Name }

// empty is the value of an absent field of a closed object.
func (x *execution) empty(t *ast.Type) any {
	if t.NonNull && t.Elem != nil {
		return []any{}
	}
	return nil
}

// absent is the value of a field that neither a stored object nor the resolver
// knows: null, or without elements.
func (x *execution) absent(s *selection) any {
	if s.def.Type.NonNull {
		return []any{}
	}
	return nil
}

// directives returns the field's directives with their arguments.
func (op *Operation) directives(s *selection) map[string]map[string]any {
	var out map[string]map[string]any
	for _, n := range s.nodes {
		for _, d := range n.Directives {
			if d.Name == "skip" || d.Name == "include" {
				continue
			}
			def := op.engine.schema.Directives[d.Name]
			args, err := op.argumentMap(def.Arguments, d.Arguments)
			if err != nil {
				continue
			}
			if out == nil {
				out = map[string]map[string]any{}
			}
			out[d.Name] = args
		}
	}
	return out
}

// appendJSON appends a string as JSON.
func appendJSON(buf []byte, s string) []byte {
	b, _ := json.Marshal(s) //nolint:errchkjson // a string always marshals
	return append(buf, b...)
}
