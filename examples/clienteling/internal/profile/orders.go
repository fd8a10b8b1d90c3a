package profile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/shopify"
)

// maxPieces is the most that a line counts for: beyond, it is a mistake of somebody.
const maxPieces = 1_000_000

// counted returns the orders that count, latest first, and how many were canceled.
func counted(entry *book.Entry) (orders []*book.Order, canceled int) {
	latest := make(map[shopify.GID]*book.Order, len(entry.Orders))
	for i := range entry.Orders {
		o := &entry.Orders[i]
		if o.ID == "" || o.Customer != "" && entry.Customer.ID != "" && o.Customer != entry.Customer.ID {
			continue
		}
		if have := latest[o.ID]; have == nil || newer(o, have) {
			latest[o.ID] = o
		}
	}
	for _, o := range latest {
		if o.Canceled {
			canceled++
			continue
		}
		orders = append(orders, o)
	}
	slices.SortFunc(orders, func(a, b *book.Order) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	return orders, canceled
}

// newer says whether a is the state that counts. Of two different states of one moment
// it is always the same one, whichever came first.
func newer(a, b *book.Order) bool {
	if c := a.UpdatedAt.Compare(b.UpdatedAt); c != 0 {
		return c > 0
	}
	if a.Canceled != b.Canceled {
		return a.Canceled
	}
	return state(a) > state(b)
}

// state is an order as a text. Amounts are not written out: that of 1e1000000000 would
// fill the memory.
func state(o *book.Order) string {
	money := func(m shopify.Money) string {
		return m.Amount.Coefficient().Text(62) + "e" + strconv.Itoa(int(m.Amount.Exponent())) + m.CurrencyCode
	}
	text := fmt.Appendf(nil, "%d %q %q %q %q %q", o.At.UnixNano(), o.Name, o.Channel, o.Location, o.Note, []string{money(o.Total), money(o.Refunded)})
	for _, l := range o.Lines {
		text = fmt.Appendf(text, "%q %q %q %q %q %q %d %d %q %t %t", l.Product, l.Variant, l.Title, l.Vendor, l.Category, l.Options, l.Quantity, l.Returned, money(l.Paid), l.GiftCard, l.Gift)
	}
	return string(text)
}

// usable says whether an amount is a price: sums of others would take any memory.
func usable(d decimal.Decimal) bool {
	e := d.Exponent()
	return e >= -18 && e <= 18 && d.Coefficient().BitLen() <= 128
}

// worth is what an order comes to.
type worth struct {
	currency  string
	value     decimal.Decimal // paid less given back, without gift cards
	giftCards decimal.Decimal // paid for those, less given back
	goods     bool            // there is more in it than gift cards
	ok        bool
}

func worthOf(o *book.Order) worth {
	w := worth{currency: o.Total.CurrencyCode}
	if w.currency == "" || !usable(o.Total.Amount) || !usable(o.Refunded.Amount) {
		return w
	}
	refunded := decimal.Zero
	if o.Refunded.CurrencyCode == w.currency {
		refunded = o.Refunded.Amount
	}
	cards, cardsBack := decimal.Zero, decimal.Zero
	w.goods = len(o.Lines) == 0
	for i := range o.Lines {
		l := &o.Lines[i]
		bought, back := pieces(l)
		if bought == 0 {
			continue
		}
		if !l.GiftCard {
			w.goods = true
			continue
		}
		if l.Paid.CurrencyCode != w.currency || !usable(l.Paid.Amount) {
			continue
		}
		cards = cards.Add(l.Paid.Amount)
		if back == bought {
			cardsBack = cardsBack.Add(l.Paid.Amount)
		} else if back > 0 {
			each := l.Paid.Amount.DivRound(decimal.NewFromInt(int64(bought)), digits(w.currency))
			cardsBack = cardsBack.Add(each.Mul(decimal.NewFromInt(int64(back))))
		}
	}
	// What was given back for gift cards is no loss: the sale was no gain.
	w.value = o.Total.Amount.Sub(cards).Sub(decimal.Max(refunded.Sub(cardsBack), decimal.Zero))
	w.giftCards = cards.Sub(decimal.Min(cardsBack, refunded))
	w.ok = true
	return w
}

// pieces are those of a line that were bought, and of them those brought back.
func pieces(l *book.Line) (bought, back int) {
	bought = min(max(l.Quantity, 0), maxPieces)
	return bought, min(max(l.Returned, 0), bought)
}

// digits is how many digits a currency has behind the point.
func digits(code string) int32 {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return int32(scale)
}

// commonest is the currency of most orders.
func commonest(orders []*book.Order) string {
	n := map[string]int{}
	for _, o := range orders {
		if o.Total.CurrencyCode != "" {
			n[o.Total.CurrencyCode]++
		}
	}
	best := ""
	for _, code := range slices.Sorted(maps.Keys(n)) {
		if n[code] > n[best] {
			best = code
		}
	}
	return best
}

func (p *Profile) sums(orders []*book.Order) {
	by := map[string]decimal.Decimal{}
	cards, ordersWithGoods := decimal.Zero, 0
	for _, o := range orders {
		for i := range o.Lines {
			if bought, back := pieces(&o.Lines[i]); !o.Lines[i].GiftCard {
				p.Pieces += bought
				p.ReturnedPieces += back
			}
		}
		w := worthOf(o)
		if !w.ok {
			continue
		}
		by[w.currency] = by[w.currency].Add(w.value)
		if w.currency == p.Currency {
			cards = cards.Add(w.giftCards)
			if w.goods {
				ordersWithGoods++
			}
		}
	}
	p.Lifetime = p.money(by[p.Currency])
	p.GiftCards = p.money(cards)
	p.Average = p.money(decimal.Zero)
	if ordersWithGoods > 0 {
		p.Average = p.money(by[p.Currency].DivRound(decimal.NewFromInt(int64(ordersWithGoods)), digits(p.Currency)))
	}
	for _, code := range slices.Sorted(maps.Keys(by)) {
		if code != p.Currency {
			p.OtherCurrencies = append(p.OtherCurrencies, shopify.Money{Amount: by[code], CurrencyCode: code})
		}
	}
}

func (p *Profile) money(d decimal.Decimal) shopify.Money {
	return shopify.Money{Amount: d, CurrencyCode: p.Currency}
}

func (p *Profile) channels(orders []*book.Order) {
	by := map[book.Channel]*ChannelTotal{}
	at := func(c book.Channel) *ChannelTotal {
		if by[c] == nil {
			by[c] = &ChannelTotal{Channel: c, Value: p.money(decimal.Zero)}
		}
		return by[c]
	}
	for _, o := range orders {
		t := at(o.Channel)
		t.Orders++
		if w := worthOf(o); w.ok && w.currency == p.Currency {
			t.Value.Amount = t.Value.Amount.Add(w.value)
		}
	}
	for i := range p.Visits {
		at(p.Visits[i].Channel).Visits++
	}
	order := map[book.Channel]int{book.Register: -3, book.Online: -2, book.Other: -1}
	for _, c := range slices.SortedFunc(maps.Keys(by), func(a, b book.Channel) int {
		return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(a, b))
	}) {
		p.Channels = append(p.Channels, *by[c])
	}
}

// MemberOf returns what a population has to know of a customer. It is what [Of] compares
// with the population.
func MemberOf(entry book.Entry, currency string) Member {
	orders, _ := counted(&entry)
	return memberOf(&entry, orders, currency)
}

func memberOf(entry *book.Entry, orders []*book.Order, currency string) Member {
	m := Member{Customer: entry.Customer.ID, Orders: len(orders)}
	for _, o := range orders {
		if o.At.After(m.Last) {
			m.Last = o.At
		}
		if w := worthOf(o); w.ok && w.currency == currency {
			m.Value = m.Value.Add(w.value)
		}
	}
	return m
}

// day is the beginning of a day.
func day(t time.Time, in *time.Location) time.Time {
	y, m, d := t.In(in).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, in)
}

// Amount is the amount of money as people write it, "1240.50", with as many digits as
// its currency has, or more if it has more.
func Amount(m shopify.Money) string {
	if !usable(m.Amount) {
		return "0"
	}
	return m.Amount.StringFixed(max(digits(m.CurrencyCode), decimals(m.Amount)))
}

// decimals is how many digits behind the point say something.
func decimals(d decimal.Decimal) int32 {
	text := d.String() // without zeros at its end
	if i := strings.IndexByte(text, '.'); i >= 0 {
		return int32(len(text) - i - 1)
	}
	return 0
}
