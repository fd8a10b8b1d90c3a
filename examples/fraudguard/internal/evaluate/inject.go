package evaluate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// The scenarios of injected fraud.
const (
	NoReceipt   = "return without receipt"
	Serial      = "serial returns"
	NotBought   = "return of what was not bought"
	HighValue   = "high-value return"
	GiftCards   = "gift cards"
	Override    = "discount override"
	OwnRefund   = "refund to oneself"
	CardTesting = "card testing"
	Bulk        = "bulk basket"
	// Unlisted is fraud that no rule is about, for the forest alone.
	Unlisted = "in no rule: rare, dear articles"
)

// injector adds fraud to a stream of real transactions. What it takes the amounts
// from is the stream itself: a fraudulent return is as large as a real one, so that
// the value says as little as it does in life.
type injector struct {
	random  *rand.Rand
	honest  []Labeled
	sales   []int // indexes into honest
	returns []int
	rare    []risk.Line // articles that few invoices have, the dearest first
	out     []Labeled
	cases   int
}

// Inject returns the stream with about share fraudulent transactions among it,
// from its beginning to its end, sorted by time. The same seed gives the same
// stream.
func Inject(stream []Labeled, seed uint64, share float64) []Labeled {
	in := &injector{random: rand.New(rand.NewPCG(seed, 0xf4a0d)), honest: stream}
	for i, t := range stream {
		switch {
		case len(t.Lines) == 0:
		case t.Kind == risk.Sale:
			in.sales = append(in.sales, i)
		default:
			in.returns = append(in.returns, i)
		}
	}
	if len(in.sales) == 0 || len(in.returns) == 0 {
		return slices.Clone(stream)
	}
	in.findRare()
	scenarios := []func(){in.noReceipt, in.serial, in.notBought, in.highValue, in.giftCards, in.unlisted}
	want := int(share * float64(len(stream)))
	for i := 0; len(in.out) < want; i++ {
		in.cases++
		scenarios[i%len(scenarios)]()
	}
	out := append(slices.Clone(stream), in.out...)
	slices.SortStableFunc(out, func(a, b Labeled) int { return a.At.Compare(b.At) })
	return out
}

func (in *injector) some(indexes []int) *Labeled {
	return &in.honest[indexes[in.random.IntN(len(indexes))]]
}

// add files a fraudulent transaction some minutes after a real one.
func (in *injector) add(scenario string, near time.Time, t risk.Transaction) {
	t.Key = fmt.Sprintf("fraud/%d", len(in.out))
	t.At = near.Add(time.Duration(1+in.random.IntN(20)) * time.Minute)
	t.Amount = decimal.Zero
	for _, l := range t.Lines {
		t.Amount = t.Amount.Add(l.UnitPrice.Mul(decimal.NewFromInt(int64(l.Quantity))))
	}
	if t.Tenders == nil {
		t.Tenders = []string{"invoice"}
	}
	in.out = append(in.out, Labeled{Transaction: t, Fraud: scenario, Case: in.cases})
}

// noReceipt gives back what a real return gave back, without receipt or customer.
func (in *injector) noReceipt() {
	like, at := in.some(in.returns), in.some(in.sales)
	in.add(NoReceipt, at.At, risk.Transaction{Kind: risk.Return, Location: at.Location, Lines: slices.Clone(like.Lines)})
}

// serial gives part of one purchase after the other back, within three weeks.
func (in *injector) serial() {
	first := in.some(in.sales)
	if first.Customer == "" {
		return
	}
	at := first.At
	for range 5 + in.random.IntN(3) {
		at = at.Add(time.Duration(1+in.random.IntN(4)) * 24 * time.Hour)
		if at.After(in.honest[len(in.honest)-1].At) {
			return
		}
		n := min(1+in.random.IntN(3), len(first.Lines))
		lines := slices.Clone(first.Lines[:n])
		for i := range lines {
			lines[i].Quantity = 1 + in.random.IntN(lines[i].Quantity)
		}
		in.add(Serial, at, risk.Transaction{Kind: risk.Return, Location: first.Location, Customer: first.Customer, Receipt: first.Key, Lines: lines})
	}
}

// notBought gives back, on a good receipt, what a real return gave back.
func (in *injector) notBought() {
	bought, like := in.some(in.sales), in.some(in.returns)
	in.add(NotBought, bought.At.Add(time.Duration(in.random.IntN(20))*24*time.Hour), risk.Transaction{
		Kind: risk.Return, Location: bought.Location, Customer: bought.Customer, Receipt: bought.Key, Lines: slices.Clone(like.Lines),
	})
}

// highValue gives a whole invoice back.
func (in *injector) highValue() {
	bought := in.some(in.sales)
	in.add(HighValue, bought.At.Add(time.Duration(1+in.random.IntN(48))*time.Hour), risk.Transaction{
		Kind: risk.Return, Location: bought.Location, Customer: bought.Customer, Receipt: bought.Key, Lines: slices.Clone(bought.Lines),
	})
}

func (in *injector) giftCards() {
	at := in.some(in.sales)
	line := risk.Line{SKU: "gift_0001_50", Quantity: 4 + in.random.IntN(12), UnitPrice: decimal.NewFromInt(50), GiftCard: true}
	in.add(GiftCards, at.At, risk.Transaction{Kind: risk.Sale, Location: at.Location, Lines: []risk.Line{line}})
}

// unlisted buys one piece each of the rarest of dear articles.
func (in *injector) unlisted() {
	at := in.some(in.sales)
	var lines []risk.Line
	for _, i := range in.random.Perm(len(in.rare))[:min(6+in.random.IntN(6), len(in.rare))] {
		lines = append(lines, in.rare[i])
	}
	in.add(Unlisted, at.At, risk.Transaction{Kind: risk.Sale, Location: at.Location, Customer: at.Customer, Lines: lines})
}

func (in *injector) findRare() {
	type seen struct {
		line  risk.Line
		times int
	}
	articles := map[string]*seen{}
	for _, i := range in.sales {
		for _, l := range in.honest[i].Lines {
			if articles[l.SKU] == nil {
				articles[l.SKU] = &seen{line: risk.Line{SKU: l.SKU, Quantity: 1, UnitPrice: l.UnitPrice, GiftCard: l.GiftCard}}
			}
			articles[l.SKU].times++
		}
	}
	for _, s := range articles {
		if s.times <= 3 && !s.line.GiftCard {
			in.rare = append(in.rare, s.line)
		}
	}
	slices.SortFunc(in.rare, func(a, b risk.Line) int {
		if c := b.UnitPrice.Cmp(a.UnitPrice); c != 0 {
			return c
		}
		return compare(a.SKU, b.SKU)
	})
	in.rare = in.rare[:min(len(in.rare), 60)]
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
