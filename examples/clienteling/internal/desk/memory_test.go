package desk_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/shopify"
)

// memory is a client book in memory.
type memory struct {
	mu      sync.Mutex
	entries map[shopify.GID]*book.Entry
	erased  map[shopify.GID]bool
	err     error // of all methods
}

func newMemory(entries ...book.Entry) *memory {
	m := &memory{entries: map[shopify.GID]*book.Entry{}, erased: map[shopify.GID]bool{}}
	for i := range entries {
		m.entries[entries[i].Customer.ID] = &entries[i]
	}
	return m
}

func (m *memory) Search(_ context.Context, text string, limit int) ([]desk.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []desk.Row
	for id, e := range m.entries {
		c := &e.Customer
		if !strings.Contains(strings.ToLower(c.FirstName+" "+c.LastName), strings.ToLower(text)) && !strings.EqualFold(c.Email, text) {
			continue
		}
		r := desk.Row{ID: id, FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, Phone: c.Phone, City: c.City}
		if len(e.Orders) > 0 {
			r.LastVisit = e.Orders[0].At
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b desk.Row) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out[:min(len(out), limit)], m.err
}

func (m *memory) Entry(_ context.Context, id shopify.GID) (book.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return book.Entry{}, m.err
	}
	if m.erased[id] {
		return book.Entry{}, fmt.Errorf("lookup: %w", desk.ErrErased)
	}
	e := m.entries[id]
	if e == nil {
		return book.Entry{}, desk.ErrNotFound
	}
	return book.Entry{Customer: e.Customer, Orders: slices.Clone(e.Orders), Notes: slices.Clone(e.Notes)}, nil
}

func (m *memory) Population(context.Context) (*profile.Population, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var members iter.Seq2[profile.Member, error] = func(yield func(profile.Member, error) bool) {
		for _, e := range m.entries {
			if !yield(profile.MemberOf(*e, "USD"), nil) {
				return
			}
		}
	}
	return profile.NewPopulation("USD", members, nil)
}

func (m *memory) AddNote(_ context.Context, n book.Note) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.erased[n.Customer] {
		return desk.ErrErased
	}
	e := m.entries[n.Customer]
	if e == nil {
		return desk.ErrNotFound
	}
	if !slices.ContainsFunc(e.Notes, func(have book.Note) bool { return have.ID == n.ID }) {
		e.Notes = slices.Insert(e.Notes, 0, n)
	}
	return nil
}

func (m *memory) notesOf(id shopify.GID) []book.Note {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.entries[id].Notes)
}

// now is when the tests' store is open: a Friday.
var now = time.Date(2026, 11, 27, 15, 30, 0, 0, time.UTC)

func money(amount float64) shopify.Money {
	return shopify.Money{Amount: decimal.NewFromFloat(amount).Round(2), CurrencyCode: "USD"}
}

func customer(n int64) shopify.GID { return shopify.NewGID("Customer", n) }

var goods = []book.Line{
	{Title: "Field Coat", Category: "Outerwear", Vendor: "Alder & Wren", Options: []book.Option{{Name: "Size", Value: "M"}, {Name: "Color", Value: "Navy"}}, Paid: money(240)},
	{Title: "Waxed Jacket", Category: "Outerwear", Vendor: "Alder & Wren", Options: []book.Option{{Name: "Größe", Value: "M"}, {Name: "Farbe", Value: "navy"}}, Paid: money(310)},
	{Title: "Merino Crew", Category: "Knitwear", Vendor: "Northfell", Options: []book.Option{{Name: "Size", Value: "M"}, {Name: "Color", Value: "Oatmeal"}}, Paid: money(98)},
	{Title: "Cashmere Scarf", Category: "Accessories", Vendor: "Northfell", Options: []book.Option{{Name: "Color", Value: "Camel"}}, Paid: money(130)},
	{Title: "Chelsea Boots", Category: "Shoes", Vendor: "Harbor Last", Options: []book.Option{{Name: "Shoe size", Value: "42"}, {Name: "Color", Value: "Brown"}}, Paid: money(220)},
}

// maren is a customer with everything.
func maren() book.Entry {
	e := book.Entry{Customer: book.Customer{
		ID: customer(7001), FirstName: "Maren", LastName: "Holt", Email: "maren.holt@example.com", Phone: "+12075550147", City: "Portland", Country: "US",
		Since: now.AddDate(-2, 0, 0), EmailConsent: book.Consent{State: "UNSUBSCRIBED"}, SMSConsent: book.Consent{State: "SUBSCRIBED"},
	}}
	for i := range 22 {
		l := goods[i*i%len(goods)]
		l.Quantity = 1 + i%2
		l.Paid = shopify.Money{Amount: l.Paid.Amount.Mul(decimal.NewFromInt(int64(l.Quantity))), CurrencyCode: "USD"}
		o := book.Order{
			ID: shopify.NewGID("Order", int64(9100+i)), Customer: customer(7001), Name: fmt.Sprintf("#%d", 1100+i), At: now.AddDate(0, 0, -70-26*i).Add(-time.Hour),
			Channel: book.Register, Location: "Market Square", Lines: []book.Line{l, goods[(i+2)%len(goods)]}, Total: money(0),
		}
		o.Lines[1].Quantity = 1
		if i%4 == 3 {
			o.Channel, o.Location = book.Online, ""
		}
		for _, l := range o.Lines {
			o.Total.Amount = o.Total.Amount.Add(l.Paid.Amount)
		}
		if i%6 == 5 {
			o.Lines[1].Returned, o.Refunded = 1, o.Lines[1].Paid
		}
		e.Orders = append(e.Orders, o)
	}
	e.Notes = []book.Note{
		{ID: "n4", Customer: customer(7001), At: now.AddDate(0, 0, -9), By: "Ines", Kind: book.Promise, Text: "Call as soon as the Chelsea boots are back in brown.", Due: now.AddDate(0, 0, -2)},
		{ID: "n3", Customer: customer(7001), At: now.AddDate(0, 0, -20), By: "Tomas", Kind: book.Service, Text: "Waxed jacket is at the tailor, sleeves shortened."},
		{ID: "n2", Customer: customer(7001), At: now.AddDate(0, 0, -40), By: "Ines", Kind: book.Occasion, Text: "Anniversary dinner, wants a scarf for it.", Due: now.AddDate(0, 0, 8)},
		{ID: "n1", Customer: customer(7001), At: now.AddDate(0, -8, 0), By: "Ines", Kind: book.Preference, Text: "Prefers matte buttons.\nNo wool against the skin."},
	}
	return e
}

// crowd are other customers, for comparison.
func crowd(n int) []book.Entry {
	out := make([]book.Entry, n)
	for i := range out {
		e := &out[i]
		e.Customer = book.Customer{ID: customer(int64(8000 + i)), FirstName: "Visitor", LastName: fmt.Sprint("No ", i), City: "Portland", EmailConsent: book.Consent{State: "SUBSCRIBED"}}
		for j := range 1 + i%4 {
			l := goods[(i+j)%len(goods)]
			l.Quantity = 1
			e.Orders = append(e.Orders, book.Order{
				ID: shopify.NewGID("Order", int64(20000+10*i+j)), Name: fmt.Sprintf("#%d", 2000+10*i+j), At: now.AddDate(0, 0, -3*i-30*j-1), Channel: book.Online, Lines: []book.Line{l}, Total: l.Paid,
			})
		}
	}
	return out
}

// theShop has all kinds of customers.
func theShop() *memory {
	m := newMemory(append(crowd(40), maren(),
		book.Entry{Customer: book.Customer{ID: customer(7002), FirstName: "Pia", LastName: "Lund", NoSharing: true, Email: "pia@example.com"}},
		book.Entry{Customer: book.Customer{ID: customer(7004), FirstName: strings.Repeat("Maximiliane", 8), LastName: strings.Repeat("von-und-zu-Hohenfels-", 8), City: strings.Repeat("Llanfairpwll", 9), Email: strings.Repeat("long", 30) + "@example.com"}},
		busy(), book.Entry{Customer: book.Customer{ID: customer(7006)}},
	)...)
	m.erased[customer(7003)] = true
	return m
}

// busy has 500 orders.
func busy() book.Entry {
	e := book.Entry{Customer: book.Customer{ID: customer(7005), FirstName: "Otto", LastName: "Brandt"}}
	for i := range 500 {
		l := goods[i%3]
		l.Quantity = 1
		e.Orders = append(e.Orders, book.Order{ID: shopify.NewGID("Order", int64(30000+i)), Name: fmt.Sprintf("#%d", 5000+i), At: now.AddDate(0, 0, -2*i-1), Channel: book.Register, Location: "Harbor Street", Lines: []book.Line{l}, Total: l.Paid})
	}
	return e
}
