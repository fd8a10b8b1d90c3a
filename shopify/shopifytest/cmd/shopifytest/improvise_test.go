package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// notCarriedOut are valid operations that the shop has no state for, or not for a part of their input.
var notCarriedOut = []string{
	`mutation { themeDelete(id: "gid://shopify/OnlineStoreTheme/1") { deletedThemeId userErrors { message } } }`,
	`mutation { orderUpdate(input: {id: "gid://shopify/Order/1", localizedFields: [{key: TAX_CREDENTIAL_BR, value: "1"}]}) { order { id name } userErrors { message } } }`,
}

func TestImprovised(t *testing.T) {
	ask := func(t *testing.T, lines map[string]string, query string) map[string]any {
		t.Helper()
		body, err := json.Marshal(map[string]string{"query": query})
		require.NoError(t, err)
		status, got := do(t, http.MethodPost, lines["Admin API"], string(body), "Content-Type", "application/json", "X-Shopify-Access-Token", "T")
		require.Equal(t, http.StatusOK, status)
		var out map[string]any
		require.NoError(t, json.Unmarshal(got, &out))
		return out
	}
	journal := func(t *testing.T, lines map[string]string) (entries []shopifytest.JournalEntry) {
		t.Helper()
		_, got := do(t, http.MethodGet, lines["Control"]+"journal", "")
		require.NoError(t, json.Unmarshal(got, &entries))
		return entries
	}
	var log bytes.Buffer // read when the command has ended
	t.Run("by default", func(t *testing.T) {
		lines := startLogging(t, &log, "-today", "2026-11-20", "-token", "T")
		for _, query := range append(notCarriedOut, notCarriedOut...) {
			assert.NotContains(t, ask(t, lines, query), "errors", query)
		}
		assert.NotContains(t, ask(t, lines, `mutation { tagsAdd(id: "gid://shopify/Order/1", tags: ["a"]) { userErrors { message } } }`), "errors")
		entries := journal(t, lines)
		require.Len(t, entries, 5)
		for _, e := range entries[:4] {
			assert.True(t, e.Improvised, e.RootFields)
		}
		assert.False(t, entries[4].Improvised)
	})
	assert.Equal(t, 1, strings.Count(log.String(), "mutation=themeDelete"), log.String())
	assert.Equal(t, 1, strings.Count(log.String(), "mutation=orderUpdate"), log.String())

	t.Run("strict", func(t *testing.T) {
		lines := start(t, "-today", "2026-11-20", "-token", "T", "-strict")
		for _, query := range notCarriedOut {
			errs, _ := ask(t, lines, query)["errors"].([]any)
			require.Len(t, errs, 1, query)
			assert.Equal(t, "NOT_SIMULATED", errs[0].(map[string]any)["extensions"].(map[string]any)["code"])
		}
		for _, e := range journal(t, lines) {
			assert.False(t, e.Improvised)
		}
	})
}
