package bulk_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
)

var contextCanceled = context.Canceled

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func readBody(r *http.Request, v any) error { return json.NewDecoder(r.Body).Decode(v) }

// served is a completed operation whose file has this content.
func served(t *testing.T, file string) *bulk.Operation {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, file)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"bulkOperation": map[string]any{
			"id": "gid://shopify/BulkOperation/1", "type": "QUERY", "status": "COMPLETED", "createdAt": "2026-11-01T00:00:00Z",
			"objectCount": "2", "rootObjectCount": "1", "url": server.URL + "/file",
		}}})
	}))
	t.Cleanup(server.Close)
	client, err := shopify.NewClient("example.myshopify.com", shopify.StaticToken("shpat_x"), &shopify.Options{BaseURL: server.URL})
	require.NoError(t, err)
	runner, err := bulk.NewRunner(client, &bulk.Options{Limits: bulk.Limits{Dir: t.TempDir()}})
	require.NoError(t, err)
	return runner.Operation("gid://shopify/BulkOperation/1")
}
