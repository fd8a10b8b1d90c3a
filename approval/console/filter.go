package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
)

// filterForm narrows the list.
type filterForm struct {
	Text      string
	Kinds     []choice
	Locations []choice
	States    []choice
	Ages      []choice
	Proposer  string // ID
	More      bool   // one of state, age and proposer is set
	Active    bool   // something is narrowed
	Open      bool   // there is anything to choose from
}

// maxSearch bounds the text that is looked for, in bytes.
const maxSearch = 200

// filter reads the narrowing from the address of the list.
func (c *Console) filter(r *http.Request) (approval.Filter, filterForm) {
	q := r.URL.Query()
	f := approval.Filter{Text: q.Get("q"), Kind: q.Get("kind"), Location: q.Get("location")}
	if len(f.Text) > maxSearch {
		f.Text = f.Text[:maxSearch]
	}
	form := filterForm{Text: f.Text, Open: true}
	kinds := c.queue.Kinds()
	if !slices.Contains(kinds, f.Kind) {
		f.Kind = ""
	}
	if len(kinds) > 1 {
		form.Kinds = append(form.Kinds, choice{Value: "", Label: "All kinds", Selected: f.Kind == ""})
		for _, k := range kinds {
			form.Kinds = append(form.Kinds, choice{Value: k, Label: c.kindName(k), Selected: f.Kind == k})
		}
	}
	if !slices.Contains(c.opts.Locations, f.Location) {
		f.Location = ""
	}
	if len(c.opts.Locations) > 1 {
		form.Locations = append(form.Locations, choice{Value: "", Label: "All locations", Selected: f.Location == ""})
		for _, l := range c.opts.Locations {
			form.Locations = append(form.Locations, choice{Value: l, Label: c.locationName(l), Selected: f.Location == l})
		}
	}
	c.moreFilter(q, &f, &form)
	form.Active = f.Text != "" || f.Kind != "" || f.Location != "" || form.More
	return f, form
}

// ages are what the list can be narrowed to by age.
var ages = []struct {
	value, label string
	newer, older time.Duration
}{
	{value: "", label: "Any age"},
	{value: "1d", label: "Of the last 24 hours", newer: 24 * time.Hour},
	{value: "7d", label: "Of the last 7 days", newer: 7 * 24 * time.Hour},
	{value: "28d", label: "Of the last 28 days", newer: 28 * 24 * time.Hour},
	{value: "over1h", label: "Older than an hour", older: time.Hour},
	{value: "over1d", label: "Older than a day", older: 24 * time.Hour},
}

// moreFilter reads state, proposer and age.
func (c *Console) moreFilter(q url.Values, f *approval.Filter, form *filterForm) {
	form.States = []choice{{Label: "Any state", Selected: true}}
	for _, s := range append(waitingStates(), decidedStates()...) {
		ch := choice{Value: string(s), Label: stateOf(s).Label, Selected: q.Get("state") == string(s)}
		if ch.Selected {
			form.States[0].Selected = false
			f.States = []approval.State{s}
		}
		form.States = append(form.States, ch)
	}
	form.Proposer = strings.TrimSpace(q.Get("by"))
	if len(form.Proposer) > maxSearch || !utf8.ValidString(form.Proposer) {
		form.Proposer = ""
	}
	f.Proposer = form.Proposer
	now := time.Now()
	for i, a := range ages {
		ch := choice{Value: a.value, Label: a.label, Selected: q.Get("age") == a.value}
		if ch.Selected && a.newer > 0 {
			f.Since = now.Add(-a.newer)
		}
		if ch.Selected && a.older > 0 {
			f.Until = now.Add(-a.older)
		}
		form.Ages = append(form.Ages, ch)
		form.More = form.More || ch.Selected && i > 0
	}
	form.More = form.More || f.States != nil || f.Proposer != ""
}

// query is the filter as parameters of the list's address.
func (f filterForm) query() url.Values {
	v := url.Values{}
	if f.Text != "" {
		v.Set("q", f.Text)
	}
	if f.Proposer != "" {
		v.Set("by", f.Proposer)
	}
	for name, list := range map[string][]choice{"kind": f.Kinds, "location": f.Locations, "state": f.States, "age": f.Ages} {
		for _, ch := range list {
			if ch.Selected && ch.Value != "" {
				v.Set(name, ch.Value)
			}
		}
	}
	return v
}

func (c *Console) kindName(kind string) string {
	if c.opts.KindName != nil {
		if name := c.opts.KindName(kind); name != "" {
			return name
		}
	}
	return kind
}
