package desk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify"
)

// The bounds of a customer's page.
const (
	visitsOnPage = 15
	notesOnPage  = 12
	mostNotes    = 500
	titlesShown  = 6
)

// customerView is what a customer's page shows.
type customerView struct {
	frame
	Number, About    string
	Saved, Wrong     string
	Pills            []pillView
	Contact, Figures []labeled
	MayReveal        bool

	Points           []Point
	PointsBy, AskURL string

	Notes     []noteView
	MoreNotes int
	Key       string // of the next note
	Draft     NewNote
	Kinds     []option

	Likes     []likesView
	Bands     []bandView
	MinPieces int

	Visits       []visitView
	Pages        string
	Newer, Older int
}

type (
	pillView struct{ Text, Tone string }
	labeled  struct{ Label, Value string }
	option   struct{ Value, Label string }
	noteView struct {
		ID, Kind, Tone, By, When, Machine, Due, Text, Key string
		CanSettle                                         bool
	}
	likesView struct {
		Title string
		Items []likeView
	}
	likeView struct {
		Value, Rests string
		Percent      int
	}
	bandView  struct{ Category, Range, Rests string }
	visitView struct{ Channel, When, Machine, Where, Bought, Orders, Value string }
)

var kinds = []option{{"preference", "Preference"}, {"service", "Service"}, {"occasion", "Occasion"}, {"promise", "Promise"}}

func labelOf(k book.NoteKind) string {
	for _, o := range kinds {
		if o.Value == string(k) {
			return o.Label
		}
	}
	return "Note"
}

// shown is what a customer's page shows besides the customer.
type shown struct {
	contact bool
	wrong   error // with the draft
	draft   NewNote
	status  int
}

func (d *Desk) customerPage(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID) {
	d.showCustomer(w, r, who, id, &shown{status: http.StatusOK})
}

func (d *Desk) showCustomer(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID, s *shown) {
	what := Profile
	if s.contact {
		what = Contact
	}
	entry, p, err := d.lookUp(r.Context(), who, id, what)
	if err != nil {
		d.failed(w, r, who, err)
		return
	}
	heading := name(&entry.Customer)
	if heading == "" {
		heading = "Client " + id.ID()
	}
	v := &customerView{
		frame: d.frame(who, heading), Number: id.ID(), Key: rand.Text(), Draft: s.draft, Kinds: kinds, MinPieces: profile.MinPieces,
		MayReveal: who.Clienteling && !s.contact && (entry.Customer.Email != "" || entry.Customer.Phone != ""),
	}
	v.InHeader = true
	if s.wrong != nil {
		v.Wrong = s.wrong.Error()
	}
	query := r.URL.Query()
	if query.Has("saved") && r.Method == http.MethodGet {
		v.Saved = "The note is saved."
	}
	v.person(d, &entry, &p, who, s.contact)
	in := d.input(r.Context(), who, entry, p)
	v.points(d, in)
	v.notes(d, &p, query.Get("notes") == "all")
	v.likes(&p, who)
	page, _ := strconv.Atoi(query.Get("page"))
	v.visits(d, &p, who, page)
	d.render(w, "customer", s.status, v.Nonce, v)
}

// person fills in who they are, what they may be sent and what they are worth.
func (v *customerView) person(d *Desk, entry *book.Entry, p *profile.Profile, who Who, contact bool) {
	c := &entry.Customer
	since := ""
	if !c.Since.IsZero() {
		since = "client since " + d.dateOf(c.Since)
	}
	if first := p.FirstVisit(); first != nil {
		since = joined(" · ", since, "first bought "+d.dateOf(first.At)+", "+where(first.Channel, first.Store))
	}
	v.About = joined(" · ", clip(c.City), since, "no. "+c.ID.ID())
	pill := func(text, tone string) { v.Pills = append(v.Pills, pillView{text, tone}) }
	if who.Clienteling {
		if g := p.RFM.Group(); g != "" {
			pill(g.Label(), "")
		}
	}
	if p.Rhythm.Overdue {
		pill("Not seen for longer than usual", "wait")
	}
	if c.EmailConsent.Given() {
		pill("Marketing e-mail allowed", "good")
	} else {
		pill("No marketing e-mail", "bad")
	}
	if c.SMSConsent.Given() {
		pill("Marketing SMS allowed", "good")
	} else {
		pill("No marketing SMS", "bad")
	}
	if c.NoSharing {
		pill("Opted out of data sharing", "bad")
	}
	for _, x := range []struct{ label, value, masked string }{{"E-mail", c.Email, maskEmail(c.Email)}, {"Phone", c.Phone, maskPhone(c.Phone)}} {
		if x.value == "" {
			continue
		}
		if !contact {
			x.value = x.masked
		}
		v.Contact = append(v.Contact, labeled{x.label, clip(x.value)})
	}
	figure := func(label, value string) { v.Figures = append(v.Figures, labeled{label, value}) }
	if who.Clienteling {
		figure("lifetime value", grouped(p.Lifetime))
		for _, m := range p.OtherCurrencies[:min(len(p.OtherCurrencies), 3)] {
			figure("beside that", grouped(m))
		}
		figure("average order", grouped(p.Average))
		if p.RFM.Recency > 0 {
			figure("recency, frequency, money: of 5", fmt.Sprintf("%d · %d · %d", p.RFM.Recency, p.RFM.Frequency, p.RFM.Monetary))
		}
		if p.RFM.Shopify != "" && p.RFM.Segment != "" && p.RFM.Shopify != p.RFM.Segment {
			figure("by this store’s own count", p.RFM.Segment.Label())
		}
	}
	for _, ch := range p.Channels {
		switch ch.Channel {
		case book.Register:
			figure("visits to stores", strconv.Itoa(ch.Visits))
		case book.Online:
			figure("orders online", strconv.Itoa(ch.Orders))
		default:
			figure("other orders", strconv.Itoa(ch.Orders))
		}
	}
	if p.Rhythm.Known {
		figure("usually between visits", counted(max(int(p.Rhythm.Usual.Round(24*time.Hour)/(24*time.Hour)), 1), "day"))
	}
	if p.Pieces >= profile.MinPieces {
		figure("brought back", strconv.Itoa(p.ReturnRate())+" %")
	}
	if len(v.Figures) == 0 {
		figure("orders", "none yet")
	}
}

func (v *customerView) points(d *Desk, in talk.Input) {
	v.Points = pointsOf(talk.Baseline(in)).Points
	v.PointsBy = "Suggested by the baseline, without AI."
	if d.opts.Talk.MayAsk(&in) {
		v.AskURL, v.Script = "/clients/"+v.Number+"/points", template.JS(pageJS) //nolint:gosec // our own file
	} else if why := d.opts.Talk.Refusal(&in); why != "" {
		v.PointsBy = "Suggested by the baseline, without AI: " + why + "."
	}
}

func (v *customerView) notes(d *Desk, p *profile.Profile, all bool) {
	most := notesOnPage
	if all {
		most = mostNotes
	}
	for i := range p.Notes[:min(len(p.Notes), most)] {
		n := &p.Notes[i]
		x := noteView{
			ID: plainID(n.ID), Kind: labelOf(n.Kind), By: clip(n.By), When: d.dateOf(n.At), Machine: n.At.Format(time.RFC3339), Text: tidy(n.Text),
			CanSettle: plainID(n.ID) != "" && n.Settled == nil && (n.Kind == book.Promise || n.Kind == book.Service && n.Settles == ""), Key: rand.Text(),
		}
		if !n.Due.IsZero() {
			x.Due = "for " + n.Due.Format(longDate)
			if n.Kind == book.Promise {
				x.Due = "due " + n.Due.Format(longDate)
			}
		}
		switch {
		case n.Overdue:
			x.Kind, x.Tone = "Promise, overdue", "bad"
		case n.Open:
			x.Kind, x.Tone = "Promise, open", "wait"
		case n.Settled != nil:
			x.Kind += ", done"
			x.Due = joined(" · ", x.Due, "done by "+clip(n.Settled.By)+", "+d.dateOf(n.Settled.At))
		}
		v.Notes = append(v.Notes, x)
	}
	if len(p.Notes) > len(v.Notes) && !all {
		v.MoreNotes = min(len(p.Notes), mostNotes) - len(v.Notes)
	}
}

func (v *customerView) likes(p *profile.Profile, who Who) {
	add := func(title, of string, all ...profile.Preference) {
		var items []likeView
		for _, x := range all {
			item := likeView{Value: x.Value, Percent: x.Percent(), Rests: fmt.Sprintf("%d of %s", x.Pieces, counted(x.Of, of))}
			if x.Category != "" {
				item.Value = x.Category + ": " + x.Value
			}
			if x.Returned > 0 {
				item.Rests += fmt.Sprintf(", %d more brought back", x.Returned)
			}
			items = append(items, item)
		}
		if len(items) > 0 {
			v.Likes = append(v.Likes, likesView{title, items})
		}
	}
	add("Categories", "piece", p.Categories...)
	add("Sizes", "piece", p.Sizes...)
	add("Colors", "piece", p.Colors...)
	add("Brands", "piece", p.Brands...)
	if p.Store != nil {
		add("Store", "visit", *p.Store)
	}
	if p.Channel != nil {
		c := *p.Channel
		c.Value = where(book.Channel(c.Value), "")
		add("Channel", "visit", c)
	}
	if p.Time != nil {
		add("Time", "visit", *p.Time)
	}
	if who.Clienteling {
		for _, b := range p.PriceBands {
			band := bandView{Category: b.Category, Range: grouped(b.Low), Rests: fmt.Sprintf("half of %d pieces; the one in the middle %s", b.Pieces, grouped(b.Median))}
			if !b.Low.Equal(b.High) {
				band.Range = profile.Amount(b.Low) + " to " + grouped(b.High)
			}
			v.Bands = append(v.Bands, band)
		}
	}
}

func (v *customerView) visits(d *Desk, p *profile.Profile, who Who, page int) {
	pages := (len(p.Visits) + visitsOnPage - 1) / visitsOnPage
	page = max(min(page, pages), 1)
	from := (page - 1) * visitsOnPage
	for i := range p.Visits[from:min(from+visitsOnPage, len(p.Visits))] {
		visit := &p.Visits[from+i]
		x := visitView{Channel: "other", When: d.dateOf(visit.At), Machine: visit.At.Format(time.RFC3339), Where: where(visit.Channel, visit.Store)}
		if visit.Channel == book.Register || visit.Channel == book.Online {
			x.Channel = string(visit.Channel)
		}
		if who.Clienteling {
			x.Value = grouped(visit.Value)
		}
		titles, more := visit.Bought(titlesShown)
		x.Bought = strings.Join(titles, ", ")
		if more > 0 {
			x.Bought += fmt.Sprintf(" and %d more", more)
		}
		if x.Bought == "" {
			x.Bought = "nothing that was kept"
		}
		var names []string
		for _, o := range visit.Orders[:min(len(visit.Orders), 5)] {
			names = append(names, clip(o.Name))
		}
		x.Orders = joined(", ", names...)
		v.Visits = append(v.Visits, x)
	}
	if pages > 1 {
		v.Pages = fmt.Sprintf("Page %d of %d", page, pages)
		v.Newer = page - 1
		if page < pages {
			v.Older = page + 1
		}
	}
}

func (d *Desk) addNotePage(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		d.message(w, r, who, status, "The note was not saved", "The form could not be read, or the note is far too long.")
		return
	}
	form := r.PostForm
	sent := NewNote{Key: form.Get("key"), Kind: form.Get("kind"), Text: strings.ReplaceAll(form.Get("text"), "\r\n", "\n"), Due: form.Get("due"), Settles: form.Get("settles")}
	note, err := d.note(sent, who, id)
	if err != nil {
		d.showCustomer(w, r, who, id, &shown{wrong: err, draft: sent, status: http.StatusUnprocessableEntity})
		return
	}
	if err := d.add(r.Context(), who, note); err != nil {
		d.failed(w, r, who, err)
		return
	}
	http.Redirect(w, r, "/clients/"+url.PathEscape(id.ID())+"?saved#note-"+note.ID, http.StatusSeeOther)
}
