package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outside is a client in another process, as far as it can tell.
type outside struct {
	t     *testing.T
	lines map[string]string
}

// api asks the Admin API.
func (o outside) api(query string) map[string]any {
	o.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	require.NoError(o.t, err)
	return o.json(http.MethodPost, o.lines["Admin API"], string(body), http.StatusOK)
}

// sim asks the control surface; a nil answer has no body.
func (o outside) sim(method, path, body string, status int) map[string]any {
	o.t.Helper()
	return o.json(method, o.lines["Control"]+path, body, status)
}

func (o outside) json(method, url, body string, want int) (out map[string]any) {
	o.t.Helper()
	status, got := do(o.t, method, url, body, "Content-Type", "application/json", "X-Shopify-Access-Token", "T")
	require.Equal(o.t, want, status, string(got))
	if len(got) > 0 {
		require.NoError(o.t, json.Unmarshal(got, &out))
	}
	return out
}

func (o outside) list(path string) (out []map[string]any) {
	o.t.Helper()
	_, got := do(o.t, http.MethodGet, o.lines["Control"]+path, "")
	require.NoError(o.t, json.Unmarshal(got, &out))
	return out
}

func codeOf(answer map[string]any) any {
	errs, _ := answer["errors"].([]any)
	if len(errs) == 0 {
		return nil
	}
	return errs[0].(map[string]any)["extensions"].(map[string]any)["code"]
}

func TestFaultsAreListedAndDisarmed(t *testing.T) {
	o := outside{t, start(t, "-today", "2026-11-20", "-token", "T")}
	const read = `{ shop { name description } }`
	one := o.sim(http.MethodPost, "faults", `{"field":"shop","path":"shop.description","code":"ACCESS_DENIED","times":2}`, http.StatusCreated)["id"].(string)
	o.sim(http.MethodPost, "faults", `{"grant":"refresh_token","oauth_error":"invalid_grant"}`, http.StatusCreated)
	o.sim(http.MethodPost, "faults", `{"field":"tagsAdd","user_error":{"field":["id"],"message":"no"},"times":-1}`, http.StatusCreated)

	got := o.api(read)
	assert.Equal(t, "ACCESS_DENIED", codeOf(got))
	assert.NotEmpty(t, got["data"].(map[string]any)["shop"].(map[string]any)["name"], "the rest of the data")
	assert.Contains(t, got["extensions"], "cost")
	tagged := o.api(`mutation { tagsAdd(id: "gid://shopify/Order/1", tags: ["a"]) { userErrors { field message } } }`)
	assert.Equal(t, []any{map[string]any{"field": []any{"id"}, "message": "no"}}, tagged["data"].(map[string]any)["tagsAdd"].(map[string]any)["userErrors"])

	armed := o.list("faults")
	require.Len(t, armed, 3)
	assert.Equal(t, map[string]any{"id": one, "field": "shop", "path": "shop.description", "code": "ACCESS_DENIED", "times": 1.0}, armed[0], "what is left")
	assert.Equal(t, "refresh_token", armed[2]["grant"])
	assert.NotContains(t, armed[2], "operation")

	o.sim(http.MethodDelete, "faults/"+one, "", http.StatusNoContent)
	o.sim(http.MethodDelete, "faults/"+one, "", http.StatusNotFound)
	assert.Nil(t, codeOf(o.api(read)))
	assert.Len(t, o.list("faults"), 2)
	o.sim(http.MethodDelete, "faults", "", http.StatusNoContent)
	assert.Empty(t, o.list("faults"))

	do(t, http.MethodGet, strings.Replace(o.lines["Admin API"], "graphql.json", "shop.json", 1), "", "X-Shopify-Access-Token", "T")
	journal := o.list("journal")
	assert.Equal(t, "rest", journal[len(journal)-1]["API"])
	assert.Equal(t, "GET shop.json", journal[len(journal)-1]["Operation"])
}

const runBulk = `mutation { bulkOperationRunQuery(query: "{ locations { edges { node { id } } } }") { bulkOperation { id status } userErrors { message } } }`

// started runs a bulk query and returns its id, empty if it was refused.
func (o outside) started() string {
	o.t.Helper()
	op, _ := o.api(runBulk)["data"].(map[string]any)["bulkOperationRunQuery"].(map[string]any)["bulkOperation"].(map[string]any)
	id, _ := op["id"].(string)
	return id
}

func (o outside) ends(id string) {
	o.t.Helper()
	eventually(o.t, func() bool { return o.status(id) == "COMPLETED" })
}

func (o outside) status(id string) string {
	o.t.Helper()
	return o.api(`{ bulkOperation(id: "` + id + `") { status } }`)["data"].(map[string]any)["bulkOperation"].(map[string]any)["status"].(string)
}

func TestBulkIsHeldAndReleased(t *testing.T) {
	o := outside{t, start(t, "-today", "2026-11-20", "-token", "T", "-bulk-limit", "1", "-plan", "enterprise")}
	fault := o.sim(http.MethodPost, "bulk_faults", `{"hold":true}`, http.StatusCreated)["id"].(string)
	require.Len(t, o.list("bulk_faults"), 1)
	assert.Equal(t, true, o.list("bulk_faults")[0]["hold"])
	held := o.started()
	require.NotEmpty(t, held)
	eventually(t, func() bool { return o.status(held) == "RUNNING" })
	assert.Empty(t, o.started(), "one at a time")
	o.sim(http.MethodPost, "bulk_faults/"+fault+"/release", "", http.StatusNoContent)
	o.ends(held)
	o.sim(http.MethodPost, "bulk_faults/"+fault+"/release", "", http.StatusNotFound)

	o.sim(http.MethodPost, "bulk_faults", `{"hold":true,"times":-1}`, http.StatusCreated)
	held = o.started()
	o.sim(http.MethodDelete, "bulk_faults", "", http.StatusNoContent)
	assert.Empty(t, o.list("bulk_faults"))
	o.ends(held)
}

func TestBulkTakesItsTime(t *testing.T) {
	o := outside{t, start(t, "-today", "2026-11-20", "-token", "T", "-bulk-delay", "10h")}
	id := o.started()
	eventually(t, func() bool { // each half of the delay is waited for by itself
		o.sim(http.MethodPost, "clock", `{"advance_ms":18000000}`, http.StatusOK)
		return o.status(id) == "COMPLETED"
	})
	now := o.sim(http.MethodGet, "clock", "", http.StatusOK)["now"].(string)
	at, err := time.Parse(time.RFC3339Nano, now)
	require.NoError(t, err)
	assert.Greater(t, time.Until(at), 9*time.Hour, "not before its time")
}

func TestOAuthSettings(t *testing.T) {
	o := outside{t, start(t, "-today", "2026-11-20", "-client-id", "c", "-secret", "s", "-oauth", `{"old_secret":"before","client_lifetime":"10m"}`)}
	endpoint := strings.TrimSuffix(o.lines["Control"], "/_sim/") + "/admin/oauth/access_token"
	out := o.json(http.MethodPost, endpoint, `{"client_id":"c","client_secret":"before","grant_type":"client_credentials"}`, http.StatusOK)
	assert.InDelta(t, 600, out["expires_in"], 1)
}
