package console

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// undo proposes to take back what a request did. Somebody else decides, unless
// the policy says otherwise.
func (c *Console) undo(w http.ResponseWriter, r *http.Request, me approval.Principal, id string) {
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
	why := clean(r.PostForm.Get("reason"))
	if why == "" || utf8.RuneCountInString(why) > maxReason {
		c.again(w, r, me, req, "Please say why.", "Whoever decides about taking it back reads it.")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	u, err := c.queue.Undo(ctx, id, me, why)
	switch {
	case err == nil:
		redirect(w, "../"+u.ID)
	case errors.Is(err, approval.ErrInvalid):
		c.again(w, r, me, req, "This cannot be taken back.", reasonOf(err))
	case errors.Is(err, approval.ErrUnrecorded):
		c.refuse(w, r, &me, http.StatusServiceUnavailable, unrecorded)
	default:
		c.broken(w, r, &me, err)
	}
}
