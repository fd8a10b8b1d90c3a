package shopify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/internal/scope"
)

// OperationSpec is what the generator found out about an operation, from the
// schema: each generated package has a table of them.
type OperationSpec struct {
	Operation
	// Scopes are the access scopes that it needs: of each list, one. A missing
	// one makes some operations fail as a whole and leaves fields null in
	// others.
	// Source: https://shopify.dev/docs/api/usage/access-scopes
	Scopes [][]string
	// Also is what Shopify asks for besides scopes, each with the place in the
	// schema that asks for it, verbatim.
	Also []string
	// Protected are the fields with customers' personal data, for which Shopify
	// must have approved the app: "Customer.firstName".
	// Source: https://shopify.dev/docs/apps/launch/protected-customer-data
	Protected []string
}

// Clone returns a copy that shares nothing with o.
func (o OperationSpec) Clone() OperationSpec {
	o.Fields, o.Also, o.Protected = slices.Clone(o.Fields), slices.Clone(o.Also), slices.Clone(o.Protected)
	o.Scopes = slices.Clone(o.Scopes)
	for i, list := range o.Scopes {
		o.Scopes[i] = slices.Clone(list)
	}
	return o
}

// RequiredScopes returns the access scopes that an app needs for all of these
// operations: of each list, one. It is what to ask merchants for, or to write
// into the app's configuration.
//
//	scopes := shopify.RequiredScopes(admin.Operations()...)
//
// What [OperationSpec.Also] says comes on top.
func RequiredScopes(ops ...OperationSpec) [][]string {
	var all [][]string
	for _, op := range ops {
		all = append(all, op.Scopes...)
	}
	return scope.Reduce(all)
}

// CheckScopes compares what an app was granted with what the operations need.
// The error is a [*MissingScopesError]. A write scope includes the read scope of
// the same name.
func CheckScopes(granted []string, ops ...OperationSpec) error {
	var missing []MissingScope
	for _, op := range ops {
		for _, list := range scope.Reduce(op.Scopes) {
			if scope.Any(granted, list) {
				continue
			}
			i := slices.IndexFunc(missing, func(m MissingScope) bool { return slices.Equal(m.AnyOf, list) })
			if i < 0 {
				i = len(missing)
				missing = append(missing, MissingScope{AnyOf: list})
			}
			missing[i].Operations = append(missing[i].Operations, op.Name)
		}
	}
	if missing == nil {
		return nil
	}
	return &MissingScopesError{Missing: missing}
}

// MissingScopesError says which access scopes an app lacks. It matches
// [ErrAccessDenied].
type MissingScopesError struct{ Missing []MissingScope }

// MissingScope is one requirement that is not met.
type MissingScope struct {
	AnyOf      []string // one of these scopes is needed
	Operations []string // the operations that need it
}

// Error lists the scopes and the operations that need them.
func (e *MissingScopesError) Error() string {
	parts := make([]string, 0, len(e.Missing))
	for _, m := range e.Missing {
		ops := strings.Join(m.Operations[:min(len(m.Operations), maxListed)], ", ")
		if more := len(m.Operations) - maxListed; more > 0 {
			ops += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, strings.Join(m.AnyOf, " or ")+" (for "+ops+")")
	}
	return "shopify: missing access scopes: " + strings.Join(parts, "; ")
}

// Is reports whether target is [ErrAccessDenied].
func (e *MissingScopesError) Is(target error) bool { return target == ErrAccessDenied }
