package shopifytest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// today is the day on which the made-up year of the tests ends.
var today = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newShop(t *testing.T, opts *shopifytest.Options) *shopifytest.Shop {
	t.Helper()
	if opts == nil {
		opts = &shopifytest.Options{}
	}
	if opts.Today.IsZero() {
		opts.Today = today
	}
	if opts.WebhookTimeout == 0 {
		opts.WebhookTimeout = time.Minute // the limit itself is for TestScheduleOfShopify
	}
	return shopifytest.NewShop(t, opts)
}

// eventually waits for what another goroutine does. It asks in the test's own goroutine, where the condition may
// fail the test, and no faster than the query cost of a standard plan comes back.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "it did not come to that within two minutes")
	}
}

// assertNow checks that a time that the shop wrote down lies in the test, which began at the time given.
func assertNow(t *testing.T, began, got time.Time) {
	t.Helper()
	assert.WithinRange(t, got, began.Truncate(time.Second), time.Now())
}

// call runs an operation over HTTP and returns the body.
func call(t *testing.T, s *shopifytest.Shop, query string, variables map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", s.Token())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var out map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	return out
}

// data is call for what must succeed.
func data(t *testing.T, s *shopifytest.Shop, query string, variables map[string]any) map[string]any {
	t.Helper()
	out := call(t, s, query, variables)
	require.Empty(t, out["errors"])
	return out["data"].(map[string]any)
}

// at walks through objects (by string) and lists (by int).
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}
