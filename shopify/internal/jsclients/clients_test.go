package jsclients_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// problem is what Shopify's API clients make of an answer that says no.
type problem struct {
	Status  int            `json:"status"`
	Message string         `json:"message"`
	Codes   []string       `json:"codes"`
	Data    map[string]any `json:"data"`
}

func TestAdminClient(t *testing.T) {
	s := newShop(t)
	var out struct {
		call
		Tagged                      bool
		UserErrors                  []struct{ Message string }
		Invalid, Token, Idempotency problem
	}
	runScript(t, s, "clients.mjs", "admin", &out)
	assertCall(t, out.call)
	assert.True(t, out.Tagged)
	assert.True(t, slices.ContainsFunc(s.Products(), func(p shopifytest.Product) bool { return slices.Contains(p.Tags, "green") }))
	assert.NotEmpty(t, out.UserErrors)
	assert.Equal(t, []string{"undefinedField"}, out.Invalid.Codes)
	assert.Equal(t, http.StatusOK, out.Invalid.Status)
	assert.Equal(t, http.StatusUnauthorized, out.Token.Status)
	assert.Equal(t, []string{"BAD_REQUEST"}, out.Idempotency.Codes)
	assert.Contains(t, out.Idempotency.Data, "inventoryAdjustQuantities", "what there is of data comes along")
}

func TestAdminClientRetries(t *testing.T) {
	s := newShop(t)
	s.Inject(shopifytest.Fault{Operation: "Shop", Status: 503, RetryAfter: "2.0"})
	s.Inject(shopifytest.Fault{Operation: "Shop", Status: 429, RetryAfter: "1.0"})
	s.Inject(shopifytest.Fault{Operation: "Shop", Cut: true})
	var out struct {
		Name    string
		Retries int
	}
	runScript(t, s, "clients.mjs", "adminRetries", &out)
	assert.NotEmpty(t, out.Name)
	assert.Equal(t, 3, out.Retries)
	assert.Len(t, s.Journal(), 4)
}

func TestAdminClientFails(t *testing.T) {
	s := newShop(t)
	s.Inject(shopifytest.Fault{Operation: "Down", Status: 503, RetryAfter: "1.0", Times: -1})
	s.Inject(shopifytest.Fault{Operation: "Slow", Throttle: true})
	var out struct{ Unavailable, Throttled problem }
	runScript(t, s, "clients.mjs", "adminFails", &out)
	assert.Equal(t, http.StatusServiceUnavailable, out.Unavailable.Status)
	assert.Equal(t, http.StatusOK, out.Throttled.Status)
	assert.Equal(t, []string{"THROTTLED"}, out.Throttled.Codes, "which the client does not send again")
}

func TestAdminRESTClient(t *testing.T) {
	s := newShop(t)
	var out struct {
		Products, Made, Deleted, Gone int
		Address, Limit, Version       string
		GoneBody                      map[string]any
	}
	runScript(t, s, "clients.mjs", "adminRest", &out)
	assert.Equal(t, len(s.Products()), out.Products, "all pages")
	assert.Equal(t, http.StatusCreated, out.Made)
	assert.Equal(t, "https://app.example.com/other", out.Address)
	assert.Equal(t, http.StatusOK, out.Deleted)
	assert.Equal(t, http.StatusNotFound, out.Gone)
	assert.Equal(t, map[string]any{"errors": "Not Found"}, out.GoneBody)
	assert.Contains(t, out.Limit, "/40")
	assert.Equal(t, "2026-10", out.Version)
}

func TestAdminRESTClientRetries(t *testing.T) {
	s := newShop(t)
	s.Inject(shopifytest.Fault{Operation: "GET shop.json", Status: 429, RetryAfter: "2.0"})
	s.Inject(shopifytest.Fault{Operation: "GET shop.json", Status: 503})
	var out struct{ Status, Retries int }
	runScript(t, s, "clients.mjs", "adminRestRetries", &out)
	assert.Equal(t, http.StatusOK, out.Status)
	assert.Equal(t, 2, out.Retries)
}

func TestStorefrontClient(t *testing.T) {
	s := newShop(t)
	var out struct {
		Name, Cart          string
		Products, Tags      int
		Cost                any
		Wrong, WrongPrivate problem
	}
	runScript(t, s, "clients.mjs", "storefront", &out)
	assert.NotEmpty(t, out.Name)
	assert.Equal(t, 3, out.Products)
	assert.Equal(t, 3, out.Tags)
	assert.Nil(t, out.Cost)
	assert.Contains(t, out.Cart, "gid://shopify/Cart/")
	assert.Equal(t, http.StatusUnauthorized, out.Wrong.Status)
	assert.Equal(t, http.StatusUnauthorized, out.WrongPrivate.Status)
}

// TestStorefrontClientStream: what @defer puts off comes in parts, which the client puts
// together.
func TestStorefrontClientStream(t *testing.T) {
	s := newShop(t)
	type part struct {
		Data struct {
			Shop     map[string]any
			Products struct{ Nodes []map[string]any }
		}
		HasNext bool
		Errors  any
	}
	var out struct {
		Parts, AtOnce []part
		Invalid       []problem
	}
	runScript(t, s, "clients.mjs", "storefrontStream", &out)
	require.NotEmpty(t, out.Parts)
	last := out.Parts[len(out.Parts)-1]
	assert.Nil(t, last.Errors)
	assert.False(t, last.HasNext)
	assert.Contains(t, last.Data.Shop, "name")
	assert.Contains(t, last.Data.Shop, "description")
	require.Len(t, last.Data.Products.Nodes, 2)
	for _, p := range last.Data.Products.Nodes {
		assert.NotEmpty(t, p["id"])
		assert.NotEmpty(t, p["title"])
	}
	for _, p := range out.Parts[:len(out.Parts)-1] {
		assert.True(t, p.HasNext)
	}

	require.Len(t, out.AtOnce, 1)
	assert.Contains(t, out.AtOnce[0].Data.Shop, "name")
	assert.Contains(t, out.AtOnce[0].Data.Shop, "description")
	require.Len(t, out.Invalid, 1)
	assert.Equal(t, []string{"undefinedField"}, out.Invalid[0].Codes)
}

func TestGraphQLClient(t *testing.T) {
	s := newShop(t)
	var out struct {
		call
		Version, RequestID string
		Left               float64
		Nowhere            problem
	}
	runScript(t, s, "clients.mjs", "graphql", &out)
	assertCall(t, out.call)
	assert.Equal(t, "2026-10", out.Version, "which answers for one that is no longer supported")
	assert.NotEmpty(t, out.RequestID)
	assert.Positive(t, out.Left)
	assert.Equal(t, http.StatusNotFound, out.Nowhere.Status)
}
