package shopifytest

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// placement is an order to be placed, with everything looked up and checked.
type placement struct {
	id              int64
	at              time.Time
	source          string
	location        *location
	staff           *staff
	customer        *customer
	email, phone    string
	lines           []placementLine
	discount        *Discount
	shippingTitle   string
	shipping        decimal.Decimal
	taxTitle        string
	taxRate         decimal.Decimal
	gateway         string // empty: not paid
	note, poNumber  string
	attributes      []Attribute
	tags            []string
	shippingAddress *address
	billingAddress  *address
	fulfilled       bool
	takeStock       bool
	test            bool
	silent          bool // history: tells nobody
}

type placementLine struct {
	variant    *variant
	title, sku string // of a custom article
	quantity   int
	price      decimal.Decimal
	discount   *Discount
	attributes []Attribute
	taxable    bool
	shipped    bool
}

// place files the order, takes the stock and tells the subscribers.
func (s *state) place(p placement) *order {
	s.lastOrder++
	o := &order{
		number: s.lastOrder, confirmation: s.confirmation(), source: p.source, processedAt: p.at,
		location: p.location, staff: p.staff, customer: p.customer, email: p.email, phone: p.phone,
		note: p.note, poNumber: p.poNumber, tags: normalizeTags(p.tags), attributes: p.attributes,
		shippingAddress: p.shippingAddress, billingAddress: p.billingAddress, discount: p.discount,
		shippingTitle: p.shippingTitle, shipping: p.shipping, taxTitle: p.taxTitle, taxRate: p.taxRate,
		inventoryTaken: p.takeStock, test: p.test,
	}
	if o.origin = p.location; o.origin == nil {
		o.origin = s.home()
	}
	s.add(o, "Order", p.id, p.at)
	if o.customer != nil && o.email == "" {
		o.email = o.customer.email
	}
	if p.discount != nil {
		o.code = p.discount.Code
	}
	if o.location != nil {
		o.deviceID = o.location.id%1_000_000_007 + 1
	}
	used := []*Discount{p.discount}
	for _, pl := range p.lines {
		s.placeLine(o, pl)
		used = append(used, pl.discount)
		if o.code == "" && pl.discount != nil {
			o.code = pl.discount.Code
		}
	}
	s.redeem(used...)
	s.total(o)
	if p.gateway != "" {
		s.pay(o, "SALE", p.gateway, o.total, p.at)
	}
	if p.fulfilled {
		o.fulfillment, o.closedAt = &fulfillment{order: o}, p.at
		s.add(o.fulfillment, "Fulfillment", 0, p.at)
	}
	s.orders = append(s.orders, o)
	if o.customer != nil {
		o.customer.orders = append(o.customer.orders, o)
		if !p.silent {
			s.touch(o.customer)
		}
	}
	if p.silent {
		return o
	}
	group := s.newGroup()
	s.emit("orders/create", o, s.orderPayload(o), group)
	if p.gateway != "" {
		s.emit("orders/paid", o, s.orderPayload(o), group)
		s.emitTender(o.transactions[0], group)
	}
	if p.fulfilled {
		s.emit("orders/fulfilled", o, s.orderPayload(o), group)
	}
	if p.takeStock {
		s.takeStock(o, group)
	}
	if o.customer != nil {
		s.emit("customers/update", o.customer, s.customerPayload(o.customer), group)
	}
	return o
}

func (s *state) placeLine(o *order, p placementLine) {
	l := &lineItem{
		order: o, variant: p.variant, title: p.title, sku: p.sku, quantity: p.quantity, price: p.price,
		discount: p.discount, attributes: p.attributes, taxable: p.taxable, shipped: p.shipped, staff: o.staff,
	}
	if v := p.variant; v != nil {
		l.title, l.sku, l.vendor = v.product.title, v.sku, v.product.vendor
		if len(v.options) > 0 {
			l.variantTitle = v.title()
		}
	}
	l.ownDiscount = s.off(p.discount, l.gross())
	s.add(l, "LineItem", 0, o.createdAt)
	o.lines = append(o.lines, l)
}

// total computes the order's sums from its lines.
func (s *state) total(o *order) {
	weights := make([]decimal.Decimal, len(o.lines))
	goods := decimal.Zero
	for i, l := range o.lines {
		weights[i] = l.gross().Sub(l.ownDiscount)
		goods = goods.Add(weights[i])
	}
	parts := make([]decimal.Decimal, len(o.lines))
	if o.discount != nil {
		parts = spread(s.off(o.discount, goods), weights, s.shop.digits)
	}
	o.subtotal, o.discounts, o.tax = decimal.Zero, decimal.Zero, decimal.Zero
	for i, l := range o.lines {
		l.share = parts[i]
		net := weights[i].Sub(l.share)
		l.tax = decimal.Zero
		if l.taxable {
			l.tax = s.round(net.Mul(o.taxRate))
		}
		o.subtotal = o.subtotal.Add(net)
		o.discounts = o.discounts.Add(l.ownDiscount).Add(l.share)
		o.tax = o.tax.Add(l.tax)
	}
	o.total = o.subtotal.Add(o.shipping).Add(o.tax)
}

func (s *state) pay(o *order, kind, gateway string, amount decimal.Decimal, at time.Time) *transaction {
	t := &transaction{order: o, kind: kind, status: "SUCCESS", gateway: gateway, amount: amount}
	s.add(t, "OrderTransaction", 0, at)
	s.add(&t.tender, "TenderTransaction", 0, at)
	o.transactions = append(o.transactions, t)
	return t
}

// origin is the location whose stock the order takes.
func (s *state) origin(o *order) *location { return o.origin }

// takeStock takes the goods off the shelf, or sets them aside if they are yet to be sent. Like the
// register it never refuses: stock may become negative.
func (s *state) takeStock(o *order, group string) {
	at := s.origin(o)
	for _, l := range o.lines {
		if l.variant == nil {
			continue
		}
		lv := l.variant.item.at(at)
		if lv == nil {
			continue
		}
		s.adjust(lv, "available", -l.quantity)
		if o.fulfillment == nil {
			s.commitStock(l, lv, l.quantity)
		}
		s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
	}
}

// commitStock sets pieces of a line aside, or no longer if n is negative: at most those that are.
func (s *state) commitStock(l *lineItem, lv *level, n int) {
	n = max(n, -l.aside)
	l.aside += n
	s.adjust(lv, "committed", n)
}

// confirmation is a confirmation number: nine capitals and digits that are not mistaken for others.
func (s *state) confirmation() string {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	var b strings.Builder
	for range 9 {
		b.WriteByte(alphabet[s.random.IntN(len(alphabet))])
	}
	return b.String()
}
