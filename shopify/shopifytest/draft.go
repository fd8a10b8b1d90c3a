package shopifytest

import (
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

type draft struct {
	head
	number          int
	status          string // DraftOrderStatus
	customer        *customer
	email, phone    string
	note, poNumber  string
	tags            []string
	attributes      []Attribute
	lines           []*draftLine
	discount        *Discount
	discountText    string
	shippingTitle   string
	shipping        decimal.Decimal
	shippingAddress *address
	billingAddress  *address
	taxExempt       bool
	completedAt     time.Time
	invoiceSentAt   time.Time
	order           *order

	subtotal, discounts, tax, total decimal.Decimal
}

type draftLine struct {
	head
	variant     *variant
	title, sku  string
	quantity    int
	price       decimal.Decimal
	discount    *Discount
	discountTxt string
	attributes  []Attribute
	taxable     bool
	shipped     bool
	uuid        string

	ownDiscount, share, tax decimal.Decimal
}

func (d *draft) name() string { return "#D" + strconv.Itoa(d.number) }

func (l *draftLine) gross() decimal.Decimal {
	return l.price.Mul(decimal.NewFromInt(int64(l.quantity)))
}

func (l *draftLine) name() string {
	if l.variant == nil || len(l.variant.options) == 0 {
		return l.title
	}
	return l.title + " - " + l.variant.title()
}

func (d *draft) quantity() int {
	n := 0
	for _, l := range d.lines {
		n += l.quantity
	}
	return n
}

// draftsOf are the drafts that are for one of the customers.
func (s *state) draftsOf(customers ...*customer) []*draft {
	return slices.DeleteFunc(slices.Clone(s.drafts), func(d *draft) bool { return !slices.Contains(customers, d.customer) })
}

// totalDraft computes the draft's sums. Drafts are taxed at the first location's rate until they
// become an order somewhere.
func (s *state) totalDraft(d *draft) {
	rate, _ := s.homeTax()
	weights := make([]decimal.Decimal, len(d.lines))
	goods := decimal.Zero
	for i, l := range d.lines {
		l.ownDiscount = s.off(l.discount, l.gross())
		weights[i] = l.gross().Sub(l.ownDiscount)
		goods = goods.Add(weights[i])
	}
	parts := spread(s.off(d.discount, goods), weights, s.shop.digits)
	d.subtotal, d.discounts, d.tax = decimal.Zero, decimal.Zero, decimal.Zero
	for i, l := range d.lines {
		l.share = parts[i]
		net := weights[i].Sub(parts[i])
		l.tax = decimal.Zero
		if l.taxable && !d.taxExempt {
			l.tax = s.round(net.Mul(rate))
		}
		d.subtotal = d.subtotal.Add(net)
		d.discounts = d.discounts.Add(l.ownDiscount).Add(l.share)
		d.tax = d.tax.Add(l.tax)
	}
	d.total = d.subtotal.Add(d.shipping).Add(d.tax)
}

func (s *state) homeTax() (rate decimal.Decimal, title string) {
	home := s.home().data
	return home.TaxRate, home.TaxTitle
}

// complete makes an order of the draft.
func (s *state) complete(d *draft, gateway, source string) *order {
	p := placement{
		at: s.now(), source: source, customer: d.customer, email: d.email, phone: d.phone,
		discount: d.discount, shippingTitle: d.shippingTitle, shipping: d.shipping, gateway: gateway,
		note: d.note, poNumber: d.poNumber, attributes: d.attributes, tags: d.tags,
		shippingAddress: d.shippingAddress, billingAddress: d.billingAddress, takeStock: true,
	}
	p.taxRate, p.taxTitle = s.homeTax()
	for _, l := range d.lines {
		p.lines = append(p.lines, placementLine{
			variant: l.variant, title: l.title, sku: l.sku, quantity: l.quantity, price: l.price,
			discount: l.discount, attributes: l.attributes, taxable: l.taxable && !d.taxExempt, shipped: l.shipped,
		})
	}
	d.order = s.place(p)
	d.status, d.completedAt = "COMPLETED", d.order.createdAt
	s.touch(d)
	s.emit("draft_orders/update", d, s.draftPayload(d), s.newGroup())
	return d.order
}
