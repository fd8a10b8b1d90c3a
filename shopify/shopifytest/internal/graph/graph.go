// Package graph executes GraphQL operations against a schema, with whatever
// data there is.
//
// It is the engine of the simulated shop. An [Engine] holds a parsed schema; a
// [Resolver] supplies the stored part of the world; every field that nobody
// supplies gets a schema-true value: of the right type, non-null where the
// schema says so, a real enum value, a Shopify-formed ID, date or amount, and
// the same value each time for the same object and field. So any operation that
// the schema allows can be executed.
//
// Execution has two steps, because Shopify charges for an operation before it
// runs: [Engine.Prepare] parses, validates, coerces variables and computes the
// requested query cost; [Operation.Execute] runs it. [Engine.Execute] does
// both. Nothing here knows HTTP, tokens or throttling.
//
// Errors have the shapes that Shopify sends, listed at
// https://shopify.dev/docs/api/usage/response-codes.
package graph

import "context"

// An Object is a stored GraphQL object: field names to values. It may hold a
// part of its type's fields; the rest is resolved or generated.
//
// The key "__typename" names the concrete type. It may be left out where the
// field's declared type is an object type, or where "id" is a global ID whose
// type is one of the possible types. The key [Closed] turns generation off.
//
// Values are nil, string, bool, any integer, float64, [encoding/json.Number],
// [time.Time], [fmt.Stringer] (decimals), Object, [List], []any, []string,
// []Object, [Connection] or [Func]. The engine only reads objects, also after a resolver
// returned them and until the execution ends.
type Object map[string]any

// Closed is the key of an [Object] whose absent fields are null (or the empty
// list, where null is not allowed) and neither resolved nor generated. Payloads
// of refused mutations are closed.
const Closed = "__closed"

// Stored is the key of an [Object] that stands for a stored thing. Fields that
// neither it nor the resolver knows are null, or have no elements, where the
// schema allows that; only others are generated.
const Stored = "__stored"

// TypeName returns the object's "__typename", or "".
func (o Object) TypeName() string {
	name, _ := o["__typename"].(string)
	return name
}

// ID returns the object's "id", or "".
func (o Object) ID() string {
	id, _ := o["id"].(string)
	return id
}

// A List is the value of a list field or of a connection field. For a
// connection the engine pages it: arguments first, last, after, before and
// reverse; edges, nodes, pageInfo and cursors. The list is in ascending order;
// filtering and sorting are the resolver's work.
type List []Object

// A Connection is a [List] whose connection object has more fields than
// Shopify's usual three, or whose nodes are not objects.
type Connection struct {
	// Nodes are the elements, before paging.
	Nodes []any
	// Fields are further fields of the connection object, such as totalCount.
	Fields Object
	// Edge returns further fields of a node's edge. If nil, there are none.
	Edge func(node any) Object
}

// A Func computes a field when it is asked for.
type Func func(*Call) (any, error)

// A Call is one field to be resolved.
type Call struct {
	// Context is the request's.
	Context context.Context
	// Parent is the object that has the field. Empty, not nil, for root fields.
	Parent Object
	// ParentType and Field name the field: "Order", "lineItems".
	ParentType, Field string
	// Args are the coerced arguments, with the schema's defaults. An argument
	// that was not given and has no default is absent; one given as null is nil.
	// Enums, IDs and Shopify's string-like scalars (Decimal, DateTime, …) are
	// string, Int is int, Float is float64, JSON is any JSON value, lists are
	// []any, input objects are map[string]any. The callee owns the maps.
	Args map[string]any
	// Directives are the field's directives with their arguments, such as
	// Directives["idempotent"]["key"]. @skip and @include are left out.
	Directives map[string]map[string]any
	// Path is the place in the response: field aliases (string) and list
	// positions (int).
	Path []any

	exec *execution
}

// A Resolver supplies stored values.
type Resolver interface {
	// Resolve returns the value of a field. It is asked for every field of the
	// two root types and for each field that its Object does not hold. If it
	// does not handle the field, the engine generates a value. An error makes
	// the field null; an *[Error] appears in the response as it is, any other
	// error as INTERNAL_SERVER_ERROR. Root fields of a mutation are resolved
	// one after the other in the order of the document, and so are all others:
	// one execution calls from one goroutine.
	Resolve(*Call) (value any, handled bool, err error)
}

// A Refuser is a [Resolver] that may refuse fields before they are resolved, also those that an [Object] holds.
type Refuser interface {
	Resolver
	// Refuse returns nil or an error that makes the field null, as one of Resolve does. The path, as in [Call], is
	// valid during the call.
	Refuse(parentType, field string, path []any) error
}

// A ResolverFunc is a function as a [Resolver].
type ResolverFunc func(*Call) (value any, handled bool, err error)

// Resolve calls f.
func (f ResolverFunc) Resolve(c *Call) (any, bool, error) { return f(c) }
