package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/posai-go/posai/approval"
)

type detailPage struct {
	frame
	Card     card
	Version  string // changes with what a decision would be about
	Notice   *notice
	Fields   []line
	Edits    []editItem
	Evidence []evidence
	Why      []line
	Rules    []ruleItem
	Grant    *grantForm
	History  []event

	MayDecide, MayResolve bool
	NeedText              string
	Digest, Shown         string
	DecideURL, ResolveURL string
	Form                  []formField
	EditOpen, RejectOpen  bool
	Reasons               []string
	Reason                string
	MaxReason             int
	Outcomes              []outcome
	Standing              standing
	UndoURL               string // where it can be asked to take this back
}

type notice struct{ Tone, Title, Text string }

type line struct{ Label, Value string }

type evidence struct {
	Label, Text string
	Open        bool
}

// standing says where a request stands that me cannot decide.
type standing struct {
	Title string
	Lines []string
}

type outcome struct{ Value, Label string }

// find returns the request of a page, or answers for it when it is not there or
// not for me.
func (c *Console) find(w http.ResponseWriter, r *http.Request, me approval.Principal, id string) (*approval.Request, bool) {
	q, err := c.queue.Get(r.Context(), id)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		c.refuse(w, r, &me, http.StatusNotFound, noPage)
		return nil, false
	case err != nil:
		c.broken(w, r, &me, err)
		return nil, false
	}
	if !c.sees(r.Context(), q, me) {
		why := c.queue.MayDecide(r.Context(), q, me)
		m := forbidden(why)
		m.Title = "This is not for you"
		c.refuse(w, r, &me, http.StatusForbidden, m)
		return nil, false
	}
	return q, true
}

// detail shows one request.
func (c *Console) detail(w http.ResponseWriter, r *http.Request, me approval.Principal, id string) {
	q, ok := c.find(w, r, me, id)
	if !ok {
		return
	}
	c.showDetail(w, r, me, q, http.StatusOK, func(p *detailPage) {
		if r.URL.Query().Get("done") != "" {
			p.Notice = doneNotice(q, me)
		}
	})
}

// again shows a request whose form was not good, with what was typed.
func (c *Console) again(w http.ResponseWriter, r *http.Request, me approval.Principal, q *approval.Request, title, text string) {
	if wantsJSON(r) {
		v := newRequestJSON(q, true)
		c.writeJSON(w, r, http.StatusUnprocessableEntity, problem{Code: "invalid", Title: title, Detail: text, Request: &v})
		return
	}
	c.showDetail(w, r, me, q, http.StatusUnprocessableEntity, func(p *detailPage) {
		p.Notice = &notice{Tone: "bad", Title: title, Text: text}
		p.Reason = clean(r.PostForm.Get("reason"))
		switch r.PostForm.Get("verdict") {
		case "edit":
			p.EditOpen = true
			p.Form = formFields(q, editValues(q, r))
		case "reject":
			p.RejectOpen = true
		}
	})
}

func (c *Console) showDetail(w http.ResponseWriter, r *http.Request, me approval.Principal, q *approval.Request, status int, more func(*detailPage)) {
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	may := c.mayDecide(r.Context(), q, me)
	// A page that a browser loads in advance was shown to nobody.
	if may && r.Method == http.MethodGet && !strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		if err := c.queue.MarkShown(r.Context(), q.ID, q.Digest, me, Channel); err != nil {
			c.notShown(w, r, me, q, err)
			return
		}
	}
	if wantsJSON(r) {
		c.writeJSON(w, r, status, detailJSON{Request: newRequestJSON(q, true), MayDecide: may, CSRF: token})
		return
	}
	clock := c.clock()
	page := detailPage{
		MayDecide: may, NeedText: need(q), Digest: q.Digest, Shown: encodeShown(q.Preview),
		Form: formFields(q, nil), Reasons: c.opts.Reasons, MaxReason: maxReason,
		Why: c.why(q), Standing: c.standing(r.Context(), q, me, clock),
	}
	if c.mayResolve(q, me) {
		page.MayResolve, page.Outcomes = true, outcomes()
		page.NeedText = "It was approved and started, but no answer came back. Look in the shop whether it happened; nobody else will do anything until somebody has."
	}
	page.frame = c.frame(r, &me, title(q), token)
	page.DecideURL = page.Root + "requests/" + q.ID + "/decision"
	page.ResolveURL = page.Root + "requests/" + q.ID + "/resolution"
	if c.queue.Undoable(q) && c.opts.Visible(me, q) {
		page.UndoURL = page.Root + "requests/" + q.ID + "/undo"
	}
	page.Card = c.card(q, page.Root, may, clock)
	page.Version = fmt.Sprintf("%s %s %d", q.State, q.Digest, len(q.Decisions))
	for _, f := range q.Preview.Fields {
		page.Fields = append(page.Fields, line{f.Label, f.Value})
	}
	for i, e := range q.Evidence {
		page.Evidence = append(page.Evidence, evidence{Label: e.Label, Text: e.Text, Open: i == 0 || len(e.Text) <= 280})
	}
	page.Edits = c.edits(q, clock)
	page.Grant = c.grantForm(q, me, page.Root)
	page.Rules = c.rules(r.Context(), q)
	page.History = c.history(r.Context(), q, me, clock)
	more(&page)
	c.failed(r, write(w, r, status, c.pages.detail, page.Nonce, page))
}

// notShown answers when it could not be recorded that a request was shown.
func (c *Console) notShown(w http.ResponseWriter, r *http.Request, me approval.Principal, q *approval.Request, err error) {
	switch {
	case errors.Is(err, approval.ErrStale): // changed this very moment
		redirect(w, "./"+q.ID)
	case errors.Is(err, approval.ErrUnrecorded):
		m := unrecorded
		m.Lines = []string{"The audit log does not take entries at the moment, so nothing can be decided. Please try again in a minute."}
		c.refuse(w, r, &me, http.StatusServiceUnavailable, m)
	default:
		c.broken(w, r, &me, err)
	}
}

// doneNotice confirms a decision to the one who made it.
func doneNotice(q *approval.Request, me approval.Principal) *notice {
	d := decisionOf(q, me.ID)
	if d == nil {
		return nil
	}
	if d.Verdict == approval.Reject {
		return &notice{Tone: "good", Title: "You rejected this.", Text: "Nothing will happen."}
	}
	n := &notice{Tone: "good", Title: "You approved this.", Text: "It is being done now."}
	switch q.State {
	case approval.Pending:
		n.Text = "It still waits for somebody else: " + need(q)
	case approval.Executed:
		n.Text = "It is done."
	case approval.Failed:
		n.Tone, n.Text = "bad", "It could not be done; the history below says why."
	case approval.Uncertain:
		n.Tone, n.Text = "wait", "It is not certain whether it was done."
	}
	return n
}

// decisionOf returns the last decision of a person about q, nil if there is
// none.
func decisionOf(q *approval.Request, id string) *approval.Decision {
	for i := len(q.Decisions) - 1; i >= 0; i-- {
		if q.Decisions[i].By.ID == id {
			return &q.Decisions[i]
		}
	}
	return nil
}

// why says why a request was asked and who may decide it.
func (c *Console) why(q *approval.Request) []line {
	lines := []line{{"Policy", q.Ruling.Reason}, {"Needed", needed(q)}}
	if q.Reason != "" {
		lines = append(lines, line{"Reason given", q.Reason})
	}
	if m := q.Model; m != nil {
		model := strings.TrimSpace(m.Provider + " " + m.Name)
		if m.Baseline {
			model = "none: made by a fixed rule, without AI"
		}
		lines = append(lines, line{"Model", model})
	}
	if q.Confidence != nil {
		lines = append(lines, line{"Confidence", fmt.Sprintf("%.0f %%", *q.Confidence*100)})
	}
	if q.Shop != "" {
		lines = append(lines, line{"Shop", q.Shop})
	}
	var subjects []string
	for _, s := range q.Subjects {
		subjects = append(subjects, s.Type+" "+s.ID[strings.LastIndexByte(s.ID, '/')+1:])
	}
	if subjects != nil {
		lines = append(lines, line{"Concerns", strings.Join(subjects, "\n")})
	}
	return append(lines, line{"Request", q.ID})
}

// standing says in words what a request without buttons is at.
func (c *Console) standing(ctx context.Context, q *approval.Request, me approval.Principal, clock clock) standing {
	var last string
	if n := len(q.Decisions); n > 0 {
		d := q.Decisions[n-1]
		last = name(d.By) + " " + verdictName(d.Verdict) + " it in " + channelName(d.Channel) + ", " + clock.moment(d.At).Short + "."
		if d.Reason != "" {
			last += " Reason: " + d.Reason
		}
	}
	s := standing{Title: "This is " + stateOf(q.State).Label}
	switch q.State {
	case approval.Pending:
		s.Title = "This waits for somebody else"
		s.Lines = append(s.Lines, need(q))
		if err := c.queue.MayDecide(ctx, q, me); err != nil {
			s.Lines = append(s.Lines, reasonOf(err))
		}
	case approval.Denied:
		s.Lines = append(s.Lines, "The policy does not allow it: "+q.Ruling.Reason)
	case approval.Expired:
		s.Lines = append(s.Lines, "Nobody decided in time, so nothing happened.")
	case approval.Uncertain:
		s.Lines = append(s.Lines, "It was approved and started, but no answer came back. Somebody has to look whether it happened.")
	}
	if last != "" {
		s.Lines = append(s.Lines, last)
	}
	return s
}
