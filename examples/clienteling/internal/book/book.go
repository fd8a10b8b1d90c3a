// Package book says what a store's client book knows of a customer: what Shopify
// has of them, at the register and online, and what associates wrote down. It is data
// alone; where it is kept, how it is counted and who sees it is for others.
package book

import (
	"time"

	"github.com/posai-go/posai/shopify"
)

// A Customer is one person, as the shop knows them.
type Customer struct {
	ID        shopify.GID
	FirstName string
	LastName  string
	Email     string // in lower case; empty if the shop has none
	Phone     string // in E.164; empty if the shop has none
	City      string
	Country   string // ISO 3166-1 alpha-2
	Locale    string // BCP 47, "en-US"
	Tags      []string
	Note      string    // what the shop's own customer page says
	Since     time.Time // when the shop first had them

	// RFMGroup is Shopify's own segment by recency, frequency and money, "CHAMPIONS" or
	// another of CustomerRfmGroup; empty where Shopify gives none.
	RFMGroup string

	EmailConsent Consent
	SMSConsent   Consent

	// NoSharing is set for customers who opted out of the sale or sharing of their data.
	NoSharing bool

	UpdatedAt time.Time // by Shopify's clock: the later state is the valid one
}

// Consent is whether somebody may be sent marketing on one way.
type Consent struct {
	State string    // SUBSCRIBED, UNSUBSCRIBED, PENDING, NOT_SUBSCRIBED, …; empty is none
	At    time.Time // when it was given or taken back
}

// Given reports whether marketing may be sent.
func (c Consent) Given() bool { return c.State == "SUBSCRIBED" }

// Channel is where an order was made.
type Channel string

// The channels.
const (
	Register Channel = "register" // Shopify POS
	Online   Channel = "online"   // the online store
	Other    Channel = "other"    // a draft order, an app, a marketplace
)

// An Order is one of a customer's, wherever it was made.
type Order struct {
	ID       shopify.GID
	Customer shopify.GID
	Name     string // "#1001"
	At       time.Time
	Channel  Channel
	Location string // name of the store; empty online
	Note     string
	Lines    []Line
	Total    shopify.Money // what was paid, with shipping and taxes
	Refunded shopify.Money // of it, what was given back
	Canceled bool

	UpdatedAt time.Time // by Shopify's clock: the later state is the valid one
}

// A Line is one kind of goods within an order.
type Line struct {
	Product  shopify.GID // empty for a custom sale
	Variant  shopify.GID
	Title    string
	Vendor   string
	Category string // the product's type
	Options  []Option
	Quantity int
	Returned int           // of Quantity
	Paid     shopify.Money // for all pieces, after discounts
	GiftCard bool

	// Gift is set where the customer said that it is for somebody else, by a property of
	// the line or an attribute of the order ("gift", "gift_wrap", …): it says nothing of
	// what they wear or like themselves.
	Gift bool
}

// An Option is what tells a variant from others: {"Size", "M"}.
type Option struct{ Name, Value string }

// A Note is what an associate wrote about a customer. Notes are never changed.
type Note struct {
	ID       string // unique in the book
	Customer shopify.GID
	At       time.Time
	By       string // the associate, by the name that the store signs with
	Kind     NoteKind
	Text     string // at most 2,000 bytes

	// Due is when a promise is to be kept by, or the day of an occasion; zero if nobody
	// said. It is a day: the time of it does not count.
	Due time.Time

	// Settles is the ID of an earlier note of the same customer that is done with this
	// one: a promise that was kept, an alteration that was picked up.
	Settles string
}

// NoteKind is what a note is about.
type NoteKind string

// The kinds of notes.
const (
	Preference NoteKind = "preference" // what they like, wear, avoid
	Service    NoteKind = "service"    // an alteration, a repair, a complaint
	Occasion   NoteKind = "occasion"   // a birthday, a wedding, a move
	Promise    NoteKind = "promise"    // what the store said it would do
)

// An Entry is all that the book has about one customer. Orders and notes come latest
// first.
type Entry struct {
	Customer Customer
	Orders   []Order
	Notes    []Note
}
