package console_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/audit"
)

func TestNewRefuses(t *testing.T) {
	links := newLinks(t, nil)
	for name, make := range map[string]func() (*console.Console, error){
		"no queue":         func() (*console.Console, error) { return console.New(nil, links, nil) },
		"no authenticator": func() (*console.Console, error) { return console.New(new(approval.Queue), nil, nil) },
		"short key": func() (*console.Console, error) {
			return console.New(new(approval.Queue), links, &console.Options{Key: []byte("short")})
		},
		"page size": func() (*console.Console, error) {
			return console.New(new(approval.Queue), links, &console.Options{PageSize: 501})
		},
		"streams": func() (*console.Console, error) {
			return console.New(new(approval.Queue), links, &console.Options{MaxStreams: -1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := make()
			require.Error(t, err)
		})
	}
}

func TestWhatAModelWritesIsText(t *testing.T) {
	s := newSite(t, nil)
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'</textarea></pre><a href="javascript:alert(3)">`
	r := s.Propose(t, "612.50", testqueue.Message{Text: evil, Tone: evil, Order: evil})
	maria := s.visit(t, testqueue.Maria)
	for _, path := range []string{"", "requests/" + r.ID} {
		_, page := maria.get(path, "text/html")
		assert.Contains(t, page, "&lt;script&gt;alert(1)", path)
		for _, bad := range []string{"<script>alert", "<img", `href="javascript`, "</pre><a"} {
			assert.NotContains(t, page, bad, path)
		}
	}
	_, form := maria.look(r.ID)
	res, page := maria.post("requests/"+r.ID+"/decision", with(form, "verdict", "reject", "reason", "", "because", evil, "shown", evil), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, page)
	_, page = maria.get("requests/"+r.ID, "text/html")
	assert.NotContains(t, page, "<script>alert")
}

func TestHeaders(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	nonce := regexp.MustCompile(`'nonce-([A-Z2-7]{26})'`)
	seen := make(map[string]bool)
	for _, path := range []string{"", "", "requests/" + r.ID, "nowhere", "sign-in?token=x"} {
		res, page := maria.get(path, "text/html")
		h := res.Header
		assert.Equal(t, "no-store", h.Get("Cache-Control"), path)
		assert.Equal(t, "DENY", h.Get("X-Frame-Options"), path)
		assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		policy := h.Get("Content-Security-Policy")
		m := nonce.FindStringSubmatch(policy)
		require.NotNil(t, m, policy)
		assert.False(t, seen[m[1]], "a nonce is used once")
		seen[m[1]] = true
		assert.Contains(t, page, `nonce="`+m[1]+`"`)
		assert.Contains(t, policy, "default-src 'none'")
		assert.NotContains(t, policy, "unsafe")
		assert.NotRegexp(t, `(src|href)="(https?:)?//`, page, "nothing from elsewhere")
		assert.NotRegexp(t, ` (style|on[a-z]+)="`, page, "nothing inline")
		for _, asset := range regexp.MustCompile(`(?:src|href)="((?:\.\./|\./)*assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
			at, err := res.Request.URL.Parse(asset[1])
			require.NoError(t, err)
			got, _ := maria.get(at.String(), "*/*")
			assert.Equal(t, http.StatusOK, got.StatusCode, asset[1])
			assert.Contains(t, got.Header.Get("Cache-Control"), "immutable")
		}
	}
}

func TestCookiesOverTLS(t *testing.T) {
	s := newSite(t, nil)
	v := s.stranger(t)
	link, err := s.links.Link(s.url, testqueue.Maria, "")
	require.NoError(t, err)
	q := v.request(http.MethodPost, "sign-in", "text/html", strings.NewReader(url.Values{"token": {tokenOf(t, link)}}.Encode()))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("X-Forwarded-Proto", "https")
	res, _ := v.do(q)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Len(t, res.Cookies(), 1)
	c := res.Cookies()[0]
	assert.Equal(t, "__Host-posai_session", c.Name)
	assert.True(t, c.Secure && c.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
	assert.Equal(t, "/", c.Path)
}

func TestALinkPreviewNeitherSignsInNorUsesTheLinkUp(t *testing.T) {
	s := newSite(t, nil)
	v := s.stranger(t)
	link, err := s.links.Link(s.url, testqueue.Maria, "")
	require.NoError(t, err)
	for range 3 {
		res, page := v.get(link, "text/html")
		require.Equal(t, http.StatusOK, res.StatusCode)
		assert.Empty(t, res.Cookies())
		assert.Contains(t, page, "Maria Lopez")
	}
	res, _ := v.get("", "text/html")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)

	token := url.Values{"token": {tokenOf(t, link)}}
	res, _ = v.post("sign-in", token, "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	res, _ = v.get(link, "text/html")
	assert.Equal(t, http.StatusSeeOther, res.StatusCode, "who is signed in already is led on")

	thief := s.stranger(t)
	res, body := thief.post("sign-in", token, "application/json")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	assert.Equal(t, "link_used", thief.json(res, body).Code)
	assert.Empty(t, res.Cookies())

	t.Run("nor do many at once share it", func(t *testing.T) {
		link, err := s.links.Link(s.url, testqueue.Maria, "")
		require.NoError(t, err)
		form := url.Values{"token": {tokenOf(t, link)}}
		var in atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if res, _ := s.stranger(t).post("sign-in", form, "text/html"); res.StatusCode == http.StatusSeeOther {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, int32(1), in.Load())
	})

	t.Run("signing out", func(t *testing.T) {
		res, _ := v.post("sign-out", nil, "text/html")
		assert.Equal(t, http.StatusForbidden, res.StatusCode, "without a form of ours")
		before := v.client.Jar.Cookies(res.Request.URL)
		res, body := v.get("", "application/json")
		res, _ = v.post("sign-out", url.Values{"csrf": {v.json(res, body).CSRF}}, "text/html")
		assert.Equal(t, http.StatusOK, res.StatusCode)
		res, _ = v.get("", "text/html")
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
		q := s.stranger(t).request(http.MethodGet, "", "text/html", nil)
		for _, c := range before {
			q.AddCookie(c)
		}
		res, _ = s.stranger(t).do(q)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "a kept cookie is worth nothing")
	})
}

func TestOwnAuthenticator(t *testing.T) {
	queue, _ := newQueue(t)
	var failure error
	auth := console.AuthenticatorFunc(func(r *http.Request) (approval.Principal, error) {
		if failure != nil {
			return approval.Principal{}, failure
		}
		return testqueue.Maria, nil
	})
	c, err := console.New(queue.Queue, auth, &console.Options{SignInURL: "https://id.example.com/login?app=1"})
	require.NoError(t, err)
	get := func(accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/approvals/?show=all", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		http.StripPrefix("/approvals", c).ServeHTTP(w, r)
		return w
	}
	assert.Equal(t, http.StatusOK, get("text/html").Code)

	failure = console.ErrSignedOut
	w := get("text/html")
	assert.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "https://id.example.com/login?app=1&next=%2Fapprovals%2F%3Fshow%3Dall", w.Header().Get("Location"))
	assert.Equal(t, http.StatusUnauthorized, get("application/json").Code)

	failure = errors.New("directory is down: secret")
	w = get("text/html")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotContains(t, w.Body.String(), "secret")
}

func TestMounts(t *testing.T) {
	queue, _ := newQueue(t)
	r := queue.Propose(t, "612.50", testqueue.Thanks("1043"))
	auth := console.AuthenticatorFunc(func(*http.Request) (approval.Principal, error) { return testqueue.Maria, nil })
	c, err := console.New(queue.Queue, auth, nil)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/a/", http.StripPrefix("/a", c))
	mux.Handle("/b/c/", http.StripPrefix("/b/c/", c))
	mux.Handle("/", c)
	server := httptest.NewServer(mux)
	defer server.Close()
	defer c.Close()
	follow := &visitor{t: t, client: &http.Client{Timeout: patience}}
	links := regexp.MustCompile(`(?:href|action)="([^"#]+)"`)
	for _, base := range []string{"/", "/a/", "/b/c/"} {
		for _, path := range []string{"", "requests/" + r.ID, "?show=decided", "candidate", "sign-in"} {
			res, page := follow.get(server.URL+base+path, "text/html")
			if path != "sign-in" {
				require.Equal(t, http.StatusOK, res.StatusCode, base+path)
			}
			for _, m := range links.FindAllStringSubmatch(page, -1) {
				at, err := res.Request.URL.Parse(m[1])
				require.NoError(t, err)
				assert.True(t, strings.HasPrefix(at.Path, base), "%s on %s leads to %s", m[1], base+path, at.Path)
				want := http.StatusOK
				if strings.HasSuffix(at.Path, "/decision") || strings.HasSuffix(at.Path, "/grant") {
					want = http.StatusMethodNotAllowed // it is there, for forms alone
				}
				got, _ := follow.get(at.String(), "text/html")
				assert.Equal(t, want, got.StatusCode, at.String())
			}
		}
	}
	w := httptest.NewRecorder()
	http.StripPrefix("/a", c).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a", nil))
	assert.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "./a/", w.Header().Get("Location"))
}

func TestLiveUpdates(t *testing.T) {
	s := newSite(t, &console.Options{MaxStreams: 1})
	maria := s.visit(t, testqueue.Maria)
	q := maria.request(http.MethodGet, "events", "text/event-stream", nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := maria.client.Do(q.WithContext(ctx))
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := bufio.NewScanner(res.Body)
	require.True(t, lines.Scan())
	assert.Equal(t, "retry: 2000", lines.Text())

	over, _ := maria.get("events", "text/event-stream")
	assert.Equal(t, http.StatusServiceUnavailable, over.StatusCode, "the number of streams is bounded")

	s.Propose(t, "612.50", testqueue.Thanks("1043"))
	for lines.Scan() && lines.Text() != "event: change" {
	}
	assert.Equal(t, "event: change", lines.Text())

	s.console.Close()
	for lines.Scan() {
	}
	assert.NoError(t, lines.Err(), "the stream ends in order")
}

func TestWhatAFixedRuleMadeDoesNotPassForAI(t *testing.T) {
	s := newSite(t, nil)
	r, err := s.Queue.Queue.Propose(t.Context(), testqueue.Thanks("1043"), approval.Proposal{
		Key: "baseline", Proposer: testqueue.Assistant, Amount: approval.Money{Amount: "612.50", Currency: "EUR"},
		Model: &audit.Model{Baseline: true}, Evidence: []approval.Evidence{{Label: "Order", Text: "3 items"}},
		Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1043"}},
	})
	require.NoError(t, err)
	maria := s.visit(t, testqueue.Maria)
	_, page := maria.get("requests/"+r.ID, "text/html")
	assert.NotContains(t, page, "the AI")
	for _, words := range []string{"Follow-up assistant, without AI", "made by a fixed rule", "What it is based on", "order 1043"} {
		assert.Contains(t, page, words)
	}
}
