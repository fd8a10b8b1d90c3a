package graph_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var adminEngine = sync.OnceValues(func() (*graph.Engine, error) {
	return graph.New(schema.Admin().SDL(), nil)
})

func engine(t testing.TB) *graph.Engine {
	t.Helper()
	e, err := adminEngine()
	require.NoError(t, err)
	return e
}

// run executes a query and returns the response body as JSON.
func run(t testing.TB, r graph.Resolver, query string, variables string) (*graph.Response, string) {
	t.Helper()
	req := graph.Request{Query: query}
	if variables != "" {
		require.NoError(t, json.Unmarshal([]byte(variables), &req.Variables))
	}
	resp := engine(t).Execute(t.Context(), req, r)
	b, err := json.Marshal(resp)
	require.NoError(t, err)
	return resp, string(b)
}

func TestX(t *testing.T) {
	for _, q := range []string{
		`{shop{name currencyCode email billingAddress{city country}}}`,
		`query Q{orders(first:2){edges{cursor node{id legacyResourceId name email lineItems(first:5){nodes{id title quantity variant{price}}}}} pageInfo{hasNextPage endCursor}}}`,
		`{node(id:"gid://shopify/Order/12"){id ...on Order{name createdAt totalPriceSet{shopMoney{amount currencyCode}}} __typename}}`,
		`mutation{tagsAdd(id:"gid://shopify/Order/1",tags:["a"]){node{id}userErrors{message}}}`,
		`{__type(name:"OrderInput"){kind inputFields{name type{kind name ofType{name}}}}}`,
		`{shop{nme}}`, `{orders(foo:1){nodes}}`, `query A($x:Int){shop{name}}`, `{`, `{order{id}}`, `{order(id:"12"){id}}`, `{order(id:"gid://shopify/Product/1"){id}}`, `{orders{nodes{id}}}`,
	} {
		resp, s := run(t, nil, q, "")
		t.Log(resp.ActualCost, s, resp.Causes)
	}
}
