package shopifytest

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// giveBack is a refund to be made, with everything looked up and checked.
type giveBack struct {
	at       time.Time
	note     string
	staff    *staff
	lines    []giveBackLine
	shipping decimal.Decimal
	payments []giveBackPayment // none: no money changes hands
	goods    bool              // goods came over the counter: file a return
	ret      *orderReturn      // the return that it belongs to, if there is one already
	silent   bool
}

type giveBackLine struct {
	line       *lineItem
	quantity   int
	restock    string // RefundLineItemRestockType
	location   *location
	definition *returnReason // of goods that came over the counter
}

type giveBackPayment struct {
	gateway string
	amount  decimal.Decimal
	parent  *transaction
}

// quote is what quantity pieces of the line are worth: net and tax, as paid. The last pieces
// get what is left, so that all refunds of a line add up to what was paid.
func (s *state) quote(l *lineItem, quantity int) (net, tax decimal.Decimal) {
	net, tax = s.share(l.net(), quantity, l.quantity), s.share(l.tax, quantity, l.quantity)
	if quantity < l.quantity && quantity == l.currentQuantity() {
		net, tax = l.net(), l.tax
		for _, r := range l.order.refunds {
			for _, rl := range r.lines {
				if rl.line == l {
					net, tax = net.Sub(rl.subtotal), tax.Sub(rl.tax)
				}
			}
		}
	}
	return net, tax
}

// refund files the refund and puts the goods back.
func (s *state) refund(o *order, g giveBack) *refund {
	r := &refund{order: o, note: g.note, staff: g.staff, shipping: g.shipping}
	s.add(r, "Refund", 0, g.at)
	group := s.newGroup()
	for _, gl := range g.lines {
		rl := &refundLine{line: gl.line, quantity: gl.quantity, restock: gl.restock, location: gl.location}
		rl.subtotal, rl.tax = s.quote(gl.line, gl.quantity)
		s.add(rl, "RefundLineItem", 0, g.at)
		gl.line.returned += gl.quantity
		r.lines = append(r.lines, rl)
		if !g.silent {
			s.restock(gl, group)
		}
	}
	for _, p := range g.payments {
		t := s.pay(o, "REFUND", p.gateway, p.amount, g.at)
		t.parent, t.refund = p.parent, r
		r.transactions = append(r.transactions, t)
	}
	if g.goods {
		s.fileReturn(o, r, g)
	}
	if g.ret != nil {
		r.ret = g.ret
		g.ret.refunds = append(g.ret.refunds, r)
	}
	o.refunds = append(o.refunds, r)
	s.refunds = append(s.refunds, r)
	o.updatedAt = g.at
	if g.silent {
		return r
	}
	for _, t := range r.transactions {
		s.emitTender(t, group)
	}
	if g.goods {
		s.tellReturn(r.ret, "approve", group)
		s.tellReturn(r.ret, "close", group)
	}
	s.emit("refunds/create", r, s.refundPayload(r), group)
	s.emit("orders/updated", o, s.orderPayload(o), group)
	return r
}

// restock puts the goods of a line back on the shelf. What is canceled was not sent: it is no longer set aside, wherever
// that was.
//
// https://shopify.dev/docs/api/admin-graphql/latest/enums/RefundLineItemRestockType
func (s *state) restock(gl giveBackLine, group string) {
	var touched []*level
	touch := func(l *location, change func(*level)) {
		if v := gl.line.variant; v != nil && l != nil {
			if lv := v.item.at(l); lv != nil {
				change(lv)
				touched = append(touched, lv)
			}
		}
	}
	if gl.restock == "CANCEL" {
		gl.line.added = max(gl.line.added-gl.quantity, 0)
		if gl.line.aside > 0 {
			touch(s.origin(gl.line.order), func(lv *level) { s.commitStock(gl.line, lv, -gl.quantity) })
		}
	}
	if gl.restock != "NO_RESTOCK" {
		touch(gl.location, func(lv *level) { s.adjust(lv, "available", gl.quantity) })
	}
	for _, lv := range slices.Compact(touched) {
		s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
	}
}

// giveBack divides the amount over the payments that have something left, the latest first.
func (o *order) giveBack(amount decimal.Decimal) []giveBackPayment {
	var out []giveBackPayment
	for _, t := range slices.Backward(o.transactions) {
		if back := decimal.Min(amount, t.refundable()); back.IsPositive() {
			amount = amount.Sub(back)
			out = append(out, giveBackPayment{gateway: t.gateway, amount: back, parent: t})
		}
	}
	return out
}
