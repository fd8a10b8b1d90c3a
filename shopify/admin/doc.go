// Package admin holds typed operations of Shopify's Admin API.
//
// Each operation is a function that takes a context and a [shopify.Client]:
//
//	resp, err := admin.GetOrder(ctx, client, "gid://shopify/Order/1")
//	if err != nil {
//		return err
//	}
//	if resp.Order == nil {
//		return errors.New("no such order")
//	}
//	fmt.Println(resp.Order.Name, resp.Order.TotalPriceSet.ShopMoney)
//
// [Orders], [OrdersWithReturns], [ReturnedGoods], [ReturnReasonDefinitions], [CustomerOrders],
// [Products], [DraftOrders], [Locations] and [WebhookSubscriptions] go through all pages of a list.
//
// Optional inputs are [shopify.Optional]: what is not set is not sent, so that a
// mutation changes what it names and nothing else. In responses, what may be
// null is a pointer, except that a text, an id or an enum reads as "".
//
// [Operations] says for each operation which access scopes it needs and whether
// it may be sent twice.
//
// Errors are those of package shopify; a mutation's userErrors are errors too.
// The response is never nil, and on an error it holds what Shopify sent. The
// functions are safe for concurrent use. The API version is [shopify.Version].
//
// The functions and types are generated, from the *.graphql files of this
// folder, with genqlient.
package admin

import "github.com/posai-go/posai/shopify"

//go:generate go run ./internal/gen

// Operation is what is known about one operation of this package.
type Operation struct {
	shopify.Operation
	// Scopes are the access scopes that it needs: of each list, one. A missing
	// one makes some operations fail as a whole and leaves fields null in
	// others.
	Scopes [][]string
	// Also is what Shopify asks for besides scopes, each with the place in the
	// schema that asks for it, verbatim.
	Also []string
	// Protected are the fields with customers' personal data, for which Shopify
	// must have approved the app: "Customer.firstName".
	Protected []string
}

// Operations returns all operations of this package, sorted by name.
func Operations() []Operation {
	out := make([]Operation, len(operations))
	for i, op := range operations {
		out[i] = op.clone()
	}
	return out
}

// LookupOperation returns the operation with this name, "GetOrder".
func LookupOperation(name string) (Operation, bool) {
	for _, op := range operations {
		if op.Name == name {
			return op.clone(), true
		}
	}
	return Operation{}, false
}

func (o Operation) clone() Operation {
	o.Fields = append([]string(nil), o.Fields...)
	o.Also = append([]string(nil), o.Also...)
	o.Protected = append([]string(nil), o.Protected...)
	scopes := o.Scopes
	o.Scopes = nil
	for _, list := range scopes {
		o.Scopes = append(o.Scopes, append([]string(nil), list...))
	}
	return o
}
