package console_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/sqlstore"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func newLinks(t testing.TB, opts *console.SignedLinksOptions) *console.SignedLinks {
	t.Helper()
	links, err := console.NewSignedLinks(testKey, opts)
	require.NoError(t, err)
	return links
}

func tokenOf(t testing.TB, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	token := u.Query().Get("token")
	require.NotEmpty(t, token)
	return token
}

func newLink(t testing.TB, links *console.SignedLinks) string {
	t.Helper()
	link, err := links.Link("https://pos.example.com/approvals/", approval.Principal{ID: "maria", Name: "Maria", Roles: []string{"manager"}}, "requests/r1")
	require.NoError(t, err)
	return link
}

func TestSignedLinksKey(t *testing.T) {
	_, err := console.NewSignedLinks(testKey[:31], nil)
	require.Error(t, err)
	_, err = console.NewSignedLinks(testKey, &console.SignedLinksOptions{LinkLifetime: -1})
	require.Error(t, err)
}

func TestLink(t *testing.T) {
	links := newLinks(t, nil)
	link := newLink(t, links)
	assert.True(t, strings.HasPrefix(link, "https://pos.example.com/approvals/sign-in?token="), link)
	who, err := links.Check(t.Context(), tokenOf(t, link))
	require.NoError(t, err)
	assert.Equal(t, approval.Principal{ID: "maria", Name: "Maria", Roles: []string{"manager"}}, who)

	for name, bad := range map[string]struct {
		url, path string
		who       approval.Principal
	}{
		"relative URL":       {"/approvals/", "", approval.Principal{ID: "maria"}},
		"other scheme":       {"javascript://pos.example.com/", "", approval.Principal{ID: "maria"}},
		"nobody":             {"https://pos.example.com/", "", approval.Principal{Name: "Maria"}},
		"leads elsewhere":    {"https://pos.example.com/", "https://evil.example.com/", approval.Principal{ID: "maria"}},
		"leads up":           {"https://pos.example.com/", "requests/../../admin", approval.Principal{ID: "maria"}},
		"too long for a URL": {"https://pos.example.com/", "", approval.Principal{ID: "maria", Roles: []string{strings.Repeat("x", 4000)}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := links.Link(bad.url, bad.who, bad.path)
			require.Error(t, err)
		})
	}
}

func TestForgedLinks(t *testing.T) {
	links := newLinks(t, nil)
	token := tokenOf(t, newLink(t, links))
	body, signature, _ := strings.Cut(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(body)
	require.NoError(t, err)
	other := strings.Replace(string(payload), "maria", "boris", 1)
	require.NotEqual(t, string(payload), other)

	stranger, err := console.NewSignedLinks([]byte("another key of thirty-two bytes!"), nil)
	require.NoError(t, err)

	for name, forged := range map[string]string{
		"empty":                 "",
		"no signature":          body,
		"empty signature":       body + ".",
		"another person":        base64.RawURLEncoding.EncodeToString([]byte(other)) + "." + signature,
		"signed by another key": tokenOf(t, newLink(t, stranger)),
		"cut off":               token[:len(token)-1],
		"one character more":    token + "A",
		"padding":               token + "=",
		"second spelling":       body + "." + respell(t, signature),
		"line end":              token + "\n",
		"a session":             sessionOf(t, links),
		"huge":                  strings.Repeat("A", 1<<20) + "." + signature,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := links.Check(t.Context(), forged)
			require.ErrorIs(t, err, console.ErrLinkForged)
			assert.NotContains(t, err.Error(), "maria")
		})
	}
}

// respell changes the unused bits of the last base64 character: a lenient
// decoder reads the same bytes.
func respell(t *testing.T, s string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, s[len(s)-1])
	again := s[:len(s)-1] + string(alphabet[i^1])
	a, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	b, err := base64.RawURLEncoding.DecodeString(again)
	require.NoError(t, err)
	require.Equal(t, a, b)
	return again
}

// sessionOf signs in and returns the value of the session cookie.
func sessionOf(t *testing.T, links *console.SignedLinks) string {
	t.Helper()
	c, err := console.New(new(approval.Queue), links, nil)
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-in", strings.NewReader(url.Values{"token": {tokenOf(t, newLink(t, links))}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	for _, cookie := range w.Result().Cookies() {
		if strings.HasSuffix(cookie.Name, "posai_session") {
			assert.True(t, cookie.HttpOnly)
			assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
			return cookie.Value
		}
	}
	require.Fail(t, "no session cookie")
	return ""
}

func TestASessionIsNoLinkAndALinkIsNoSession(t *testing.T) {
	links := newLinks(t, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "posai_session", Value: tokenOf(t, newLink(t, links))})
	_, err := links.Authenticate(r)
	require.ErrorIs(t, err, console.ErrSignedOut)

	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "posai_session", Value: sessionOf(t, links)})
	who, err := links.Authenticate(r)
	require.NoError(t, err)
	assert.Equal(t, "maria", who.ID)

	r.Header.Set("X-Forwarded-Proto", "https")
	_, err = links.Authenticate(r)
	require.ErrorIs(t, err, console.ErrSignedOut, "over TLS only a cookie with the host prefix counts")
}

func TestLinksAndSessionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		links := newLinks(t, &console.SignedLinksOptions{LinkLifetime: time.Minute, SessionLifetime: time.Hour, Reusable: true})
		token := tokenOf(t, newLink(t, links))
		session := sessionOf(t, links)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "posai_session", Value: session})

		time.Sleep(59 * time.Second)
		_, err := links.Check(t.Context(), token)
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = links.Check(t.Context(), token)
		require.ErrorIs(t, err, console.ErrLinkExpired)

		_, err = links.Authenticate(r)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = links.Authenticate(r)
		require.ErrorIs(t, err, console.ErrSignedOut)
	})
}

func TestLookupDecidesWhoSomebodyIsNow(t *testing.T) {
	var dismissed bool
	links := newLinks(t, &console.SignedLinksOptions{
		Lookup: func(_ context.Context, id string) (approval.Principal, error) {
			if dismissed {
				return approval.Principal{}, console.ErrSignedOut
			}
			return approval.Principal{ID: id, Roles: []string{"cashier"}}, nil
		},
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "posai_session", Value: sessionOf(t, links)})
	who, err := links.Authenticate(r)
	require.NoError(t, err)
	assert.Equal(t, []string{"cashier"}, who.Roles, "not the manager of the link")
	dismissed = true
	_, err = links.Authenticate(r)
	require.ErrorIs(t, err, console.ErrSignedOut)
}

// openStore opens the database at url, as each process does.
func openStore(t *testing.T, url string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), url, nil)
	require.NoError(t, err)
	return store
}

func TestUsedLinksAndEndedSessionsSurviveARestart(t *testing.T) {
	database := "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "q.db"))
	store := openStore(t, database)
	links := newLinks(t, &console.SignedLinksOptions{Store: store})
	token, fresh := tokenOf(t, newLink(t, links)), tokenOf(t, newLink(t, links))
	pages, err := console.New(new(approval.Queue), links, nil)
	require.NoError(t, err)
	send := func(pages http.Handler, method, path string, form url.Values, cookies ...*http.Cookie) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w.Result()
	}

	t.Run("what a mail scanner does uses nothing up", func(t *testing.T) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodGet} {
			res := send(pages, method, "/sign-in?token="+token, nil)
			for _, c := range res.Cookies() {
				assert.NotContains(t, c.Name, "session", method)
			}
		}
		_, err := links.Check(t.Context(), token)
		require.NoError(t, err)
	})

	res := send(pages, http.MethodPost, "/sign-in", url.Values{"token": {token}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.NotEmpty(t, res.Cookies())
	_, err = links.Check(t.Context(), token)
	require.ErrorIs(t, err, console.ErrLinkUsed)

	require.NoError(t, store.Close())
	store = openStore(t, database)
	links = newLinks(t, &console.SignedLinksOptions{Store: store})
	pages, err = console.New(new(approval.Queue), links, nil)
	require.NoError(t, err)
	_, err = links.Check(t.Context(), token)
	require.ErrorIs(t, err, console.ErrLinkUsed, "after a restart too")
	assert.Equal(t, http.StatusForbidden, send(pages, http.MethodPost, "/sign-in", url.Values{"token": {token}}).StatusCode)
	_, err = links.Check(t.Context(), fresh)
	require.NoError(t, err, "another link works")

	require.NoError(t, store.Close())
	_, err = links.Check(t.Context(), fresh)
	require.Error(t, err, "who cannot remember lets nobody in")
	assert.Equal(t, http.StatusServiceUnavailable, send(pages, http.MethodPost, "/sign-in", url.Values{"token": {fresh}}).StatusCode)
}

func FuzzLink(f *testing.F) {
	links := newLinks(f, nil)
	good := tokenOf(f, newLink(f, links))
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add("e30.AAAA")
	f.Add(".")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := links.Check(t.Context(), token)
		if signed(token) {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, console.ErrLinkForged)
	})
}

// signed is the signature of links, written down again.
func signed(token string) bool {
	sum := func(key []byte, text string) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	body, signature, _ := strings.Cut(token, ".")
	want := sum(sum(testKey, "posai/approval/console v1 sign-in link"), body)
	return signature == base64.RawURLEncoding.EncodeToString(want)
}
