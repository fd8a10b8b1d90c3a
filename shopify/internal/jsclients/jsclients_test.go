// Package jsclients_test drives the simulated shop with Shopify's own JavaScript
// libraries, unchanged, over real HTTP: what the simulation and our own client might
// misunderstand alike shows here. It wants Node and `npm ci` in testdata.
package jsclients_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// missing skips a test for want of something, or fails where nothing may be skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("POSAI_NO_SKIP") == "1" {
		t.Fatalf("no %s on this machine, and POSAI_NO_SKIP=1", what)
	}
	t.Skipf("no %s on this machine", what)
}

func newShop(t *testing.T) *shopifytest.Shop {
	t.Helper()
	return shopifytest.NewShop(t, &shopifytest.Options{Today: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Control: true})
}

// drive runs a scenario of drive.mjs against the shop.
func drive(t *testing.T, s *shopifytest.Shop, scenario string, into any) {
	t.Helper()
	runScript(t, s, "drive.mjs", scenario, into)
}

// runScript runs a scenario of a script in testdata against the shop.
func runScript(t *testing.T, s *shopifytest.Shop, script, scenario string, into any) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node")
	}
	if _, err := os.Stat(filepath.Join("testdata", "node_modules", "@shopify", "storefront-api-client")); err != nil {
		missing(t, "Shopify's clients (npm ci --prefix shopify/internal/jsclients/testdata)")
	}
	cmd := exec.CommandContext(t.Context(), node, script, scenario)
	cmd.Dir = "testdata"
	cmd.Env = append(os.Environ(), "SIM_URL="+s.URL(), "SHOP="+s.Domain(), "CLIENT_ID="+s.ClientID(), "CLIENT_SECRET="+s.Secret(),
		"SCOPES=read_products,write_products,read_orders", "TOKEN="+s.Token(), "STOREFRONT_TOKEN="+s.StorefrontToken())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &stderr)
	require.NoError(t, json.Unmarshal(out, into), "%s", out)
}

type session struct {
	ID             string `json:"id"`
	Online         bool   `json:"online"`
	Scope          string `json:"scope"`
	Expires        *int   `json:"expires"` // seconds from now
	RefreshExpires *int   `json:"refreshExpires"`
	Refreshes      bool   `json:"refreshes"`
	User           *int64 `json:"user"`
}

// slow is how long a scenario may take, in seconds, until it looks at how long its token still lives.
const slow = 600

// assertExpiring checks an offline token that lives for an hour.
func assertExpiring(t *testing.T, s *shopifytest.Shop, got session) {
	t.Helper()
	assert.False(t, got.Online)
	assert.Equal(t, "offline_"+s.Domain(), got.ID)
	assert.True(t, got.Refreshes)
	require.NotNil(t, got.Expires)
	assert.InDelta(t, 3600, *got.Expires, slow)
	require.NotNil(t, got.RefreshExpires)
	assert.InDelta(t, 90*24*3600, *got.RefreshExpires, slow)
}

// call is what a GraphQL query of the library got.
type call struct {
	Name     string `json:"name"`
	Products int    `json:"products"`
	Cost     int    `json:"cost"`
}

func assertCall(t *testing.T, got call) {
	t.Helper()
	assert.Equal(t, 2, got.Products)
	assert.NotEmpty(t, got.Name)
	assert.Positive(t, got.Cost)
}

// failure is an error of the library's.
type failure struct {
	Name   string         `json:"name"`
	Status int            `json:"status"`
	Body   map[string]any `json:"body"`
}

func TestCodeGrant(t *testing.T) {
	s := newShop(t)
	var out struct {
		Session session `json:"session"`
		Call    call    `json:"call"`
		Spoiled string  `json:"spoiled"`
	}
	drive(t, s, "code", &out)
	assertExpiring(t, s, out.Session)
	assert.Equal(t, "write_products,read_orders", out.Session.Scope)
	assertCall(t, out.Call)
	assert.Equal(t, "InvalidOAuthError", out.Spoiled, "the library checks the signature that the shop makes")
}

func TestOnlineCodeGrant(t *testing.T) {
	s := newShop(t)
	var out struct {
		Session session `json:"session"`
		Call    call    `json:"call"`
	}
	drive(t, s, "online", &out)
	assert.True(t, out.Session.Online)
	require.NotNil(t, out.Session.User)
	assert.InDelta(t, 24*3600, *out.Session.Expires, slow)
	assertCall(t, out.Call)
}

func TestMigration(t *testing.T) {
	s := newShop(t)
	var out struct {
		Old     session  `json:"old"`
		Session session  `json:"session"`
		Call    call     `json:"call"`
		Again   *failure `json:"again"`
	}
	drive(t, s, "migrate", &out)
	assert.Nil(t, out.Old.Expires)
	assert.False(t, out.Old.Refreshes)
	assertExpiring(t, s, out.Session)
	assertCall(t, out.Call)
	require.NotNil(t, out.Again)
	assert.Equal(t, "invalid_subject_token", out.Again.Body["error"])
}

func TestTokenExchange(t *testing.T) {
	s := newShop(t)
	var out struct {
		Claims  map[string]any `json:"claims"`
		Online  session        `json:"online"`
		Offline session        `json:"offline"`
		Call    call           `json:"call"`
		Own     call           `json:"own"`
	}
	drive(t, s, "exchange", &out)
	assert.Equal(t, "https://"+s.Domain(), out.Claims["dest"])
	assert.Equal(t, s.ClientID(), out.Claims["aud"])
	assert.Equal(t, "7", out.Claims["sub"])
	require.NotNil(t, out.Online.User)
	assert.EqualValues(t, 7, *out.Online.User)
	assertExpiring(t, s, out.Offline)
	assertCall(t, out.Call)
	assertCall(t, out.Own)
}

func TestRefresh(t *testing.T) {
	s := newShop(t)
	var out struct {
		Session session  `json:"session"`
		Call    call     `json:"call"`
		Changed bool     `json:"changed"`
		Stale   *failure `json:"stale"`
		Dead    *failure `json:"dead"`
	}
	drive(t, s, "refresh", &out)
	assertExpiring(t, s, out.Session)
	assertCall(t, out.Call)
	assert.True(t, out.Changed)
	require.NotNil(t, out.Stale)
	assert.Equal(t, "HttpResponseError", out.Stale.Name)
	assert.Equal(t, 401, out.Stale.Status)
	require.NotNil(t, out.Dead)
	assert.Equal(t, 401, out.Dead.Status)
	assert.Equal(t, "invalid_request", out.Dead.Body["error"])
}

func TestClientCredentials(t *testing.T) {
	s := newShop(t)
	var out struct {
		Session session `json:"session"`
		Call    call    `json:"call"`
	}
	drive(t, s, "client", &out)
	require.NotNil(t, out.Session.Expires)
	assert.InDelta(t, 24*3600, *out.Session.Expires, slow)
	assert.False(t, out.Session.Refreshes)
	assertCall(t, out.Call)
}

func TestREST(t *testing.T) {
	s := newShop(t)
	var out struct {
		Products int      `json:"products"`
		Back     int      `json:"back"`
		Address  string   `json:"address"`
		Gone     *failure `json:"gone"`
		Limit    string   `json:"limit"`
	}
	drive(t, s, "rest", &out)
	assert.Equal(t, len(s.Products()), out.Products, "all pages")
	assert.Equal(t, 10, out.Back)
	assert.Equal(t, "https://app.example.com/other", out.Address)
	require.NotNil(t, out.Gone)
	assert.Equal(t, 404, out.Gone.Status)
	assert.Contains(t, out.Limit, "/40")
}

func TestRefused(t *testing.T) {
	s := newShop(t)
	var out struct {
		WrongSecret, WrongToken, Forged *failure
	}
	drive(t, s, "refused", &out)
	require.NotNil(t, out.WrongSecret)
	assert.Equal(t, 400, out.WrongSecret.Status)
	assert.Equal(t, "invalid_client", out.WrongSecret.Body["error"])
	require.NotNil(t, out.WrongToken)
	assert.Equal(t, 401, out.WrongToken.Status)
	require.NotNil(t, out.Forged)
	assert.Equal(t, "InvalidJwtError", out.Forged.Name)
}
