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
		req.Variables = decode(t, []byte(variables))
	}
	resp := engine(t).Execute(t.Context(), req, r)
	b, err := json.Marshal(resp)
	require.NoError(t, err)
	return resp, string(b)
}
