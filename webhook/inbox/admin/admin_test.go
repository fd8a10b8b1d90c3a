package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/inbox/admin"
	"github.com/posai-go/posai/webhook/webhooktest"
)

const soon = time.Minute // never reached by a test that passes

// site is an inbox with its page, mounted below a prefix.
type site struct {
	t      *testing.T
	box    *inbox.Inbox
	server *httptest.Server
	broken atomic.Bool
	viewer atomic.Pointer[admin.Viewer] // nil: nobody
	log    bytes.Buffer
}

func newSite(t *testing.T) *site {
	s := &site{t: t}
	s.broken.Store(true)
	s.viewer.Store(&admin.Viewer{Name: "Ada", MayAct: true, MayRead: true})
	var err error
	s.box, err = inbox.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "inbox.db"), func(_ context.Context, d webhook.Delivery) error {
		if s.broken.Load() && d.Topic == "refunds/create" {
			return webhook.GiveUp(errors.New(`no refund for "<b>alice@example.com</b>"`))
		}
		return nil
	}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.box.Close()) })
	require.NoError(t, s.box.Start(t.Context()))
	pages, err := admin.New(s.box, func(*http.Request) (admin.Viewer, error) {
		if v := s.viewer.Load(); v != nil {
			return *v, nil
		}
		return admin.Viewer{}, errors.New("a stranger")
	}, &admin.Options{Logger: slog.New(slog.NewTextHandler(&s.log, nil))})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/inbox/", http.StripPrefix("/inbox", pages))
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) accept(topic string, n int) {
	s.t.Helper()
	_, err := s.box.Accept(s.t.Context(), webhooktest.Fill(webhook.Delivery{
		Topic: topic, WebhookID: fmt.Sprintf("%s-%d", strings.ReplaceAll(topic, "/", "-"), n), Name: "pos",
		Body: fmt.Appendf(nil, `{"id":%d,"note":"</pre><script>alert(1)</script>","email":"alice@example.com","updated_at":"2026-11-02T09:00:00Z"}`, n),
	}))
	require.NoError(s.t, err)
}

func (s *site) wait(stat func(inbox.Stats) bool) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		stats, err := s.box.Stats(context.WithoutCancel(s.t.Context()))
		return assert.NoError(s.t, err) && stat(stats)
	}, soon, 10*time.Millisecond)
}

func (s *site) do(method, path string, form url.Values, header ...string) (status int, location, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	assert.Contains(s.t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.Equal(s.t, "no-store", resp.Header.Get("Cache-Control"))
	if resp.StatusCode == http.StatusSeeOther {
		to, err := resp.Location() // as a browser resolves it
		require.NoError(s.t, err)
		location = to.RequestURI()
	}
	return resp.StatusCode, location, string(text)
}

func (s *site) get(path string) string {
	s.t.Helper()
	status, _, body := s.do(http.MethodGet, path, nil)
	require.Equal(s.t, http.StatusOK, status, "%s: %s", path, body)
	return body
}

func TestListAndFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	assert.Contains(t, s.get("/inbox/"), "Nothing has arrived yet.")
	for n := range 60 {
		s.accept("orders/create", n+1)
	}
	s.accept("refunds/create", 100)
	s.wait(func(stats inbox.Stats) bool { return stats.Processed == 60 && stats.Dead == 1 })

	page := s.get("/inbox/")
	assert.Equal(t, 50, strings.Count(page, "<tr><td>"))
	assert.Less(t, strings.Index(page, "refunds/100"), strings.Index(page, "orders/60<"), "the latest first")
	assert.Contains(t, page, "no refund for &#34;&lt;b&gt;alice@example.com")
	older := s.get("/inbox/?after=12")
	assert.Equal(t, 11, strings.Count(older, "<tr><td>"))
	assert.Contains(t, page, `href="./?after=12"`)

	for query, rows := range map[string]int{
		"state=dead": 1, "topic=refunds/create": 1, "resource=orders/7": 1, "webhook=orders-create-7": 1, "shop=example.myshopify.com&state=dead": 1,
		"since=2026-01-01T00:00": 50, "until=2026-01-01T00:00": 0, "shop=another.myshopify.com": 0, "topic=%3Cscript%3E": 0,
	} {
		page := s.get("/inbox/?" + query)
		assert.Equal(t, rows, strings.Count(page, "<tr><td>"), query)
		assert.NotContains(t, page, "<script>")
	}
	for _, query := range []string{"state=lost", "since=yesterday", "after=x", "topic=" + strings.Repeat("x", 300)} {
		status, _, _ := s.do(http.MethodGet, "/inbox/?"+query, nil)
		assert.Equal(t, http.StatusBadRequest, status, query)
	}
}

func TestDetailReplayDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.accept("refunds/create", 1)
	s.accept("refunds/create", 2)
	s.wait(func(stats inbox.Stats) bool { return stats.Dead == 2 })
	page := s.get("/inbox/1")
	assert.Contains(t, page, "&lt;/pre&gt;&lt;script&gt;alert(1)")
	assert.NotContains(t, page, "<script>")
	assert.Contains(t, page, "refunds-create-1")

	s.broken.Store(false)
	status, location, _ := s.do(http.MethodPost, "/inbox/1/replay", nil)
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Equal(t, "/inbox/?n=1&did=replayed", location)
	assert.Contains(t, s.get(location), "One delivery was replayed.")
	s.wait(func(stats inbox.Stats) bool { return stats.Processed == 1 })
	status, location, _ = s.do(http.MethodPost, "/inbox/2/delete", nil)
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Contains(t, s.get(location), "One delivery was deleted.")
	for _, path := range []string{"/inbox/2", "/inbox/x", "/inbox/1/nonsense"} {
		status, _, _ = s.do(http.MethodGet, path, nil)
		assert.Equal(t, http.StatusNotFound, status, path)
	}
	status, _, _ = s.do(http.MethodPost, "/inbox/2/replay", nil)
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, s.log.String(), "by=Ada")
	assert.NotContains(t, s.log.String(), "alice")

	require.NoError(t, s.box.Stop(t.Context()))
	s.accept("orders/create", 3)
	assert.NotContains(t, s.get("/inbox/3"), "Replay", "it is yet to be processed")
	status, _, _ = s.do(http.MethodPost, "/inbox/3/replay", nil)
	assert.Equal(t, http.StatusConflict, status)
}

func TestReplayWhatMatches(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for n := range 3 {
		s.accept("refunds/create", n+1)
	}
	s.accept("orders/create", 1)
	s.wait(func(stats inbox.Stats) bool { return stats.Dead == 3 && stats.Processed == 1 })
	s.broken.Store(false)
	_, location, _ := s.do(http.MethodPost, "/inbox/replay", url.Values{"resource": {"refunds/2"}})
	assert.Equal(t, "/inbox/?did=replayed&n=1", location)
	_, location, _ = s.do(http.MethodPost, "/inbox/replay", url.Values{"state": {"processed"}})
	assert.Contains(t, s.get(location), "2 deliveries were replayed.", "dead letters alone, whatever the form says")
	s.wait(func(stats inbox.Stats) bool { return stats.Processed == 4 })
	status, _, _ := s.do(http.MethodPost, "/inbox/replay", url.Values{"since": {"yesterday"}})
	assert.Equal(t, http.StatusBadRequest, status)
	status, _, _ = s.do(http.MethodPost, "/inbox/replay", url.Values{"topic": {strings.Repeat("x", 20<<10)}})
	assert.Equal(t, http.StatusBadRequest, status)
}

func TestWhoMaySeeWhat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.accept("refunds/create", 1)
	s.wait(func(stats inbox.Stats) bool { return stats.Dead == 1 })

	s.viewer.Store(&admin.Viewer{Name: "Bob"})
	for _, path := range []string{"/inbox/", "/inbox/1"} {
		page := s.get(path)
		assert.NotContains(t, page, "alice", path)
		assert.NotContains(t, page, "<button>Replay", path)
	}
	for _, path := range []string{"/inbox/1/replay", "/inbox/1/delete", "/inbox/replay"} {
		status, _, _ := s.do(http.MethodPost, path, nil)
		assert.Equal(t, http.StatusForbidden, status, path)
	}
	s.viewer.Store(nil)
	for _, path := range []string{"/inbox/", "/inbox/1"} {
		status, _, body := s.do(http.MethodGet, path, nil)
		assert.Equal(t, http.StatusForbidden, status, path)
		assert.NotContains(t, body, "refunds")
	}
	stats, err := s.box.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, stats.Dead)
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.accept("refunds/create", 1)
	s.wait(func(stats inbox.Stats) bool { return stats.Dead == 1 })
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example.com"}, {"Origin", "null"},
	} {
		status, _, _ := s.do(http.MethodPost, "/inbox/1/delete", nil, header...)
		assert.Equal(t, http.StatusForbidden, status, header)
	}
	status, _, _ := s.do(http.MethodPost, "/inbox/1/delete", nil, "Sec-Fetch-Site", "same-origin")
	assert.Equal(t, http.StatusSeeOther, status)
}

func TestADatabaseThatIsGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	require.NoError(t, s.box.Close())
	for _, path := range []string{"/inbox/", "/inbox/1"} {
		status, _, _ := s.do(http.MethodGet, path, nil)
		assert.Equal(t, http.StatusServiceUnavailable, status, path)
	}
	assert.Contains(t, s.log.String(), "inbox admin: failed")
}

func TestNewNeedsSomebodyToAsk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := admin.New(s.box, nil, nil)
	require.Error(t, err)
	_, err = admin.New(nil, func(*http.Request) (admin.Viewer, error) { return admin.Viewer{}, nil }, nil)
	require.Error(t, err)
}

func Example() {
	folder, err := os.MkdirTemp("", "inbox")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	box, err := inbox.Open(context.Background(), "sqlite://"+filepath.Join(folder, "inbox.db"), new(webhook.Mux).Process, nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = box.Close() }()

	pages, err := admin.New(box, func(r *http.Request) (admin.Viewer, error) {
		name, password, ok := r.BasicAuth() // yours: a session, a proxy's header
		if !ok || password != "correct horse" {
			return admin.Viewer{}, errors.New("unknown")
		}
		return admin.Viewer{Name: name, MayAct: true}, nil
	}, nil)
	if err != nil {
		panic(err)
	}
	http.Handle("/inbox/", http.StripPrefix("/inbox", pages))

	r := httptest.NewRequest(http.MethodGet, "/inbox/", nil)
	w := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	r.SetBasicAuth("Ada", "correct horse")
	w = httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// 403
	// 200
}
