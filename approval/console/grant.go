package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// maxConditions is how many conditions an approval in advance can have.
const maxConditions = 16

// grantForm is the form that approves requests like this one in advance.
type grantForm struct {
	URL        string
	Key        string // of the rule that it makes, however often it is sent
	Open       bool
	Conditions []condition
	Locations  []choice
	Kind       string
	Cap, Until string
	Latest     string // day
	Max        string
	Currency   string
	Reason     string
}

// condition is a question about one argument of the action.
type condition struct {
	N        int
	Label    string
	Value    string // as it is here
	Number   bool   // bounds are possible
	How      string // exact, range or any
	Min, Max string
	Whole    bool // of all arguments: it cannot be left out

	path  string
	equal json.RawMessage
}

// conditions are the questions about the arguments of q: one for each member, so
// that nothing is left out by oversight. Arguments that are no object, or have
// more members than a rule can have conditions, are matched as a whole.
func conditions(q *approval.Request) []condition {
	var members map[string]json.RawMessage
	if json.Unmarshal(q.Args, &members) != nil || len(members) == 0 || len(members) > maxConditions {
		return []condition{{Label: "The whole action", Value: "exactly as it is here", How: "exact", Whole: true, equal: q.Args}}
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var list []condition
	for i, name := range slices.Sorted(maps.Keys(members)) {
		path := "/" + escape.Replace(name)
		c := condition{N: i, Label: fieldLabel(q, path), Value: valueText(members[name]), How: "exact", path: path, equal: members[name]}
		var text string
		if json.Unmarshal(members[name], &text) != nil || text == "" {
			text = string(members[name])
		}
		// What can be compared with a bound is for the queue to say.
		if (approval.ArgMatch{Path: path, Min: text}).Validate() == nil {
			c.Number, c.Min, c.Max = true, text, text
		}
		list = append(list, c)
	}
	return list
}

// mayGrant says for which locations me can approve requests like q in advance,
// none if not at all. A rule reaches no further than its grantor alone, so there
// is no point in one about what takes others too.
func (c *Console) mayGrant(q *approval.Request, me approval.Principal) []choice {
	if q.Ruling.Verdict != approval.RuleAsk || q.Proposer.ID == me.ID || !me.At(q.Location) || !q.Ruling.Need.Met([]approval.Principal{me}) {
		return nil
	}
	var list []choice
	scope := approval.Scope{Shop: q.Shop, Kind: q.Kind, Location: q.Location}
	if q.Location != "" && c.queue.MayControl(me, scope) == nil {
		list = append(list, choice{Value: q.Location, Label: c.locationName(q.Location), Selected: true})
	}
	scope.Location = ""
	if c.queue.MayControl(me, scope) == nil {
		list = append(list, choice{Label: "The whole shop", Selected: list == nil})
	}
	return list
}

// grantForm is the form for q, nil if it is not for me.
func (c *Console) grantForm(q *approval.Request, me approval.Principal, root string) *grantForm {
	places := c.mayGrant(q, me)
	if places == nil {
		return nil
	}
	today := time.Now().In(c.opts.TimeZone)
	return &grantForm{
		URL: root + "requests/" + q.ID + "/grant", Key: rand.Text(), Conditions: conditions(q), Locations: places, Kind: c.kindName(q.Kind), Cap: "10",
		Until: today.AddDate(0, 0, 30).Format(time.DateOnly), Latest: today.AddDate(0, 0, 364).Format(time.DateOnly),
		Max: q.Amount.Amount, Currency: q.Amount.Currency,
	}
}

// keep fills the form with what was typed, except for the confirmation.
func (f *grantForm) keep(r *http.Request) {
	f.Open = true
	p := r.PostForm
	f.Cap, f.Until, f.Max, f.Reason = clean(p.Get("cap")), clean(p.Get("until")), clean(p.Get("max")), clean(p.Get("reason"))
	for i := range f.Conditions {
		d := &f.Conditions[i]
		if how := p.Get(d.field("how")); how == "any" || how == "range" || how == "exact" {
			d.How = how
		}
		if d.Number {
			d.Min, d.Max = clean(p.Get(d.field("min"))), clean(p.Get(d.field("max")))
		}
	}
	for i := range f.Locations {
		f.Locations[i].Selected = f.Locations[i].Value == p.Get("location")
	}
}

func (d condition) field(part string) string { return part + "." + strconv.Itoa(d.N) }

// Field is the name of one of the inputs of a condition.
func (d condition) Field(part string) string { return d.field(part) }

// grant approves requests like one in advance.
func (c *Console) grant(w http.ResponseWriter, r *http.Request, me approval.Principal, id string) {
	if !c.readForm(w, r, &me) {
		return
	}
	if _, err := c.checkForm(r, me.ID); err != nil {
		m := staleForm
		m.Link = &link{Href: "../" + id, Label: "Load the request", Main: true}
		c.refuse(w, r, &me, http.StatusForbidden, m)
		return
	}
	q, ok := c.find(w, r, me, id)
	if !ok {
		return
	}
	if r.PostForm.Get("digest") != q.Digest { // the conditions were those of something else
		c.stale(w, r, me, q)
		return
	}
	form := c.grantForm(q, me, root(r))
	if form == nil {
		c.refuse(w, r, &me, http.StatusForbidden, message{
			code: "forbidden", Tone: "bad", Title: "This is not for you to approve in advance",
			Lines: []string{"Nothing was set."}, Link: &link{Href: "../" + id, Label: "See the request", Main: true},
		})
		return
	}
	form.keep(r)
	again := func(title, text string) {
		c.showDetail(w, r, me, q, http.StatusUnprocessableEntity, func(p *detailPage) {
			p.Notice, p.Grant = &notice{Tone: "bad", Title: title, Text: text}, form
		})
	}
	rule, wrong := c.standingRule(r, q, me, form)
	if wrong != "" {
		again("This cannot be set like that.", wrong+" Nothing was set.")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	if _, err := c.queue.Grant(ctx, rule); err != nil {
		c.controlRefused(w, r, me, "grant", err)
		return
	}
	redirect(w, "../../controls?done=grant")
}

// standingRule reads the rule of a form, or says what is wrong with it.
func (c *Console) standingRule(r *http.Request, q *approval.Request, me approval.Principal, form *grantForm) (s approval.StandingRule, wrong string) {
	switch {
	case r.PostForm.Get("confirm") != "yes":
		return s, "Please tick that nobody is to be asked about these any more."
	case form.Reason == "" || utf8.RuneCountInString(form.Reason) > maxReason:
		return s, fmt.Sprintf("Please say why, in at most %d characters.", maxReason)
	}
	place := r.PostForm.Get("location")
	if !slices.ContainsFunc(form.Locations, func(l choice) bool { return l.Value == place }) {
		return s, "This location is not one of the choices."
	}
	s = approval.StandingRule{By: me, Reason: form.Reason, Key: r.PostForm.Get("key"), Scope: approval.Scope{Shop: q.Shop, Kind: q.Kind, Location: place}}
	for _, d := range form.Conditions {
		m := approval.ArgMatch{Path: d.path, Equal: d.equal}
		switch {
		case d.How == "any" && !d.Whole:
			continue
		case d.How == "range" && d.Number:
			m.Equal, m.Min, m.Max = nil, d.Min, d.Max
		}
		if m.Validate() != nil {
			return s, d.Label + " needs bounds such as 12.50."
		}
		s.Match = append(s.Match, m)
	}
	if s.Match == nil {
		return s, "At least one condition is needed: what holds for everything of a kind belongs into the policy."
	}
	var err error
	if s.Cap, err = strconv.Atoi(form.Cap); err != nil {
		return s, "How often is a number from 1 to 10,000."
	}
	day, err := time.ParseInLocation(time.DateOnly, form.Until, c.opts.TimeZone)
	if err != nil {
		return s, "The last day is not a day."
	}
	s.Until = day.AddDate(0, 0, 1)
	if form.Max != "" {
		s.MaxAmount = approval.Money{Amount: form.Max, Currency: q.Amount.Currency}
	}
	return s, ""
}
