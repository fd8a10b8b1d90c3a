package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTokens drives the token endpoint as a client in another language does.
func TestTokens(t *testing.T) {
	lines := start(t, "-today", "2026-11-20", "-client-id", "c", "-secret", "s")
	control := lines["Control"]
	endpoint := control[:len(control)-len("/_sim/")] + "/admin/oauth/access_token"
	ask := func() (int, map[string]any) {
		status, body := do(t, http.MethodPost, endpoint, `{"client_id":"c","client_secret":"s","grant_type":"client_credentials"}`, "Content-Type", "application/json")
		var out map[string]any
		require.NoError(t, json.Unmarshal(body, &out))
		return status, out
	}
	query := func(token any) int {
		status, _ := do(t, http.MethodPost, lines["Admin API"], `{"query":"{ shop { id } }"}`, "Content-Type", "application/json", "X-Shopify-Access-Token", token.(string))
		return status
	}
	status, _ := do(t, http.MethodPost, control+"faults", `{"grant":"client_credentials","oauth_error":"shop_not_permitted"}`)
	require.Equal(t, http.StatusCreated, status)
	status, out := ask()
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "shop_not_permitted", out["error"])

	_, out = ask()
	assert.Equal(t, http.StatusOK, query(out["access_token"]))
	status, _ = do(t, http.MethodPost, control+"expire_tokens", "")
	require.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, http.StatusUnauthorized, query(out["access_token"]))

	status, body := do(t, http.MethodPost, control+"session_tokens", `{"account":7}`)
	assert.Equal(t, http.StatusCreated, status)
	assert.Contains(t, string(body), "eyJ")
	_, body = do(t, http.MethodPost, control+"launches", `{"url":"https://app.example.com/","account":7}`)
	assert.Contains(t, string(body), "hmac=")
	_, body = do(t, http.MethodGet, control+"token_requests", "")
	var requests []map[string]any
	require.NoError(t, json.Unmarshal(body, &requests))
	assert.Len(t, requests, 2)

	status, _ = do(t, http.MethodPost, control+"uninstall", "")
	require.Equal(t, http.StatusNoContent, status)
	status, _ = ask()
	assert.Equal(t, http.StatusBadRequest, status)
}
