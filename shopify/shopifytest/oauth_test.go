package shopifytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const callback = "https://app.example.com/auth/callback"

// oauthConfig is the configuration of a client that others wrote.
func oauthConfig(s *shopifytest.Shop, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.ClientID(), ClientSecret: s.Secret(), RedirectURL: callback, Scopes: []string{strings.Join(scopes, ",")},
		Endpoint: oauth2.Endpoint{AuthURL: s.URL() + "/admin/oauth/authorize", TokenURL: s.URL() + "/admin/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// approve opens an authorization URL and returns the query of the callback.
func approve(t *testing.T, authorize string) url.Values {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, authorize, nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusFound, resp.StatusCode)
	u, err := resp.Location()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(u.String(), callback+"?"), u.String())
	return u.Query()
}

// try runs a query with a token and returns the status.
func try(t *testing.T, s *shopifytest.Shop, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/api/2026-10/graphql.json", strings.NewReader(`{"query":"{ shop { name } }"}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// requestToken posts a form to the token endpoint.
func requestToken(t *testing.T, s *shopifytest.Shop, form url.Values) (int, map[string]any) {
	t.Helper()
	form.Set("client_id", s.ClientID())
	if !form.Has("client_secret") {
		form.Set("client_secret", s.Secret())
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/oauth/access_token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(body, &out), "%s", body)
	return resp.StatusCode, out
}

// TestOAuth2Client has golang.org/x/oauth2 install the app, use its token and
// refresh it.
func TestOAuth2Client(t *testing.T) {
	s := newShop(t, &shopifytest.Options{OAuth: shopifytest.OAuth{AccessLifetime: 2 * time.Hour}})
	cfg := oauthConfig(s, "read_orders", "write_orders", "read_products")
	q := approve(t, cfg.AuthCodeURL("some-state"))
	assert.Equal(t, "some-state", q.Get("state"))
	assert.Equal(t, s.Domain(), q.Get("shop"))

	began := time.Now()
	token, err := cfg.Exchange(t.Context(), q.Get("code"), oauth2.SetAuthURLParam("expiring", "1"))
	require.NoError(t, err)
	assert.Equal(t, "write_orders,read_products", token.Extra("scope"), "a write scope includes the read scope")
	assertNow(t, began, token.Expiry.Add(-2*time.Hour))
	assert.Equal(t, http.StatusOK, try(t, s, token.AccessToken))

	token.Expiry = time.Now() // so that the client refreshes it
	next, err := cfg.TokenSource(t.Context(), token).Token()
	require.NoError(t, err)
	assert.NotEqual(t, token.AccessToken, next.AccessToken)
	assert.NotEqual(t, token.RefreshToken, next.RefreshToken)
	assert.Equal(t, http.StatusOK, try(t, s, next.AccessToken))
	assert.Equal(t, http.StatusUnauthorized, try(t, s, token.AccessToken), "one expiring token per shop")

	_, err = cfg.Exchange(t.Context(), q.Get("code"))
	var re *oauth2.RetrieveError
	require.ErrorAs(t, err, &re)
	assert.Equal(t, "invalid_request", re.ErrorCode)
	assert.Contains(t, re.ErrorDescription, "already used")
}

// exchange trades a session token for an offline or online token.
func exchange(t *testing.T, s *shopifytest.Shop, kind string) (int, map[string]any) {
	t.Helper()
	return requestToken(t, s, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {s.SessionToken(7)},
		"subject_token_type":   {"urn:ietf:params:oauth:token-type:id_token"},
		"requested_token_type": {"urn:shopify:params:oauth:token-type:" + kind + "-access-token"}, "expiring": {"1"},
	})
}

// A session token is exchanged for what the shop granted last.
func TestExchangeOfGrant(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Scopes: []string{"read_orders"}})
	for _, want := range []string{"read_orders", "write_orders,read_products", "read_products"} {
		if want != "read_orders" {
			cfg := oauthConfig(s, strings.Split(want, ",")...)
			_, err := cfg.Exchange(t.Context(), approve(t, cfg.AuthCodeURL("some-state")).Get("code"))
			require.NoError(t, err)
		}
		for _, kind := range []string{"offline", "online"} {
			status, out := exchange(t, s, kind)
			require.Equal(t, http.StatusOK, status)
			assert.Equal(t, want, out["scope"], kind)
		}
	}
}

// The replaced refresh token stays good until its replacement is used.
func TestRefreshRotation(t *testing.T) {
	now := time.Now()
	s := newShop(t, &shopifytest.Options{Now: func() time.Time { return now }})
	refresh := func(token any) (int, map[string]any) {
		return requestToken(t, s, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}})
	}
	status, first := exchange(t, s, "offline")
	require.Equal(t, http.StatusOK, status)
	assert.EqualValues(t, 3600, first["expires_in"])
	assert.EqualValues(t, 90*24*3600, first["refresh_token_expires_in"])

	_, lost := refresh(first["refresh_token"])
	status, second := refresh(first["refresh_token"])
	require.Equal(t, http.StatusOK, status, "the answer may have been lost")
	assert.Equal(t, http.StatusUnauthorized, try(t, s, lost["access_token"].(string)))
	status, _ = refresh(lost["refresh_token"])
	assert.Equal(t, http.StatusUnauthorized, status, "the pair that was lost is replaced")

	status, third := refresh(second["refresh_token"])
	require.Equal(t, http.StatusOK, status)
	status, out := refresh(first["refresh_token"])
	assert.Equal(t, http.StatusUnauthorized, status, "its replacement was used")
	assert.Equal(t, map[string]any{"error": "invalid_request", "error_description": "This request requires an active refresh_token"}, out)

	status, _ = refresh(third["refresh_token"])
	require.Equal(t, http.StatusOK, status)
	now = now.Add(31 * 24 * time.Hour)
	status, _ = refresh(third["refresh_token"])
	assert.Equal(t, http.StatusUnauthorized, status, "30 days after its first use")
}

func TestTokensEnd(t *testing.T) {
	now := time.Now()
	s := newShop(t, &shopifytest.Options{Now: func() time.Time { return now }, OAuth: shopifytest.OAuth{RequireExpiring: true}})
	_, expiring := requestToken(t, s, url.Values{"grant_type": {"client_credentials"}})
	token := expiring["access_token"].(string)
	assert.Equal(t, http.StatusOK, try(t, s, token))
	now = now.Add(24*time.Hour - time.Second)
	assert.Equal(t, http.StatusOK, try(t, s, token))
	now = now.Add(time.Second)
	assert.Equal(t, http.StatusUnauthorized, try(t, s, token))

	q := approve(t, oauthConfig(s, "read_orders").AuthCodeURL(""))
	_, old := requestToken(t, s, url.Values{"code": {q.Get("code")}})
	assert.NotContains(t, old, "expires_in")
	assert.Equal(t, http.StatusForbidden, try(t, s, old["access_token"].(string)), "a token that does not expire")
	migrate := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {old["access_token"].(string)}, "expiring": {"1"},
		"subject_token_type":   {"urn:shopify:params:oauth:token-type:offline-access-token"},
		"requested_token_type": {"urn:shopify:params:oauth:token-type:offline-access-token"},
	}
	status, migrated := requestToken(t, s, migrate)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, http.StatusOK, try(t, s, migrated["access_token"].(string)))
	status, out := requestToken(t, s, migrate)
	assert.Equal(t, http.StatusBadRequest, status, "one way, once")
	assert.Equal(t, "invalid_subject_token", out["error"])

	s.ExpireTokens()
	assert.Equal(t, http.StatusUnauthorized, try(t, s, migrated["access_token"].(string)))
	assert.Equal(t, http.StatusOK, try(t, s, s.Token()), "the token of the options does not expire")
}

func TestUninstall(t *testing.T) {
	got := make(chan string, 10)
	hook := newReceiver(t, func(r *http.Request) { got <- r.Header.Get("X-Shopify-Topic") })
	s := newShop(t, &shopifytest.Options{RetrySchedule: []time.Duration{}})
	for _, topic := range []string{"APP_UNINSTALLED", "ORDERS_CREATE"} {
		data(t, s, `mutation($t: WebhookSubscriptionTopic!, $u: String!) { webhookSubscriptionCreate(topic: $t, webhookSubscription: {uri: $u}) { userErrors { message } } }`,
			map[string]any{"t": topic, "u": hook})
	}
	q := approve(t, oauthConfig(s).AuthCodeURL(""))
	_, token := requestToken(t, s, url.Values{"code": {q.Get("code")}, "expiring": {"1"}})
	s.Uninstall()
	waitIdle(t, s)
	assert.Equal(t, "app/uninstalled", <-got)
	assert.Empty(t, s.Subscriptions())
	for _, dead := range []any{token["access_token"], s.Token()} {
		assert.Equal(t, http.StatusUnauthorized, try(t, s, dead.(string)))
	}
	status, _ := requestToken(t, s, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token["refresh_token"].(string)}})
	assert.Equal(t, http.StatusUnauthorized, status)
	status, _ = requestToken(t, s, url.Values{"grant_type": {"client_credentials"}})
	assert.Equal(t, http.StatusBadRequest, status)

	q = approve(t, oauthConfig(s).AuthCodeURL(""))
	_, again := requestToken(t, s, url.Values{"code": {q.Get("code")}, "expiring": {"1"}})
	assert.Equal(t, http.StatusOK, try(t, s, again["access_token"].(string)))
}

func newReceiver(t *testing.T, see func(*http.Request)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { see(r) }))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTokenFaults(t *testing.T) {
	s := newShop(t, nil)
	ask := url.Values{"grant_type": {"client_credentials"}}
	s.Inject(shopifytest.Fault{Grant: "refresh_token", OAuthError: "invalid_grant"})
	s.Inject(shopifytest.Fault{Grant: "*", OAuthError: "shop_not_permitted"})
	s.Inject(shopifytest.Fault{Grant: "client_credentials", OmitExpiry: true})
	status, out := requestToken(t, s, ask)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "shop_not_permitted", out["error"])
	_, out = requestToken(t, s, ask)
	assert.NotContains(t, out, "expires_in")
	assert.Equal(t, http.StatusOK, try(t, s, s.Token()), "faults of the token endpoint leave the API alone")
	status, _ = requestToken(t, s, url.Values{"grant_type": {"refresh_token"}})
	assert.Equal(t, http.StatusBadRequest, status)

	s.Inject(shopifytest.Fault{Grant: "client_credentials", LoseResponse: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/oauth/access_token?grant_type=client_credentials&client_id="+s.ClientID()+"&client_secret="+s.Secret(), nil)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(req)
	require.Error(t, err)
	requests := s.TokenRequests()
	last := requests[len(requests)-1]
	assert.True(t, last.Issued)
	assert.Zero(t, last.Status)
	assert.True(t, last.Faulted)
}

func TestOAuthRefusals(t *testing.T) {
	s := newShop(t, &shopifytest.Options{OAuth: shopifytest.OAuth{OldSecret: "old"}})
	for name, tt := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"wrong secret":     {url.Values{"client_secret": {"guess"}}, 400, "invalid_client"},
		"no code":          {url.Values{}, 400, "invalid_request"},
		"grant type":       {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"no subject":       {url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "requested_token_type": {"urn:shopify:params:oauth:token-type:offline-access-token"}}, 400, "missing_subject_token"},
		"the old secret":   {url.Values{"client_secret": {"old"}, "grant_type": {"client_credentials"}}, 200, ""},
		"no refresh token": {url.Values{"grant_type": {"refresh_token"}}, 401, "invalid_request"},
	} {
		status, out := requestToken(t, s, tt.form)
		assert.Equal(t, tt.status, status, name)
		if tt.code != "" {
			assert.Equal(t, tt.code, out["error"], name)
		}
	}
	for name, change := range map[string]func(*oauth2.Config){
		"redirect": func(c *oauth2.Config) { c.RedirectURL = "http://evil.example.com/" },
		"client":   func(c *oauth2.Config) { c.ClientID = "other" },
	} {
		cfg := oauthConfig(s)
		change(cfg)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cfg.AuthCodeURL("x"), nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode, name)
		assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	}
}
