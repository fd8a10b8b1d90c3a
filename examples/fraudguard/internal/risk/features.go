package risk

import (
	"math"
	"time"

	"github.com/posai-go/posai/examples/internal/velocity"
)

// measures is what is known of a transaction before it is counted.
type measures struct {
	t       *Transaction
	amount  float64
	items   int
	receipt *receipt // of a return; nil where it is not known

	discountShare, giftValue float64
	quantityRatio            float64 // pieces of an article beside what is usual; the largest
	rarity                   float64 // mean -ln of the articles' popularity
	notBought                int
	since                    time.Duration // since it was bought; 0 where not known
	sameAssociate            bool
	bought                   float64 // by the customer, within the quarter before

	customerReturns, associateReturns, till velocity.Sum
}

// Windows of the counters that the forest sees, whatever the policy counts.
const (
	quarter = 90 * 24 * time.Hour
	month   = 30 * 24 * time.Hour
)

func (e *Engine) measure(t *Transaction) *measures {
	m := &measures{t: t, amount: t.Amount.InexactFloat64(), giftValue: t.giftCards().InexactFloat64()}
	if t.Receipt != "" {
		m.receipt, _ = e.ledger.receipts.get(t.Receipt)
	}
	for _, l := range t.Lines {
		m.items += l.Quantity
		m.quantityRatio = max(m.quantityRatio, float64(l.Quantity)/e.ledger.usual(l.SKU))
		m.rarity -= math.Log(e.ledger.popularity(l.SKU)) / float64(len(t.Lines))
	}
	if gross := t.gross(); gross.IsPositive() {
		m.discountShare = min(t.Discount.InexactFloat64()/gross.InexactFloat64(), 1)
	}
	if t.Kind == Return {
		m.notBought = e.ledger.notBought(t, m.receipt)
		if r := m.receipt; r != nil {
			m.since = max(t.At.Sub(r.at), 0)
			m.sameAssociate = r.associate != "" && r.associate == t.Associate
		}
	}
	m.bought = e.quarterSales.Get(t.Customer, t.At, 0).Amount
	m.customerReturns = e.monthReturns.Get(t.Customer, t.At, 0)
	m.associateReturns = e.dayReturns.Get(t.Associate, t.At, 0)
	m.till = e.hour.Get(t.Register, t.At, 0)
	return m
}

// featureNames name what the forest sees, in the order of its features.
var featureNames = []string{
	"amount", "number of pieces", "number of articles", "dearest article", "pieces of one article beside what is usual",
	"how rarely the articles are bought", "discount by hand", "share of gift cards", "number of payments", "time since the purchase",
	"pieces that were not bought", "returns of the customer within a month", "share of purchases given back", "returns taken by the associate within a day",
	"transactions at the register within an hour", "missing receipt",
}

// features is the point that the forest scores. Amounts and counts are on a
// logarithmic scale, so that a large basket is not an anomaly for being large
// alone.
func (m *measures) features() []float64 {
	dearest := 0.0
	for _, l := range m.t.Lines {
		dearest = max(dearest, l.UnitPrice.InexactFloat64())
	}
	gift := 0.0
	if gross := m.t.gross().InexactFloat64(); gross > 0 {
		gift = m.giftValue / gross
	}
	missing := 0.0
	if m.t.Kind == Return && m.t.Receipt == "" {
		missing = 1
	}
	returned := 0.0
	if m.customerReturns.Count > 0 {
		returned = min(m.customerReturns.Amount/max(m.bought, 1), 3)
	}
	return []float64{
		math.Log1p(m.amount), math.Log1p(float64(m.items)), math.Log1p(float64(len(m.t.Lines))), math.Log1p(dearest), math.Log1p(m.quantityRatio),
		m.rarity, m.discountShare, gift, float64(len(m.t.Tenders)), math.Log1p(m.since.Hours()),
		math.Log1p(float64(m.notBought)), math.Log1p(float64(m.customerReturns.Count)), returned, math.Log1p(float64(m.associateReturns.Count)),
		math.Log1p(float64(m.till.Count)), missing,
	}
}
