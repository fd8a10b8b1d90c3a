package admin

import (
	"context"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// Preflight asks the shop which access scopes the merchant granted to the app
// and compares them with what the operations need: those of this package, of
// your own generated ones, or both. Run it when a program starts, so that a
// missing scope is known before the first sale.
//
//	err := admin.Preflight(ctx, client, append(admin.Operations(), reports.Operations()...)...)
//
// If scopes are missing the error is a [*shopify.MissingScopesError]. What
// [shopify.OperationSpec.Also] says, and Shopify's approval for protected
// customer data, cannot be asked for.
func Preflight(ctx context.Context, client graphql.Client, ops ...Operation) error {
	resp, err := GetAppInstallation(ctx, client)
	if err != nil {
		return err
	}
	granted := make([]string, 0, len(resp.CurrentAppInstallation.AccessScopes))
	for _, scope := range resp.CurrentAppInstallation.AccessScopes {
		granted = append(granted, scope.Handle)
	}
	return shopify.CheckScopes(granted, ops...)
}

// Lookup returns the operations with these names, "GetOrder", for
// [shopify.RequiredScopes] and [Preflight]. The error names one that does not
// exist and matches [shopify.ErrInvalid].
func Lookup(names ...string) ([]Operation, error) {
	out := make([]Operation, 0, len(names))
	for _, name := range names {
		op, ok := LookupOperation(name)
		if !ok {
			return nil, &unknownOperationError{name}
		}
		out = append(out, op)
	}
	return out, nil
}

type unknownOperationError struct{ name string }

func (e *unknownOperationError) Error() string { return "admin: no operation " + e.name }

func (*unknownOperationError) Is(target error) bool { return target == shopify.ErrInvalid }
