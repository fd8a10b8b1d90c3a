package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/posai-go/posai/approval"
)

// filterForm narrows the list.
type filterForm struct {
	Text      string
	Kinds     []choice
	Locations []choice
	Active    bool // something is narrowed
	Open      bool // there is anything to choose from
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
	form.Active = f.Text != "" || f.Kind != "" || f.Location != ""
	return f, form
}

// query is the filter as parameters of the list's address.
func (f filterForm) query() url.Values {
	v := url.Values{}
	if f.Text != "" {
		v.Set("q", f.Text)
	}
	for name, list := range map[string][]choice{"kind": f.Kinds, "location": f.Locations} {
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
