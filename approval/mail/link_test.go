package mail_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/mail"
	"github.com/posai-go/posai/approval/sqlstore"
)

var (
	linkPattern  = regexp.MustCompile(`http://\S+`)
	inputPattern = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)
)

// browser is somebody who follows links, with cookies of their own.
type browser struct {
	t *testing.T
	*http.Client
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t, &http.Client{Jar: jar, Timeout: patience}}
}

func (b *browser) do(method, address string, form url.Values) (status int, page string, at *url.URL) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.Do(r)
	require.NoError(b.t, err)
	defer func() { assert.NoError(b.t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return res.StatusCode, string(body), res.Request.URL
}

// fields returns the hidden fields of a page's forms.
func fields(page string) url.Values {
	form := url.Values{}
	for _, m := range inputPattern.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

// mounted is a console that can be mounted anew, as after a restart.
type mounted struct {
	pages http.Handler
	links *console.SignedLinks
	close func()
}

func mount(t *testing.T, f *fixture, opts console.SignedLinksOptions) *mounted {
	t.Helper()
	key := []byte("a key of thirty-two random bytes")
	links, err := console.NewSignedLinks(key, &opts)
	require.NoError(t, err)
	pages, err := console.New(f.Queue, links, &console.Options{Key: key})
	require.NoError(t, err)
	return &mounted{http.StripPrefix("/approvals", pages), links, pages.Close}
}

// mailedLink asks by mail about a request and returns the link in it.
func mailedLink(t *testing.T, f *fixture, m *mounted, site, key string) (*approval.Request, string) {
	t.Helper()
	f.opts.Link = func(p approval.Principal, path string) (string, error) {
		return m.links.Link(site+"/approvals/", p, path)
	}
	before := len(f.post.got())
	f.start(t)
	r := f.propose(t, key, "Thank the customer")
	require.Eventually(t, func() bool { return len(f.post.got()) > before }, patience, 5*time.Millisecond)
	f.post.mu.Lock()
	last, body := f.post.mails[before], f.post.bodies[before]
	f.post.mu.Unlock()
	text, err := io.ReadAll(quoted(last, body))
	require.NoError(t, err)
	require.NoError(t, f.asker.Stop(t.Context()))
	return r, linkPattern.FindString(string(text))
}

func TestALinkFromAMailDecidesNothingAndSignsInOnce(t *testing.T) {
	f := newFixture(t, askManager)
	database := "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "links.db"))
	store, err := sqlstore.Open(t.Context(), database, nil)
	require.NoError(t, err)
	now := mount(t, f, console.SignedLinksOptions{Store: store})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.pages.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	r, link := mailedLink(t, f, now, server.URL, "1")
	require.NotEmpty(t, link)

	scanner := newBrowser(t)
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet, http.MethodOptions} {
		_, page, _ := scanner.do(method, link, nil)
		assert.NotContains(t, page, `value="approve"`)
	}
	status, _, _ := scanner.do(http.MethodGet, server.URL+"/approvals/requests/"+r.ID, nil)
	assert.Equal(t, http.StatusUnauthorized, status, "a scanner is not signed in")

	mia := newBrowser(t)
	status, page, _ := mia.do(http.MethodGet, link, nil)
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "Mia")
	signIn := url.Values{"token": {fields(page).Get("token")}}
	status, page, at := mia.do(http.MethodPost, server.URL+"/approvals/sign-in", signIn)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, "/approvals/requests/"+r.ID, at.Path, "the link leads to the request")
	waiting, err := f.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, waiting.State, "nothing but the button decides")

	// A second process, or this one after a restart, knows that it was used.
	now.close()
	require.NoError(t, store.Close())
	store, err = sqlstore.Open(t.Context(), database, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	now = mount(t, f, console.SignedLinksOptions{Store: store})
	t.Cleanup(now.close)
	thief := newBrowser(t)
	status, thiefPage, _ := thief.do(http.MethodPost, server.URL+"/approvals/sign-in", signIn)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, thiefPage, "used already")

	form := fields(page)
	form.Set("verdict", "approve")
	status, page, _ = mia.do(http.MethodPost, server.URL+"/approvals/requests/"+r.ID+"/decision", form)
	require.Equal(t, http.StatusOK, status, page)
	done, err := f.Wait(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, done.State)
	assert.Equal(t, manager.ID, done.Decisions[0].By.ID)
}

func TestALinkFromAMailExpires(t *testing.T) {
	f := newFixture(t, askManager)
	now := mount(t, f, console.SignedLinksOptions{LinkLifetime: time.Second})
	t.Cleanup(now.close)
	server := httptest.NewServer(now.pages)
	t.Cleanup(server.Close)
	_, link := mailedLink(t, f, now, server.URL, "1")
	late := newBrowser(t)
	require.Eventually(t, func() bool {
		status, page, _ := late.do(http.MethodGet, link, nil)
		return status == http.StatusForbidden && strings.Contains(page, "expired")
	}, patience, 50*time.Millisecond)
	address, err := url.Parse(link)
	require.NoError(t, err)
	status, _, _ := late.do(http.MethodPost, server.URL+"/approvals/sign-in", url.Values{"token": {address.Query().Get("token")}})
	assert.Equal(t, http.StatusForbidden, status)
}

func TestWhatAMailIsMadeOfMakesNoHeaders(t *testing.T) {
	p, server := startServer(t)
	for _, line := range []string{"\r\nBcc: eve@example.com", "\nBcc: eve@example.com\n\nbody", "\rX: y", "\x00\x1b[31m"} {
		err := server.Sender()(t.Context(), mail.Message{To: "mia@example.com", Subject: "s" + line, Text: "t" + line + "\r\n.\r\nQUIT"})
		require.NoError(t, err)
		err = server.Sender()(t.Context(), mail.Message{To: "mia@example.com" + line, Subject: "s", Text: "t"})
		require.Error(t, err, "an address is one")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Len(t, p.mails, 4)
	for i, m := range p.mails {
		assert.Equal(t, "mia@example.com", p.to[i])
		assert.Empty(t, m.Header.Get("Bcc"))
		assert.Empty(t, m.Header.Get("X"))
		assert.Contains(t, p.bodies[i], "QUIT", "the end of the text is not the end of the mail")
	}
}

func TestWhoWasAskedIsForgottenOnceItIsSettled(t *testing.T) {
	f := newFixture(t, askManager)
	f.start(t)
	r := f.propose(t, "1", "First")
	f.gets(t, "mia@example.com")
	remembered := func() int {
		docs, err := f.store.Documents(t.Context(), "mail/asked/", "", 10)
		require.NoError(t, err)
		return len(docs)
	}
	assert.Equal(t, 1, remembered())
	_, err := f.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Reject, By: manager})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return remembered() == 0 }, patience, 5*time.Millisecond)
}
