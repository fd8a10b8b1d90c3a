package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/rollout"
)

var (
	csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	pickField = regexp.MustCompile(`name="pick" value="([^"]+)"`)
)

// page opens a page and returns it with its form token.
func (v *visitor) page(path string) (body string, form url.Values) {
	v.t.Helper()
	res, body := v.get(path, "text/html")
	require.Equal(v.t, http.StatusOK, res.StatusCode, body)
	if token := csrfField.FindStringSubmatch(body); token != nil {
		form = url.Values{"csrf": {token[1]}}
	}
	return body, form
}

// together picks requests and returns the form to decide them with.
func (v *visitor) together(ids ...string) (body string, form url.Values) {
	v.t.Helper()
	body, form = v.page("batch?" + url.Values{"pick": ids}.Encode())
	for _, m := range pickField.FindAllStringSubmatch(body, -1) {
		form.Add("pick", m[1])
	}
	return body, form
}

func TestDecidingTogether(t *testing.T) {
	s := newSite(t, nil)
	a, b, c := s.Propose(t, "612.50", testqueue.Thanks("1043")), s.Propose(t, "700.00", testqueue.Thanks("1044")), s.Propose(t, "800.00", testqueue.Thanks("1045"))
	maria := s.visit(t, testqueue.Maria)
	list, _ := maria.page("")
	assert.Equal(t, 3, strings.Count(list, `name="pick"`))

	body, form := maria.together(a.ID, b.ID, b.ID, "nothing")
	assert.Contains(t, body, "2 requests together")
	assert.Contains(t, body, "1 of those that you ticked")
	assert.Contains(t, body, "thank you for your visit", "each is shown whole")
	require.Len(t, form["pick"], 2)

	// One of them is decided by somebody else in between.
	boris := s.visit(t, testqueue.Boris)
	_, theirs := boris.look(b.ID)
	boris.decide(b.ID, with(theirs, "verdict", "approve"))
	res, body := maria.post("batch", with(form, "verdict", "approve"), "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	assert.Contains(t, body, "1 request approved")
	assert.Contains(t, body, "Boris Klein approved it", "who was first")
	assert.Equal(t, approval.Executed, s.ended(t, a.ID).State)
	assert.Len(t, s.ended(t, b.ID).Decisions, 1)
	assert.Equal(t, int64(2), s.Effects.Load())

	// The second half of a double click counts as the first.
	res, body = maria.post("batch", with(url.Values{"csrf": form["csrf"], "pick": form["pick"][:1]}, "verdict", "approve"), "text/html")
	assert.Equal(t, http.StatusOK, res.StatusCode, body)
	assert.Contains(t, body, "1 request approved")
	assert.Equal(t, int64(2), s.Effects.Load())

	_, form = maria.together(c.ID)
	res, body = maria.post("batch", with(form, "verdict", "reject"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	assert.Contains(t, body, "Please say why.")
	forged := url.Values{"csrf": form["csrf"], "verdict": {"approve"}, "pick": {c.ID + " sha256:" + strings.Repeat("0", 64)}}
	res, body = maria.post("batch", forged, "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	assert.Contains(t, body, "It has changed since it was shown")
	res, body = maria.post("batch", with(form, "verdict", "reject", "reason", "not today"), "text/html")
	assert.Equal(t, http.StatusOK, res.StatusCode, body)
	assert.Equal(t, approval.Rejected, s.ended(t, c.ID).State)
}

func TestDecidingTogetherIsRefused(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	carla, maria := s.visit(t, testqueue.Carla), s.visit(t, testqueue.Maria)
	res, _ := carla.get("batch?pick="+r.ID, "text/html")
	assert.Equal(t, http.StatusSeeOther, res.StatusCode, "nothing of it is hers to decide")
	_, form := maria.together(r.ID)
	for name, test := range map[string]struct {
		by     *visitor
		form   url.Values
		status int
	}{
		"the form of somebody else": {carla, with(form, "verdict", "approve"), http.StatusForbidden},
		"no token":                  {maria, with(form, "verdict", "approve", "csrf", ""), http.StatusForbidden},
		"no verdict":                {maria, form, http.StatusBadRequest},
		"nothing picked":            {maria, url.Values{"csrf": form["csrf"], "verdict": {"approve"}}, http.StatusBadRequest},
		"too much picked":           {maria, url.Values{"csrf": form["csrf"], "verdict": {"approve"}, "pick": make([]string, 51)}, http.StatusBadRequest},
	} {
		res, body := test.by.post("batch", test.form, "text/html")
		assert.Equal(t, test.status, res.StatusCode, "%s: %s", name, heading(body))
	}
	now, err := s.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, now.State)
}

func TestStoppingAndLettingRun(t *testing.T) {
	s := newSite(t, &console.Options{Locations: []string{testqueue.MainStreet}, LocationName: func(string) string { return "Main Street" }})
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.page("controls")
	res, body := maria.post("controls/halt", with(form, "mode", "kill", "kind", "test.message"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	assert.Contains(t, body, "Please say why.")
	res, _ = maria.post("controls/halt", with(form, "mode", "kill", "kind", "test.message", "location", testqueue.MainStreet, "reason", "the <b>model</b> raves"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	body, _ = maria.page("controls")
	assert.Contains(t, body, "stopped for good")
	assert.Contains(t, body, "test.message, Main Street")
	assert.Contains(t, body, "the &lt;b&gt;model&lt;/b&gt; raves")

	_, decide := maria.look(r.ID)
	status, a := maria.decide(r.ID, with(decide, "verdict", "approve"))
	assert.Equal(t, http.StatusConflict, status)
	assert.Equal(t, "stopped", a.Code)

	c, err := s.Controls(t.Context())
	require.NoError(t, err)
	require.Len(t, c.Switches, 1)
	carla := s.visit(t, testqueue.Carla)
	body, theirs := carla.page("controls")
	assert.NotContains(t, body, "Stop something", "a cashier sees what is stopped, no more")
	res, _ = carla.post("controls/clear", with(theirs, "id", c.Switches[0].ID, "reason", "please"), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	res, _ = carla.post("controls/halt", with(theirs, "mode", "pause", "reason", "please"), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	res, _ = maria.post("controls/clear", with(form, "id", c.Switches[0].ID, "reason", "fixed", "csrf", "forged"), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	res, _ = maria.post("controls/clear", with(form, "id", c.Switches[0].ID, "reason", "fixed"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	res, body = maria.post("controls/clear", with(form, "id", c.Switches[0].ID, "reason", "fixed"), "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	assert.Contains(t, body, "It has ended already.")
	status, _ = maria.decide(r.ID, with(decide, "verdict", "approve"))
	assert.Equal(t, http.StatusOK, status)
}

func TestStandingInAndAdvanceApprovals(t *testing.T) {
	s := newSite(t, nil)
	maria, carla := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Carla)
	_, form := maria.page("controls")
	tomorrow := time.Now().AddDate(0, 0, 1).Format(time.DateOnly)
	res, _ := maria.post("controls/delegate", with(form, "to", testqueue.Carla.ID, "until", "soon", "reason", "holiday"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	res, _ = maria.post("controls/delegate", with(form, "to", testqueue.Carla.ID, "until", tomorrow, "reason", "holiday"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	_, theirs := carla.look(r.ID)
	status, a := carla.decide(r.ID, with(theirs, "verdict", "approve"))
	require.Equal(t, http.StatusOK, status, a.Detail)

	_, err := s.Grant(t.Context(), approval.StandingRule{
		Scope: approval.Scope{Kind: "test.message"}, Match: []approval.ArgMatch{{Path: "/tone", Equal: []byte(`"warm"`)}},
		Cap: 5, Until: time.Now().Add(time.Hour), By: testqueue.Maria, Reason: "always fine",
	})
	require.NoError(t, err)
	body, form := maria.page("controls")
	assert.Contains(t, body, "staff-3 for Maria Lopez")
	assert.Contains(t, body, "test.message: tone is &#34;warm&#34;")
	assert.Contains(t, body, "0 of 5 used")
	c, err := s.Controls(t.Context())
	require.NoError(t, err)
	res, _ = maria.post("controls/revoke", with(form, "id", c.Standing[0].ID, "reason", "no more"), "text/html")
	assert.Equal(t, http.StatusSeeOther, res.StatusCode)
	res, _ = maria.post("controls/undelegate", with(form, "id", c.Delegations[0].ID, "reason", "back"), "text/html")
	assert.Equal(t, http.StatusSeeOther, res.StatusCode)
	body, _ = maria.page("controls?done=undelegate")
	assert.Contains(t, body, "Nobody stands in any more")
	res, _ = maria.post("controls/nothing", with(form, "reason", "x"), "text/html")
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
}

// noon is a time zone in which the day is far from over.
func noon() *time.Location {
	now := time.Now().UTC()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	return time.FixedZone("noon", int((12*time.Hour - now.Sub(midnight)).Seconds()))
}

func TestFigures(t *testing.T) {
	zone := noon()
	s := newSite(t, &console.Options{TimeZone: zone})
	maria := s.visit(t, testqueue.Maria)
	for order, verdict := range map[string]string{"1": "approve", "2": "reject", "3": ""} {
		r := s.Propose(t, "612.50", testqueue.Thanks(order))
		if verdict != "" {
			_, form := maria.look(r.ID)
			maria.decide(r.ID, with(form, "verdict", verdict, "reason", "no"))
			s.ended(t, r.ID)
		}
	}
	s.Propose(t, "10.00", testqueue.Thanks("4")) // allowed
	body, _ := maria.page("figures")
	day := time.Now().In(zone).Format("2 Jan")
	assert.Regexp(t, `<th scope="row">`+day+`</th><td>1</td><td>1</td><td>1</td><td>1</td>`, body)
	assert.Contains(t, body, "<b>4</b><span>requests</span>")
	assert.Contains(t, body, "<b>75 %</b><span>needed a person</span>")
	assert.Contains(t, body, `<th scope="row">staff-1</th><td>2</td><td>50 %</td>`)
	assert.Contains(t, body, `class="s-approved"`)
	carla := s.visit(t, testqueue.Carla)
	body, _ = carla.page("figures")
	assert.NotContains(t, body, "How people decide", "that is for those who answer for it")
	nobody := s.visit(t, testqueue.Nobody)
	body, _ = nobody.page("figures")
	assert.Contains(t, body, "<b>0</b><span>requests</span>", "only what one may see is counted")
}

func TestNarrowing(t *testing.T) {
	s := newSite(t, &console.Options{
		Locations: []string{testqueue.MainStreet, "gid://shopify/Location/2"}, KindName: func(string) string { return "Messages" },
	})
	s.Propose(t, "612.50", testqueue.Thanks("1043"))
	s.Propose(t, "612.50", testqueue.Thanks("1044"))
	maria := s.visit(t, testqueue.Maria)
	shown := func(query string) int {
		body, _ := maria.page("?" + query)
		return strings.Count(body, `class="card mine"`)
	}
	assert.Equal(t, 2, shown(""))
	assert.Equal(t, 1, shown("q=order+1044"))
	assert.Equal(t, 0, shown("q=1045"))
	assert.Equal(t, 2, shown("location="+url.QueryEscape(testqueue.MainStreet)))
	assert.Equal(t, 0, shown("location="+url.QueryEscape("gid://shopify/Location/2")))
	assert.Equal(t, 2, shown("location=elsewhere&kind=none"), "what is not offered is not looked for")
	body, _ := maria.page("?q=%22%3E%3Cscript%3E")
	assert.NotContains(t, body, "<script>")
	assert.Contains(t, body, "Nothing found")
	body, _ = maria.page("?q=1043")
	assert.Contains(t, body, `href="./?q=1043&amp;show=decided"`, "the other lists are narrowed too")
}

func TestRollouts(t *testing.T) {
	q, log := newQueue(t)
	plan := rollout.Plan{Name: "upsell", Version: "1", Holdout: 0.1, Stages: []rollout.Stage{
		{Name: "pilot", Locations: []string{testqueue.MainStreet}, Share: 0.5}, {Name: "everybody", Share: 1},
	}}
	ro, err := rollout.New(plan, q.Store, log, nil)
	require.NoError(t, err)
	require.NoError(t, ro.Register(q.Queue))
	require.NoError(t, ro.Begin(t.Context()))
	s := mount(t, q, log, &console.Options{Rollouts: []*rollout.Rollout{ro}, LocationName: func(string) string { return "Main Street" }})
	maria, boris, carla := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris), s.visit(t, testqueue.Carla)
	body, form := maria.page("rollouts")
	assert.Contains(t, body, "50 %, Main Street")
	assert.Contains(t, body, "10 % never get it")
	res, _ := maria.post("rollouts/upsell/promote", with(form, "reason", "let us begin"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	id := res.Header.Get("Location")[strings.LastIndexByte(res.Header.Get("Location"), '/')+1:]
	_, own := maria.look(id)
	status, _ := maria.decide(id, with(own, "verdict", "approve"))
	assert.Equal(t, http.StatusForbidden, status, "who proposes does not decide")
	_, theirs := boris.look(id)
	status, a := boris.decide(id, with(theirs, "verdict", "approve"))
	require.Equal(t, http.StatusOK, status, a.Detail)
	s.ended(t, id)
	body, _ = maria.page("rollouts")
	assert.Contains(t, body, `<li class="now" aria-current="step"><b>pilot</b>`)

	_, cform := carla.page("rollouts")
	res, _ = carla.post("rollouts/upsell/pause", with(cform, "reason", "x"), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	res, _ = maria.post("rollouts/upsell/pause", with(form, "reason", "complaints"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	body, _ = maria.page("rollouts")
	assert.Contains(t, body, "Paused: complaints")
	res, _ = maria.post("rollouts/upsell/promote", with(form, "reason", "more"), "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	res, _ = maria.post("rollouts/other/pause", with(form, "reason", "x"), "text/html")
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
}

// pairs is the plan of an experiment with pairs of stores.
func pairs(n int) rollout.Plan {
	p := rollout.Plan{Name: "layout", Version: "1", Stages: []rollout.Stage{{Name: "all pairs", Share: 1}}}
	for i := range n {
		p.Pairs = append(p.Pairs, rollout.Pair{Stores: [2]string{fmt.Sprintf("gid://shopify/Location/%d", 10+i), fmt.Sprintf("gid://shopify/Location/%d", 30+i)}})
	}
	return p
}

// Who is left out for comparison depends on the plan.
func TestWhomARolloutIsComparedWith(t *testing.T) {
	for name, test := range map[string]struct {
		plan rollout.Plan
		says string
	}{
		"pairs":       {pairs(3), "one store of each of 3 pairs does not get it, for comparison."},
		"a pair":      {pairs(1), "one store of a pair does not get it, for comparison."},
		"small share": {rollout.Plan{Name: "layout", Version: "1", Holdout: 0.005, Stages: []rollout.Stage{{Name: "all", Share: 0.125}}}, "0.5 % never get it, for comparison."},
		"nobody":      {rollout.Plan{Name: "layout", Version: "1", Stages: []rollout.Stage{{Name: "all", Share: 1}}}, "nobody is held back for comparison."},
	} {
		t.Run(name, func(t *testing.T) {
			q, log := newQueue(t)
			ro, err := rollout.New(test.plan, q.Store, log, nil)
			require.NoError(t, err)
			s := mount(t, q, log, &console.Options{Rollouts: []*rollout.Rollout{ro}})
			body, _ := s.visit(t, testqueue.Maria).page("rollouts")
			assert.Contains(t, body, "Version 1, "+test.says)
		})
	}
}

// What becomes of a plan is told as it is, also where the log or another process
// is in the way.
func TestARolloutThatDoesNotMove(t *testing.T) {
	q, log := newQueue(t)
	running, err := rollout.New(pairs(1), q.Store, log, nil)
	require.NoError(t, err)
	require.NoError(t, running.Begin(t.Context()))
	next := pairs(1)
	next.Version = "2"
	behind, err := rollout.New(next, q.Store, log, nil)
	require.NoError(t, err)
	require.NoError(t, behind.Register(q.Queue))
	s := mount(t, q, log, &console.Options{Rollouts: []*rollout.Rollout{behind}})
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.page("rollouts")
	form = with(form, "reason", "complaints")
	res, body := maria.post("rollouts/layout/promote", form, "text/html")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	assert.Contains(t, body, "another version of the plan")

	require.NoError(t, behind.Begin(t.Context()))
	require.NoError(t, log.Close())
	const promise = "Nobody is asked before it does."
	res, body = maria.post("rollouts/layout/promote", form, "text/html")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Contains(t, body, promise, "a proposal that is stored")
	res, body = maria.post("rollouts/layout/pause", form, "text/html")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Contains(t, body, "The plan is paused all the same")
	assert.Contains(t, body, "Paused: complaints")
	state, err := behind.State(t.Context())
	require.NoError(t, err)
	assert.True(t, state.Paused)
	for _, step := range []string{"promote", "resume"} {
		res, body = maria.post("rollouts/layout/"+step, form, "text/html")
		assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode, step)
		assert.Contains(t, body, promise, step)
	}
	for r, err := range s.List(t.Context(), approval.Filter{}) {
		require.NoError(t, err)
		t.Errorf("somebody is asked about %s", r.Kind)
	}
}

// One plan whose state cannot be read hides neither the others nor that it is so.
func TestARolloutThatCannotBeRead(t *testing.T) {
	q, log := newQueue(t)
	rollouts := make([]*rollout.Rollout, 2)
	for i, plan := range []rollout.Plan{pairs(1), {Name: "upsell", Version: "1", Stages: []rollout.Stage{{Name: "everybody", Share: 1}}}} {
		var err error
		rollouts[i], err = rollout.New(plan, q.Store, log, nil)
		require.NoError(t, err)
		require.NoError(t, rollouts[i].Begin(t.Context()))
	}
	next := pairs(2)
	next.Version = "2"
	other, err := rollout.New(next, q.Store, log, nil)
	require.NoError(t, err)
	require.ErrorIs(t, other.Begin(t.Context()), rollout.ErrReassigned)
	rollouts[0] = other
	require.NoError(t, rollout.Register(q.Queue, rollouts...))
	s := mount(t, q, log, &console.Options{Rollouts: rollouts})
	maria := s.visit(t, testqueue.Maria)
	body, form := maria.page("rollouts")
	_, body, found := strings.Cut(body, `id="h-layout"`)
	require.True(t, found)
	layout, upsell, found := strings.Cut(body, `id="h-upsell"`)
	require.True(t, found)
	assert.Contains(t, layout, "Version 2,")
	assert.Contains(t, layout, "Its state cannot be read: what runs under this name has another salt, holdout or pairs.")
	assert.NotContains(t, layout, "running", "nobody knows")
	assert.NotContains(t, layout, "<form", "it cannot be moved")
	assert.Contains(t, upsell, ">running<")
	assert.Contains(t, upsell, "Propose the next stage")

	form = with(form, "reason", "complaints")
	for _, step := range []string{"pause", "promote", "resume"} {
		res, body := maria.post("rollouts/layout/"+step, form, "text/html")
		assert.Equal(t, http.StatusConflict, res.StatusCode, step)
		assert.Contains(t, body, "another version of the plan", step)
	}
}

func TestTakingBack(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria, boris := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris)
	_, form := maria.look(r.ID)
	maria.decide(r.ID, with(form, "verdict", "approve"))
	s.ended(t, r.ID)
	body, form := maria.page("requests/" + r.ID)
	assert.Contains(t, body, "Take it back")
	res, body := maria.post("requests/"+r.ID+"/undo", form, "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	assert.Contains(t, body, "Please say why.")
	res, _ = maria.post("requests/"+r.ID+"/undo", with(form, "reason", "wrong customer"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	id := strings.TrimPrefix(res.Header.Get("Location"), "../")
	_, theirs := boris.look(id)
	status, a := boris.decide(id, with(theirs, "verdict", "approve"))
	require.Equal(t, http.StatusOK, status, a.Detail)
	assert.Equal(t, approval.Executed, s.ended(t, id).State)
	assert.Equal(t, int64(1), s.Undone.Load())
	body, _ = maria.page("requests/" + r.ID)
	assert.NotContains(t, body, "Take it back")
}
