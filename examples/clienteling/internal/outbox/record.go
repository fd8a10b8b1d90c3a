// Package outbox brings the state of a client book's customers to a CRM. It sends what
// is, not what happened: a change makes a customer due, whoever is due is computed from
// the book and saved, and what the CRM has already is not sent again. So a delivery that
// came twice leaves no trace, and after a lost answer the same is sent again.
package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
)

// The bounds of texts for people, in bytes.
const (
	maxItems = 1000
	maxNotes = 8000
)

// Keys makes external ids; a [store.Store] is one.
type Keys interface {
	Key(customer int64) string
	PurchaseKey(order int64) string
}

// Record is what a CRM is told of an entry with this profile.
func Record(keys Keys, customer int64, e *book.Entry, p *profile.Profile, choice store.Choice) crm.Record {
	c := &e.Customer
	r := crm.Record{
		Key: keys.Key(customer), FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, Phone: c.Phone, City: c.City, Country: c.Country, Locale: c.Locale,
		NoEmail: !c.EmailConsent.Given(), NoSMS: !c.SMSConsent.Given(),
		Segment: p.RFM.Group().Label(), LifetimeValue: p.Lifetime, Orders: p.Orders,
		Preferences: preferences(p), ServiceNotes: serviceNotes(p.Notes), Distinct: choice == store.ChoiceNew,
	}
	if v := p.LastVisit(); v != nil {
		r.LastVisit = v.At.UTC()
	}
	for i := range e.Orders {
		o := &e.Orders[i]
		id, err := o.ID.Number()
		if err != nil || o.Canceled {
			continue
		}
		net := o.Total
		net.Amount = net.Amount.Sub(o.Refunded.Amount)
		r.Purchases = append(r.Purchases, crm.Purchase{
			Key: keys.PurchaseKey(id), Name: o.Name, At: o.At.UTC(), Channel: string(o.Channel), Store: o.Location, Net: net, Items: items(o.Lines),
		})
	}
	return r
}

// Digest is the same for the same record.
func Digest(r crm.Record) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic("outbox: a record does not marshal: " + err.Error()) // it is texts, times and decimals
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// preferences is "Outerwear; size M; navy; Alder & Wren".
func preferences(p *profile.Profile) string {
	var parts []string
	add := func(prefix string, ps []profile.Preference) {
		for _, x := range ps {
			text := prefix + x.Value
			if x.Category != "" && prefix != "" {
				text += " (" + x.Category + ")"
			}
			parts = append(parts, text)
		}
	}
	add("", p.Categories)
	add("size ", p.Sizes)
	add("", p.Colors)
	add("", p.Brands)
	for _, b := range p.PriceBands {
		parts = append(parts, fmt.Sprintf("%s at %s to %s", b.Category, b.Low, b.High))
	}
	return strings.Join(parts, "; ")
}

// serviceNotes are the notes in the order of the profile, as far as they fit.
func serviceNotes(notes []profile.Note) string {
	var b strings.Builder
	for i := range notes {
		n := &notes[i]
		line := fmt.Sprintf("%s %s: %s (%s)", n.At.UTC().Format("2006-01-02"), n.Kind, crm.OneLine(n.Text), crm.OneLine(n.By))
		if n.Open && !n.Due.IsZero() {
			line += ", due " + n.Due.Format("2006-01-02")
		}
		if n.Settled != nil {
			line += ", done"
		}
		if b.Len()+len(line) > maxNotes {
			b.WriteString("…")
			break
		}
		b.WriteString(line + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func items(lines []book.Line) string {
	var parts []string
	for _, l := range lines {
		text := crm.OneLine(l.Title)
		if l.Quantity != 1 {
			text = fmt.Sprintf("%d × %s", l.Quantity, text)
		}
		if l.Returned > 0 {
			text += fmt.Sprintf(" (%d returned)", l.Returned)
		}
		parts = append(parts, text)
	}
	return clip(strings.Join(parts, ", "), maxItems)
}

// clip cuts a text to so many bytes.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	most -= len("…")
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
