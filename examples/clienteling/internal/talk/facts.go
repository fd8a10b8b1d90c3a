package talk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
)

// Kind is what a fact is about. The order of the constants is the order in which facts
// matter.
type Kind string

// The kinds of facts.
const (
	Promise    Kind = "promise"    // an open one
	Occasion   Kind = "occasion"   // within the next 14 days
	Service    Kind = "service"    // an alteration, a repair, a complaint that nobody settled
	Arrival    Kind = "arrival"    // something new that they would take
	Purchase   Kind = "purchase"   // what they bought last
	Absence    Kind = "absence"    // they should have come again
	Loyalty    Kind = "loyalty"    // they are among the best customers
	Preference Kind = "preference" // what they mostly choose
	Greeting   Kind = "greeting"   // nothing is known yet
)

// A Fact is something that the book knows, and that an associate may bring up.
type Fact struct {
	ID   string // "f1", within one list
	Kind Kind
	// Text is the fact as a model is told it.
	Text string
	// Say is the point that the baseline makes of it: one sentence.
	Say string
	// Note is the ID of the note that it comes from; empty if from none.
	Note string
	// Words is the text of that note where it may be told to a model: without sensitive
	// topics, instructions, addresses and figures. Somebody typed it: it is no instruction.
	Words string

	sayable map[string]bool // of Words, what a model may repeat
}

// The bounds of facts.
const (
	maxFacts       = 12
	maxPromises    = 3 // and as many occasions and service notes each
	soon           = 14 * 24 * time.Hour
	serviceIsOver  = 180 * 24 * time.Hour // a service note nobody asks about after that
	purchaseIsOld  = 120 * 24 * time.Hour
	purchaseIsNew  = 24 * time.Hour
	arrivalIsOld   = 30 * 24 * time.Hour
	maxNoteInWords = 300 // bytes
	maxGoods       = 60  // visits, their orders, and lines
)

// Facts lists what may be said, in the order in which it matters. What touches a
// sensitive topic is not in it, or without its words; see [Sensitive].
func Facts(in Input) []Fact {
	p := &in.Profile
	var out []Fact
	add := func(f Fact) {
		if len(out) < maxFacts && !Sensitive(f.Text) && !Sensitive(f.Say) {
			f.ID = "f" + strconv.Itoa(len(out)+1)
			out = append(out, f)
		}
	}
	addFromNotes(p, goodsOf(&in), add)
	for _, a := range arrivals(in.Arrivals, p) {
		add(a)
	}
	addPurchase(p, add)
	addStanding(p, add)
	if len(p.Categories) > 0 {
		text := "mostly chooses " + p.Categories[0].Value
		if len(p.Brands) > 0 {
			text += " by " + p.Brands[0].Value
		}
		add(Fact{Kind: Preference, Text: text, Say: "They " + strings.Replace(text, "chooses", "choose", 1) + ": start there."})
	}
	if len(out) == 0 {
		add(Fact{Kind: Greeting, Text: "little is known of what they like", Say: "Little is known of what they like yet: ask, and write it down."})
	}
	return out
}

// goodsOf are the words of the goods that the customer bought, and of what is new: those
// of a note that a model may repeat, besides crafts. Whatever else a note holds, it was
// typed by somebody, and may be meant for the model.
func goodsOf(in *Input) map[string]bool {
	goods := map[string]bool{}
	add := func(texts ...string) {
		for _, t := range texts {
			for _, w := range words(profile.Clip(t)) {
				goods[w] = true
			}
		}
	}
	for _, v := range in.Profile.Visits[:min(len(in.Profile.Visits), maxGoods)] {
		for _, o := range v.Orders[:min(len(v.Orders), maxGoods)] {
			for _, l := range o.Lines[:min(len(o.Lines), maxGoods)] {
				add(l.Title, l.Category, l.Vendor)
			}
		}
	}
	for _, a := range in.Arrivals[:min(len(in.Arrivals), maxGoods)] {
		add(a.Title, a.Category, a.Vendor)
	}
	return goods
}

func addFromNotes(p *profile.Profile, goods map[string]bool, add func(Fact)) {
	today := dateOf(p.AsOf, p.AsOf.Location())
	by := map[Kind][]Fact{}
	for i := range p.Notes {
		note := &p.Notes[i]
		f := Fact{Note: note.ID, Words: noteWords(note.Text), sayable: map[string]bool{}}
		for _, w := range words(f.Words) {
			f.sayable[w] = goods[w] || crafts[w]
		}
		written := "of " + date(note.At.In(p.AsOf.Location()), p.AsOf)
		due := dateOf(note.Due, p.AsOf.Location())
		switch {
		case note.Open:
			f.Kind, f.Text = Promise, "an open promise "+written
			f.Say = "A promise " + written + " is open"
			switch {
			case note.Overdue:
				f.Text += ", overdue since " + date(due, p.AsOf)
				f.Say = "A promise " + written + " is overdue since " + date(due, p.AsOf) + ": see the note"
			case !note.Due.IsZero():
				f.Text += ", due on " + date(due, p.AsOf)
				f.Say += ", due on " + date(due, p.AsOf) + ": see the note"
			default:
				f.Say += ": see the note"
			}
		case note.Kind == book.Occasion && note.Settled == nil && !note.Due.IsZero() && !due.Before(today) && due.Sub(today) <= soon:
			f.Kind, f.Text = Occasion, "an occasion on "+date(due, p.AsOf)
			f.Say = "An occasion is noted for " + date(due, p.AsOf) + ": see the note"
		case note.Kind == book.Service && note.Settled == nil && p.AsOf.Sub(note.At) < serviceIsOver:
			f.Kind, f.Text = Service, "a service note "+written
			f.Say = "There is a service note " + written + ": ask whether all is well"
		default:
			continue
		}
		f.Say += "."
		if len(by[f.Kind]) < maxPromises {
			by[f.Kind] = append(by[f.Kind], f)
		}
	}
	for _, k := range []Kind{Promise, Occasion, Service} {
		for _, f := range by[k] {
			add(f)
		}
	}
}

// An Article is something new that can be had in the store.
type Article struct {
	Title    string
	Category string
	Vendor   string
	Sizes    []string // that are in stock here; empty if it has none
	Since    time.Time
}

// arrivals are those of a category that they like, in the size that they wear.
func arrivals(all []Article, p *profile.Profile) []Fact {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Article) int { return b.Since.Compare(a.Since) })
	var out []Fact
	for _, c := range p.Categories {
		for _, a := range all {
			if len(out) == 2 {
				return out
			}
			age := p.AsOf.Sub(a.Since)
			if !strings.EqualFold(a.Category, c.Value) || age < 0 || age > arrivalIsOld || a.Title == "" {
				continue
			}
			size, fits := sizeFor(a, c.Value, p.Sizes)
			if !fits {
				continue
			}
			title := profile.Clip(a.Title)
			text, say := "new in "+c.Value+": "+title, "New in "+c.Value+": "+title
			if size != "" {
				text, say = text+" in size "+size, say+", here in their size "+size
			}
			out = append(out, Fact{Kind: Arrival, Text: text, Say: say + "."})
		}
	}
	return out
}

// sizeFor is the size in which something is for them. What has sizes is for nobody whose
// size is not known or not there.
func sizeFor(a Article, category string, sizes []profile.Preference) (string, bool) {
	if len(a.Sizes) == 0 {
		return "", true
	}
	for _, s := range sizes {
		if s.Category != category {
			continue
		}
		for _, have := range a.Sizes {
			if strings.EqualFold(strings.TrimSpace(have), s.Value) {
				return s.Value, true
			}
		}
	}
	return "", false
}

func addPurchase(p *profile.Profile, add func(Fact)) {
	v := p.LastVisit()
	if v == nil {
		return
	}
	ago := p.AsOf.Sub(v.At)
	if ago < purchaseIsNew || ago > purchaseIsOld {
		return
	}
	titles := v.BoughtForThemselves(1)
	if len(titles) == 0 {
		return
	}
	where := "online"
	if v.Channel == book.Register {
		where = "in the store"
		if v.Store != "" {
			where = "at " + profile.Clip(v.Store)
		}
	}
	on := date(v.At.In(p.AsOf.Location()), p.AsOf)
	add(Fact{
		Kind: Purchase, Text: fmt.Sprintf("bought %s %s on %s", titles[0], where, on),
		Say: fmt.Sprintf("On %s they bought %s %s: ask how they like it.", on, titles[0], where),
	})
}

func addStanding(p *profile.Profile, add func(Fact)) {
	if p.Rhythm.Overdue {
		usual, since := strings.TrimPrefix(days(p.Rhythm.Usual), "1 "), days(p.AsOf.Sub(p.LastVisit().At))
		add(Fact{
			Kind: Absence, Text: fmt.Sprintf("usually comes every %s, last seen %s ago", usual, since),
			Say: fmt.Sprintf("They usually come every %s and were last here %s ago: welcome them back.", usual, since),
		})
	}
	if g := p.RFM.Group(); g == profile.Champions || g == profile.Loyal {
		add(Fact{
			Kind: Loyalty, Text: fmt.Sprintf("one of the loyal customers, %d visits so far", len(p.Visits)),
			Say: "One of our most loyal customers: thank them for it.",
		})
	}
}

// date is a day as people say it; the year where it is another one.
func date(t, now time.Time) string {
	if t.Year() == now.Year() {
		return t.Format("2 January")
	}
	return t.Format("2 January 2006")
}

// dateOf is a day wherever it was written down, in a location.
func dateOf(t time.Time, in *time.Location) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, in)
}

func days(d time.Duration) string {
	n := int(d.Round(24*time.Hour) / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}
