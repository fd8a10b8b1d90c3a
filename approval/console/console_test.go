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
	"testing"
	"time"

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

func TestAProgramApprovesAsABrowserDoes(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)

	res, body := maria.get("", "application/json")
	list := maria.json(res, body)
	require.Len(t, list.Waiting, 1)
	assert.Equal(t, r.ID, list.Waiting[0].ID)

	a, form := maria.look(r.ID)
	assert.True(t, a.MayDecide)
	status, after := maria.decide(r.ID, with(form, "verdict", "approve"))
	require.Equal(t, http.StatusOK, status, after.Title)
	require.Len(t, after.Request.Decisions, 1)
	assert.Equal(t, "Maria Lopez", after.Request.Decisions[0].By)
	assert.Equal(t, "console", after.Request.Decisions[0].Channel)

	assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
	assert.Equal(t, int64(1), s.Effects.Load())
}

func TestNobodyWithoutSessionGetsAnything(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	stranger := s.stranger(t)
	for _, path := range []string{"", "requests/" + r.ID, "events", "?show=all"} {
		res, body := stranger.get(path, "text/html")
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode, path)
		assert.NotContains(t, body, "1043", path)
	}
	res, body := stranger.post("requests/"+r.ID+"/decision", url.Values{"digest": {r.Digest}, "verdict": {"approve"}}, "application/json")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, "signed_out", stranger.json(res, body).Code)
	now, err := s.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, now.State)
}

func TestAFormCountsOnlyForTheOneItWasShownTo(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria, boris := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris)
	again := s.visit(t, testqueue.Maria) // in another browser
	_, form := maria.look(r.ID)
	_, boriss := boris.look(r.ID)
	_, others := again.look(r.ID)

	for name, csrf := range map[string]string{
		"none": "", "another person's": boriss.Get("csrf"), "another browser's": others.Get("csrf"), "altered": form.Get("csrf") + "A",
	} {
		t.Run(name, func(t *testing.T) {
			status, a := maria.decide(r.ID, with(form, "verdict", "approve", "csrf", csrf))
			assert.Equal(t, http.StatusForbidden, status)
			assert.Equal(t, "stale_form", a.Code)
		})
	}
	t.Run("from another site", func(t *testing.T) {
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"} {
			q := maria.request(http.MethodPost, "requests/"+r.ID+"/decision", "application/json", strings.NewReader(with(form, "verdict", "approve").Encode()))
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			q.Header.Set(header, value)
			res, body := maria.do(q)
			assert.Equal(t, http.StatusForbidden, res.StatusCode, header)
			assert.Equal(t, "cross_origin", maria.json(res, body).Code, header)
		}
	})
	t.Run("by GET", func(t *testing.T) {
		res, _ := maria.get("requests/"+r.ID+"/decision?"+with(form, "verdict", "approve").Encode(), "application/json")
		assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		assert.Equal(t, "POST", res.Header.Get("Allow"))
	})
	t.Run("in the address", func(t *testing.T) {
		res, body := maria.post("requests/"+r.ID+"/decision?"+with(form, "verdict", "approve").Encode(), nil, "application/json")
		assert.Equal(t, http.StatusForbidden, res.StatusCode)
		assert.Equal(t, "stale_form", maria.json(res, body).Code)
	})
	now, err := s.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, now.State)
	assert.Empty(t, now.Decisions)

	status, _ := maria.decide(r.ID, with(form, "verdict", "approve"))
	assert.Equal(t, http.StatusOK, status, "the form was good all the time")
}

func TestWhoMayNotDecide(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	for name, who := range map[string]approval.Principal{
		"another role": testqueue.Carla, "no role": testqueue.Nobody, "another location": testqueue.Harbor,
		"the proposer": testqueue.Assistant,
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visit(t, who)
			_, page := v.get("", "text/html")
			assert.NotContains(t, page, "for you</h1>")
			res, body := v.get("", "application/json")
			csrf := v.json(res, body).CSRF

			status, a := v.decide(r.ID, url.Values{"csrf": {csrf}, "digest": {r.Digest}, "verdict": {"approve"}})
			assert.Equal(t, http.StatusForbidden, status)
			assert.Equal(t, "forbidden", a.Code)
			res, page = v.post("requests/"+r.ID+"/decision", url.Values{"csrf": {csrf}, "digest": {r.Digest}, "verdict": {"approve"}}, "text/html")
			assert.Equal(t, http.StatusForbidden, res.StatusCode)
			assert.Contains(t, page, "Nothing was decided.")
		})
	}
	t.Run("and who may not even look", func(t *testing.T) {
		for _, who := range []approval.Principal{testqueue.Nobody, testqueue.Harbor} {
			v := s.visit(t, who)
			res, page := v.get("requests/"+r.ID, "text/html")
			assert.Equal(t, http.StatusForbidden, res.StatusCode)
			assert.NotContains(t, page, "Dear Ana")
			res, body := v.get("", "application/json")
			assert.Empty(t, v.json(res, body).Waiting)
		}
		res, page := s.visit(t, testqueue.Carla).get("requests/"+r.ID, "text/html")
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.Contains(t, page, "This waits for somebody else")
		assert.NotContains(t, page, `name="verdict"`)
	})
	now, err := s.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, now.State)
}

func TestADoubleClickCountsOnce(t *testing.T) {
	for _, verdict := range []string{"approve", "reject", "edit"} {
		t.Run(verdict, func(t *testing.T) {
			s := newSite(t, nil)
			r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
			maria := s.visit(t, testqueue.Maria)
			_, form := maria.look(r.ID)
			form = with(form, "verdict", verdict)
			switch verdict {
			case "reject":
				form.Set("reason", "Not this customer")
			case "edit":
				form.Set("field.text", "Dear Ana, thank you.")
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					res, body := maria.post("requests/"+r.ID+"/decision", form, "text/html")
					assert.Equal(t, http.StatusSeeOther, res.StatusCode, body)
					assert.Equal(t, "../"+r.ID+"?done=1", res.Header.Get("Location"))
				})
			}
			wg.Wait()
			now := s.ended(t, r.ID)
			assert.Len(t, now.Decisions, 1)
			if verdict == "reject" {
				assert.Equal(t, int64(0), s.Effects.Load())
			} else {
				assert.Equal(t, int64(1), s.Effects.Load())
			}
		})
	}
}

func TestALateClickIsToldWhoDecidedWhatAndWhen(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria, boris := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris)
	_, mine := maria.look(r.ID)
	_, his := boris.look(r.ID)
	status, _ := maria.decide(r.ID, with(mine, "verdict", "reject", "reason", "Not this customer"))
	require.Equal(t, http.StatusOK, status)

	res, page := boris.post("requests/"+r.ID+"/decision", with(his, "verdict", "approve"), "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	for _, words := range []string{"Already rejected", "Maria Lopez rejected it", "just now", "in the console", "Not this customer", "It changed nothing"} {
		assert.Contains(t, page, words)
	}
	status, a := boris.decide(r.ID, with(his, "verdict", "approve"))
	assert.Equal(t, http.StatusConflict, status)
	assert.Equal(t, "decided", a.Code)
	assert.Equal(t, "rejected", a.Request.State)

	t.Run("also the same person with another verdict", func(t *testing.T) {
		status, a := maria.decide(r.ID, with(mine, "verdict", "approve"))
		assert.Equal(t, http.StatusConflict, status)
		assert.Equal(t, "decided", a.Code)
	})
	assert.Equal(t, int64(0), s.Effects.Load())
}

func TestAStalePageDecidesNothingAndSaysWhatChanged(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "7000.00", testqueue.Thanks("1043")) // takes two
	maria, boris := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris)
	_, his := boris.look(r.ID)
	res, page := boris.get("requests/"+r.ID, "text/html")
	require.Equal(t, http.StatusOK, res.StatusCode)
	shown := regexp.MustCompile(`name="shown" value="([^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, shown)
	his.Set("shown", strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&").Replace(shown[1]))

	_, mine := maria.look(r.ID)
	status, a := maria.decide(r.ID, with(mine, "verdict", "edit", "field.text", "Dear Ana, see you soon."))
	require.Equal(t, http.StatusOK, status, a.Detail)
	require.Equal(t, "pending", a.Request.State)
	require.NotEqual(t, his.Get("digest"), a.Request.Digest)

	res, page = boris.post("requests/"+r.ID+"/decision", with(his, "verdict", "approve"), "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	assert.Contains(t, page, "This request has changed")
	assert.Contains(t, page, "thank you for your visit")
	assert.Contains(t, page, "Dear Ana, see you soon.")
	assert.NotContains(t, page, "Tone", "only what changed")
	status, late := boris.decide(r.ID, with(his, "verdict", "approve"))
	assert.Equal(t, http.StatusConflict, status)
	assert.Equal(t, "stale", late.Code)
	assert.Equal(t, a.Request.Digest, late.Request.Digest)
	assert.Equal(t, int64(0), s.Effects.Load())

	_, now := boris.look(r.ID)
	status, _ = boris.decide(r.ID, with(now, "verdict", "approve"))
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
	assert.Equal(t, "Dear Ana, see you soon.", s.Last.Load().Text)
}

func TestRejecting(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.look(r.ID)
	for name, bad := range map[string]url.Values{
		"without a reason": with(form, "verdict", "reject", "reason", " \r\n "),
		"at length":        with(form, "verdict", "reject", "reason", strings.Repeat("ä", 1001)),
	} {
		t.Run(name, func(t *testing.T) {
			status, a := maria.decide(r.ID, bad)
			assert.Equal(t, http.StatusUnprocessableEntity, status)
			assert.Equal(t, "invalid", a.Code)
			res, page := maria.post("requests/"+r.ID+"/decision", bad, "text/html")
			assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
			assert.Contains(t, page, `id="reject" open`)
		})
	}
	status, _ := maria.decide(r.ID, with(form, "verdict", "reject", "because", "Too expensive", "reason", "two lines\r\nof text"))
	require.Equal(t, http.StatusOK, status)
	now := s.ended(t, r.ID)
	assert.Equal(t, approval.Rejected, now.State)
	assert.Equal(t, "Too expensive: two lines\nof text", now.Decisions[0].Reason)
	assert.False(t, now.Decisions[0].ShownAt.IsZero())
	assert.Equal(t, int64(0), s.Effects.Load())
}

func TestEditing(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.look(r.ID)

	res, page := maria.post("requests/"+r.ID+"/decision", with(form, "verdict", "edit", "field.text", "A discount for you & yours"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	assert.Contains(t, page, "must not promise a discount")
	assert.Contains(t, page, `id="edit" open`)
	assert.Contains(t, page, "A discount for you &amp; yours</textarea>", "what was typed is still there")

	status, _ := maria.decide(r.ID, with(form,
		"verdict", "edit", "field.text", "Dear Ana,\r\nthank you.", "field.gift", "true", "field.tone", "brief",
		"field.order", "9999", "field.unknown", "x"))
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
	assert.Equal(t, testqueue.Message{Text: "Dear Ana,\nthank you.", Gift: true, Tone: "brief", Order: "1043"}, *s.Last.Load(), "only what the form offers can be changed")

	t.Run("a choice that is not offered", func(t *testing.T) {
		r := s.Propose(t, "612.50", testqueue.Thanks("1044"))
		_, form := maria.look(r.ID)
		status, _ := maria.decide(r.ID, with(form, "verdict", "edit", "field.tone", "rude"))
		assert.Equal(t, http.StatusUnprocessableEntity, status)
	})
	t.Run("nothing", func(t *testing.T) {
		r := s.Propose(t, "612.50", testqueue.Thanks("1045"))
		_, form := maria.look(r.ID)
		status, _ := maria.decide(r.ID, with(form, "verdict", "edit", "field.text", strings.ReplaceAll(testqueue.Thanks("").Text, "\n", "\r\n")))
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, 1, s.ended(t, r.ID).Revision, "line ends of a browser are no edit")
	})
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
	follow := &visitor{t: t, client: &http.Client{Timeout: 20 * time.Second}}
	links := regexp.MustCompile(`(?:href|action)="([^"#]+)"`)
	for _, base := range []string{"/", "/a/", "/b/c/"} {
		for _, path := range []string{"", "requests/" + r.ID, "?show=decided", "sign-in"} {
			res, page := follow.get(server.URL+base+path, "text/html")
			if path != "sign-in" {
				require.Equal(t, http.StatusOK, res.StatusCode, base+path)
			}
			for _, m := range links.FindAllStringSubmatch(page, -1) {
				at, err := res.Request.URL.Parse(m[1])
				require.NoError(t, err)
				assert.True(t, strings.HasPrefix(at.Path, base), "%s on %s leads to %s", m[1], base+path, at.Path)
				if strings.HasSuffix(at.Path, "/decision") {
					continue
				}
				got, _ := follow.get(at.String(), "text/html")
				assert.Equal(t, http.StatusOK, got.StatusCode, at.String())
			}
		}
	}
	w := httptest.NewRecorder()
	http.StripPrefix("/a", c).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a", nil))
	assert.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "./a/", w.Header().Get("Location"))
}

func TestOnlyWhoCanDecideIsRecordedAsShown(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	shown := func() (who []string) {
		for rec, err := range s.Trail(t.Context(), r.ID) {
			require.NoError(t, err)
			if rec.Entry.Kind == audit.KindShown {
				who = append(who, rec.Entry.Actor.ID)
			}
		}
		return who
	}
	_, _ = s.visit(t, testqueue.Carla).get("requests/"+r.ID, "text/html")
	maria := s.visit(t, testqueue.Maria)
	_, _ = maria.get("", "text/html")
	_, _ = maria.do(maria.request(http.MethodHead, "requests/"+r.ID, "text/html", nil))
	ahead := maria.request(http.MethodGet, "requests/"+r.ID, "text/html", nil)
	ahead.Header.Set("Sec-Purpose", "prefetch;prerender")
	_, _ = maria.do(ahead)
	assert.Empty(t, shown())
	_, _ = maria.get("requests/"+r.ID, "text/html")
	_, page := maria.get("requests/"+r.ID, "text/html")
	assert.Equal(t, []string{testqueue.Maria.ID}, shown(), "once per person and revision")
	assert.Contains(t, page, "Shown to Maria Lopez in the console")
	assert.Contains(t, page, "of the audit log")
}

func TestBadForms(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.look(r.ID)
	send := func(body string) int {
		q := maria.request(http.MethodPost, "requests/"+r.ID+"/decision", "text/html", strings.NewReader(body))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, _ := maria.do(q)
		return res.StatusCode
	}
	assert.Equal(t, http.StatusRequestEntityTooLarge, send(with(form, "verdict", "approve", "reason", strings.Repeat("x", 600<<10)).Encode()))
	assert.Equal(t, http.StatusBadRequest, send("csrf=%zz"))
	assert.Equal(t, http.StatusBadRequest, send(with(form, "verdict", "reject", "reason", "\xff").Encode()))
	assert.Equal(t, http.StatusBadRequest, send(with(form, "verdict", "maybe").Encode()))
	status, a := maria.decide("nothing-there", with(form, "verdict", "approve"))
	assert.Equal(t, http.StatusNotFound, status)
	assert.Equal(t, "not_found", a.Code)
	now, err := s.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, now.State)
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
