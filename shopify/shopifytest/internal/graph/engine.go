package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// An Engine executes operations against one schema. It is immutable and safe
// for concurrent use.
type Engine struct {
	schema   *ast.Schema
	opts     Options
	rules    *rules.Rules
	fields   map[string]map[string]*ast.FieldDefinition // by type and field, object and interface types
	possible map[string]map[string]bool                 // by abstract type: its object types
	concrete map[string][]string                        // the same, sorted
}

// Options of an [Engine].
type Options struct {
	// Currency is the value of generated CurrencyCode fields. If empty, USD.
	Currency string
	// ShopDomain is the host of generated URLs. If empty,
	// simulated.myshopify.com.
	ShopDomain string
}

// A Request is a GraphQL request.
type Request struct {
	// Query is the text of the document.
	Query string
	// OperationName chooses one of several operations in the document.
	OperationName string
	// Variables as decoded from JSON. Numbers may be json.Number or float64.
	Variables map[string]any
	// Access is asked before each field is resolved, with the field's named
	// type (unwrapped). A non-empty answer is the scope that is missing, as
	// Shopify puts it ("`read_orders` access scope."), and makes the field
	// ACCESS_DENIED. Where the type is abstract, it is asked again with the
	// object's own type. If nil, everything is allowed.
	Access func(parentType, field, namedType string) (requiredAccess string)
}

// A Response is the answer to a [Request]; it marshals as Shopify's body
// without extensions.cost, which the caller adds.
type Response struct {
	// Data is the JSON of "data"; nil where the operation did not run.
	Data json.RawMessage
	// Errors is empty when all went well.
	Errors []*Error
	// Extensions of the response, such as search warnings. May be nil.
	Extensions map[string]any
	// Deferred are the parts that come later, in order. Nil where nothing is
	// deferred.
	Deferred []Part
	// ActualCost is what the operation did cost, in points; 0 where it did not
	// run. It is never more than [Operation.RequestedCost].
	ActualCost int
	// Causes are the errors behind INTERNAL_SERVER_ERROR entries: mistakes of
	// the resolver. They are not part of the body.
	Causes []error
}

// MarshalJSON writes data, errors and extensions, in this order, those that there are.
func (r *Response) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Data       json.RawMessage `json:"data,omitempty"`
		Errors     []*Error        `json:"errors,omitempty"`
		Extensions map[string]any  `json:"extensions,omitempty"`
	}{r.Data, r.Errors, r.Extensions})
}

// New parses the schema. It takes tens of milliseconds for Shopify's Admin
// schema; make one engine per process and schema.
func New(sdl string, opts *Options) (*Engine, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("graph: schema: %w", err)
	}
	if !definesDefer.MatchString(sdl) {
		delete(schema.Directives, deferDirective) // gqlparser's own; the Admin API has none
	}
	e := &Engine{
		schema:   schema,
		rules:    specifiedRules(),
		fields:   make(map[string]map[string]*ast.FieldDefinition, len(schema.Types)),
		possible: map[string]map[string]bool{},
		concrete: map[string][]string{},
	}
	if opts != nil {
		e.opts = *opts
	}
	if e.opts.Currency == "" {
		e.opts.Currency = "USD"
	}
	if e.opts.ShopDomain == "" {
		e.opts.ShopDomain = "simulated.myshopify.com"
	}
	for name, def := range schema.Types {
		switch def.Kind {
		case ast.Object, ast.Interface:
			byName := make(map[string]*ast.FieldDefinition, len(def.Fields))
			for _, f := range def.Fields {
				byName[f.Name] = f
			}
			e.fields[name] = byName
		}
		if def.IsAbstractType() {
			set := map[string]bool{}
			for _, t := range schema.PossibleTypes[name] {
				if t.Kind == ast.Object && !set[t.Name] {
					set[t.Name] = true
					e.concrete[name] = append(e.concrete[name], t.Name)
				}
			}
			slices.Sort(e.concrete[name])
			e.possible[name] = set
		}
	}
	return e, nil
}

// field returns the definition of a field of an object or interface type, or nil.
func (e *Engine) field(typeName, field string) *ast.FieldDefinition {
	return e.fields[typeName][field]
}

// is reports whether objects of type name satisfy the type condition.
func (e *Engine) is(name, condition string) bool {
	return condition == "" || name == condition || e.possible[condition][name]
}

// isConnection reports whether the field is a connection of Shopify's kind.
func isConnection(f *ast.FieldDefinition) bool {
	return f.Type.Elem == nil && strings.HasSuffix(f.Type.NamedType, "Connection") &&
		f.Arguments.ForName("first") != nil
}

// Execute prepares and runs the operation.
func (e *Engine) Execute(ctx context.Context, req Request, r Resolver) *Response {
	op, errs := e.Prepare(req)
	if errs != nil {
		return &Response{Errors: errs}
	}
	return op.Execute(ctx, r)
}
