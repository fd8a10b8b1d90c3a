package profile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

var now = time.Date(2026, 11, 27, 15, 30, 0, 0, time.UTC)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func amount(r *rand.Rand) decimal.Decimal { return decimal.New(r.Int64N(50_000), -2) }

// randomEntry is a customer with everything that happens: returns, gift cards, gifts,
// other currencies, canceled orders, orders twice and in two states.
func randomEntry(r *rand.Rand) book.Entry {
	e := book.Entry{Customer: book.Customer{ID: "gid://shopify/Customer/1"}}
	for i := range r.IntN(25) {
		o := book.Order{
			ID: shopify.NewGID("Order", int64(i+1)), Customer: pick(r, "gid://shopify/Customer/1", shopify.GID(""), "gid://shopify/Customer/1", "gid://shopify/Customer/2"),
			Name: fmt.Sprint("#", i), At: now.Add(-time.Duration(r.Int64N(int64(700 * 24 * time.Hour)))).Truncate(time.Minute),
			Channel: pick(r, book.Register, book.Online, book.Other), Location: pick(r, "Market Square", "Harbor Street"), Canceled: r.IntN(8) == 0,
			UpdatedAt: now.Add(-time.Duration(r.IntN(3)) * time.Hour),
		}
		currency := pick(r, "USD", "USD", "USD", "EUR", "JPY")
		total := decimal.Zero
		for range r.IntN(5) {
			l := book.Line{
				Title: pick(r, "Coat", "Scarf", "Boots"), Vendor: pick(r, "Northfell", "northfell", "Harbor Last", ""), Category: pick(r, "Outerwear", "Shoes", ""),
				Options:  []book.Option{{Name: pick(r, "Size", "Größe", "Taille", "Fit"), Value: pick(r, "M", "m", "L", "42", "Default Title")}, {Name: "Color", Value: pick(r, "Navy", "Red")}},
				Quantity: r.IntN(4), Paid: shopify.Money{Amount: amount(r), CurrencyCode: currency}, GiftCard: r.IntN(8) == 0, Gift: r.IntN(8) == 0,
			}
			l.Returned = r.IntN(l.Quantity + 1)
			total = total.Add(l.Paid.Amount)
			o.Lines = append(o.Lines, l)
		}
		o.Total = shopify.Money{Amount: total, CurrencyCode: currency}
		o.Refunded = shopify.Money{Amount: decimal.Min(amount(r), total), CurrencyCode: currency}
		e.Orders = append(e.Orders, o)
		if r.IntN(6) == 0 { // another state of it
			p := o
			p.Canceled, p.UpdatedAt, p.Refunded = r.IntN(2) == 0, now.Add(-time.Duration(r.IntN(3))*time.Hour), shopify.Money{Amount: decimal.Zero, CurrencyCode: currency}
			e.Orders = append(e.Orders, p)
		}
	}
	for i := range r.IntN(8) {
		n := book.Note{ID: fmt.Sprint("n", i), At: now.AddDate(0, 0, -r.IntN(40)), By: "Ines", Kind: pick(r, book.Promise, book.Service, book.Occasion, book.Preference), Text: pick(r, "Hem the trousers.", "Call back.")}
		if r.IntN(2) == 0 {
			n.Due = now.AddDate(0, 0, r.IntN(40)-20)
		}
		if i > 0 && r.IntN(3) == 0 {
			n.Settles = fmt.Sprint("n", r.IntN(i))
		}
		e.Notes = append(e.Notes, n)
	}
	return e
}

func shuffled(r *rand.Rand, e book.Entry) book.Entry {
	e.Orders, e.Notes = slices.Clone(e.Orders), slices.Clone(e.Notes)
	r.Shuffle(len(e.Orders), func(i, j int) { e.Orders[i], e.Orders[j] = e.Orders[j], e.Orders[i] })
	r.Shuffle(len(e.Notes), func(i, j int) { e.Notes[i], e.Notes[j] = e.Notes[j], e.Notes[i] })
	return e
}
