package console

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/posai-go/posai/approval"
)

type listPage struct {
	frame
	Show                  string // waiting, decided or all
	Lead                  string
	Mine, Others, Decided []card
	EmptyTitle, EmptyText string
	More                  string // where the decided ones go on
	MoreWaiting           string // where the waiting ones do
	Later                 bool   // not the first of the waiting ones
	Early                 bool   // a page ends before it is full
	Filter                filterForm
	Tabs                  []navItem
	Version               string // changes with all that the page shows but the time
}

// decidedLately is how many decided requests stand below the waiting ones.
const decidedLately = 8

// list shows the requests that me may see: those that wait for me, those that
// wait for somebody else, those that are decided.
func (c *Console) list(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	show := r.URL.Query().Get("show")
	if show != "decided" && show != "all" {
		show = "waiting"
	}
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	narrow, form := c.filter(r)
	// A state is of one of the two lists, whichever was asked for.
	switch {
	case narrow.States == nil:
	case slices.Contains(waitingStates(), narrow.States[0]):
		show = "waiting"
	default:
		show = "decided"
	}
	after, wait := r.URL.Query().Get("after"), r.URL.Query().Get("wait")
	var waiting, decided found
	if show != "decided" {
		waiting, err = c.collect(r, me, c.opts.PageSize, narrowed(narrow, approval.Filter{States: waitingStates(), After: wait}))
	}
	if err == nil && (show != "waiting" || wait == "" && narrow.States == nil) {
		limit := c.opts.PageSize
		if show == "waiting" {
			limit = decidedLately
		}
		decided, err = c.collect(r, me, limit, narrowed(narrow, approval.Filter{States: decidedStates(), Newest: true, After: after}))
	}
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	if wantsJSON(r) {
		v := listJSON{CSRF: token, Waiting: []requestJSON{}, Decided: []requestJSON{}, WaitingNext: waiting.next, DecidedNext: decided.next}
		for _, q := range waiting.list {
			v.Waiting = append(v.Waiting, newRequestJSON(q, false))
		}
		for _, q := range decided.list {
			v.Decided = append(v.Decided, newRequestJSON(q, false))
		}
		c.writeJSON(w, r, http.StatusOK, v)
		return
	}
	page := listPage{Show: show, Filter: form}
	page.frame = c.frame(r, &me, "", token)
	clock := c.clock()
	for _, q := range waiting.list {
		if c.mayDecide(r.Context(), q, me) || c.mayResolve(q, me) {
			page.Mine = append(page.Mine, c.card(q, page.Root, true, clock))
		} else {
			page.Others = append(page.Others, c.card(q, page.Root, false, clock))
		}
	}
	more := func(show, cursor, after string) string {
		if after == "" {
			return ""
		}
		next := form.query()
		if show != "waiting" {
			next.Set("show", show)
		}
		next.Set(cursor, after)
		return page.Root + "?" + next.Encode()
	}
	page.MoreWaiting = more("waiting", "wait", waiting.next)
	if show != "waiting" {
		page.More = more("decided", "after", decided.next)
	}
	page.Later = wait != ""
	page.Early = waiting.early || show != "waiting" && decided.early
	for _, q := range decided.list {
		page.Decided = append(page.Decided, c.card(q, page.Root, false, clock))
	}
	for i := range page.Mine {
		page.Mine[i].Pick = len(page.Mine) > 1 && page.Mine[i].Waiting
	}
	page.words(len(me.Roles) == 0)
	page.tabs(form.query())
	page.Version = listVersion(page.MoreWaiting, page.Mine, page.Others, page.Decided)
	c.failed(r, write(w, r, http.StatusOK, c.pages.list, page.Nonce, page))
}

// narrowed is f with what the list is narrowed to.
func narrowed(by, f approval.Filter) approval.Filter {
	f.Text, f.Kind, f.Location, f.Proposer, f.Since, f.Until = by.Text, by.Kind, by.Location, by.Proposer, by.Since, by.Until
	if by.States != nil {
		f.States = by.States
	}
	return f
}

// tabs are the addresses of the three lists, narrowed as this one is.
func (p *listPage) tabs(keep url.Values) {
	for _, t := range []struct{ show, label string }{{"waiting", "Waiting"}, {"decided", "Decided"}, {"all", "All"}} {
		q := url.Values{}
		maps.Copy(q, keep)
		q.Del("state") // it says itself in which list it is
		if t.show != "waiting" {
			q.Set("show", t.show)
		}
		href := p.Root
		if len(q) > 0 {
			href += "?" + q.Encode()
		}
		p.Tabs = append(p.Tabs, navItem{Href: href, Label: t.label, Here: p.Show == t.show})
	}
}

// listVersion names what a list shows.
func listVersion(more string, groups ...[]card) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(more))
	for i, group := range groups {
		for _, c := range group {
			fmt.Fprintf(h, "%d %s %s %q %q %q;", i, c.ID, c.State.Label, c.Title, c.Summary, c.Outcome)
		}
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// words fills in what the list says about itself.
func (p *listPage) words(noRole bool) {
	p.EmptyTitle, p.EmptyText = "All done", "Nothing waits for you. New requests appear here by themselves."
	if noRole {
		p.EmptyTitle, p.EmptyText = "Nothing for you to decide", "You are signed in, but no role is assigned to you. Ask whoever runs this console."
	}
	if p.MoreWaiting != "" && len(p.Mine) == 0 {
		p.EmptyTitle, p.EmptyText = "Nothing for you among these", "There are more that wait: look at the next ones."
	} else if p.Later {
		p.EmptyText = "Nothing more waits for you."
	}
	switch {
	case p.Filter.Active && p.MoreWaiting == "" && p.More == "" && len(p.Mine)+len(p.Others)+len(p.Decided) == 0:
		p.Heading, p.Lead = "Requests", "Nothing matches what you are looking for."
		p.EmptyTitle, p.EmptyText = "Nothing found", "Try fewer words, or look at all requests."
	case p.Show == "decided":
		p.Heading, p.Lead = "Decided", "What was decided, newest first."
	case len(p.Mine) > 0:
		count := plural(len(p.Mine), "request") + " for you"
		switch {
		case p.Later:
			count = plural(len(p.Mine), "more request") + " for you"
		case p.MoreWaiting != "":
			count = "The first " + count
		}
		p.Heading, p.Lead = count, "Oldest first. Nothing happens until somebody decides."
	default:
		p.Heading, p.Lead = "Requests", "Nothing happens until somebody decides."
	}
}

// waitingStates are those in which somebody has something to do.
func waitingStates() []approval.State {
	return []approval.State{approval.Pending, approval.Uncertain}
}

// decidedStates are the states of the second half of the list: where nobody
// has anything to do.
func decidedStates() []approval.State {
	return []approval.State{
		approval.Failed, approval.Approved, approval.Executing, approval.Executed,
		approval.Rejected, approval.Denied, approval.Expired,
	}
}

// found is a page of what me may see.
type found struct {
	list []*approval.Request

	// next is after which request to go on, "" if there is nothing more.
	next string

	// early says that so much was looked at that me may not see, that it ends
	// before the page is full.
	early bool
}

// lookedPerShown bounds how many requests are looked at for each that a page
// has room for.
const lookedPerShown = 10

// collect returns up to limit requests that me may see. It looks at no more
// than lookedPerShown times as many.
func (c *Console) collect(r *http.Request, me approval.Principal, limit int, f approval.Filter) (found, error) {
	f.Locations = c.places(r.Context(), me)
	var v found
	looked, last := 0, ""
	for q, err := range c.queue.List(r.Context(), f) {
		if err != nil {
			return found{}, err
		}
		if looked == lookedPerShown*limit {
			v.next, v.early = last, true
			break
		}
		looked++
		if c.sees(r.Context(), q, me) {
			if len(v.list) == limit { // there is one more
				v.next = last
				break
			}
			v.list = append(v.list, q)
		}
		last = q.ID
	}
	return v, nil
}

// places are the locations to which the store can narrow what is looked at for
// me, nil where others might be seen as well.
func (c *Console) places(ctx context.Context, me approval.Principal) []string {
	if len(me.Locations) == 0 || c.seesAnywhere || len(me.Locations) > maxPlaces {
		return nil
	}
	// Who stands in for somebody decides at their locations too.
	settings, err := c.queue.Controls(ctx)
	if err != nil || slices.ContainsFunc(settings.Delegations, func(d approval.Delegation) bool { return d.To == me.ID }) {
		return nil
	}
	return me.Locations
}

// maxPlaces bounds the locations that a query names.
const maxPlaces = 100

// mayDecide reports whether the queue would take a decision of me.
func (c *Console) mayDecide(ctx context.Context, q *approval.Request, me approval.Principal) bool {
	return q.State == approval.Pending && c.queue.MayDecide(ctx, q, me) == nil
}

// mayResolve reports whether the queue would let me settle q.
func (c *Console) mayResolve(q *approval.Request, me approval.Principal) bool {
	return q.State == approval.Uncertain && c.queue.MayResolve(q, me) == nil
}

// sees reports whether me may look at q.
func (c *Console) sees(ctx context.Context, q *approval.Request, me approval.Principal) bool {
	return c.mayDecide(ctx, q, me) || c.mayResolve(q, me) || c.opts.Visible(me, q)
}

func (c *Console) broken(w http.ResponseWriter, r *http.Request, me *approval.Principal, err error) {
	if r.Context().Err() == nil {
		c.opts.Logger.ErrorContext(r.Context(), "console: request failed", "path", r.URL.Path, "error", err)
	}
	m := broken
	m.Lines = []string{"The requests cannot be loaded at the moment. Please try again in a minute."}
	c.refuse(w, r, me, http.StatusInternalServerError, m)
}
