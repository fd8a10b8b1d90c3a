package auth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

func newRecorder(t testing.TB, h http.HandlerFunc, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// fuzzed is an app whose secret the fuzzer does not know, and which reaches nobody.
func fuzzed(f *testing.F) *auth.App {
	f.Helper()
	app, err := auth.New("client", auth.Secrets{Current: "a secret that the fuzzer does not know"}, &auth.Options{BaseURL: "http://127.0.0.1:1"})
	if err != nil {
		f.Fatal(err)
	}
	return app
}

func FuzzCallback(f *testing.F) {
	app := fuzzed(f)
	in, err := app.NewInstaller("https://app.example.com/auth/callback", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("code=c&hmac=0000000000000000000000000000000000000000000000000000000000000000&host=aG9zdA&shop=acme.myshopify.com&state=s&timestamp=1764244800", "__Host-posai_oauth_x=1.2")
	f.Add("shop=acme.myshopify.com&embedded=1", "")
	f.Add(resign("a secret that the fuzzer does not know, neither", url.Values{"shop": {"acme.myshopify.com"}}), "")
	f.Fuzz(func(t *testing.T, query, cookie string) {
		for name, h := range map[string]http.HandlerFunc{"callback": in.Callback, "begin": in.Begin} {
			r := httptest.NewRequest(http.MethodGet, "/auth/callback", nil)
			r.URL.RawQuery = query
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			h(w, r)
			switch {
			case name == "callback" && w.Code != http.StatusBadRequest:
				t.Fatalf("the callback answered %d to what nobody signed", w.Code)
			case name == "begin" && w.Code == http.StatusFound:
				u, err := url.Parse(w.Header().Get("Location"))
				if err != nil || u.Host != "127.0.0.1:1" {
					t.Fatalf("led to %q", u)
				}
			}
		}
		if _, err := app.VerifyLaunch(query); err == nil {
			t.Fatal("accepted what nobody signed")
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, `{"access_token":"t","expires_in":3600,"refresh_token":"r","refresh_token_expires_in":7776000,"scope":"read_orders,write_products"}`)
	f.Add(200, `{"access_token":"t","expires_in":"1e3","associated_user":{"id":7}}`)
	f.Add(401, `{"error":"invalid_request","error_description":"This request requires an active refresh_token"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r, Header: http.Header{"Retry-After": {body[:min(len(body), 5)]}}}, nil
		})}
		app, err := auth.New("client", auth.Secrets{Current: "the-secret-of-the-app"}, &auth.Options{HTTPClient: client, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		token, err := app.ClientCredentials("acme.myshopify.com").Current(t.Context())
		switch {
		case err == nil && (status != 200 || token.AccessToken == "" || strings.ContainsAny(token.AccessToken, "\r\n\x00")):
			t.Fatalf("took %d %q for a token", status, body)
		case err == nil && !token.Expires.IsZero() && !token.Expires.After(token.Issued):
			t.Fatal("a token that ended before it began")
		case err != nil && strings.Contains(err.Error(), "the-secret-of-the-app"):
			t.Fatal("the error tells the secret")
		}
	})
}

func FuzzSessionToken(f *testing.F) {
	app := fuzzed(f)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(shopifytest.SignSessionToken("guess", shopifytest.SessionClaims{Shop: "acme.myshopify.com", ClientID: "client", Account: "1", Issued: time.Now()}))
	f.Fuzz(func(t *testing.T, token string) {
		if s, err := app.VerifySession(token); err == nil {
			t.Fatalf("accepted for %s", s.Shop)
		}
	})
}
