// Package advice decides what may be suggested for a cart, and what may be taken off a
// price. It is code and rules alone, without I/O and without a model, so that it can be
// tried on any number of carts.
//
// Facts about goods come from Shopify ([Shelf]); of what the register says, nothing but
// which variants lie in the cart is used. A model may choose among the [Candidate]s that
// the rules leave, and word the reasons; [Rules.Gate] holds whatever comes back against
// the same rules again.
package advice

import (
	"errors"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Cart is what lies at the register.
type Cart struct {
	Lines []Line
	// Discounted says that something is off already.
	Discounted bool
}

// Line is one variant of a cart.
type Line struct {
	Variant  string // GID
	Quantity int
}

// Item is a variant as Shopify has it at the moment.
type Item struct {
	Variant, Product string // GIDs
	Title, Type      string // of the product
	Price            decimal.Decimal
	Cost             decimal.Decimal
	CostKnown        bool
	// Available is how many there are where the cart is; Untracked goods are always
	// there.
	Available int
	Untracked bool
	GiftCard  bool
	Active    bool // may be sold
}

// Margin is the share of the price that is left above the cost once off is taken off,
// false where the cost is not known or nothing is left to pay.
func (i *Item) Margin(off decimal.Decimal) (decimal.Decimal, bool) {
	pays := i.Price.Sub(off)
	if !i.CostKnown || !pays.IsPositive() {
		return decimal.Zero, false
	}
	return pays.Sub(i.Cost).DivRound(pays, 8), true
}

// keepsMargin says whether at least the share is left above the cost. It multiplies, so
// that nothing is rounded.
func (i *Item) keepsMargin(off, share decimal.Decimal) bool {
	pays := i.Price.Sub(off)
	return i.CostKnown && pays.IsPositive() && pays.Sub(i.Cost).GreaterThanOrEqual(pays.Mul(share))
}

// Shelf is what there is, by the variant's GID.
type Shelf map[string]*Item

// Past is what is known of the customer: no more than what the rules look at.
type Past struct {
	Orders   int
	Returned map[string]bool // products that they gave back, by GID
	Recent   map[string]bool // products that they bought lately
}

// Why a product is not suggested.
var (
	ErrUnknown    = errors.New("advice: Shopify does not have it")
	ErrNotSold    = errors.New("advice: it is not for sale")
	ErrGiftCard   = errors.New("advice: it is a gift card")
	ErrOutOfStock = errors.New("advice: it is out of stock here")
	ErrInCart     = errors.New("advice: it is in the cart already")
	ErrMargin     = errors.New("advice: its margin is too small")
	ErrReturned   = errors.New("advice: the customer gave it back, or has just bought it")
	ErrTwice      = errors.New("advice: it is suggested already")
	ErrText       = errors.New("advice: the reason must not be said")
)

// Allowed reports the first rule against suggesting a variant for a cart, or nil.
func (r *Rules) Allowed(variant string, cart *Cart, shelf Shelf, past *Past) error {
	i := shelf[variant]
	switch {
	case i == nil || i.Variant != variant || i.Product == "":
		return ErrUnknown
	case !i.Active || !i.Price.IsPositive():
		return ErrNotSold
	case i.GiftCard:
		return ErrGiftCard
	case !i.Untracked && i.Available < 1:
		return ErrOutOfStock
	case inCart(i, cart, shelf):
		return ErrInCart
	case i.CostKnown && !i.keepsMargin(decimal.Zero, r.MinMargin):
		return ErrMargin
	case past != nil && (past.Returned[i.Product] || past.Recent[i.Product]):
		return ErrReturned
	}
	return nil
}

// inCart says whether the product lies in the cart, in whatever size or color.
func inCart(i *Item, cart *Cart, shelf Shelf) bool {
	return slices.ContainsFunc(cart.Lines, func(l Line) bool {
		have := shelf[l.Variant]
		return l.Variant == i.Variant || have != nil && have.Product == i.Product
	})
}

// Kind says what a suggestion is.
type Kind string

// The kinds of suggestions.
const (
	Addon    Kind = "addon"
	Warranty Kind = "warranty"
)

// Candidate is something that may be suggested.
type Candidate struct {
	*Item
	Kind  Kind
	Score float64 // of the ranking; zero for what is merely popular
	// Age is for how many days it has not been sold.
	Age int
}

// Suggestion is what the register shows.
type Suggestion struct {
	Kind    Kind            `json:"kind"`
	Variant string          `json:"variant"` // GID
	Product string          `json:"product"` // GID
	Title   string          `json:"title"`
	Price   decimal.Decimal `json:"price"`
	Reason  string          `json:"reason"`
	// Percent is the discount that is proposed, 0 for none.
	Percent int `json:"percent,omitzero"`
}

// Ranked is a product that goes with the cart, with the variants of it to look at, the
// one to be preferred first.
type Ranked struct {
	Product  string
	Variants []string
	Score    float64
	Age      int
}

// Candidates returns what may be suggested, best first: of each product the first
// variant that the rules allow.
func (r *Rules) Candidates(ranked []Ranked, cart *Cart, shelf Shelf, past *Past) []Candidate {
	var out []Candidate
	seen := map[string]bool{}
	for _, p := range ranked {
		for _, v := range p.Variants {
			if i := shelf[v]; r.Allowed(v, cart, shelf, past) == nil && !seen[i.Product] && !strings.EqualFold(i.Type, r.WarrantyType) {
				seen[i.Product] = true
				out = append(out, Candidate{Item: i, Kind: Addon, Score: p.Score, Age: p.Age})
			}
		}
	}
	return out
}

// Plan returns the protection plan for the cart, the dearest that is not too dear for
// its dearest article, or nil.
func (r *Rules) Plan(plans []string, cart *Cart, shelf Shelf, past *Past) *Candidate {
	dearest := decimal.Zero
	for _, l := range cart.Lines {
		i := shelf[l.Variant]
		if i == nil || i.GiftCard {
			continue
		}
		if strings.EqualFold(i.Type, r.WarrantyType) {
			return nil // there is one already
		}
		dearest = decimal.Max(dearest, i.Price)
	}
	if dearest.LessThan(r.WarrantyFrom) || dearest.IsZero() {
		return nil
	}
	var best *Item
	for _, v := range plans {
		i := shelf[v]
		if i == nil || !strings.EqualFold(i.Type, r.WarrantyType) || i.Price.GreaterThan(dearest.Mul(r.WarrantyShare)) || r.Allowed(v, cart, shelf, past) != nil {
			continue
		}
		if best == nil || i.Price.GreaterThan(best.Price) {
			best = i
		}
	}
	if best == nil {
		return nil
	}
	return &Candidate{Item: best, Kind: Warranty}
}

// Gate returns the suggestions that hold against all rules, at most as many as allowed,
// with prices from the shelf; and why others were left out.
func (r *Rules) Gate(suggestions []Suggestion, cart *Cart, shelf Shelf, past *Past) (kept []Suggestion, dropped []error) {
	products := map[string]bool{}
	for _, s := range suggestions {
		err := r.Allowed(s.Variant, cart, shelf, past)
		switch {
		case err == nil && products[shelf[s.Variant].Product]:
			err = ErrTwice
		case err == nil && CheckReason(s.Reason) != nil:
			err = ErrText
		}
		if err == nil && len(kept) == r.MaxSuggestions {
			break
		}
		if err != nil {
			dropped = append(dropped, err)
			continue
		}
		i := shelf[s.Variant]
		products[i.Product] = true
		s.Product, s.Title, s.Price = i.Product, i.Title, i.Price
		// What is proposed without asking needs nobody.
		if s.Percent != 0 && r.Judge(i, s.Percent, 1, cart.Discounted).Verdict != Allow {
			s.Percent = 0
		}
		kept = append(kept, s)
	}
	return kept, dropped
}
