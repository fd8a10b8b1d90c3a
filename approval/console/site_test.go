package console_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// patience is never reached by a test that passes, however busy the machine is.
const patience = 90 * time.Second

// site is a console over a real queue, mounted below a path of a real server.
type site struct {
	*testqueue.Queue
	links   *console.SignedLinks
	console *console.Console
	log     *audit.Log
	url     string // ends with a slash
}

func newSite(t testing.TB, opts *console.Options) *site {
	t.Helper()
	q, log := newQueue(t)
	return mount(t, q, log, opts)
}

func mount(t testing.TB, q *testqueue.Queue, log *audit.Log, opts *console.Options) *site {
	t.Helper()
	s := &site{links: newLinks(t, nil), Queue: q, log: log}
	var err error
	s.console, err = console.New(s.Queue.Queue, s.links, opts)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/approvals/", http.StripPrefix("/approvals", s.console))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.console.Close()
		server.Close()
	})
	s.url = server.URL + "/approvals/"
	return s
}

func newQueue(t testing.TB) (*testqueue.Queue, *audit.Log) {
	t.Helper()
	store, err := filestore.Open(t.TempDir(), nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	return testqueue.New(t, log), log
}

// visitor is a program that uses the console as a browser would: it keeps
// cookies and sends the forms that it was shown.
type visitor struct {
	t      testing.TB
	url    string
	client *http.Client
}

func (s *site) stranger(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{t: t, url: s.url, client: &http.Client{
		Jar:     jar,
		Timeout: 2 * patience, // of a stream as well
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// visit signs somebody in through a link.
func (s *site) visit(t testing.TB, who approval.Principal) *visitor {
	t.Helper()
	v := s.stranger(t)
	link, err := s.links.Link(s.url, who, "")
	require.NoError(t, err)
	res, body := v.get(link, "text/html")
	require.Equal(t, http.StatusOK, res.StatusCode, body)
	res, body = v.post("sign-in", url.Values{"token": {tokenOf(t, link)}}, "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, body)
	require.Equal(t, "./", res.Header.Get("Location"))
	return v
}

func (v *visitor) do(r *http.Request) (*http.Response, string) {
	v.t.Helper()
	res, err := v.client.Do(r)
	require.NoError(v.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(v.t, err)
	return res, string(body)
}

func (v *visitor) request(method, path, accept string, body io.Reader) *http.Request {
	v.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.url + path
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, path, body)
	require.NoError(v.t, err)
	r.Header.Set("Accept", accept)
	return r
}

func (v *visitor) get(path, accept string) (*http.Response, string) {
	v.t.Helper()
	return v.do(v.request(http.MethodGet, path, accept, nil))
}

func (v *visitor) post(path string, form url.Values, accept string) (*http.Response, string) {
	v.t.Helper()
	r := v.request(http.MethodPost, path, accept, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

// answer is any JSON answer of the console.
type answer struct {
	Code, Title, Detail string
	CSRF                string
	MayDecide           bool `json:"may_decide"`
	Request             struct {
		ID, State, Digest string
		Revision          int
		Fields            []struct{ Label, Value string }
		Form              []struct{ Name, Type, Value string }
		Decisions         []struct{ Verdict, By, Channel, Reason string }
		Edits             []struct{ Changes []approval.Diff }
	}
	Waiting, Decided []struct{ ID, State string }
	WaitingNext      string `json:"waiting_next"`
	DecidedNext      string `json:"decided_next"`
}

func (v *visitor) json(res *http.Response, body string) answer {
	v.t.Helper()
	require.Equal(v.t, "application/json", res.Header.Get("Content-Type"), body)
	var a answer
	require.NoError(v.t, json.Unmarshal([]byte(body), &a), body)
	return a
}

// look opens a request and returns the form to decide it with.
func (v *visitor) look(id string) (answer, url.Values) {
	v.t.Helper()
	res, body := v.get("requests/"+id, "application/json")
	require.Equal(v.t, http.StatusOK, res.StatusCode, body)
	a := v.json(res, body)
	return a, url.Values{"csrf": {a.CSRF}, "digest": {a.Request.Digest}}
}

// with returns the form with more fields.
func with(form url.Values, pairs ...string) url.Values {
	v := url.Values{}
	maps.Copy(v, form)
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// decide sends a decision and returns the status and the answer.
func (v *visitor) decide(id string, form url.Values) (int, answer) {
	v.t.Helper()
	res, body := v.post("requests/"+id+"/decision", form, "application/json")
	return res.StatusCode, v.json(res, body)
}

// ended waits until nothing more happens to a request.
func (s *site) ended(t testing.TB, id string) *approval.Request {
	t.Helper()
	var r *approval.Request
	require.Eventually(t, func() bool {
		var err error
		r, err = s.Get(t.Context(), id)
		return err == nil && r.State.Final()
	}, patience, 10*time.Millisecond)
	return r
}

// read returns the body of an answer.
func read(res *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// heading returns the first heading of a page.
func heading(page string) string {
	_, rest, _ := strings.Cut(page, "<h1>")
	h, _, _ := strings.Cut(rest, "</h1>")
	return h
}
