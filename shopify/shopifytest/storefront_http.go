package shopifytest

import (
	"net/http"
	"sync"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// storefrontPath is where the Storefront API is: /api/{version}/graphql.json.
const storefrontPath = "/api/"

// storefrontEngine returns the engine of the pinned Storefront schema. It is made
// once per process.
var storefrontEngine = sync.OnceValues(func() (*graph.Engine, error) {
	return graph.New(schema.Storefront().SDL(), nil)
})

// newStorefrontAPI returns the shop's Storefront API. It shares faults and journal
// with the Admin API.
func newStorefrontAPI(o *Options, s *Shop) (*adminAPI, error) {
	engine, err := storefrontEngine()
	if err != nil {
		return nil, err
	}
	return newAdminAPI(adminConfig{
		name: "storefront", path: storefrontPath, schema: schema.Storefront(), engine: engine, resolver: storefront{s.state},
		now: o.Now, logger: o.Logger, lock: s.lock, uncounted: true, faults: s.admin.faults, journal: s.admin.journal,
		auth: func(h http.Header) ([]string, *badRequest) { return storefrontAccess(o.StorefrontToken, h) },
	}), nil
}

// tokenless are the scopes of a request without a token: what tags, metafields and
// stock need is missing.
// Source: https://shopify.dev/docs/api/storefront#authentication
var tokenless = []string{
	"unauthenticated_read_product_listings", "unauthenticated_read_checkouts", "unauthenticated_write_checkouts",
	"unauthenticated_read_content", "unauthenticated_read_selling_plans",
}

func storefrontAccess(token string, h http.Header) ([]string, *badRequest) {
	for _, name := range []string{"X-Shopify-Storefront-Access-Token", "Shopify-Storefront-Private-Token"} {
		if given := h.Get(name); given != "" {
			if given == token {
				return nil, nil
			}
			return nil, &badRequest{http.StatusUnauthorized, []map[string]any{{"message": "", "extensions": map[string]string{"code": "UNAUTHORIZED"}}}}
		}
	}
	return tokenless, nil
}

// storefront answers the Storefront API from the stored state.
type storefront struct{ *state }

// Resolve answers one field. The caller holds the lock.
func (s storefront) Resolve(c *graph.Call) (any, bool, error) {
	switch c.ParentType {
	case "QueryRoot":
		f, ok := storefrontRoots[c.Field]
		if !ok {
			return nil, false, nil
		}
		v, err := f(s.state, c)
		return v, true, err
	case "Mutation":
		v, err := s.carryOut(storefrontMutations[c.Field], c, improvisedStorefront)
		return v, true, err
	}
	t, ok := storefrontTables[c.ParentType]
	if !ok {
		return nil, false, nil
	}
	if v, ok := t.field(s.state, c); ok {
		return v, true, nil
	}
	if c.Field == "metafields" {
		return s.identifiedMetafields(c), true, nil
	}
	v, ok := s.commonField(c)
	return v, ok, nil
}

// identifiedMetafields are the metafields by their identifiers, with nulls for those
// that there are not.
func (s storefront) identifiedMetafields(c *graph.Call) any {
	n, ok := c.Parent[self].(node)
	if !ok {
		return []any{}
	}
	out := []any{}
	for _, id := range objects(c.Args["identifiers"]) {
		out = append(out, ref(s.metafield(n.common().gid, s.namespace(text(id, "namespace")), text(id, "key"))))
	}
	return out
}
