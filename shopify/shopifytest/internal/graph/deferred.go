package graph

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// deferDirective puts a fragment off. The Storefront API has it, as the
// specification's proposal of August 2022 describes it.
// https://shopify.dev/docs/storefronts/headless/building-with-the-storefront-api/defer
const deferDirective = "defer"

var definesDefer = regexp.MustCompile(`(?m)^directive @defer\b`)

// A Part is what a deferred fragment adds to a [Response].
type Part struct {
	// Data is the JSON of the fragment; null where a field that must not be null is.
	Data json.RawMessage `json:"data"`
	// Path is the place of the object that the fragment is on.
	Path []any `json:"path"`
	// Label is the directive's; may be empty.
	Label  string   `json:"label,omitempty"`
	Errors []*Error `json:"errors,omitempty"`
}

// A deferral is one use of the directive on one object.
type deferral struct{ label string }

// suffix tells deferred uses of a fragment from others.
func (d *deferral) suffix() string {
	if d == nil {
		return ""
	}
	return " " + d.label
}

// deferral returns the directive among others, or nil.
func (op *Operation) deferral(directives ast.DirectiveList) *deferral {
	d := directives.ForName(deferDirective)
	if d == nil {
		return nil
	}
	args, err := op.argumentMap(op.engine.schema.Directives[deferDirective].Arguments, d.Arguments)
	if condition, given := args["if"].(bool); err != nil || given && !condition {
		return nil
	}
	label, _ := args["label"].(string)
	return &deferral{label}
}

// postponed is a deferred fragment on one object.
type postponed struct {
	what     *deferral
	path     []any
	typeName string
	obj      Object
	seed     uint64
	fields   []*selection
}

// postpone queues the deferred fragments among the fields of an object.
func (x *execution) postpone(typeName string, obj Object, seed uint64, fields []*selection) {
	own := len(x.later)
	for _, s := range fields {
		if s.later == nil || slices.ContainsFunc(x.later[own:], func(p *postponed) bool { return p.what == s.later }) {
			continue
		}
		x.later = append(x.later, &postponed{s.later, slices.Clone(x.path), typeName, obj, seed, fields})
	}
}

// deferred executes the fragments that were put off, and those in them.
func (x *execution) deferred() []Part {
	var out []Part
	for len(x.later) > 0 && x.fatal == nil {
		p := x.later[0]
		x.later = x.later[1:]
		x.buf, x.errs, x.path = nil, nil, slices.Clone(p.path)
		if !x.object(p.typeName, p.obj, p.seed, p.fields, p.what) {
			x.buf = append(x.buf[:0], "null"...)
		}
		if p.path == nil {
			p.path = []any{}
		}
		out = append(out, Part{Data: x.buf, Path: p.path, Label: p.what.label, Errors: x.errs})
	}
	return out
}
