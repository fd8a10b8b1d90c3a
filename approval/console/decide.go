package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// maxForm bounds a form that is sent, in bytes.
const maxForm = 512 << 10

// maxReason bounds the reason of a decision, in characters.
const maxReason = 1000

// decideTime bounds a decision once it has arrived: a browser that went away,
// as the first half of a double click does, does not take it back.
const decideTime = 30 * time.Second

// readForm parses the form of a POST, or refuses it.
func (c *Console) readForm(w http.ResponseWriter, r *http.Request, me *approval.Principal) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if err == nil && validForm(r) {
		return true
	}
	status := http.StatusBadRequest
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = http.StatusRequestEntityTooLarge
	}
	c.refuse(w, r, me, status, badForm)
	return false
}

func validForm(r *http.Request) bool {
	for name, values := range r.PostForm {
		if !utf8.ValidString(name) {
			return false
		}
		for _, v := range values {
			if !utf8.ValidString(v) {
				return false
			}
		}
	}
	return true
}

// decide takes the decision of me about a request.
func (c *Console) decide(w http.ResponseWriter, r *http.Request, me approval.Principal, id string) {
	if !c.readForm(w, r, &me) {
		return
	}
	shown, err := c.checkForm(r, me.ID)
	if err != nil {
		m := staleForm
		m.Link = &link{Href: "../" + id, Label: "Load the request", Main: true}
		c.refuse(w, r, &me, http.StatusForbidden, m)
		return
	}
	req, ok := c.find(w, r, me, id)
	if !ok {
		return
	}
	d := approval.Decision{
		RequestID: req.ID, Digest: r.PostForm.Get("digest"), Verdict: approval.Approve,
		By: me, Channel: Channel, ShownAt: shown,
	}
	switch r.PostForm.Get("verdict") {
	case "approve":
	case "edit":
		d.Edit = editValues(req, r)
	case "reject":
		d.Verdict = approval.Reject
		if d.Reason = reason(r); d.Reason == "" {
			c.again(w, r, me, req, "Please say why.", "A rejection needs a reason: whoever proposed this learns from it.")
			return
		}
	default:
		c.refuse(w, r, &me, http.StatusBadRequest, badForm)
		return
	}
	if utf8.RuneCountInString(d.Reason) > maxReason {
		c.again(w, r, me, req, "That is too long.", fmt.Sprintf("A reason has at most %d characters.", maxReason))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	after, err := c.queue.Decide(ctx, d)
	if err != nil {
		c.notDecided(w, r, me, req, d, err)
		return
	}
	c.decided(w, r, me, after)
}

// decided sends the browser to the request: what it shows then may be loaded
// again as often as one likes.
func (c *Console) decided(w http.ResponseWriter, r *http.Request, me approval.Principal, req *approval.Request) {
	if wantsJSON(r) {
		c.writeJSON(w, r, http.StatusOK, detailJSON{Request: newRequestJSON(req, true), MayDecide: c.mayDecide(r.Context(), req, me), CSRF: r.PostForm.Get("csrf")})
		return
	}
	redirect(w, "../"+req.ID+"?done=1")
}

// notDecided explains why a decision did not count.
func (c *Console) notDecided(w http.ResponseWriter, r *http.Request, me approval.Principal, shown *approval.Request, d approval.Decision, err error) {
	now := shown
	if fresh, e := c.queue.Get(r.Context(), d.RequestID); e == nil {
		now = fresh
	}
	var m message
	status := http.StatusConflict
	switch {
	case errors.Is(err, approval.ErrDecided):
		if sameClick(now, d) {
			c.decided(w, r, me, now)
			return
		}
		m = late(now, err, c.clock())
	case errors.Is(err, approval.ErrStale):
		if sameClick(now, d) {
			c.decided(w, r, me, now)
			return
		}
		c.stale(w, r, me, now)
		return
	case errors.Is(err, approval.ErrUnrecorded):
		status, m = http.StatusServiceUnavailable, unrecorded
	case errors.Is(err, approval.ErrStopped):
		m = message{code: "stopped", Tone: "wait", Title: "This is stopped", Lines: []string{"A switch stops it, so nothing can be approved. Nothing was done."}}
	case errors.Is(err, approval.ErrExpired):
		m = message{code: "expired", Tone: "wait", Title: "This request has expired", Lines: []string{"It waited too long, so nothing will happen. Your click was not counted."}}
	case errors.Is(err, approval.ErrForbidden):
		if sameClick(now, d) {
			c.decided(w, r, me, now)
			return
		}
		status = http.StatusForbidden
		m = forbidden(err)
	case errors.Is(err, approval.ErrInvalid):
		c.again(w, r, me, now, "This cannot be approved as it is.", reasonOf(err))
		return
	case errors.Is(err, approval.ErrNotFound):
		status, m = http.StatusNotFound, noPage
	default:
		c.opts.Logger.ErrorContext(r.Context(), "console: decision failed", "request", d.RequestID, "error", err)
		status, m = http.StatusInternalServerError, broken
	}
	m.Link = &link{Href: "../" + d.RequestID, Label: "See the request", Main: true}
	c.refuseWith(w, r, me, status, m, now)
}

// sameClick reports whether d is the second half of a double click: the same
// person has taken the same decision here about the same revision. The first
// half may have edited, so that the request has a new digest.
func sameClick(now *approval.Request, d approval.Decision) bool {
	mine := decisionOf(now, d.By.ID)
	if mine == nil || mine.Verdict != d.Verdict || mine.Channel != d.Channel || !mine.ShownAt.Equal(d.ShownAt) {
		return false
	}
	if mine.Digest == d.Digest {
		return true
	}
	for _, e := range now.Edits {
		if e.Before == d.Digest && e.After == mine.Digest && e.By.ID == d.By.ID {
			return true
		}
	}
	return false
}

// reason joins the reason that was picked and the one that was written.
func reason(r *http.Request) string {
	picked, written := clean(r.PostForm.Get("because")), clean(r.PostForm.Get("reason"))
	switch {
	case picked == "":
		return written
	case written == "":
		return picked
	}
	return picked + ": " + written
}

// clean undoes what forms do to text: browsers send line ends as CR LF.
func clean(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}
