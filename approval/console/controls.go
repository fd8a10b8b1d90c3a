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

type controlsPage struct {
	frame
	Notice      *notice
	Switches    []switchItem
	Standing    []standingItem
	Delegations []delegationItem
	Kinds       []choice
	Locations   []choice
	MayStop     bool // some of the forms are for me
	MaxReason   int
	Compare     bool // I may see what a candidate policy says
	Away        bool // I have somebody standing in for me
}

type switchItem struct {
	ID, Scope, Reason, By string
	Kill                  bool
	At, Until             *moment
}

type standingItem struct {
	ID, Scope, Match, Reason, By string
	Used, Cap                    int
	Until                        *moment
	Max                          *amount
}

type delegationItem struct {
	ID, From, To, Reason string
	Until                *moment
	Mine                 bool
}

// controls shows what people have set: switches, approvals in advance, who
// stands in for whom.
func (c *Console) controls(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	c.showControls(w, r, me, http.StatusOK, nil)
}

func (c *Console) showControls(w http.ResponseWriter, r *http.Request, me approval.Principal, status int, n *notice) {
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	settings, err := c.queue.Controls(r.Context())
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	page := controlsPage{Notice: n, MaxReason: maxReason, MayStop: c.queue.MayControl(me, approval.Scope{Location: firstOf(me.Locations)}) == nil}
	page.Compare = c.queue.MayControl(me, approval.Scope{}) == nil
	if done := r.URL.Query().Get("done"); n == nil && done != "" {
		page.Notice = controlNotice(done)
	}
	page.frame = c.frame(r, &me, "Controls", token)
	clock := c.clock()
	for _, s := range settings.Switches {
		page.Switches = append(page.Switches, switchItem{
			ID: s.ID, Scope: c.scope(s.Scope), Reason: s.Reason, By: name(s.By), Kill: s.Mode == approval.Kill,
			At: clock.moment(s.At), Until: clock.moment(s.Until),
		})
	}
	for _, s := range settings.Standing {
		used, err := c.queue.Used(r.Context(), s.ID)
		if err != nil {
			c.broken(w, r, &me, err)
			return
		}
		page.Standing = append(page.Standing, standingItem{
			ID: s.ID, Scope: c.scope(s.Scope), Match: matches(s.Match), Reason: s.Reason, By: name(s.By), Used: used, Cap: s.Cap,
			Until: clock.moment(s.Until), Max: newAmount(s.MaxAmount.Amount, s.MaxAmount.Currency),
		})
	}
	for _, d := range settings.Delegations {
		mine := d.From.ID == me.ID
		page.Away = page.Away || mine
		page.Delegations = append(page.Delegations, delegationItem{
			ID: d.ID, From: name(d.From), To: d.To, Reason: d.Reason, Until: clock.moment(d.Until), Mine: mine || d.To == me.ID || page.MayStop,
		})
	}
	page.Kinds = append(page.Kinds, choice{Label: "Every kind of action", Selected: true})
	for _, k := range c.queue.Kinds() {
		page.Kinds = append(page.Kinds, choice{Value: k, Label: c.kindName(k)})
	}
	if len(me.Locations) == 0 {
		page.Locations = append(page.Locations, choice{Label: "The whole shop", Selected: true})
	}
	for _, l := range c.opts.Locations {
		if me.At(l) {
			page.Locations = append(page.Locations, choice{Value: l, Label: c.locationName(l)})
		}
	}
	c.failed(r, write(w, r, status, c.pages.controls, page.Nonce, page))
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// scope is a scope in words.
func (c *Console) scope(s approval.Scope) string {
	var parts []string
	if s.Kind != "" {
		parts = append(parts, c.kindName(s.Kind))
	}
	if s.Location != "" {
		parts = append(parts, c.locationName(s.Location))
	}
	for _, f := range []struct{ word, value string }{{"shop ", s.Shop}, {"model ", s.Model}, {"proposed by ", s.Actor}} {
		if f.value != "" {
			parts = append(parts, f.word+f.value)
		}
	}
	if parts == nil {
		return "Everything"
	}
	return strings.Join(parts, ", ")
}

// matches are the conditions of an approval in advance, in words.
func matches(list []approval.ArgMatch) string {
	parts := make([]string, len(list))
	for i, m := range list {
		field := strings.ReplaceAll(strings.TrimPrefix(m.Path, "/"), "/", " ")
		if field == "" {
			field = "the whole action"
		}
		switch {
		case m.Equal != nil:
			parts[i] = field + " is " + string(m.Equal)
		case m.Min != "" && m.Max != "":
			parts[i] = fmt.Sprintf("%s from %s to %s", field, m.Min, m.Max)
		case m.Min != "":
			parts[i] = field + " at least " + m.Min
		default:
			parts[i] = field + " at most " + m.Max
		}
	}
	return strings.Join(parts, ", ")
}

// control carries out one of the forms of the controls page.
func (c *Console) control(w http.ResponseWriter, r *http.Request, me approval.Principal, what string) {
	if !c.readForm(w, r, &me) {
		return
	}
	if _, err := c.checkForm(r, me.ID); err != nil {
		m := staleForm
		m.Link = &link{Href: "../controls", Label: "Load the controls", Main: true}
		c.refuse(w, r, &me, http.StatusForbidden, m)
		return
	}
	why := clean(r.PostForm.Get("reason"))
	if why == "" || utf8.RuneCountInString(why) > maxReason {
		c.showControls(w, r, me, http.StatusUnprocessableEntity, &notice{Tone: "bad", Title: "Please say why.", Text: "It is kept with the change. Nothing was done."})
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	var err error
	id := r.PostForm.Get("id")
	switch what {
	case "halt":
		err = c.halt(ctx, r, me, why)
	case "clear":
		err = c.queue.Clear(ctx, id, me, why)
	case "revoke":
		err = c.queue.Revoke(ctx, id, me, why)
	case "delegate":
		err = c.delegate(ctx, r, me, why)
	case "undelegate":
		err = c.queue.Undelegate(ctx, id, me, why)
	default:
		c.refuse(w, r, &me, http.StatusNotFound, noPage)
		return
	}
	if err == nil {
		redirect(w, "../controls?done="+what)
		return
	}
	c.controlRefused(w, r, me, what, err)
}

// localTime is how browsers write a time without a zone.
// https://html.spec.whatwg.org/multipage/common-microsyntaxes.html#local-dates-and-times
const localTime = "2006-01-02T15:04"

func (c *Console) halt(ctx context.Context, r *http.Request, me approval.Principal, why string) error {
	form := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	s := approval.Switch{
		Mode: approval.Pause, By: me, Reason: why,
		Scope: approval.Scope{Kind: form("kind"), Location: form("location"), Shop: form("shop"), Model: form("model"), Actor: form("actor")},
	}
	if until := form("until"); until != "" {
		var err error
		if s.Until, err = time.ParseInLocation(localTime, until, c.opts.TimeZone); err != nil {
			return &approval.InvalidError{Field: "until", Reason: "is not a time"}
		}
	}
	if r.PostForm.Get("mode") == "kill" {
		s.Mode = approval.Kill
	}
	_, err := c.queue.Halt(ctx, s)
	return err
}

// delegate lets somebody stand in for me, from now until the end of a day.
func (c *Console) delegate(ctx context.Context, r *http.Request, me approval.Principal, why string) error {
	day, err := time.ParseInLocation(time.DateOnly, r.PostForm.Get("until"), c.opts.TimeZone)
	if err != nil {
		return &approval.InvalidError{Field: "until", Reason: "is not a day"}
	}
	_, err = c.queue.Delegate(ctx, approval.Delegation{
		From: me, To: strings.TrimSpace(r.PostForm.Get("to")), By: me, Reason: why, Until: day.AddDate(0, 0, 1),
	})
	return err
}

func controlNotice(done string) *notice {
	n := &notice{Tone: "good"}
	switch done {
	case "halt":
		n.Title, n.Text = "Stopped.", "It holds everywhere, within seconds."
	case "clear":
		n.Title, n.Text = "Running again.", "What waited goes on."
	case "revoke":
		n.Title, n.Text = "Revoked.", "From now on people are asked again."
	case "grant":
		n.Title, n.Text = "Approved in advance.", "Requests that match are done without asking, within the bounds below."
	case "delegate":
		n.Title, n.Text = "Saved.", "They can decide in your place."
	case "undelegate":
		n.Title, n.Text = "Ended.", "Nobody stands in any more."
	default:
		return nil
	}
	return n
}

func (c *Console) controlRefused(w http.ResponseWriter, r *http.Request, me approval.Principal, what string, err error) {
	n := &notice{Tone: "bad", Title: "That was not possible.", Text: reasonOf(err)}
	status := http.StatusConflict
	switch {
	case errors.Is(err, approval.ErrForbidden):
		status, n.Title = http.StatusForbidden, "This is not for you to change."
	case errors.Is(err, approval.ErrInvalid):
		status, n.Title = http.StatusUnprocessableEntity, "That cannot be set like this."
	case errors.Is(err, approval.ErrNotFound):
		n.Tone, n.Title, n.Text = "wait", "It has ended already.", "Somebody else may have been faster."
	case errors.Is(err, approval.ErrUnrecorded):
		status, n.Tone, n.Title = http.StatusServiceUnavailable, "wait", "The audit log does not take entries at the moment."
		n.Text = "What makes things stricter holds all the same; what lets them go on does not yet."
	default:
		c.opts.Logger.ErrorContext(r.Context(), "console: control failed", "control", what, "error", err)
		status, n.Title, n.Text = http.StatusInternalServerError, "Something went wrong.", "Load the page again: it says what holds."
	}
	c.showControls(w, r, me, status, n)
}
