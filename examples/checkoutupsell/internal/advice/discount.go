package advice

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Verdict is what the rules say about a discount.
type Verdict string

// The verdicts.
const (
	Allow Verdict = "allow" // whoever stands at the register may
	Ask   Verdict = "ask"   // a manager may
	Deny  Verdict = "deny"  // nobody may
)

// Judgment is a verdict and why.
type Judgment struct {
	Verdict Verdict
	Reason  string
	Off     decimal.Decimal // of all pieces, rounded to cents
}

// Off is what a discount takes off a number of pieces: the percent of each, rounded
// down to cents.
func Off(price decimal.Decimal, percent, pieces int) decimal.Decimal {
	each := price.Mul(decimal.NewFromInt(int64(percent))).Shift(-2).RoundDown(2)
	return each.Mul(decimal.NewFromInt(int64(pieces)))
}

// Judge says who may take a percentage off a number of pieces of an article. discounted
// says that something is off in the cart already.
func (r *Rules) Judge(i *Item, percent, pieces int, discounted bool) Judgment {
	j := Judgment{Verdict: Deny}
	each := decimal.Zero
	if percent > 0 && percent < 100 && pieces > 0 && pieces <= maxPieces {
		each, j.Off = Off(i.Price, percent, 1), Off(i.Price, percent, pieces)
	}
	switch {
	case !each.IsPositive():
		j.Reason = "That is no discount."
	case !i.Active || !i.Untracked && i.Available < pieces:
		j.Reason = "There is not enough of it here."
	case i.GiftCard || slices.ContainsFunc(r.NoDiscountTypes, func(t string) bool { return strings.EqualFold(t, i.Type) }):
		j.Reason = "Goods of this type are never discounted."
	case discounted:
		j.Reason = "The cart has a discount already; two are never combined."
	case !i.CostKnown:
		j.Reason = "The cost is not known, so nobody can say what is left."
	case !i.keepsMargin(each, r.MinMargin):
		j.Reason = fmt.Sprintf("Less than %s %% of the price would be left above the cost.", r.MinMargin.Shift(2))
	case percent > r.ManagerPercent:
		j.Reason = fmt.Sprintf("More than %d %% is never taken off.", r.ManagerPercent)
	case j.Off.GreaterThan(r.MaxOff):
		j.Reason = fmt.Sprintf("More than %s %s is never taken off.", r.MaxOff.StringFixed(2), r.Currency)
	case percent > r.AssociatePercent:
		j.Verdict, j.Reason = Ask, fmt.Sprintf("More than %d %% takes a manager.", r.AssociatePercent)
	case j.Off.GreaterThan(r.AskAbove):
		j.Verdict, j.Reason = Ask, fmt.Sprintf("More than %s %s takes a manager.", r.AskAbove.StringFixed(2), r.Currency)
	default:
		j.Verdict, j.Reason = Allow, "Within what the register may give."
	}
	return j
}

// maxPieces bounds the pieces of a discount.
const maxPieces = 100

// Propose returns the percentage to propose for a candidate without being asked: by how
// long it has lain there, a little more for regulars, and never more than the register
// may give and the margin bears. Zero is none.
func (r *Rules) Propose(c *Candidate, past *Past, discounted bool) int {
	percent := 0
	for _, s := range r.StockAge {
		if c.Age >= s.Days {
			percent = s.Percent
		}
	}
	if percent > 0 && past != nil && r.RegularOrders > 0 && past.Orders >= r.RegularOrders {
		percent += r.RegularPercent
	}
	for percent = min(percent, r.AssociatePercent); percent > 0; percent-- {
		if r.Judge(c.Item, percent, 1, discounted).Verdict == Allow {
			return percent
		}
	}
	return 0
}
