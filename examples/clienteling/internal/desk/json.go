package desk

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify"
)

// A Customer is what a register is told, for the targets pos.customer-details.block.render
// and pos.customer-details.action.render. Fields are added in the future, none changes
// its meaning. Ids are strings, since JavaScript's numbers do not hold them; times are RFC
// 3339, amounts decimals as strings. It has no e-mail address and no phone number. Lists
// are never null, and bounded: a customer is at most some 30 KB.
type Customer struct {
	ID   string `json:"id"`   // GID
	Name string `json:"name"` // "Maren Holt"; empty if the shop has none
	City string `json:"city"`

	Marketing Marketing `json:"marketing"`

	// Worth is null where the account may not see it.
	Worth *Worth `json:"worth"`

	Orders        int     `json:"orders"`
	Visits        []Visit `json:"visits"` // at most 5, the latest first
	VisitsInAll   int     `json:"visits_in_all"`
	FirstVisit    *Visit  `json:"first_visit"`    // null if there was none
	UsualDays     int     `json:"usual_days"`     // between visits; 0 if unknown
	Overdue       bool    `json:"overdue"`        // they should have come again
	ReturnPercent int     `json:"return_percent"` // of the pieces that they bought

	Preferences []Preference `json:"preferences"`
	Notes       []Note       `json:"notes"` // at most 10, in the order in which they matter
	NotesInAll  int          `json:"notes_in_all"`
	Points      Points       `json:"points"` // the baseline's; a model's are asked for separately
}

// Marketing is what somebody may be sent.
type Marketing struct {
	Email bool `json:"email"`
	SMS   bool `json:"sms"`
	// NoSharing: they opted out of the sale or sharing of their data.
	NoSharing bool `json:"no_sharing"`
}

// Money is an amount.
type Money struct {
	Amount   string `json:"amount"` // "1240.50"
	Currency string `json:"currency"`
}

// Worth is what a customer is to the shop.
type Worth struct {
	Lifetime        Money   `json:"lifetime"`
	OtherCurrencies []Money `json:"other_currencies"`
	Average         Money   `json:"average"`       // order
	Segment         string  `json:"segment"`       // "Champions"; empty if unknown
	SegmentFrom     string  `json:"segment_from"`  // "shopify", "store" or ""
	StoreSegment    string  `json:"store_segment"` // the store's own, beside Shopify's
	Recency         int     `json:"recency"`       // 1 to 5; 0 if unknown; so are the next two
	Frequency       int     `json:"frequency"`
	Monetary        int     `json:"monetary"`
}

// A Visit is one visit, or one order online.
type Visit struct {
	At      time.Time `json:"at"`
	Channel string    `json:"channel"` // "register", "online" or "other"
	Store   string    `json:"store"`
	Bought  []string  `json:"bought"` // titles, at most 4
	More    int       `json:"more"`   // titles
	Value   *Money    `json:"value"`  // null where the account may not see it
}

// A Preference is what a customer keeps choosing, with what says so.
type Preference struct {
	Kind     string `json:"kind"`     // category, size, color, brand, store, channel or time
	Category string `json:"category"` // of a size
	Value    string `json:"value"`
	Percent  int    `json:"percent"`
	Rests    int    `json:"rests_on"` // pieces, or visits
}

// A Note is a note.
type Note struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Kind    string    `json:"kind"` // preference, service, occasion or promise
	Text    string    `json:"text"`
	Due     string    `json:"due"` // "2026-12-24"; empty if none
	Open    bool      `json:"open"`
	Overdue bool      `json:"overdue"`
	Settled bool      `json:"settled"`
}

// Points are talking points.
type Points struct {
	Points []Point `json:"points"` // at most 4
	AI     bool    `json:"ai"`
	By     string  `json:"by"`      // the model, or "baseline"
	Why    string  `json:"why"`     // why the baseline although there is a model
	MayAsk bool    `json:"may_ask"` // GET …/points would ask a model
}

// A Point is one sentence.
type Point struct {
	Text string `json:"text"`
	Kind string `json:"kind"`
	Note string `json:"note"` // ID of the note that it is about; may be empty
	AI   bool   `json:"ai"`
}

const day = "2006-01-02"

// The bounds of what a register is told.
const (
	posVisits = 5
	posTitles = 4
	posNotes  = 10
)

func (d *Desk) customerJSON(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID) {
	entry, p, err := d.lookUp(r.Context(), who, id, Profile)
	if err != nil {
		status, text := d.statusOf(err)
		problem(w, status, text)
		return
	}
	in := d.input(r.Context(), who, entry, p)
	points := pointsOf(talk.Baseline(in))
	points.MayAsk = d.opts.Talk.MayAsk(&in)
	writeJSON(w, http.StatusOK, customerOf(&entry, &p, who, points))
}

func (d *Desk) pointsJSON(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID) {
	entry, p, err := d.lookUp(r.Context(), who, id, Advised)
	if err != nil {
		status, text := d.statusOf(err)
		problem(w, status, text)
		return
	}
	in := d.input(r.Context(), who, entry, p)
	points := pointsOf(d.opts.Talk.Points(r.Context(), in))
	points.MayAsk = d.opts.Talk.MayAsk(&in)
	writeJSON(w, http.StatusOK, points)
}

func customerOf(entry *book.Entry, p *profile.Profile, who Who, points Points) Customer {
	c := &entry.Customer
	out := Customer{
		ID: string(c.ID), Name: name(c), City: clip(c.City), Points: points,
		Marketing: Marketing{c.EmailConsent.Given(), c.SMSConsent.Given(), c.NoSharing},
		Orders:    p.Orders, Visits: []Visit{}, VisitsInAll: len(p.Visits), Overdue: p.Rhythm.Overdue, ReturnPercent: p.ReturnRate(),
		UsualDays: int(p.Rhythm.Usual.Round(24*time.Hour) / (24 * time.Hour)), Preferences: preferencesOf(p), Notes: []Note{}, NotesInAll: len(p.Notes),
	}
	if who.Clienteling {
		out.Worth = worthOf(p)
	}
	for i := range p.Visits[:min(len(p.Visits), posVisits)] {
		out.Visits = append(out.Visits, visitOf(&p.Visits[i], who))
	}
	if v := p.FirstVisit(); v != nil {
		x := visitOf(v, who)
		out.FirstVisit = &x
	}
	for i := range p.Notes[:min(len(p.Notes), posNotes)] {
		out.Notes = append(out.Notes, noteOf(&p.Notes[i]))
	}
	return out
}

func visitOf(v *profile.Visit, who Who) Visit {
	titles, more := v.Bought(posTitles)
	if titles == nil {
		titles = []string{}
	}
	x := Visit{At: v.At, Channel: clip(string(v.Channel)), Store: clip(v.Store), Bought: titles, More: more}
	if who.Clienteling {
		m := moneyOf(v.Value)
		x.Value = &m
	}
	return x
}

func worthOf(p *profile.Profile) *Worth {
	w := &Worth{
		Lifetime: moneyOf(p.Lifetime), OtherCurrencies: []Money{}, Average: moneyOf(p.Average), Segment: p.RFM.Group().Label(), StoreSegment: p.RFM.Segment.Label(),
		Recency: p.RFM.Recency, Frequency: p.RFM.Frequency, Monetary: p.RFM.Monetary,
	}
	switch {
	case p.RFM.Shopify != "":
		w.SegmentFrom = "shopify"
	case p.RFM.Segment != "":
		w.SegmentFrom = "store"
	}
	for _, m := range p.OtherCurrencies[:min(len(p.OtherCurrencies), 10)] {
		w.OtherCurrencies = append(w.OtherCurrencies, moneyOf(m))
	}
	return w
}

func moneyOf(m shopify.Money) Money {
	return Money{Amount: profile.Amount(m), Currency: m.CurrencyCode}
}

func preferencesOf(p *profile.Profile) []Preference {
	out := []Preference{}
	add := func(kind string, all ...profile.Preference) {
		for _, x := range all {
			out = append(out, Preference{Kind: kind, Category: x.Category, Value: x.Value, Percent: x.Percent(), Rests: x.Pieces})
		}
	}
	add("category", p.Categories...)
	add("size", p.Sizes...)
	add("color", p.Colors...)
	add("brand", p.Brands...)
	for kind, x := range p.Habits() {
		add(kind, *x)
	}
	return out
}

func noteOf(n *profile.Note) Note {
	out := Note{ID: plainID(n.ID), At: n.At, By: clip(n.By), Kind: clip(string(n.Kind)), Text: tidy(n.Text), Open: n.Open, Overdue: n.Overdue, Settled: n.Settled != nil}
	if !n.Due.IsZero() {
		out.Due = n.Due.Format(day)
	}
	return out
}

func pointsOf(r talk.Result) Points {
	out := Points{Points: []Point{}, AI: r.AI, By: r.By, Why: r.Why}
	for _, p := range r.Points {
		out.Points = append(out.Points, Point{Text: p.Text, Kind: string(p.Kind), Note: plainID(p.Note), AI: p.AI})
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the other side is gone if that fails
}

func problem(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}
