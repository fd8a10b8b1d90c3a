package storefront

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/posai-go/posai/shopify"
)

// Access is how a client authorizes. Make one with [Private], [Public] or
// [Tokenless].
// Source: https://shopify.dev/docs/api/usage/authentication#access-tokens-for-the-storefront-api
type Access struct {
	header string
	tokens shopify.TokenSource
}

// Private is access with the private token of a server. Requests should say for
// which buyer they are: see [ForBuyer].
func Private(tokens shopify.TokenSource) Access {
	return Access{"Shopify-Storefront-Private-Token", tokens}
}

// Public is access with a token that buyers' devices may know.
func Public(tokens shopify.TokenSource) Access {
	return Access{"X-Shopify-Storefront-Access-Token", tokens}
}

// Tokenless is access without a token: to products, collections, search and
// carts, but not to tags, metafields or inventory.
func Tokenless() Access { return Access{} }

// NewClient returns a client of one shop's Storefront API. It sends nothing yet.
// Options are those of [shopify.NewClient]; Limiter, Lane and API are not used.
// The error matches [shopify.ErrInvalid].
func NewClient(shop shopify.Domain, access Access, opts *shopify.Options) (*shopify.Client, error) {
	if access.header != "" && access.tokens == nil {
		return nil, fmt.Errorf("storefront: %w: no token source", shopify.ErrInvalid)
	}
	var o shopify.Options
	if opts != nil {
		o = *opts
	}
	o.API = shopify.API{Path: "api", TokenHeader: access.header, Uncounted: true, Safety: repeatable}
	return shopify.NewClient(shop, access.tokens, &o)
}

// repeatable are the mutations that set a value. Those of lines are not among
// them: the second time, a line that was taken out is an error.
var repeatable = map[string]shopify.Safety{
	"cartAttributesUpdate":    shopify.SafetyIdempotent,
	"cartBuyerIdentityUpdate": shopify.SafetyIdempotent,
	"cartDiscountCodesUpdate": shopify.SafetyIdempotent,
	"cartNoteUpdate":          shopify.SafetyIdempotent,
}

// ForBuyer returns a client that calls on behalf of the buyer at this address, by
// which Shopify counts requests and recognizes bots. Without it, all buyers of a
// server count as one.
// Source: https://shopify.dev/docs/api/usage/authentication#making-server-side-requests
func ForBuyer(client *shopify.Client, ip netip.Addr) *shopify.Client {
	return client.With(shopify.CallOptions{Header: http.Header{"Shopify-Storefront-Buyer-Ip": {ip.Unmap().String()}}})
}
