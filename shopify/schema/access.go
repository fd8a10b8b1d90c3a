package schema

import (
	"slices"

	"github.com/posai-go/posai/shopify/internal/scope"
	"github.com/posai-go/posai/shopify/schema/internal/tables"
)

// Access is what an app needs to use a type or a field. Shopify states it as
// prose, of which the access scopes are understood here.
// Source: https://shopify.dev/docs/api/usage/access-scopes
type Access struct {
	// AllOf are the access scopes: of each list the app needs one. It is empty
	// when no scope was understood.
	AllOf [][]string
	// Also is what is needed besides scopes, verbatim: permissions of the user,
	// features of the shop.
	Also string
	// Prose is Shopify's whole text, verbatim.
	Prose string
	// Parsed is false when the text was not understood; then only Prose is set.
	Parsed bool
}

// Allows reports whether an app that was granted these scopes has what AllOf
// asks for. A write scope includes the read scope of the same name, and an
// unprefixed scope in the text ("orders") is met by either. It says nothing about Also,
// and is true when AllOf is empty: where the text was not understood, Shopify
// alone decides.
func (a Access) Allows(granted []string) bool {
	return scope.Allows(granted, a.AllOf)
}

// Grants reports whether the granted scopes include the wanted one, where a write scope
// includes the read scope of the same name.
func Grants(granted []string, want string) bool { return scope.Grants(granted, want) }

func accessOf(p *tables.Prose) Access {
	a := Access{Also: p.Also, Prose: p.Text, Parsed: p.Parsed}
	for _, list := range p.AllOf {
		a.AllOf = append(a.AllOf, slices.Clone(list))
	}
	return a
}
