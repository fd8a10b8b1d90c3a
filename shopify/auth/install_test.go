package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

func TestInstall(t *testing.T) {
	s := newShop(t, nil)
	var seen *auth.Token
	st := newSite(t, s, &auth.Options{Scopes: []string{"read_products", "write_products", "read_orders"}}, &auth.InstallOptions{
		Installed: func(_ context.Context, token *auth.Token) error { seen = token; return nil },
	})
	resp := get(t, browser(t), st.URL+"/auth?shop="+s.Domain())
	assert.Equal(t, http.StatusFound, resp.StatusCode)
	assert.Equal(t, "https://admin.shopify.com/store/acme/apps/"+s.ClientID(), resp.Header.Get("Location"))
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))

	token, err := st.app.Offline(domain(s)).Current(t.Context())
	require.NoError(t, err)
	assert.Equal(t, seen, token)
	assert.Equal(t, []string{"write_products", "read_orders"}, token.Scopes)
	assert.WithinDuration(t, time.Now().Add(time.Hour), token.Expires, 20*time.Minute)
	assert.WithinDuration(t, time.Now().Add(90*24*time.Hour), token.RefreshExpires, 20*time.Minute)
	require.NoError(t, ask(t.Context(), client(t, s, st.app.Offline(domain(s)))))
}

func TestInstallFromTheAdmin(t *testing.T) {
	s := newShop(t, nil)
	st := newSite(t, s, nil, &auth.InstallOptions{Home: "https://app.example.com/home?lang=en"})
	launch, err := s.LaunchURL(st.URL+"/auth", 0)
	require.NoError(t, err)
	resp := get(t, browser(t), launch)
	to, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, "app.example.com/home", to.Host+to.Path)
	assert.Equal(t, s.Domain(), to.Query().Get("shop"))
	assert.Equal(t, "en", to.Query().Get("lang"))

	launch, err = s.LaunchURL(st.URL+"/auth", 7)
	require.NoError(t, err)
	resp = get(t, browser(t), launch)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, string(page), `href="`+st.URL+"/auth?shop="+s.Domain()+`"`)
	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "frame-ancestors https://acme.myshopify.com https://admin.shopify.com")
	assert.Empty(t, resp.Cookies(), "inside of the admin there are none")

	q, err := st.app.VerifyLaunch(mustURL(t, launch).RawQuery)
	require.NoError(t, err)
	session, err := st.app.VerifySession(q.Get("id_token"))
	require.NoError(t, err)
	assert.Equal(t, "7", session.Account)
	for _, wrong := range []string{launch + "&x=1", strings.Replace(launch, "acme", "other", 1), strings.Replace(launch, "embedded=1", "embedded=0", 1)} {
		assert.Equal(t, http.StatusBadRequest, get(t, browser(t), wrong).StatusCode)
		_, err = st.app.VerifyLaunch(mustURL(t, wrong).RawQuery)
		require.ErrorIs(t, err, auth.ErrCallback)
	}
}

func mustURL(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

func TestInstallOnline(t *testing.T) {
	s := newShop(t, nil)
	var seen *auth.Token
	st := newSite(t, s, nil, &auth.InstallOptions{Online: true, Installed: func(_ context.Context, token *auth.Token) error { seen = token; return nil }})
	require.Equal(t, http.StatusFound, get(t, browser(t), st.URL+"/auth?shop="+s.Domain()).StatusCode)
	require.NotNil(t, seen)
	require.NotNil(t, seen.User)
	assert.True(t, seen.User.AccountOwner)
	assert.Equal(t, seen.Account, seen.User.ID)
	require.NoError(t, ask(t.Context(), client(t, s, st.app.Online(domain(s), seen.Account))))
	_, err := st.app.Offline(domain(s)).Token(t.Context())
	require.ErrorIs(t, err, auth.ErrNoToken)
	require.ErrorIs(t, err, auth.ErrReauthorize)
}

func TestScopesNotGranted(t *testing.T) {
	s := newShop(t, &shopifytest.Options{OAuth: shopifytest.OAuth{Grant: []string{"read_orders"}}})
	var failure error
	st := newSite(t, s, &auth.Options{Scopes: []string{"read_orders", "write_products"}}, &auth.InstallOptions{
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			failure = err
			w.WriteHeader(http.StatusTeapot)
		},
	})
	assert.Equal(t, http.StatusTeapot, get(t, browser(t), st.URL+"/auth?shop="+s.Domain()).StatusCode)
	require.ErrorIs(t, failure, shopify.ErrAccessDenied)
	se, ok := errors.AsType[*auth.ScopeError](failure)
	require.True(t, ok)
	assert.Equal(t, []string{"write_products"}, se.Missing)
	require.NoError(t, ask(t.Context(), client(t, s, st.app.Offline(domain(s)))), "it is all that there is now")
}

// TestExchangeForLess: what Shopify issued has ended the token before it, so it must
// not get lost.
func TestExchangeForLess(t *testing.T) {
	for _, access := range []auth.Access{auth.Offline, auth.Online} {
		t.Run(string(access), func(t *testing.T) {
			s := newShop(t, &shopifytest.Options{Scopes: []string{"read_orders"}})
			app := newApp(t, s, &auth.Options{Scopes: []string{"read_orders", "write_products"}})
			session, err := app.VerifySession(s.SessionToken(7))
			require.NoError(t, err)
			for range 2 {
				got, err := app.Exchange(t.Context(), session, access)
				se, ok := errors.AsType[*auth.ScopeError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, []string{"write_products"}, se.Missing)
				require.NotNil(t, got)
				source := app.Offline(domain(s))
				if access == auth.Online {
					source = app.Online(domain(s), 7)
				}
				assert.Equal(t, got.AccessToken, token(t, source))
				require.NoError(t, ask(t.Context(), client(t, s, source)))
			}
		})
	}
}

// resign signs a callback's query anew, as one who knows the secret.
func resign(secret string, q url.Values) string {
	q.Del("hmac")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(q.Encode()))
	q.Set("hmac", hex.EncodeToString(mac.Sum(nil)))
	return q.Encode()
}

func TestCallbackRefused(t *testing.T) {
	s := newShop(t, nil)
	var failure error
	st := newSite(t, s, nil, &auth.InstallOptions{Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
		failure = err
		w.WriteHeader(http.StatusBadRequest)
	}})
	change := func(f func(url.Values)) func(*url.URL) {
		return func(u *url.URL) {
			q := u.Query()
			f(q)
			u.RawQuery = resign(s.Secret(), q)
		}
	}
	for name, tt := range map[string]struct {
		reason string
		spoil  func(*url.URL)
	}{
		"changed":          {"hmac", func(u *url.URL) { u.RawQuery = strings.Replace(u.RawQuery, "acme", "evil", 1) }},
		"added":            {"hmac", func(u *url.URL) { u.RawQuery += "&x=1" }},
		"not signed":       {"hmac", func(u *url.URL) { q := u.Query(); q.Del("hmac"); u.RawQuery = q.Encode() }},
		"signed otherwise": {"hmac", func(u *url.URL) { u.RawQuery = resign("guess", u.Query()) }},
		"not hexadecimal":  {"hmac", func(u *url.URL) { q := u.Query(); q.Set("hmac", "zz"); u.RawQuery = q.Encode() }},
		"two shops": {"query", func(u *url.URL) {
			q := u.Query()
			q.Add("shop", "evil.myshopify.com")
			u.RawQuery = resign(s.Secret(), q)
		}},
		"two signatures":      {"query", func(u *url.URL) { u.RawQuery += "&hmac=00" }},
		"no query":            {"query", func(u *url.URL) { u.RawQuery = "%zz" }},
		"enormous":            {"query", func(u *url.URL) { u.RawQuery += "&x=" + strings.Repeat("x", 9000) }},
		"old":                 {"timestamp", change(func(q url.Values) { q.Set("timestamp", strconv.FormatInt(time.Now().Add(-2*time.Minute).Unix(), 10)) })},
		"without a time":      {"timestamp", change(func(q url.Values) { q.Del("timestamp") })},
		"not a shop":          {"shop", change(func(q url.Values) { q.Set("shop", "evil.example.com") })},
		"another shop":        {"state", change(func(q url.Values) { q.Set("shop", "evil.myshopify.com") })},
		"no code":             {"code", change(func(q url.Values) { q.Del("code") })},
		"no state":            {"state", change(func(q url.Values) { q.Del("state") })},
		"another state":       {"state", change(func(q url.Values) { q.Set("state", "AAAAAAAAAAAAAAAAAAAAAA") })},
		"a place elsewhere":   {"host", change(func(q url.Values) { q.Set("host", "ZXZpbC5leGFtcGxlLmNvbS8") })},
		"a place not encoded": {"host", change(func(q url.Values) { q.Set("host", "*") })},
	} {
		t.Run(name, func(t *testing.T) {
			failure = nil
			c := browser(t)
			u := callbackOf(t, st, s, c)
			tt.spoil(u)
			before := len(s.TokenRequests())
			assert.Equal(t, http.StatusBadRequest, get(t, c, u.String()).StatusCode)
			ce, ok := errors.AsType[*auth.CallbackError](failure)
			require.True(t, ok, "%v", failure)
			assert.Equal(t, tt.reason, ce.Reason)
			require.ErrorIs(t, failure, auth.ErrCallback)
			assert.Len(t, s.TokenRequests(), before, "Shopify is not asked")
		})
	}
}

// A callback belongs to the browser that began, and is taken once.
func TestState(t *testing.T) {
	s := newShop(t, nil)
	st := newSite(t, s, nil, nil)
	mine := browser(t)
	u := callbackOf(t, st, s, mine)
	assert.Equal(t, http.StatusBadRequest, get(t, browser(t), u.String()).StatusCode, "in another browser")

	other := callbackOf(t, st, s, mine)
	assert.Equal(t, http.StatusFound, get(t, mine, other.String()).StatusCode, "two tabs do not disturb each other")
	cookies := mine.Jar.Cookies(mustURL(t, st.URL))
	assert.Equal(t, http.StatusFound, get(t, mine, u.String()).StatusCode)
	assert.Empty(t, mine.Jar.Cookies(mustURL(t, st.URL)), "the cookie is gone")
	mine.Jar.SetCookies(mustURL(t, st.URL), cookies)
	before := len(s.TokenRequests())
	assert.Equal(t, http.StatusBadRequest, get(t, mine, u.String()).StatusCode, "and of no use if somebody kept it")
	assert.Len(t, s.TokenRequests(), before)
}

func TestBegin(t *testing.T) {
	s := newShop(t, nil)
	st := newSite(t, s, &auth.Options{Scopes: []string{"read_orders"}}, nil)
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, shop := range []string{"", "evil.example.com", "acme.myshopify.com.evil.example.com", "acme.myshopify.com/", "a@b.myshopify.com", strings.Repeat("x", 9000)} {
		resp := get(t, stay, st.URL+"/auth?shop="+url.QueryEscape(shop))
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode, shop)
		assert.Empty(t, resp.Header.Get("Location"))
	}
	resp := get(t, stay, st.URL+"/auth?shop=ACME.myshopify.com")
	cookies := resp.Cookies()
	require.Len(t, cookies, 1)
	assert.Equal(t, http.SameSiteLaxMode, cookies[0].SameSite)
	assert.True(t, cookies[0].HttpOnly)
	ask := mustURL(t, resp.Header.Get("Location")).Query()
	assert.Equal(t, "read_orders", ask.Get("scope"))
	assert.Len(t, ask.Get("state"), 22)

	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, st.URL+"/auth?shop="+s.Domain(), nil)
	require.NoError(t, err)
	presp, err := stay.Do(post)
	require.NoError(t, err)
	_ = presp.Body.Close()
	assert.Equal(t, http.StatusMethodNotAllowed, presp.StatusCode)

	in, err := st.app.NewInstaller("https://app.example.com/cb", nil)
	require.NoError(t, err)
	w := newRecorder(t, in.Begin, "https://app.example.com/auth?shop=acme.myshopify.com")
	cookie := w.Header().Get("Set-Cookie")
	assert.True(t, strings.HasPrefix(cookie, "__Host-") && strings.Contains(cookie, "; Secure") && strings.Contains(cookie, "; SameSite=Lax"), cookie)

	for _, wrong := range []string{"", "http://app.example.com/cb", "https://app.example.com/cb?x=1", "ftp://localhost/", "https://a@app.example.com/"} {
		_, err := st.app.NewInstaller(wrong, nil)
		require.ErrorIs(t, err, shopify.ErrInvalid, wrong)
	}
	_, err = st.app.NewInstaller("https://app.example.com/cb", &auth.InstallOptions{Home: "javascript:alert(1)"})
	require.ErrorIs(t, err, shopify.ErrInvalid)
}

// What Shopify says to the exchange of a code, as the merchant sees it.
func TestInstallFails(t *testing.T) {
	s := newShop(t, nil)
	st := newSite(t, s, nil, nil)
	c := browser(t)
	u := callbackOf(t, st, s, c)
	q := u.Query()
	q.Set("code", "used-before")
	u.RawQuery = resign(s.Secret(), q)
	assert.Equal(t, http.StatusBadRequest, get(t, c, u.String()).StatusCode)

	s.Inject(shopifytest.Fault{Grant: "authorization_code", LoseResponse: true})
	assert.Equal(t, http.StatusBadGateway, get(t, c, callbackOf(t, st, s, c).String()).StatusCode, "a code can be used once")
	assert.Equal(t, http.StatusFound, get(t, c, st.URL+"/auth?shop="+s.Domain()).StatusCode)

	st = newSite(t, s, nil, &auth.InstallOptions{Installed: func(context.Context, *auth.Token) error { return errors.New("no webhooks") }})
	assert.Equal(t, http.StatusBadGateway, get(t, c, st.URL+"/auth?shop="+s.Domain()).StatusCode)
	st = newSite(t, s, nil, &auth.InstallOptions{States: brokenStates{}})
	assert.Equal(t, http.StatusBadGateway, get(t, c, st.URL+"/auth?shop="+s.Domain()).StatusCode)
}

type brokenStates struct{}

func (brokenStates) Use(context.Context, string, time.Time) (bool, error) {
	return true, errors.New("database away")
}
