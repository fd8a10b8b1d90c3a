package shopifytest_test

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// askStorefront sends an operation to the Storefront API.
func askStorefront(t *testing.T, s *shopifytest.Shop, client *http.Client, query string) (*http.Response, error) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/api/2026-10/graphql.json", strings.NewReader(string(body)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Storefront-Access-Token", s.StorefrontToken())
	return client.Do(req)
}

// TestStorefrontDefer reads the parts of an answer as any client would that knows
// multipart, over a socket and without one.
func TestStorefrontDefer(t *testing.T) {
	const query = `query Later { shop { name ... @defer(label: "text") { description } } products(first: 2) { nodes { id ... @defer { title } } } }`
	for name, opts := range map[string]shopifytest.Options{"HTTP": {}, "socketless": {Socketless: true}} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, &opts)
			client := http.DefaultClient
			if opts.Socketless {
				client = &http.Client{Transport: s.Transport()}
			}
			resp, err := askStorefront(t, s, client, query)
			require.NoError(t, err)
			defer func() { _ = resp.Body.Close() }()
			media, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
			require.NoError(t, err)
			require.Equal(t, "multipart/mixed", media)
			reader := multipart.NewReader(resp.Body, params["boundary"])
			type payload struct {
				Data        map[string]any
				Incremental []struct {
					Data  map[string]any
					Path  []any
					Label string
				}
				HasNext *bool
			}
			var parts []payload
			for {
				p, err := reader.NextPart()
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				assert.Equal(t, "application/json", p.Header.Get("Content-Type"))
				var part payload
				require.NoError(t, json.NewDecoder(p).Decode(&part))
				parts = append(parts, part)
			}
			require.Len(t, parts, 4)
			assert.NotContains(t, parts[0].Data["shop"], "description")
			for i, p := range parts {
				require.NotNil(t, p.HasNext)
				assert.Equal(t, i < 3, *p.HasNext)
				assert.Len(t, p.Incremental, min(i, 1))
			}
			assert.Equal(t, []any{"products", "nodes", 1.0}, parts[3].Incremental[0].Path)
			assert.Contains(t, parts[3].Incremental[0].Data, "title")
			assert.Equal(t, "text", parts[1].Incremental[0].Label)
		})
	}
}

func TestStorefrontDeferFaults(t *testing.T) {
	s := newShop(t, nil)
	s.Inject(shopifytest.Fault{Operation: "Later", LoseResponse: true})
	resp, err := askStorefront(t, s, http.DefaultClient, `query Later { shop { ... @defer { name } } }`)
	if err == nil {
		_ = resp.Body.Close()
	}
	require.Error(t, err)
	require.Len(t, s.Journal(), 1)
	assert.True(t, s.Journal()[0].Faulted)
}
