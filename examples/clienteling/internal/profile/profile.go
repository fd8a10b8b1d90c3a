// Package profile counts what a client book has about one customer: what they are worth
// to the shop, how often they come and whether they should have come again, how they
// compare with the shop's other customers, and what they like. It is pure functions
// without I/O: the same entry gives the same profile, in whatever order orders and notes
// come and however often.
//
// [Of] makes a profile; a [Population] is what a customer is compared with.
//
// # Which orders count
//
// Canceled orders, orders without an ID, and orders of another customer do not count. Of
// an order that is there twice, the later state (Order.UpdatedAt) counts.
//
// # Money
//
// Amounts are decimals from end to end. They are kept by currency and never converted:
// what was paid in another currency than the shop's is listed beside, see
// [Profile.OtherCurrencies]. Gift cards that a customer buys are no purchases: the money
// counts when somebody pays with the card, so that no amount counts twice.
//
// # What is stated
//
// Nothing is stated on few pieces: see [MinPieces] and [MinIntervals]. A gift
// says nothing about who bought it, and neither does what they brought back.
package profile

import (
	"iter"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

// The least that a statement rests on.
const (
	MinPieces    = 3  // pieces that were kept, for a preference or a price band; visits, for a habit
	MinIntervals = 3  // intervals between visits, for a rhythm
	MinMembers   = 20 // customers in a population, for scores: four to a quintile
)

// A Profile is what the book says of a customer at one moment.
type Profile struct {
	Customer shopify.GID
	AsOf     time.Time

	// Currency is the shop's, as the population has it; without one, that of most of the
	// customer's orders, the first by name among equals. Empty if neither is known.
	Currency string

	// Lifetime is what was paid in Currency less what was given back, with shipping and
	// taxes, without gift cards sold.
	Lifetime shopify.Money
	// OtherCurrencies is the same in other currencies, by their codes.
	OtherCurrencies []shopify.Money
	// GiftCards is what was paid for gift cards in Currency, less those brought back.
	GiftCards shopify.Money
	// Average is Lifetime by order, of those in Currency that had more in them than gift
	// cards, rounded half away from zero to the currency's smallest unit.
	Average shopify.Money

	Orders   int // that count, in all currencies
	Canceled int
	Channels []ChannelTotal // those with an order, the register first

	// Pieces are all pieces of goods bought, ReturnedPieces those of them brought back.
	// Gift cards are no goods.
	Pieces, ReturnedPieces int

	// Visits come latest first. Orders of one day in one store are one visit; every other
	// order is one by itself. Orders without a time are in none.
	Visits []Visit
	Rhythm Rhythm

	RFM RFM

	Categories []Preference // at most 3, the strongest first; so are Colors and Brands
	Colors     []Preference
	Brands     []Preference
	Sizes      []Preference // at most 2 for each of the 5 largest categories
	PriceBands []PriceBand  // of the 5 largest categories

	Store   *Preference // visits to a store, of those to all stores
	Channel *Preference // visits and orders by channel
	Time    *Preference // "weekend afternoons": visits to stores

	// Notes come in the order in which they matter: open promises, those overdue first,
	// then by when they are due; then the rest, latest first.
	Notes []Note
}

// ReturnRate is the share of pieces that were brought back, in percent, rounded.
func (p *Profile) ReturnRate() int { return percent(p.ReturnedPieces, p.Pieces) }

// FirstVisit and LastVisit are nil if there was none.
func (p *Profile) FirstVisit() *Visit {
	if len(p.Visits) == 0 {
		return nil
	}
	return &p.Visits[len(p.Visits)-1]
}

// LastVisit is the latest one.
func (p *Profile) LastVisit() *Visit {
	if len(p.Visits) == 0 {
		return nil
	}
	return &p.Visits[0]
}

// ChannelTotal is what was bought on one channel.
type ChannelTotal struct {
	Channel book.Channel
	Orders  int
	Visits  int
	Value   shopify.Money // in the profile's currency, counted as Lifetime is
}

// A Preference is something that a customer keeps choosing, with what says so.
type Preference struct {
	Value    string // as most of the orders spell it
	Category string // for sizes: a shoe size is no shirt size
	Pieces   int    // kept of it, or visits: what the statement rests on
	Of       int    // among as many that say something about the same question
	Returned int    // pieces of it that were brought back
}

// Percent is the share that Pieces is of Of, rounded.
func (p Preference) Percent() int { return percent(p.Pieces, p.Of) }

// PriceBand is what a customer pays for a piece of a category: the quartiles of unit
// prices after discounts. Each is a price that was paid.
type PriceBand struct {
	Category          string
	Low, Median, High shopify.Money
	Pieces            int
}

// Of returns the profile of an entry. Times of day and days are those of now's
// location, which should be the shop's. A nil population, or a small one, leaves the
// scores out. It never fails: amounts that are no prices (of more than 18 digits on
// either side of the point) leave their order out of sums. The profile's visits point into
// the entry's orders.
func Of(entry book.Entry, shop *Population, now time.Time) Profile {
	orders, canceled := counted(&entry)
	p := Profile{Customer: entry.Customer.ID, AsOf: now, Orders: len(orders), Canceled: canceled, Currency: shop.Currency()}
	if p.Currency == "" {
		p.Currency = commonest(orders)
	}
	p.sums(orders)
	p.Visits = visits(orders, p.Currency, now)
	p.channels(orders)
	p.Rhythm = rhythm(p.Visits, now)
	p.habits(now)
	p.preferences(orders)
	p.Notes = notes(entry.Notes, now)
	m := memberOf(&entry, orders, p.Currency)
	p.RFM = shop.rfm(m, entry.Customer.RFMGroup)
	return p
}

// percent is a of b in percent, rounded; 0 of nothing.
func percent(a, b int) int {
	if b <= 0 {
		return 0
	}
	return int((200*int64(a) + int64(b)) / (2 * int64(b)))
}

// Habits are Store, Channel and Time as far as they are known, by their names in lower
// case.
func (p *Profile) Habits() iter.Seq2[string, *Preference] {
	return func(yield func(string, *Preference) bool) {
		if p.Store != nil && !yield("store", p.Store) {
			return
		}
		if p.Channel != nil && !yield("channel", p.Channel) {
			return
		}
		if p.Time != nil {
			yield("time", p.Time)
		}
	}
}
