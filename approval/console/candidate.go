package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/posai-go/posai/approval"
)

// ruleItem is what one rule of the policy says about a request.
type ruleItem struct {
	Name, Says string
	Decided    bool
}

// rules are those of the policy in force, in its order; nil where it has changed
// since it ruled on q, or does not explain itself.
func (c *Console) rules(ctx context.Context, q *approval.Request) []ruleItem {
	x, err := c.queue.Explain(ctx, q.ID)
	if err != nil {
		c.opts.Logger.WarnContext(ctx, "console: a ruling cannot be explained", "request", q.ID, "error", err)
		return nil
	}
	var list []ruleItem
	for _, t := range x.Rules {
		item := ruleItem{Name: t.Rule, Says: "is not about this"}
		switch {
		case t.Reached && t.Failed:
			item.Says, item.Decided = "could not tell, so people are asked", true
		case t.Reached && t.Matched:
			item.Says, item.Decided = "is about this, and decided", true
		case !t.Reached:
			item.Says = "was not reached"
		}
		list = append(list, item)
	}
	return list
}

type candidatePage struct {
	frame
	Days                   int
	At                     *moment
	Version                string
	Total, Skipped, Differ int
	Pairs                  []pairRow
	Differing              []differenceItem
	More                   int
}

type pairRow struct {
	InForce, Candidate string
	Count              int
	Same               bool
}

type differenceItem struct {
	ID, Href, Kind     string
	InForce, Candidate string
	State              state
}

// maxShownDifferences bounds the differences on a page.
const maxShownDifferences = 100

// compared is a comparison, and when it was made.
type compared struct {
	*approval.Comparison
	at time.Time
}

// candidate shows where the candidate policy differs from the one in force.
func (c *Console) candidate(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	if err := c.queue.MayControl(me, approval.Scope{}); err != nil {
		m := forbidden(err)
		m.Title = "This is not for you"
		c.refuse(w, r, &me, http.StatusForbidden, m)
		return
	}
	v, err := c.comparisons.get(r.Context(), "", func(ctx context.Context) (compared, error) {
		now := time.Now()
		x, err := c.queue.Compare(ctx, approval.Filter{Since: now.AddDate(0, 0, -figureDays), Limit: maxFigures})
		return compared{x, now}, err
	})
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	token, err := c.newForm(w, r, me.ID)
	if err != nil {
		c.broken(w, r, &me, err)
		return
	}
	page := candidatePage{
		Days: figureDays, At: c.clock().moment(v.at), Version: v.Version, Total: v.Total, Skipped: v.Skipped, Differ: v.Differ(),
		More: max(0, len(v.Differing)-maxShownDifferences),
	}
	page.frame = c.frame(r, &me, "Candidate policy", token)
	for _, p := range v.Pairs() {
		page.Pairs = append(page.Pairs, pairRow{ruledWord(string(p.InForce)), ruledWord(string(p.Candidate)), v.Counts[p], p.InForce == p.Candidate})
	}
	for _, d := range v.Differing[:min(len(v.Differing), maxShownDifferences)] {
		page.Differing = append(page.Differing, differenceItem{
			ID: d.RequestID[:min(len(d.RequestID), 8)], Href: page.Root + "requests/" + d.RequestID, Kind: c.kindName(d.Kind),
			InForce: ruling(d.InForce), Candidate: ruling(d.Candidate), State: stateOf(d.State),
		})
	}
	c.failed(r, write(w, r, http.StatusOK, c.pages.candidate, page.Nonce, page))
}

// ruling is a ruling in words.
func ruling(r approval.Ruling) string {
	text := ruledWord(string(r.Verdict))
	if r.Verdict == approval.RuleAsk && !r.Need.IsZero() {
		text += ": " + r.Need.String()
	}
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	return text
}

// Number is a number with its thousands apart.
func (p pairRow) Number() string { return group(strconv.Itoa(p.Count)) }
