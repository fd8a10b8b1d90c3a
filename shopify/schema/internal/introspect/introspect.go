// Package introspect reads Shopify's published introspection results and
// prints what the schema package embeds.
//
// Shopify's files carry more than GraphQL's introspection does: the access
// scopes that a type or field needs (as prose), which GID types an ID argument
// takes, and which fields hold a customer's personal data.
package introspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Schema is the introspection result of one API.
type Schema struct {
	QueryType, MutationType, SubscriptionType *Named

	Types      []Type
	Directives []Directive
}

// Named is a reference by name.
type Named struct{ Name string }

// Type is a type definition.
type Type struct {
	Kind           string // SCALAR, OBJECT, INTERFACE, UNION, ENUM, INPUT_OBJECT
	Name           string
	SpecifiedByURL *string
	IsOneOf        *bool
	Fields         []Field
	InputFields    []Value
	Interfaces     []Named
	EnumValues     []EnumValue
	PossibleTypes  []Named

	RequiredAccess string
}

// Field is a field of an object or interface.
type Field struct {
	Name         string
	Description  string
	Args         []Value
	Type         *TypeRef
	IsDeprecated bool

	RequiredAccess   string
	IsProtected      bool
	ProtectedContent string // name, address, phone, email
	ProtectedSubject string // customer
}

// Value is an argument or an input field.
type Value struct {
	Name         string
	Type         *TypeRef
	DefaultValue *string // a GraphQL literal
	IsDeprecated bool

	GIDTypes []string
}

// EnumValue is one value of an enum.
type EnumValue struct {
	Name         string
	IsDeprecated bool
}

// Directive is a directive definition.
type Directive struct {
	Name         string
	IsRepeatable bool
	Locations    []string
	Args         []Value
}

// TypeRef is a type with its list and non-null wrappers.
type TypeRef struct {
	Kind   string
	Name   string
	OfType *TypeRef
}

// String returns the reference in SDL, "[ID!]!".
func (r *TypeRef) String() string {
	switch {
	case r == nil:
		return ""
	case r.Kind == "NON_NULL":
		return r.OfType.String() + "!"
	case r.Kind == "LIST":
		return "[" + r.OfType.String() + "]"
	default:
		return r.Name
	}
}

// Decode reads an introspection result: {"data":{"__schema":…}} or the
// "__schema" object's parent alone.
func Decode(r io.Reader) (*Schema, error) {
	var doc struct {
		Data struct {
			Schema *Schema `json:"__schema"`
		}
		Schema *Schema `json:"__schema"`
		Errors json.RawMessage
	}
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	s := doc.Data.Schema
	if s == nil {
		s = doc.Schema
	}
	if s == nil || s.QueryType == nil || len(s.Types) == 0 {
		return nil, errors.New("introspect: not an introspection result")
	}
	return s, nil
}

// Query is the introspection query for a live endpoint. Such an endpoint
// answers with the schema alone, without access scopes and protected fields.
const Query = `query IntrospectionQuery {
  __schema {
    queryType { name }
    mutationType { name }
    subscriptionType { name }
    types { ...FullType }
    directives { name isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { name }
  enumValues(includeDeprecated: true) { name isDeprecated }
  possibleTypes { name }
}
fragment InputValue on __InputValue { name type { ...TypeRef } defaultValue isDeprecated }
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
}`
