package evaluate

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/internal/onlineretail"
	"github.com/posai-go/posai/shopify"
)

// currency of the data.
const currency = "GBP"

// sale is a line of an invoice, with what was brought back of it, and when.
type sale struct {
	order    *invoice
	article  string
	quantity int
	each     decimal.Decimal
	voucher  bool
	back     []back
}

type back struct {
	at     time.Time
	pieces int
}

type invoice struct {
	number string
	at     time.Time
	lines  []*sale
}

// history is what each customer bought, in the order of the rows.
type history struct {
	first, last time.Time
	of          map[string][]*invoice
}

// read reads the rows of known customers. A return is one of the latest earlier invoices
// with the article, as long as pieces are left; what was bought before the data begins is
// left out.
func read(rows iter.Seq2[onlineretail.Row, error]) (*history, error) {
	h := &history{of: map[string][]*invoice{}}
	open := map[string]*invoice{} // by customer and number
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if !row.Booked() || row.Customer == "" {
			continue
		}
		if h.first.IsZero() || row.At.Before(h.first) {
			h.first = row.At
		}
		if row.At.After(h.last) {
			h.last = row.At
		}
		if row.Return() {
			h.takeBack(row)
			continue
		}
		key := row.Customer + " " + row.Invoice
		o := open[key]
		if o == nil {
			o = &invoice{number: row.Invoice, at: row.At}
			open[key] = o
			h.of[row.Customer] = append(h.of[row.Customer], o)
		}
		o.lines = append(o.lines, &sale{order: o, article: row.Article, quantity: row.Quantity, each: row.Price, voucher: row.Voucher()})
	}
	return h, nil
}

func (h *history) takeBack(row onlineretail.Row) {
	left := -row.Quantity
	for _, o := range slices.Backward(h.of[row.Customer]) {
		for _, l := range o.lines {
			if l.article != row.Article || o.at.After(row.At) || left == 0 {
				continue
			}
			n := min(left, l.quantity-l.returned(time.Time{}))
			if n > 0 {
				l.back = append(l.back, back{row.At, n})
				left -= n
			}
		}
	}
}

// returned is how many pieces had come back before a time, or at all.
func (l *sale) returned(before time.Time) int {
	n := 0
	for _, b := range l.back {
		if before.IsZero() || b.at.Before(before) {
			n += b.pieces
		}
	}
	return n
}

// person is a customer on the day, with what they did after it.
type person struct {
	entry   book.Entry
	profile profile.Profile
	member  profile.Member
	came    bool
	spent   float64   // in the window, less what was brought back in it
	later   []float64 // unit prices of the lines of the window
}

// at makes everybody's profile of the day.
func (h *history) at(split Split) ([]person, error) {
	var people []person
	for _, customer := range slices.Sorted(maps.Keys(h.of)) {
		p := person{entry: book.Entry{Customer: book.Customer{ID: shopify.GID("gid://shopify/Customer/" + customer)}}}
		spent := decimal.Zero
		for i, o := range h.of[customer] {
			switch {
			case o.at.Before(split.Day):
				p.entry.Orders = append(p.entry.Orders, o.order(customer, i, split.Day))
			case o.at.Before(split.Day.Add(split.Window)):
				p.came = true
				for _, l := range o.lines {
					if !l.voucher {
						kept := l.quantity - l.returned(split.Day.Add(split.Window))
						spent = spent.Add(l.each.Mul(decimal.NewFromInt(int64(kept))))
						p.later = append(p.later, l.each.InexactFloat64())
					}
				}
			}
		}
		p.spent = spent.InexactFloat64()
		if len(p.entry.Orders) > 0 {
			p.member = profile.MemberOf(p.entry, currency)
			people = append(people, p)
		}
	}
	shop, err := profile.NewPopulation(currency, func(yield func(profile.Member, error) bool) {
		for i := range people {
			if !yield(people[i].member, nil) {
				return
			}
		}
	}, nil)
	if err != nil {
		return nil, err
	}
	for i := range people {
		people[i].profile = profile.Of(people[i].entry, shop, split.Day)
	}
	return people, nil
}

// order is an invoice as the book has it on a day. The data knows no categories: all
// goods are of one.
func (o *invoice) order(customer string, n int, day time.Time) book.Order {
	out := book.Order{
		ID: shopify.GID("gid://shopify/Order/" + customer + "-" + strconv.Itoa(n)), Name: o.number, At: o.at, Channel: book.Online,
		Total: shopify.Money{CurrencyCode: currency}, Refunded: shopify.Money{CurrencyCode: currency},
	}
	for _, l := range o.lines {
		paid := l.each.Mul(decimal.NewFromInt(int64(l.quantity)))
		back := l.returned(day)
		out.Lines = append(out.Lines, book.Line{
			Title: l.article, Category: "Goods", Quantity: l.quantity, Returned: back, Paid: shopify.Money{Amount: paid, CurrencyCode: currency}, GiftCard: l.voucher,
		})
		out.Total.Amount = out.Total.Amount.Add(paid)
		out.Refunded.Amount = out.Refunded.Amount.Add(l.each.Mul(decimal.NewFromInt(int64(back))))
	}
	return out
}

func unit(l *book.Line) float64 {
	return l.Paid.Amount.InexactFloat64() / float64(max(l.Quantity, 1))
}
