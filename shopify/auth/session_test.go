package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// sign makes a token that is right but for what change does to it.
func sign(t *testing.T, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	now := time.Now()
	c := jwt.MapClaims{
		"iss": "https://acme.myshopify.com/admin", "dest": "https://acme.myshopify.com", "aud": "client", "sub": "42",
		"exp": now.Add(time.Minute).Unix(), "nbf": now.Unix(), "iat": now.Unix(), "jti": "token-1", "sid": "session-1",
	}
	if change != nil {
		change(c)
	}
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	require.NoError(t, err)
	return token
}

func sessionApp(t *testing.T, secrets auth.Secrets) *auth.App {
	t.Helper()
	app, err := auth.New("client", secrets, nil)
	require.NoError(t, err)
	return app
}

func TestVerifySession(t *testing.T) {
	synctest.Test(t, verifySession) // where no second passes between signing and verifying
}

func verifySession(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	s, err := app.VerifySession(sign(t, jwt.SigningMethodHS256, []byte("secret"), nil))
	require.NoError(t, err)
	account, ok := s.AccountID()
	assert.True(t, ok)
	assert.EqualValues(t, 42, account)
	assert.Equal(t, shopify.Domain("acme.myshopify.com"), s.Shop)
	assert.Equal(t, []string{"42", "token-1", "session-1"}, []string{s.Account, s.ID, s.SessionID})
	assert.True(t, s.Expires.Equal(time.Now().Add(time.Minute)))
	for _, printed := range []string{fmt.Sprintf("%+v", *s), fmt.Sprintf("%#v", s), slog.AnyValue(s).Resolve().String()} {
		assert.NotContains(t, printed, "eyJ")
	}
	now := time.Now()
	for name, change := range map[string]func(jwt.MapClaims){
		"expired within the leeway":     func(c jwt.MapClaims) { c["exp"] = now.Add(-5 * time.Second).Unix() },
		"not yet valid, within leeway":  func(c jwt.MapClaims) { c["nbf"] = now.Add(9 * time.Second).Unix() },
		"several audiences":             func(c jwt.MapClaims) { c["aud"] = []string{"other", "client"} },
		"capital letters in the domain": func(c jwt.MapClaims) { c["dest"] = "https://Acme.myshopify.com" },
		"without what is optional":      func(c jwt.MapClaims) { delete(c, "iat"); delete(c, "jti"); delete(c, "sid"); delete(c, "nbf") },
	} {
		_, err := app.VerifySession(sign(t, jwt.SigningMethodHS256, []byte("secret"), change))
		assert.NoError(t, err, name)
	}
}

func TestTwoSecrets(t *testing.T) {
	old := sign(t, jwt.SigningMethodHS256, []byte("old"), nil)
	_, err := sessionApp(t, auth.Secrets{Current: "new", Previous: "old", PreviousUntil: time.Now().Add(time.Hour)}).VerifySession(old)
	require.NoError(t, err)
	_, err = sessionApp(t, auth.Secrets{Current: "new", Previous: "old", PreviousUntil: time.Now().Add(-time.Second)}).VerifySession(old)
	require.ErrorIs(t, err, auth.ErrSession)
	for _, wrong := range []auth.Secrets{{}, {Previous: "old"}, {Current: "new", Previous: "old"}} {
		_, err := auth.New("client", wrong, nil)
		require.ErrorIs(t, err, shopify.ErrInvalid)
	}
	_, err = auth.New("", auth.Secrets{Current: "new"}, nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", auth.Secrets{Current: "hush"}, auth.Secrets{Current: "hush"}, auth.Secrets{Current: "hush"}), "hush")
}

func TestSessionRefused(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	good := sign(t, jwt.SigningMethodHS256, []byte("secret"), nil)
	part := strings.Split(good, ".")
	for name, tt := range map[string]struct{ reason, token string }{
		"nothing":         {"missing", ""},
		"too long":        {"malformed", strings.Repeat("x", 5000)},
		"another secret":  {"signature", sign(t, jwt.SigningMethodHS256, []byte("guess"), nil)},
		"no signature":    {"signature", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)},
		"stripped":        {"signature", part[0] + "." + part[1] + "."},
		"alg none header": {"signature", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + part[1] + "." + part[2]},
		"HS384":           {"signature", sign(t, jwt.SigningMethodHS384, []byte("secret"), nil)},
		"changed":         {"malformed", part[0] + "." + part[1] + "x." + part[2]},
	} {
		_, err := app.VerifySession(tt.token)
		require.ErrorIs(t, err, auth.ErrSession, name)
		se, ok := errors.AsType[*auth.SessionError](err)
		require.True(t, ok)
		assert.Equal(t, tt.reason, se.Reason, name)
	}
	now := time.Now()
	for name, tt := range map[string]struct {
		reason string
		change func(jwt.MapClaims)
	}{
		"expired":               {"claims", func(c jwt.MapClaims) { c["exp"] = now.Add(-11 * time.Second).Unix() }},
		"without expiry":        {"claims", func(c jwt.MapClaims) { delete(c, "exp") }},
		"not yet valid":         {"claims", func(c jwt.MapClaims) { c["nbf"] = now.Add(time.Hour).Unix() }},
		"issued in the future":  {"claims", func(c jwt.MapClaims) { c["iat"] = now.Add(time.Hour).Unix() }},
		"for another app":       {"claims", func(c jwt.MapClaims) { c["aud"] = "other" }},
		"for no app":            {"claims", func(c jwt.MapClaims) { delete(c, "aud") }},
		"of two shops":          {"shop", func(c jwt.MapClaims) { c["iss"] = "https://other.myshopify.com/admin" }},
		"no destination":        {"shop", func(c jwt.MapClaims) { delete(c, "dest") }},
		"no issuer":             {"shop", func(c jwt.MapClaims) { delete(c, "iss") }},
		"of another site":       {"shop", func(c jwt.MapClaims) { c["dest"], c["iss"] = "https://example.com", "https://example.com/admin" }},
		"destination with path": {"shop", func(c jwt.MapClaims) { c["dest"] = "https://acme.myshopify.com/x" }},
		"destination with user": {"shop", func(c jwt.MapClaims) { c["dest"] = "https://a@acme.myshopify.com" }},
		"plain http":            {"shop", func(c jwt.MapClaims) { c["dest"] = "http://acme.myshopify.com" }},
		"of nobody":             {"claims", func(c jwt.MapClaims) { delete(c, "sub") }},
	} {
		_, err := app.VerifySession(sign(t, jwt.SigningMethodHS256, []byte("secret"), tt.change))
		require.ErrorIs(t, err, auth.ErrSession, name)
		se, ok := errors.AsType[*auth.SessionError](err)
		require.True(t, ok)
		assert.Equal(t, tt.reason, se.Reason, name)
	}
}

// serve sends a request through the middleware.
func serve(app *auth.App, opts *auth.SessionOptions, method, authorization, origin string) *httptest.ResponseRecorder {
	h := app.Sessions(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := auth.SessionFrom(r.Context())
		if !ok {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		fmt.Fprint(w, s.Shop)
	}), opts)
	r := httptest.NewRequest(method, "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSessionsOfARegister(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	opts := &auth.SessionOptions{Surface: auth.POS, Methods: []string{"POST"}}
	w := serve(app, opts, http.MethodPost, "Bearer "+sign(t, jwt.SigningMethodHS256, []byte("secret"), nil), "https://extensions.example.com")
	assert.Equal(t, "acme.myshopify.com", w.Body.String())
	assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))

	w = serve(app, opts, http.MethodOptions, "", "https://extensions.example.com")
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "Authorization, Content-Type", w.Header().Get("Access-Control-Allow-Headers"))
	assert.Equal(t, "POST", w.Header().Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "7200", w.Header().Get("Access-Control-Max-Age"))

	w = serve(app, opts, http.MethodPost, "", "https://extensions.example.com")
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), "an extension must be able to read a refusal")
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))
	assert.Empty(t, w.Header().Get("X-Shopify-Retry-Invalid-Session-Request"))
}

func TestSessionsOfAppBridge(t *testing.T) {
	app := sessionApp(t, auth.Secrets{Current: "secret"})
	good := sign(t, jwt.SigningMethodHS256, []byte("secret"), nil)
	for name, authorization := range map[string]string{"nothing": "", "no scheme": good, "another scheme": "Basic " + good, "empty": "Bearer ", "wrong": "Bearer x"} {
		w := serve(app, nil, http.MethodGet, authorization, "")
		assert.Equal(t, http.StatusUnauthorized, w.Code, name)
		assert.Equal(t, "1", w.Header().Get("X-Shopify-Retry-Invalid-Session-Request"))
		assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	}
	w := serve(app, nil, http.MethodGet, "bearer "+good, "")
	assert.Equal(t, http.StatusOK, w.Code)

	opts := &auth.SessionOptions{Origins: []string{"https://app.example.com"}, Check: func(_ context.Context, s *auth.Session) error {
		if s.ID != "token-1" {
			return errors.New("not this one")
		}
		return nil
	}}
	w = serve(app, opts, http.MethodGet, "Bearer "+good, "https://app.example.com")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "https://app.example.com", w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "Origin", w.Header().Get("Vary"))
	w = serve(app, opts, http.MethodOptions, "", "https://evil.example.com")
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "Origin", w.Header().Get("Vary"))
	other := sign(t, jwt.SigningMethodHS256, []byte("secret"), func(c jwt.MapClaims) { c["jti"] = "token-2" })
	assert.Equal(t, http.StatusUnauthorized, serve(app, opts, http.MethodGet, "Bearer "+other, "").Code)
}

// TestSessionsExchange: the handler runs with the access tokens that it needs.
func TestSessionsExchange(t *testing.T) {
	s := newShop(t, nil)
	app := newApp(t, s, &auth.Options{Scopes: []string{"read_orders"}, MaxAttempts: 1})
	opts := &auth.SessionOptions{Tokens: []auth.Access{auth.Offline, auth.Online}}
	bearer := func() string { return "Bearer " + s.SessionToken(7) }

	s.Inject(shopifytest.Fault{Grant: "*", OAuthError: "invalid_subject_token"})
	w := serve(app, opts, http.MethodGet, bearer(), "")
	assert.Equal(t, http.StatusUnauthorized, w.Code, "it ended on the way")
	assert.Equal(t, "1", w.Header().Get("X-Shopify-Retry-Invalid-Session-Request"))
	s.Inject(shopifytest.Fault{Grant: "*", Status: 502})
	assert.Equal(t, http.StatusServiceUnavailable, serve(app, opts, http.MethodGet, bearer(), "").Code)
	s.Inject(shopifytest.Fault{Grant: "*", OAuthError: "app_not_installed"})
	assert.Equal(t, http.StatusForbidden, serve(app, opts, http.MethodGet, bearer(), "").Code)

	before := len(s.TokenRequests())
	for range 3 {
		require.Equal(t, http.StatusOK, serve(app, opts, http.MethodGet, bearer(), "").Code)
	}
	assert.Len(t, s.TokenRequests(), before+2, "one exchange for each token")
	require.NoError(t, ask(t.Context(), client(t, s, app.Offline(domain(s)))))
	online, err := app.Online(domain(s), 7).Current(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 7, online.User.ID)
	assert.Equal(t, "Alex", online.User.FirstName)
}

// A shop that granted less than the app cannot do without is refused each time, not the
// first time alone, at one exchange a second; what it grants later is taken up.
func TestSessionsForLess(t *testing.T) {
	for _, access := range []auth.Access{auth.Offline, auth.Online} {
		t.Run(string(access), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t, &shopifytest.Options{Socketless: true, Scopes: []string{"read_orders"}})
				o := &auth.Options{Scopes: []string{"read_orders", "write_products"}, HTTPClient: &http.Client{Transport: s.Transport()}}
				app := newApp(t, s, o)
				opts := &auth.SessionOptions{Tokens: []auth.Access{access}}
				code := func() int { return serve(app, opts, http.MethodGet, "Bearer "+s.SessionToken(7), "").Code }
				for n := range 3 {
					for range 3 {
						require.Equal(t, http.StatusForbidden, code())
					}
					assert.Len(t, s.TokenRequests(), n+1)
					time.Sleep(time.Second)
				}

				grant(t, s, newApp(t, s, o)) // by another process
				before := len(s.TokenRequests())
				for range 3 {
					require.Equal(t, http.StatusOK, code())
				}
				assert.Len(t, s.TokenRequests(), before+1)
			})
		})
	}
}

// grant installs the app, without sockets, with the scopes that it wants.
func grant(t *testing.T, s *shopifytest.Shop, app *auth.App) {
	t.Helper()
	in, err := app.NewInstaller("https://app.example.com/auth/callback", nil)
	require.NoError(t, err)
	begun := httptest.NewRecorder()
	in.Begin(begun, httptest.NewRequest(http.MethodGet, "/auth?shop="+s.Domain(), nil))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, begun.Header().Get("Location"), nil)
	require.NoError(t, err)
	resp, err := s.Transport().RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	callback := httptest.NewRequest(http.MethodGet, resp.Header.Get("Location"), nil)
	for _, c := range begun.Result().Cookies() {
		callback.AddCookie(c)
	}
	ended := httptest.NewRecorder()
	in.Callback(ended, callback)
	require.Equal(t, http.StatusFound, ended.Code)
}
