package console

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// maxPicks is how many requests are decided together.
const maxPicks = 50

type batchPage struct {
	frame
	Items     []batchItem
	Left      int // picked, but not decidable by me any more
	Reasons   []string
	Reason    string
	MaxReason int
	Notice    *notice
	PostURL   string
}

// batchItem is one request as it is decided: all of its preview is on the page.
type batchItem struct {
	Card     card
	Fields   []line
	Edits    []editItem
	Evidence []evidence
	Pick     string // ID and digest
}

type batchResultPage struct {
	frame
	Done, Not []batchResult
}

type batchResult struct{ Title, Href, Text string }

// review shows the picked requests in full, to be decided together. What is
// shown is what is decided: the form carries a digest for each.
func (c *Console) review(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	c.showBatch(w, r, me, r.URL.Query()["pick"], nil)
}

func (c *Console) showBatch(w http.ResponseWriter, r *http.Request, me approval.Principal, picks []string, problem *notice) {
	if len(picks) > maxPicks {
		picks = picks[:maxPicks]
	}
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	page := batchPage{Reasons: c.opts.Reasons, MaxReason: maxReason, Notice: problem}
	page.frame = c.frame(r, &me, "", token)
	page.PostURL = page.Root + "batch"
	if problem != nil {
		page.Reason = clean(r.PostForm.Get("reason"))
	}
	clock := c.clock()
	seen := map[string]bool{}
	for _, pick := range picks {
		id, _, _ := strings.Cut(pick, " ")
		if seen[id] {
			continue
		}
		seen[id] = true
		q, err := c.queue.Get(r.Context(), id)
		if err != nil || !c.mayDecide(r.Context(), q, me) {
			page.Left++
			continue
		}
		if err := c.queue.MarkShown(r.Context(), q.ID, q.Digest, me, Channel); err != nil {
			c.notShown(w, r, me, q, err)
			return
		}
		item := batchItem{Card: c.card(q, page.Root, true, clock), Pick: q.ID + " " + q.Digest, Edits: c.edits(q, clock)}
		for _, f := range q.Preview.Fields {
			item.Fields = append(item.Fields, line{f.Label, f.Value})
		}
		for _, e := range q.Evidence {
			item.Evidence = append(item.Evidence, evidence{Label: e.Label, Text: e.Text})
		}
		page.Items = append(page.Items, item)
	}
	if len(page.Items) == 0 {
		redirect(w, page.Root)
		return
	}
	page.Heading = plural(len(page.Items), "request") + " together"
	status := http.StatusOK
	if problem != nil {
		status = http.StatusUnprocessableEntity
	}
	c.failed(r, write(w, r, status, c.pages.batch, page.Nonce, page))
}

// decideBatch takes one decision about several requests, each for itself.
func (c *Console) decideBatch(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	if !c.readForm(w, r, &me) {
		return
	}
	shown, err := c.checkForm(r, me.ID)
	if err != nil {
		c.refuse(w, r, &me, http.StatusForbidden, staleForm)
		return
	}
	picks := r.PostForm["pick"]
	verdict, why := approval.Approve, ""
	switch r.PostForm.Get("verdict") {
	case "approve":
	case "reject":
		verdict, why = approval.Reject, reason(r)
		if why == "" || utf8.RuneCountInString(why) > maxReason {
			c.showBatch(w, r, me, picks, &notice{Tone: "bad", Title: "Please say why.", Text: "A rejection needs a reason, and it has at most 1000 characters. Nothing was done."})
			return
		}
	default:
		c.refuse(w, r, &me, http.StatusBadRequest, badForm)
		return
	}
	if len(picks) == 0 || len(picks) > maxPicks {
		c.refuse(w, r, &me, http.StatusBadRequest, badForm)
		return
	}
	var decisions []approval.Decision
	for _, pick := range picks {
		id, digest, _ := strings.Cut(pick, " ")
		decisions = append(decisions, approval.Decision{
			RequestID: id, Digest: digest, Verdict: verdict, Reason: why, By: me, Channel: Channel, ShownAt: shown,
		})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	results, err := c.queue.DecideAll(ctx, decisions)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	c.showResults(w, r, me, decisions, results)
}

// showResults says what became of each. It is the answer to the POST, so that
// nobody has to remember it: loading it again sends the same decisions again,
// which changes nothing.
func (c *Console) showResults(w http.ResponseWriter, r *http.Request, me approval.Principal, decisions []approval.Decision, results []approval.Decided) {
	page := batchResultPage{}
	page.frame = c.frame(r, &me, "", "")
	clock := c.clock()
	for i, d := range decisions {
		q, err := c.queue.Get(r.Context(), d.RequestID)
		if err != nil || !c.sees(r.Context(), q, me) {
			page.Not = append(page.Not, batchResult{Title: "A request", Text: noPage.Lines[0]})
			continue
		}
		item := batchResult{Title: title(q), Href: page.Root + "requests/" + q.ID, Text: stateOf(q.State).Label}
		if results[i].Err == nil || sameClick(q, d) {
			page.Done = append(page.Done, item)
			continue
		}
		item.Text = whyNot(q, results[i].Err, clock)
		page.Not = append(page.Not, item)
	}
	page.Heading = plural(len(page.Done), "request") + " " + verdictName(decisions[0].Verdict)
	status := http.StatusOK
	if len(page.Not) > 0 {
		status = http.StatusConflict
	}
	c.failed(r, write(w, r, status, c.pages.results, page.Nonce, page))
}
