package risk

import (
	"fmt"
	"time"

	"github.com/posai-go/posai/examples/internal/velocity"
)

// Reason says why a transaction stands out, without personal data.
type Reason struct {
	Code Code   `json:"code"`
	Text string `json:"text"`
	// Strength is what the reason adds, up to the rule's weight: the rarer it is
	// in this shop, the more.
	Strength float64 `json:"strength"`
}

// ruleSpec is what a code means.
type ruleSpec struct {
	kind  Kind // that it is about; empty: both
	takes parameters
	// stream is what the rule counts over its time, or nil.
	stream *stream
	// judge returns how far the transaction is beyond the limit, 1 at the limit,
	// and says so. past is what the stream counted, this transaction included.
	judge func(m *measures, r Rule, past velocity.Sum) (excess float64, text string)
}

type parameters struct{ amount, count, share, within bool }

// stream is a way of counting transactions: by whom, and how much. An empty key
// is not counted.
type stream struct {
	key    func(*Transaction) string
	amount func(*Transaction) float64
}

var (
	returnsOfCustomer = &stream{
		key:    func(t *Transaction) string { return only(t.Kind == Return, t.Customer) },
		amount: func(t *Transaction) float64 { return t.Amount.InexactFloat64() },
	}
	salesOfCustomer = &stream{
		key:    func(t *Transaction) string { return only(t.Kind == Sale, t.Customer) },
		amount: func(t *Transaction) float64 { return t.Amount.InexactFloat64() },
	}
	returnsOfAssociate = &stream{
		key:    func(t *Transaction) string { return only(t.Kind == Return, t.Associate) },
		amount: func(t *Transaction) float64 { return t.Amount.InexactFloat64() },
	}
	discountsOfAssociate = &stream{
		key:    func(t *Transaction) string { return only(t.Kind == Sale && t.Discount.IsPositive(), t.Associate) },
		amount: func(t *Transaction) float64 { return t.Discount.InexactFloat64() },
	}
	giftCardsOfTill = &stream{
		key:    func(t *Transaction) string { return only(t.Kind == Sale && t.giftCards().IsPositive(), t.till()) },
		amount: func(t *Transaction) float64 { return t.giftCards().InexactFloat64() },
	}
	allOfTill = &stream{
		key:    func(t *Transaction) string { return t.till() },
		amount: func(t *Transaction) float64 { return t.Amount.InexactFloat64() },
	}
)

func only(condition bool, key string) string {
	if !condition {
		return ""
	}
	return key
}

// ruleBook says for each code which parameters it takes and what it compares.
var ruleBook = map[Code]ruleSpec{
	ReturnWithoutReceipt: {kind: Return, takes: parameters{amount: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		if m.t.Receipt != "" {
			return 0, ""
		}
		return m.amount / r.Amount.InexactFloat64(), "A return without a receipt"
	}},
	ReturnNotBought: {kind: Return, judge: func(m *measures, _ Rule, _ velocity.Sum) (float64, string) {
		if m.notBought == 0 {
			return 0, ""
		}
		return float64(m.notBought), fmt.Sprintf("%d of %d pieces are not among what was bought, or were given back before", m.notBought, m.items)
	}},
	ReturnHighValue: {kind: Return, takes: parameters{amount: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		return m.amount / r.Amount.InexactFloat64(), fmt.Sprintf("A return of %s (limit %s)", m.t.Amount.StringFixed(2), r.Amount.StringFixed(2))
	}},
	ReturnLate: {kind: Return, takes: parameters{within: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		return float64(m.since) / float64(r.Within), fmt.Sprintf("Bought %s ago (limit %s)", days(m.since), days(time.Duration(r.Within)))
	}},
	ReturnSameAssociate: {kind: Return, takes: parameters{within: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		if !m.sameAssociate || m.since > time.Duration(r.Within) {
			return 0, ""
		}
		return 1 + 2*(1-float64(m.since)/float64(r.Within)), "Sold and taken back by the same associate within " + days(m.since)
	}},
	ReturnRatio: {kind: Return, takes: parameters{amount: true, share: true, within: true}, stream: returnsOfCustomer, judge: func(m *measures, r Rule, past velocity.Sum) (float64, string) {
		if past.Amount < r.Amount.InexactFloat64() {
			return 0, ""
		}
		share := past.Amount / max(m.bought, 1)
		return min(share/r.Share, 10), fmt.Sprintf("The customer gave back %.0f %% of what they bought lately", min(100*share, 999))
	}},
	SerialReturns: {kind: Return, takes: parameters{count: true, within: true}, stream: returnsOfCustomer, judge: func(_ *measures, r Rule, past velocity.Sum) (float64, string) {
		return counted(past, r, "return %d of the customer")
	}},
	AssociateReturns: {kind: Return, takes: parameters{count: true, within: true}, stream: returnsOfAssociate, judge: func(_ *measures, r Rule, past velocity.Sum) (float64, string) {
		return counted(past, r, "return %d taken by the associate")
	}},
	GiftCardValue: {kind: Sale, takes: parameters{amount: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		return m.giftValue / r.Amount.InexactFloat64(), fmt.Sprintf("Gift cards worth %.2f (limit %s)", m.giftValue, r.Amount.StringFixed(2))
	}},
	GiftCardVelocity: {kind: Sale, takes: parameters{amount: true, within: true}, stream: giftCardsOfTill, judge: func(m *measures, r Rule, past velocity.Sum) (float64, string) {
		if m.giftValue == 0 {
			return 0, ""
		}
		return past.Amount / r.Amount.InexactFloat64(), fmt.Sprintf("Gift cards worth %.2f at this register within %s (limit %s)", past.Amount, days(time.Duration(r.Within)), r.Amount.StringFixed(2))
	}},
	DiscountOverride: {kind: Sale, takes: parameters{amount: true, share: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		if m.t.Discount.LessThan(r.Amount) {
			return 0, ""
		}
		return m.discountShare / r.Share, fmt.Sprintf("%.0f %% taken off by hand, %s (limit %.0f %%)", 100*m.discountShare, m.t.Discount.StringFixed(2), 100*r.Share)
	}},
	AssociateDiscounts: {kind: Sale, takes: parameters{count: true, within: true}, stream: discountsOfAssociate, judge: func(m *measures, r Rule, past velocity.Sum) (float64, string) {
		if m.discountShare == 0 {
			return 0, ""
		}
		return counted(past, r, "discount %d by hand of the associate")
	}},
	TransactionVelocity: {takes: parameters{count: true, within: true}, stream: allOfTill, judge: func(_ *measures, r Rule, past velocity.Sum) (float64, string) {
		return counted(past, r, "transaction %d at this register")
	}},
	TenderSplit: {kind: Sale, takes: parameters{count: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		return float64(len(m.t.Tenders)) / r.Count, fmt.Sprintf("Paid in %d parts (limit %.0f)", len(m.t.Tenders), r.Count)
	}},
	BasketQuantity: {takes: parameters{count: true}, judge: func(m *measures, r Rule, _ velocity.Sum) (float64, string) {
		return m.quantityRatio / r.Count, fmt.Sprintf("%.0f times as many pieces of one article as usual (limit %.0f)", m.quantityRatio, r.Count)
	}},
	// Judged apart, by the forest.
	Anomaly: {takes: parameters{share: true}},
}

// counted compares a count with the rule's.
func counted(past velocity.Sum, r Rule, what string) (float64, string) {
	return float64(past.Count) / r.Count, fmt.Sprintf("This is "+what+" within %s (limit %.0f)", past.Count, days(time.Duration(r.Within)), r.Count)
}

// days says a duration as people do.
func days(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "2 minutes"
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return fmt.Sprintf("%.0f minutes", d.Minutes())
}
