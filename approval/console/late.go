package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

// late tells somebody whose click came after the decision who decided, what
// and when.
func late(req *approval.Request, err error, clock clock) message {
	m := message{code: "decided", Tone: "wait", Title: "This was decided already"}
	decided, ok := errors.AsType[*approval.DecidedError](err)
	if !ok {
		m.Lines = []string{"Your click came too late. It changed nothing."}
		return m
	}
	d := decided.Decision
	when := clock.moment(d.At)
	line := name(d.By) + " " + verdictName(d.Verdict) + " it"
	if d.By.Type == approval.System {
		line, d.Channel = "The policy decided it", ""
	}
	if when != nil {
		line += " " + when.Short + " (" + d.At.In(clock.zone).Format("15:04:05") + ")"
	}
	if d.Channel != "" {
		line += " in " + channelName(d.Channel)
	}
	m.Title = "Already " + stateOf(req.State).Label
	m.Lines = []string{line + "."}
	if d.Reason != "" {
		m.Lines = append(m.Lines, "Reason: "+d.Reason)
	}
	m.Lines = append(m.Lines, "Your click came later. It changed nothing.")
	return m
}

// whyNot says in one line why a decision did not count.
func whyNot(req *approval.Request, err error, clock clock) string {
	switch {
	case errors.Is(err, approval.ErrDecided):
		return strings.Join(late(req, err, clock).Lines, " ")
	case errors.Is(err, approval.ErrStale):
		return "It has changed since it was shown. Look at it again."
	case errors.Is(err, approval.ErrExpired):
		return "It had expired."
	case errors.Is(err, approval.ErrUnrecorded):
		return unrecorded.Lines[0]
	case errors.Is(err, approval.ErrStopped):
		return "A switch stops it."
	}
	if why := reasonOf(err); why != "" {
		return why
	}
	return "It is not certain what became of it. Look at it again."
}

// forbidden explains why somebody may not decide.
func forbidden(err error) message {
	m := message{code: "forbidden", Tone: "bad", Title: "You cannot decide this", Lines: []string{"Nothing was decided."}}
	if why := reasonOf(err); why != "" {
		m.Lines = []string{why, "Nothing was decided."}
	}
	return m
}

// shownField is one line of a preview as a form carries it, so that a page that
// comes back stale can be compared with what holds now.
type shownField [2]string

// previewLines is a preview as lines: what people compare.
func previewLines(p approval.Preview) []shownField {
	lines := []shownField{{"Title", p.Title}}
	if p.Summary != "" {
		lines = append(lines, shownField{"Summary", p.Summary})
	}
	for _, f := range p.Fields {
		lines = append(lines, shownField{f.Label, f.Value})
	}
	return lines
}

func encodeShown(p approval.Preview) string {
	data, err := json.Marshal(previewLines(p))
	if err != nil {
		return "[]" // strings always marshal
	}
	return string(data)
}

// compare returns the lines that are not the same. What a browser sends as
// shown is only ever shown to the same person again; what cannot be read
// compares as nothing.
func compare(shown string, now approval.Preview) []change {
	var before []shownField
	if json.Unmarshal([]byte(shown), &before) != nil {
		return nil
	}
	// Labels may repeat: the second "Item" is compared with the second.
	type place struct {
		label string
		nth   int
	}
	number := func(lines []shownField) []place {
		count := make(map[string]int)
		places := make([]place, len(lines))
		for i, l := range lines {
			places[i] = place{l[0], count[l[0]]}
			count[l[0]]++
		}
		return places
	}
	seen := make(map[place]string, len(before))
	places := number(before)
	for i, p := range places {
		seen[p] = before[i][1]
	}
	var changes []change
	after := previewLines(now)
	for i, p := range number(after) {
		was, ok := seen[p]
		delete(seen, p)
		if !ok || was != after[i][1] {
			changes = append(changes, change{Label: p.label, Was: was, Now: after[i][1]})
		}
	}
	for _, p := range places {
		if was, gone := seen[p]; gone {
			changes = append(changes, change{Label: p.label, Was: was})
		}
	}
	return changes
}

// stale answers a decision about something that is not what was shown.
func (c *Console) stale(w http.ResponseWriter, r *http.Request, me approval.Principal, now *approval.Request) {
	m := message{
		code: "stale", Tone: "wait", Title: "This request has changed",
		Lines: []string{"It is not what you saw when you decided, so nothing was done. Look at it as it is now, then decide."},
		Link:  &link{Href: "../" + now.ID, Label: "See it as it is now", Main: true},
	}
	if !wantsJSON(r) {
		if changes := compare(r.PostForm.Get("shown"), now.Preview); len(changes) > 0 {
			page := messagePage{Tone: m.Tone, Lines: append(m.Lines, "What changed:"), Changes: changes}
			page.frame = c.frame(r, &me, m.Title, "")
			page.Links = []link{*m.Link, {Href: page.Root, Label: "All requests"}}
			c.show(w, r, http.StatusConflict, page)
			return
		}
	}
	c.refuseWith(w, r, me, http.StatusConflict, m, now)
}

// refuseWith is refuse with the request as it is now, for programs.
func (c *Console) refuseWith(w http.ResponseWriter, r *http.Request, me approval.Principal, status int, m message, now *approval.Request) {
	if !wantsJSON(r) || !c.opts.Visible(me, now) {
		c.refuse(w, r, &me, status, m)
		return
	}
	v := newRequestJSON(now, true)
	p := problem{Code: m.code, Title: m.Title, Request: &v}
	for i, l := range m.Lines {
		if i > 0 {
			p.Detail += " "
		}
		p.Detail += l
	}
	c.writeJSON(w, r, status, p)
}

// clock turns times into what a page shows.
type clock struct {
	now  time.Time
	zone *time.Location
}

func (c *Console) clock() clock { return clock{now: time.Now(), zone: c.opts.TimeZone} }

func (c clock) moment(t time.Time) *moment { return newMoment(t, c.now, c.zone) }
