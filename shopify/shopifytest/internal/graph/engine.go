package graph

import (
	"context"
	"encoding/json"
)

// An Engine executes operations against one schema. It is immutable and safe
// for concurrent use.
type Engine struct{}

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
	// ACCESS_DENIED. If nil, everything is allowed.
	Access func(parentType, field, namedType string) (requiredAccess string)
}

// A Response is the answer to a [Request]; it marshals as Shopify's body
// without extensions.cost, which the caller adds.
type Response struct {
	// Data is the JSON of "data": absent (nil) where the operation did not run.
	Data json.RawMessage
	// Errors is empty when all went well.
	Errors []*Error
	// Extensions of the response, such as search warnings. May be nil.
	Extensions map[string]any
	// RequestedCost is what the operation was expected to cost, in points. It is
	// known for valid operations only, else 0.
	RequestedCost int
	// ActualCost is what the operation did cost; 0 where it did not run.
	ActualCost int
	// Ran reports whether execution began.
	Ran bool
}

// New parses the schema.
func New(sdl string, opts *Options) (*Engine, error) { panic("soon") }

// An Operation is a valid operation with coerced variables, ready to run.
type Operation struct {
	// Name of the operation; may be empty.
	Name string
	// Mutation tells a mutation from a query.
	Mutation bool
	// RootFields are the names (not aliases) of the root fields, in order.
	RootFields []string
	// RequestedCost in points.
	RequestedCost int
}

// Prepare parses and validates. Exactly one result is non-nil: the operation,
// or the errors, which fill a response without data.
func (e *Engine) Prepare(req Request) (*Operation, []*Error) { panic("soon") }

// Execute runs the operation.
func (op *Operation) Execute(ctx context.Context, r Resolver) *Response { panic("soon") }

// Execute prepares and runs the operation.
func (e *Engine) Execute(ctx context.Context, req Request, r Resolver) *Response { panic("soon") }

type execution struct{}
