package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/audit"
)

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
		for _, text := range []string{"order 1043", "#1043", "Dear Ana"} {
			assert.NotContains(t, body, text, path)
		}
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
	t.Run("another person's in the same browser", func(t *testing.T) {
		link, err := s.links.Link(s.url, testqueue.Boris, "")
		require.NoError(t, err)
		res, _ := again.post("sign-in", url.Values{"token": {tokenOf(t, link)}}, "text/html")
		require.Equal(t, http.StatusSeeOther, res.StatusCode)
		status, a := again.decide(r.ID, with(others, "verdict", "approve"))
		assert.Equal(t, http.StatusForbidden, status)
		assert.Equal(t, "stale_form", a.Code)
	})
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
	assert.Contains(t, page, "<dt>Message</dt>")
	assert.NotContains(t, page, "<dt>Tone</dt>", "only what changed")
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
