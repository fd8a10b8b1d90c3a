package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// outcomes are what a person can have found about an uncertain request.
func outcomes() []outcome {
	return []outcome{
		{string(approval.Happened), "It did happen"},
		{string(approval.TryAgain), "It did not happen: do it now"},
		{string(approval.Abandon), "It did not happen: leave it"},
	}
}

// resolve settles an uncertain request.
func (c *Console) resolve(w http.ResponseWriter, r *http.Request, me approval.Principal, id string) {
	if !c.readForm(w, r, &me) {
		return
	}
	if _, err := c.checkForm(r, me.ID); err != nil {
		m := staleForm
		m.Link = &link{Href: "../" + id, Label: "Load the request", Main: true}
		c.refuse(w, r, &me, http.StatusForbidden, m)
		return
	}
	req, ok := c.find(w, r, me, id)
	if !ok {
		return
	}
	found := clean(r.PostForm.Get("reason"))
	if found == "" {
		c.again(w, r, me, req, "Please say what you found.", "It is kept with the request.")
		return
	}
	if utf8.RuneCountInString(found) > maxReason {
		c.again(w, r, me, req, "That is too long.", fmt.Sprintf("At most %d characters.", maxReason))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	after, err := c.queue.Resolve(ctx, req.ID, approval.Outcome(r.PostForm.Get("outcome")), me, found)
	if err == nil {
		c.decided(w, r, me, after)
		return
	}
	var m message
	status := http.StatusConflict
	switch {
	case errors.Is(err, approval.ErrForbidden):
		m, status = forbidden(err), http.StatusForbidden
	case errors.Is(err, approval.ErrDecided), errors.Is(err, approval.ErrInvalid):
		m = message{code: "decided", Tone: "wait", Title: "This is settled already", Lines: []string{"Your click came later. It changed nothing."}}
	case errors.Is(err, approval.ErrUnrecorded):
		m, status = unrecorded, http.StatusServiceUnavailable
	default:
		c.opts.Logger.ErrorContext(ctx, "console: resolution failed", "request", id, "error", err)
		m, status = broken, http.StatusInternalServerError
	}
	m.Link = &link{Href: "../" + id, Label: "See the request", Main: true}
	c.refuse(w, r, &me, status, m)
}
