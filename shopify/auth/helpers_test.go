package auth_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// someData is a shop with nothing in it, which is quick to make.
var someData = &shopifytest.Data{
	Version: 1, Shop: shopifytest.ShopData{Name: "Acme", Domain: "acme.myshopify.com", Currency: "USD", Email: "shop@example.com"},
	Locations: []shopifytest.LocationData{{Name: "Main Street"}},
}

func newShop(t testing.TB, opts *shopifytest.Options) *shopifytest.Shop {
	t.Helper()
	o := shopifytest.Options{}
	if opts != nil {
		o = *opts
	}
	o.Data = someData
	return shopifytest.NewShop(t, &o)
}

// newApp returns the app that the shop knows.
func newApp(t testing.TB, s *shopifytest.Shop, opts *auth.Options) *auth.App {
	t.Helper()
	o := auth.Options{}
	if opts != nil {
		o = *opts
	}
	o.BaseURL, o.MinBackoff, o.Timeout = s.URL(), time.Millisecond, 10*time.Minute
	if o.HTTPClient == nil { // with a machine that is busy, an attempt may take its time
		o.HTTPClient = &http.Client{Timeout: 5 * time.Minute}
	}
	app, err := auth.New(s.ClientID(), auth.Secrets{Current: s.Secret()}, &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, app.Close()) })
	return app
}

func domain(s *shopifytest.Shop) shopify.Domain { return shopify.Domain(s.Domain()) }

// install gives the app an offline token, by token exchange.
func install(t testing.TB, app *auth.App, s *shopifytest.Shop) *auth.Token {
	t.Helper()
	session, err := app.VerifySession(s.SessionToken(7))
	require.NoError(t, err)
	token, err := app.Exchange(t.Context(), session, auth.Offline)
	require.NoError(t, err)
	return token
}

// client returns a client of the shop with tokens of the source.
func client(t testing.TB, s *shopifytest.Shop, source shopify.TokenSource) *shopify.Client {
	t.Helper()
	c, err := shopify.NewClient(domain(s), source, &shopify.Options{BaseURL: s.URL(), MinBackoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond})
	require.NoError(t, err)
	return c
}

// ask runs a query.
func ask(ctx context.Context, c *shopify.Client) error {
	return c.MakeRequest(ctx, &graphql.Request{Query: `query Name { shop { name } }`, OpName: "Name"}, &graphql.Response{})
}

// grants counts the requests to the token endpoint with a grant type.
func grants(s *shopifytest.Shop, grant string) (n int) {
	for _, r := range s.TokenRequests() {
		if r.Grant == grant {
			n++
		}
	}
	return n
}

// browser follows redirects within this machine, and keeps cookies.
func browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Hostname() != "127.0.0.1" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// site is an app's server with an installer at /auth and /auth/callback.
type site struct {
	*httptest.Server
	app *auth.App
}

func newSite(t testing.TB, s *shopifytest.Shop, opts *auth.Options, install *auth.InstallOptions) *site {
	t.Helper()
	mux := http.NewServeMux()
	st := &site{Server: httptest.NewServer(mux), app: newApp(t, s, opts)}
	t.Cleanup(st.Close)
	in, err := st.app.NewInstaller(st.URL+"/auth/callback", install)
	require.NoError(t, err)
	mux.HandleFunc("/auth", in.Begin)
	mux.HandleFunc("/auth/callback", in.Callback)
	return st
}

// get returns the answer's status and where it leads.
func get(t testing.TB, c *http.Client, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// callbackOf begins an installation in the browser and returns the URL of the
// callback without opening it.
func callbackOf(t testing.TB, st *site, s *shopifytest.Shop, c *http.Client) *url.URL {
	t.Helper()
	stay := &http.Client{Jar: c.Jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, err := get(t, stay, st.URL+"/auth?shop="+s.Domain()).Location()
	require.NoError(t, err)
	back, err := get(t, stay, at.String()).Location()
	require.NoError(t, err)
	return back
}

func decode(t testing.TB, r io.Reader, v any) {
	t.Helper()
	require.NoError(t, json.NewDecoder(r).Decode(v))
}

// sessionToken is what a register sends.
func sessionToken(clientID, secret string) string {
	return shopifytest.SignSessionToken(secret, shopifytest.SessionClaims{Shop: "acme.myshopify.com", ClientID: clientID, Account: "42", Issued: time.Now()})
}
