// Package schema holds Shopify's Admin and Storefront GraphQL schemas of API
// version 2026-10, pinned, and what Shopify publishes about them beyond
// GraphQL: which access scopes a type or field needs, which fields hold a
// customer's personal data, and which GID types an ID argument takes.
//
// Start with [Admin] or [Storefront]. A program that lists the scopes of a
// mutation:
//
//	access, _ := schema.Admin().Access("Mutation.orderUpdate")
//	fmt.Println(access.AllOf) // [[write_orders write_marketplace_orders …]]
//
// Places are named by schema coordinates: "Order", "Order.email",
// "QueryRoot.order(id:)", "OrderInput.id"; the root types are QueryRoot and
// Mutation.
//
// The source is Shopify's published introspection
// (https://shopify.dev/docs/api/admin-graphql, see the NOTICE file); run
// "go generate ./shopify/schema" to refresh it, which is the only thing here
// that uses the network. The packaged introspection may lag behind the live
// API by a few fields.
//
// Everything is immutable and safe for concurrent use; nothing fails at run
// time. The tables are versioned with the module: a new API version changes
// their content, not their shape.
package schema

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/posai-go/posai/shopify/schema/internal/tables"
)

//go:generate go run ./internal/gen

//go:embed admin.graphql.gz
var adminSDL []byte

//go:embed storefront.graphql.gz
var storefrontSDL []byte

// Schema is one pinned GraphQL schema. It is immutable.
type Schema struct {
	table *tables.Table
	sdl   func() string
}

var (
	admin      = &Schema{&tables.Admin, sync.OnceValue(func() string { return unpack(adminSDL) })}
	storefront = &Schema{&tables.Storefront, sync.OnceValue(func() string { return unpack(storefrontSDL) })}
)

// Admin returns the schema of the Admin API.
func Admin() *Schema { return admin }

// Storefront returns the schema of the Storefront API. Its access scopes are
// the unauthenticated ones; it marks no protected fields and no GID types.
func Storefront() *Schema { return storefront }

// Version returns the API version, "2026-10".
func (s *Schema) Version() string { return s.table.Version }

// SDL returns the schema in the schema definition language, without
// descriptions, sorted by name. It is unpacked on the first call (about 750 kB
// for Admin) and kept.
func (s *Schema) SDL() string { return s.sdl() }

// Access returns what an app needs to use the type or field at a coordinate;
// ok is false when Shopify states nothing there. A field that states nothing
// still needs what its parent type and its own type need.
func (s *Schema) Access(coordinate string) (access Access, ok bool) {
	i, ok := slices.BinarySearchFunc(s.table.Access, coordinate, func(a tables.Access, at string) int {
		return strings.Compare(a.At, at)
	})
	if !ok {
		return Access{}, false
	}
	return accessOf(&s.table.Prose[s.table.Access[i].Prose]), true
}

// Accesses yields every coordinate that states an access requirement, sorted.
func (s *Schema) Accesses() iter.Seq2[string, Access] {
	return func(yield func(string, Access) bool) {
		for _, a := range s.table.Access {
			if !yield(a.At, accessOf(&s.table.Prose[a.Prose])) {
				return
			}
		}
	}
}

// Protected says whether the field at a coordinate holds a customer's personal
// data; Shopify shows it only to apps with approved access.
// Source: https://shopify.dev/docs/apps/launch/protected-customer-data
func (s *Schema) Protected(coordinate string) (field ProtectedField, ok bool) {
	i, ok := slices.BinarySearchFunc(s.table.Protected, coordinate, func(p tables.Protected, at string) int {
		return strings.Compare(p.At, at)
	})
	if !ok {
		return ProtectedField{}, false
	}
	p := s.table.Protected[i]
	return ProtectedField{p.At, p.Content, p.Subject}, true
}

// ProtectedFields returns all fields that hold customers' personal data,
// sorted by coordinate.
func (s *Schema) ProtectedFields() []ProtectedField {
	out := make([]ProtectedField, len(s.table.Protected))
	for i, p := range s.table.Protected {
		out[i] = ProtectedField{p.At, p.Content, p.Subject}
	}
	return out
}

// GIDTypes returns which types' GIDs the argument or input field at a
// coordinate takes, for instance ["Order"] at "QueryRoot.order(id:)", or nil
// when Shopify states nothing there.
func (s *Schema) GIDTypes(coordinate string) []string {
	i, ok := slices.BinarySearchFunc(s.table.GIDs, coordinate, func(g tables.GIDs, at string) int {
		return strings.Compare(g.At, at)
	})
	if !ok {
		return nil
	}
	return slices.Clone(s.table.GIDs[i].Types)
}

// IdempotentMutations returns the mutations that demand the @idempotent
// directive with a key, sorted. Only Shopify's descriptions say so, not the
// type system.
// Source: https://shopify.dev/docs/api/usage/idempotent-requests
func (s *Schema) IdempotentMutations() []string { return slices.Clone(s.table.Idempotent) }

// ProtectedField is a field that holds a customer's personal data.
type ProtectedField struct {
	Coordinate string // "Customer.email"
	Content    string // name, address, phone or email
	Subject    string // whose: customer
}

// unpack decompresses what the generator packed.
func unpack(packed []byte) string {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		var text []byte
		if text, err = io.ReadAll(z); err == nil {
			return string(text)
		}
	}
	panic("schema: embedded file is damaged: " + err.Error()) // impossible in a built program
}
