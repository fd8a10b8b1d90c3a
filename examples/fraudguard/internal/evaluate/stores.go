package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// Sizes of the simulated chain.
const (
	storeCount    = 3
	tillsPerStore = 2
	staffPerStore = 5
	customerCount = 1500
	articleCount  = 300
	salesPerDay   = 380
)

// SimulateStart is the first day of a simulated stream, a Monday.
var SimulateStart = time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)

// stores makes up the transactions of a chain of three stores. Honest people do
// much of what thieves do: bring gifts back without a receipt, buy many gift cards
// before the holidays, order six shirts and return five, get half off what is
// damaged.
type stores struct {
	random   *rand.Rand
	prices   []float64
	heavy    map[string]bool // customers who bring much of it back
	out      []Labeled
	keys     int
	cases    int
	end      time.Time
	articles []float64 // cumulative popularity
}

// Simulate returns a stream of the given number of days with about share
// fraudulent transactions among it, sorted by time. The same seed gives the same
// stream.
func Simulate(seed uint64, days int, share float64) []Labeled {
	s := &stores{random: rand.New(rand.NewPCG(seed, 0x57043)), heavy: map[string]bool{}, end: SimulateStart.AddDate(0, 0, days)}
	sum := 0.0
	for i := range articleCount {
		s.prices = append(s.prices, math.Round(math.Exp(3.6+0.8*s.random.NormFloat64()))+0.9)
		sum += 1 / math.Pow(float64(i+1), 0.8)
		s.articles = append(s.articles, sum)
	}
	for i := range customerCount {
		s.heavy[customer(i)] = s.random.Float64() < 0.06
	}
	for d := range days {
		for range salesPerDay + s.random.IntN(60) {
			s.honestSale(s.opening(d))
		}
	}
	scenarios := []func(day int){
		s.noReceipt, s.serial, s.notBought, s.highValue, s.giftCards, s.override, s.ownRefund, s.cardTesting, s.bulk, s.unlisted,
	}
	honest := len(s.out)
	for i, frauds := 0, 0; frauds < int(share*float64(honest)); i++ {
		before := len(s.out)
		s.cases++
		scenarios[i%len(scenarios)](s.random.IntN(days))
		for _, t := range s.out[before:] {
			if t.Fraud != "" {
				frauds++
			}
		}
	}
	s.out = slices.DeleteFunc(s.out, func(t Labeled) bool { return !t.At.Before(s.end) })
	slices.SortStableFunc(s.out, func(a, b Labeled) int { return a.At.Compare(b.At) })
	return s.out
}

func customer(i int) string { return fmt.Sprintf("customer/%d", i) }

// opening is some time between ten and eight.
func (s *stores) opening(day int) time.Time {
	hour := 10 + 5*s.random.Float64() + 5*s.random.Float64()
	return SimulateStart.AddDate(0, 0, day).Add(time.Duration(hour * float64(time.Hour)))
}

// at puts a new transaction somewhere.
func (s *stores) at(kind risk.Kind, when time.Time) *risk.Transaction {
	s.keys++
	store := s.random.IntN(storeCount)
	return &risk.Transaction{
		Key: fmt.Sprintf("t/%d", s.keys), Kind: kind, At: when, Location: fmt.Sprintf("store/%d", store),
		Register:  fmt.Sprintf("till/%d-%d", store, s.random.IntN(tillsPerStore)),
		Associate: fmt.Sprintf("staff/%d-%d", store, s.random.IntN(staffPerStore)),
		Tenders:   []string{"credit_card"},
	}
}

func (s *stores) article() int {
	i, _ := slices.BinarySearch(s.articles, s.random.Float64()*s.articles[len(s.articles)-1])
	return min(i, articleCount-1)
}

func (s *stores) line(article, quantity int) risk.Line {
	return risk.Line{SKU: fmt.Sprintf("sku/%d", article), Quantity: quantity, UnitPrice: decimal.NewFromFloat(s.prices[article]).Round(2)}
}

func (s *stores) chance(p float64) bool { return s.random.Float64() < p }

func (s *stores) between(low, high float64) float64 { return low + (high-low)*s.random.Float64() }

// pay sets the amount: the lines less the discount.
func pay(t *risk.Transaction) {
	t.Amount = decimal.Zero
	for _, l := range t.Lines {
		t.Amount = t.Amount.Add(l.UnitPrice.Mul(decimal.NewFromInt(int64(l.Quantity))))
	}
	t.Amount = t.Amount.Sub(t.Discount)
}

// off takes a share off by hand.
func off(t *risk.Transaction, share float64) {
	pay(t)
	t.Discount = t.Amount.Mul(decimal.NewFromFloat(share)).Round(2)
	pay(t)
}

func (s *stores) file(t *risk.Transaction, fraud string) {
	s.out = append(s.out, Labeled{Transaction: *t, Fraud: fraud, Case: s.cases})
}

func (s *stores) honestSale(when time.Time) {
	t := s.at(risk.Sale, when)
	if s.chance(0.6) {
		t.Customer = customer(s.random.IntN(customerCount))
	}
	n := 1 + s.random.IntN(2) + s.random.IntN(2)
	if s.chance(0.1) {
		n += s.random.IntN(6)
	}
	for range n {
		quantity := 1
		if s.chance(0.12) {
			quantity += 1 + s.random.IntN(2)
		}
		t.Lines = append(t.Lines, s.line(s.article(), quantity))
	}
	switch {
	case s.chance(0.003): // for a wedding, an office
		t.Lines = []risk.Line{s.line(s.article(), 6+s.random.IntN(7))}
	case s.chance(0.025):
		t.Lines = append(t.Lines, giftCard(25+25*s.random.IntN(4), 1+s.random.IntN(2)))
	case s.chance(0.002): // presents for the staff
		t.Lines = []risk.Line{giftCard(50, 6+s.random.IntN(12))}
	}
	pay(t)
	switch {
	case s.chance(0.06):
		off(t, s.between(0.05, 0.2))
	case s.chance(0.004): // damaged
		off(t, s.between(0.3, 0.6))
	}
	switch {
	case s.chance(0.3):
		t.Tenders = []string{"cash"}
	case s.chance(0.04):
		t.Tenders = append(t.Tenders, "gift_card")
	case s.chance(0.002):
		t.Tenders = append(t.Tenders, "gift_card", "cash")
	}
	s.file(t, "")
	if p := 0.07; s.chance(p) || s.heavy[t.Customer] && s.chance(0.3) {
		s.honestReturn(t)
	}
}

func giftCard(value, quantity int) risk.Line {
	return risk.Line{SKU: fmt.Sprintf("gift/%d", value), Quantity: quantity, UnitPrice: decimal.NewFromInt(int64(value)), GiftCard: true}
}

func (s *stores) honestReturn(sale *risk.Transaction) {
	days := math.Min(1+s.random.ExpFloat64()*12, 80)
	t := s.at(risk.Return, sale.At.Add(time.Duration(days*24*float64(time.Hour))))
	t.Receipt, t.Customer = sale.Key, sale.Customer
	for _, l := range sale.Lines {
		if !l.GiftCard && (len(t.Lines) == 0 || s.chance(0.4)) {
			t.Lines = append(t.Lines, l)
		}
	}
	if len(t.Lines) == 0 {
		return
	}
	if s.chance(0.12) { // a present that somebody else brings back
		t.Receipt, t.Customer = "", ""
	}
	pay(t)
	s.file(t, "")
}

// noReceipt is goods off the shelf that are given back, in one store after the
// other.
func (s *stores) noReceipt(day int) {
	when := s.opening(day)
	for range 1 + s.random.IntN(3) {
		t := s.at(risk.Return, when)
		for range 1 + s.random.IntN(2) {
			t.Lines = append(t.Lines, s.line(s.article(), 1+s.random.IntN(2)))
		}
		t.Tenders = []string{"cash"}
		pay(t)
		s.file(t, NoReceipt)
		when = when.Add(time.Duration(s.between(1, 20) * float64(time.Hour)))
	}
}

// serial buys, wears and gives back for three weeks.
func (s *stores) serial(day int) {
	who, when := customer(s.random.IntN(customerCount)), s.opening(day)
	for range 5 + s.random.IntN(3) {
		sale := s.at(risk.Sale, when)
		sale.Customer = who
		sale.Lines = []risk.Line{s.line(s.article(), 1), s.line(s.article(), 1)}
		pay(sale)
		s.file(sale, "")
		when = when.Add(time.Duration(s.between(1, 3) * 24 * float64(time.Hour)))
		t := s.at(risk.Return, when)
		t.Customer, t.Receipt, t.Lines = who, sale.Key, slices.Clone(sale.Lines)
		pay(t)
		s.file(t, Serial)
		when = when.Add(time.Duration(s.between(0.1, 1) * 24 * float64(time.Hour)))
	}
}

// sold is a sale of the stream, honest or not.
func (s *stores) sold() *risk.Transaction {
	for {
		t := &s.out[s.random.IntN(len(s.out))].Transaction
		if t.Kind == risk.Sale {
			return t
		}
	}
}

// notBought gives back, on a receipt that was found, something else.
func (s *stores) notBought(int) {
	sale := s.sold()
	t := s.at(risk.Return, sale.At.Add(time.Duration(s.between(2, 200)*float64(time.Hour))))
	t.Receipt = sale.Key
	t.Lines = []risk.Line{s.line(s.article(), 1+s.random.IntN(2))}
	pay(t)
	s.file(t, NotBought)
}

// highValue gives something dear back, long after.
func (s *stores) highValue(day int) {
	sale := s.at(risk.Sale, s.opening(day))
	sale.Customer = customer(s.random.IntN(customerCount))
	for range 3 + s.random.IntN(3) {
		sale.Lines = append(sale.Lines, s.line(slices.Index(s.prices, slices.Max(s.prices[:1+s.random.IntN(articleCount)])), 1))
	}
	pay(sale)
	s.file(sale, "")
	t := s.at(risk.Return, sale.At.Add(time.Duration(s.between(5, 70)*24*float64(time.Hour))))
	t.Customer, t.Receipt, t.Lines = sale.Customer, sale.Key, slices.Clone(sale.Lines)
	pay(t)
	s.file(t, HighValue)
}

// giftCards buys them with cards that are not one's own.
func (s *stores) giftCards(day int) {
	first := s.at(risk.Sale, s.opening(day))
	for i := range 2 + s.random.IntN(3) {
		t := s.at(risk.Sale, first.At.Add(time.Duration(i)*time.Duration(s.between(2, 15)*float64(time.Minute))))
		t.Location, t.Register, t.Associate = first.Location, first.Register, first.Associate
		t.Lines = []risk.Line{giftCard(100+50*s.random.IntN(3), 1+s.random.IntN(2))}
		if s.chance(0.4) {
			t.Tenders = []string{"credit_card", "credit_card", "credit_card"}
		}
		pay(t)
		s.file(t, GiftCards)
	}
}

// override is an associate who is generous to friends.
func (s *stores) override(day int) {
	first := s.at(risk.Sale, s.opening(day))
	for i := range 2 + s.random.IntN(3) {
		t := s.at(risk.Sale, first.At.Add(time.Duration(i)*time.Duration(s.between(0.3, 9)*float64(time.Hour))))
		t.Location, t.Register, t.Associate = first.Location, first.Register, first.Associate
		for range 1 + s.random.IntN(3) {
			t.Lines = append(t.Lines, s.line(s.article(), 1))
		}
		off(t, s.between(0.3, 0.7))
		s.file(t, Override)
	}
}

// ownRefund is an associate who takes back what was never brought back, after the
// customer has left, and keeps the money.
func (s *stores) ownRefund(int) {
	sale := s.sold()
	t := s.at(risk.Return, sale.At.Add(time.Duration(s.between(5, 90)*float64(time.Minute))))
	t.Location, t.Register, t.Associate = sale.Location, sale.Register, sale.Associate
	t.Receipt, t.Lines, t.Tenders = sale.Key, slices.Clone(sale.Lines[:1]), []string{"cash"}
	pay(t)
	s.file(t, OwnRefund)
}

// cardTesting is one small sale after the other.
func (s *stores) cardTesting(day int) {
	first := s.at(risk.Sale, s.opening(day))
	cheap := slices.Index(s.prices, slices.Min(s.prices))
	for i := range 8 + s.random.IntN(6) {
		t := s.at(risk.Sale, first.At.Add(time.Duration(i)*time.Duration(s.between(20, 50)*float64(time.Second))))
		t.Location, t.Register, t.Associate = first.Location, first.Register, first.Associate
		t.Lines = []risk.Line{s.line(cheap, 1)}
		pay(t)
		s.file(t, CardTesting)
	}
}

// bulk is for resale, with something off.
func (s *stores) bulk(day int) {
	t := s.at(risk.Sale, s.opening(day))
	t.Lines = []risk.Line{s.line(s.article(), 8+s.random.IntN(13))}
	off(t, s.between(0.1, 0.35))
	s.file(t, Bulk)
}

// unlisted takes several of what hardly anybody buys.
func (s *stores) unlisted(day int) {
	t := s.at(risk.Sale, s.opening(day))
	for range 6 + s.random.IntN(5) {
		t.Lines = append(t.Lines, s.line(articleCount/2+s.random.IntN(articleCount/2), 1))
	}
	t.Tenders = []string{"cash"}
	pay(t)
	s.file(t, Unlisted)
}
