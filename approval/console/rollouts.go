package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
)

type rolloutsPage struct {
	frame
	Plans     []planItem
	Notice    *notice
	MaxReason int
	May       bool // move them, and see their figures
}

type planItem struct {
	Name, Version, URL string
	Compared           string // who does not get it
	Stages             []stageItem
	Paused             bool
	Reason             string
	Facts              []line
	Trouble            string // why there are no figures
	Unread             string // why it is not known where the plan stands, then nothing else is
	Last               bool
}

type stageItem struct {
	Name, Reach string
	Done, Now   bool
}

// rollouts shows the plans and what the data say about them.
func (c *Console) rollouts(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	c.showRollouts(w, r, me, http.StatusOK, nil)
}

func (c *Console) showRollouts(w http.ResponseWriter, r *http.Request, me approval.Principal, status int, n *notice) {
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	page := rolloutsPage{MaxReason: maxReason, Notice: n, May: c.queue.MayControl(me, approval.Scope{}) == nil}
	if n == nil && r.URL.Query().Get("done") == "pause" {
		page.Notice = &notice{Tone: "good", Title: "Paused.", Text: "Nobody gets the feature, within seconds."}
	}
	page.frame = c.frame(r, &me, "Rollouts", token)
	for _, ro := range c.opts.Rollouts {
		page.Plans = append(page.Plans, c.plan(r.Context(), ro, page.Root, page.May))
	}
	c.failed(r, write(w, r, status, c.pages.rollouts, page.Nonce, page))
}

func (c *Console) plan(ctx context.Context, ro *rollout.Rollout, root string, figures bool) planItem {
	p := ro.Plan()
	item := planItem{Name: p.Name, Version: p.Version, URL: root + "rollouts/" + p.Name, Compared: heldBack(&p)}
	s, err := ro.State(ctx)
	if err != nil {
		c.opts.Logger.ErrorContext(ctx, "console: the state of a rollout cannot be read", "plan", p.Name, "error", err)
		item.Unread = "Its state cannot be read at the moment."
		if errors.Is(err, rollout.ErrReassigned) {
			item.Unread = "Its state cannot be read: what runs under this name has another salt, holdout or pairs. Nobody gets the feature from this version."
		}
		return item
	}
	item.Paused, item.Reason, item.Last = s.Paused, s.Reason, s.Stage == len(p.Stages)-1
	for i, st := range p.Stages {
		item.Stages = append(item.Stages, stageItem{Name: st.Name, Reach: c.reach(st), Done: i < s.Stage, Now: i == s.Stage})
	}
	if !figures {
		return item
	}
	// A report reads all observations and shuffles them thousands of times.
	rep, err := c.reports.get(ctx, fmt.Sprintf("%s %s %d", p.Name, p.Version, s.Stage), ro.Report)
	if err != nil {
		c.opts.Logger.WarnContext(ctx, "console: no figures of a rollout", "plan", p.Name, "error", err)
		item.Trouble = "The figures cannot be computed at the moment."
		return item
	}
	for _, f := range rep.Fields() {
		item.Facts = append(item.Facts, line{f.Label, f.Value})
	}
	return item
}

// heldBack says who does not get the feature of a plan.
func heldBack(p *rollout.Plan) string {
	switch n := len(p.Pairs); {
	case n > 1:
		return fmt.Sprintf("one store of each of %d pairs does not get it, for comparison", n)
	case n == 1:
		return "one store of a pair does not get it, for comparison"
	case p.Holdout == 0:
		return "nobody is held back for comparison"
	}
	return percent(p.Holdout) + " never get it, for comparison"
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// reach says whom a stage reaches.
func (c *Console) reach(s rollout.Stage) string {
	parts := []string{percent(s.Share)}
	if len(s.Roles) > 0 {
		parts = append(parts, "role "+strings.Join(s.Roles, " or "))
	}
	if len(s.Locations) == 0 {
		return strings.Join(append(parts, "all locations"), ", ")
	}
	names := make([]string, len(s.Locations))
	for i, l := range s.Locations {
		names[i] = c.locationName(l)
	}
	return strings.Join(append(parts, strings.Join(names, ", ")), ", ")
}

// moveRollout carries out one of the buttons of a plan.
func (c *Console) moveRollout(w http.ResponseWriter, r *http.Request, me approval.Principal, plan, what string) {
	if !c.readForm(w, r, &me) {
		return
	}
	if _, err := c.checkForm(r, me.ID); err != nil {
		c.refuse(w, r, &me, http.StatusForbidden, staleForm)
		return
	}
	var ro *rollout.Rollout
	for _, candidate := range c.opts.Rollouts {
		if candidate.Plan().Name == plan {
			ro = candidate
		}
	}
	if ro == nil {
		c.refuse(w, r, &me, http.StatusNotFound, noPage)
		return
	}
	why := clean(r.PostForm.Get("reason"))
	if why == "" || utf8.RuneCountInString(why) > maxReason {
		c.showRollouts(w, r, me, http.StatusUnprocessableEntity, &notice{Tone: "bad", Title: "Please say why.", Text: "It is kept with the change. Nothing was done."})
		return
	}
	if err := c.queue.MayControl(me, approval.Scope{}); err != nil {
		c.showRollouts(w, r, me, http.StatusForbidden, &notice{Tone: "bad", Title: "This is not for you to change.", Text: reasonOf(err)})
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	var req *approval.Request
	var err error
	switch what {
	case "pause":
		err = ro.Pause(ctx, me, why)
	case "promote":
		req, err = ro.Promote(ctx, me, why)
	case "resume":
		req, err = ro.Resume(ctx, me, why)
	default:
		c.refuse(w, r, &me, http.StatusNotFound, noPage)
		return
	}
	switch {
	case err != nil:
		c.notMoved(w, r, me, what, err)
	case req != nil:
		redirect(w, "../../requests/"+req.ID)
	default:
		redirect(w, "../../rollouts?done="+what)
	}
}

// notMoved says why a plan does not go where it should.
func (c *Console) notMoved(w http.ResponseWriter, r *http.Request, me approval.Principal, what string, err error) {
	status, n := http.StatusConflict, &notice{Tone: "wait", Title: "That is not possible now."}
	gate, isGate := errors.AsType[*rollout.GateError](err)
	switch {
	case isGate:
		n.Title, n.Text = "The figures do not allow the next stage yet.", strings.Join(gate.Reasons, ". ")+"."
	case errors.Is(err, rollout.ErrPaused), errors.Is(err, rollout.ErrLastStage), errors.Is(err, rollout.ErrInvalid):
		n.Text = "Load the page again: it says where the plan stands."
	case errors.Is(err, rollout.ErrNotBegun), errors.Is(err, rollout.ErrReassigned):
		n.Text = "What runs is another version of the plan than the one below, or none."
	case errors.Is(err, approval.ErrUnrecorded):
		status, n.Title = http.StatusServiceUnavailable, "The audit log does not take entries at the moment."
		// A proposal may be stored already. It has a key, so the next one is the same.
		n.Text = "Nobody is asked before it does. Please propose it again in a minute: it is asked once."
		if what == "pause" {
			n.Text = "The plan is paused all the same, and nothing goes on before the log has the entry."
		}
	default:
		c.opts.Logger.ErrorContext(r.Context(), "console: rollout failed", "step", what, "error", err)
		status, n.Tone, n.Title, n.Text = http.StatusInternalServerError, "bad", "Something went wrong.", "Load the page again: it says where the plan stands."
	}
	c.showRollouts(w, r, me, status, n)
}
