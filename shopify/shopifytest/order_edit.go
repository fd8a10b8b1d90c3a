package shopifytest

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// orderEdit is an edit of an order that was begun. Its GID is that of the calculated order.
type orderEdit struct {
	head
	order     *order
	lines     []*editLine
	committed bool
}

// editLine is a line as it will be.
type editLine struct {
	id       string    // GID of the CalculatedLineItem
	line     *lineItem // nil: it is added
	added    placementLine
	was      int // pieces when the edit was begun
	quantity int
	discount *Discount // that the edit gives; nil: none
	text     string    // of the discount
	restock  bool      // what is taken off goes back on the shelf
}

// stale tells whether the order's line has changed since the edit was begun in a way that
// the edit does not allow for.
func (l *editLine) stale() bool {
	return l.line != nil && (l.line.currentQuantity() != l.was || l.discount != nil && l.line.discount != nil)
}

func (l *editLine) variant() *variant {
	if l.line == nil {
		return l.added.variant
	}
	return l.line.variant
}

func (l *editLine) price() decimal.Decimal {
	if l.line == nil {
		return l.added.price
	}
	return l.line.price
}

func (l *editLine) taxable() bool {
	return l.line == nil && l.added.taxable || l.line != nil && l.line.taxable
}

// fixed is how many pieces cannot be taken off any more: they were sent.
func (l *editLine) fixed() int {
	if l.line == nil {
		return 0
	}
	return l.line.currentQuantity() - l.line.unfulfilled()
}

func (l *editLine) off(s *state) decimal.Decimal {
	return s.off(l.discount, l.price().Mul(decimal.NewFromInt(int64(l.quantity))))
}

// worth is what the line will come to, net and tax.
func (l *editLine) worth(s *state, o *order) (net, tax decimal.Decimal) {
	if l.line != nil {
		net, tax = l.line.net(), l.line.tax
		for _, r := range o.refunds {
			for _, rl := range r.lines {
				if rl.line == l.line {
					net, tax = net.Sub(rl.subtotal), tax.Sub(rl.tax)
				}
			}
		}
	}
	change := decimal.Zero
	switch delta := l.quantity - l.was; {
	case delta < 0:
		lessNet, lessTax := s.quote(l.line, -delta)
		net, tax = net.Sub(lessNet), tax.Sub(lessTax)
	case delta > 0:
		change = l.price().Mul(decimal.NewFromInt(int64(delta)))
	}
	change = change.Sub(l.off(s))
	net = net.Add(change)
	if l.taxable() {
		tax = tax.Add(s.round(change.Mul(o.taxRate)))
	}
	return net, tax
}

// sums are what the order will come to.
func (e *orderEdit) sums(s *state) (subtotal, tax, total decimal.Decimal) {
	for _, l := range e.lines {
		net, t := l.worth(s, e.order)
		subtotal, tax = subtotal.Add(net), tax.Add(t)
	}
	return subtotal, tax, subtotal.Add(tax).Add(e.order.shipping).Sub(e.order.refundedShipping())
}

var orderEditFields = table[*orderEdit]{
	"originalOrder":            func(_ *state, e *orderEdit, _ *graph.Call) any { return object(e.order) },
	"committed":                func(_ *state, e *orderEdit, _ *graph.Call) any { return e.committed },
	"notificationPreviewTitle": func(_ *state, e *orderEdit, _ *graph.Call) any { return "Order " + e.order.name() + " was changed" },
	"shippingLines":            always[*orderEdit](graph.List{}),
	"lineItems": func(s *state, e *orderEdit, _ *graph.Call) any {
		return e.objects(s, func(l *editLine) bool { return true })
	},
	"addedLineItems": func(s *state, e *orderEdit, _ *graph.Call) any {
		return e.objects(s, func(l *editLine) bool { return l.line == nil })
	},
	"subtotalLineItemsQuantity": func(_ *state, e *orderEdit, _ *graph.Call) any {
		n := 0
		for _, l := range e.lines {
			n += l.quantity
		}
		return n
	},
	"subtotalPriceSet": bag(func(s *state, e *orderEdit) decimal.Decimal { v, _, _ := e.sums(s); return v }),
	"totalPriceSet":    bag(func(s *state, e *orderEdit) decimal.Decimal { _, _, v := e.sums(s); return v }),
	"totalOutstandingSet": bag(func(s *state, e *orderEdit) decimal.Decimal {
		_, _, total := e.sums(s)
		return total.Sub(e.order.received()).Add(e.order.refunded())
	}),
	"taxLines": func(s *state, e *orderEdit, _ *graph.Call) any {
		_, tax, _ := e.sums(s)
		return s.taxLines(e.order, tax)
	},
	"stagedChanges": func(s *state, e *orderEdit, _ *graph.Call) any {
		out := graph.List{}
		for _, l := range e.lines {
			out = append(out, l.staged(s)...)
		}
		return out
	},
}

func (e *orderEdit) objects(s *state, want func(*editLine) bool) graph.List {
	out := graph.List{}
	for _, l := range e.lines {
		if want(l) {
			out = append(out, l.object(s))
		}
	}
	return out
}

// object is the line as a CalculatedLineItem.
func (l *editLine) object(s *state) graph.Object {
	title, variantTitle, sku, attributes := l.added.title, "", l.added.sku, l.added.attributes
	if v := l.added.variant; v != nil {
		title, sku = v.product.title, v.sku
		if len(v.options) > 0 {
			variantTitle = v.title()
		}
	}
	if l.line != nil {
		title, variantTitle, sku, attributes = l.line.title, l.line.variantTitle, l.line.sku, l.line.attributes
	}
	each := l.price()
	if l.quantity > 0 {
		each = s.each(l.price().Mul(decimal.NewFromInt(int64(l.quantity))).Sub(l.off(s)), l.quantity)
	}
	changes := l.staged(s)
	return graph.Object{
		"__typename": "CalculatedLineItem", "id": l.id, "title": title, "variantTitle": orNull(variantTitle), "sku": orNull(sku), "variant": ref(l.variant()),
		"quantity": l.quantity, "editableQuantity": l.quantity - l.fixed(), "editableQuantityBeforeChanges": l.was - l.fixed(),
		"originalUnitPriceSet": s.moneyBag(l.price()), "discountedUnitPriceSet": s.moneyBag(each),
		"editableSubtotalSet":   s.moneyBag(each.Mul(decimal.NewFromInt(int64(l.quantity - l.fixed())))),
		"uneditableSubtotalSet": s.moneyBag(each.Mul(decimal.NewFromInt(int64(l.fixed())))),
		"restockable":           l.variant() != nil, "restocking": l.restock, "hasStagedLineItemDiscount": l.discount != nil,
		"customAttributes": attributeList(attributes), "stagedChanges": changes, graph.Stored: true,
	}
}

// staged are the changes of the line, as OrderStagedChange.
func (l *editLine) staged(s *state) graph.List {
	out := graph.List{}
	switch delta := l.quantity - l.was; {
	case l.line == nil && l.added.variant != nil:
		out = append(out, graph.Object{"__typename": "OrderStagedChangeAddVariant", "quantity": l.quantity, "variant": object(l.added.variant)})
	case l.line == nil:
		out = append(out, graph.Object{"__typename": "OrderStagedChangeAddCustomItem", "quantity": l.quantity, "title": l.added.title, "originalUnitPrice": s.moneyV2(l.added.price)})
	case delta > 0:
		out = append(out, graph.Object{"__typename": "OrderStagedChangeIncrementItem", "delta": delta, "lineItem": object(l.line)})
	case delta < 0:
		out = append(out, graph.Object{"__typename": "OrderStagedChangeDecrementItem", "delta": -delta, "lineItem": object(l.line), "restock": l.restock})
	}
	if l.discount != nil {
		out = append(out, l.stagedDiscount(s))
	}
	return out
}

func (l *editLine) stagedDiscount(s *state) graph.Object {
	value := s.moneyV2(l.discount.Amount)
	if l.discount.Percent.IsPositive() {
		value = graph.Object{"__typename": "PricingPercentageValue", "percentage": l.discount.Percent.InexactFloat64()}
	}
	return graph.Object{"__typename": "OrderStagedChangeAddLineItemDiscount", "id": "gid://shopify/OrderStagedChangeAddLineItemDiscount/" + numericPart(l.id), "description": l.text, "value": value}
}

// commit writes the edit to the order and tells the subscribers.
func (s *state) commit(e *orderEdit, notify bool, note string) {
	o, group, now := e.order, s.newGroup(), s.now()
	at := s.origin(o)
	additions, removals, discounts := []any{}, []any{}, []any{}
	less := giveBack{at: now, silent: true}
	for _, l := range e.lines {
		delta := l.quantity - l.was
		if delta < 0 {
			restock := "NO_RESTOCK"
			if l.restock {
				restock = "CANCEL"
			}
			less.lines = append(less.lines, giveBackLine{line: l.line, quantity: -delta, restock: restock})
			s.release(l.line, -delta, at, l.restock, group)
			removals = append(removals, map[string]any{"id": l.line.id, "delta": -delta})
		}
	}
	var removed *refund
	if len(less.lines) > 0 {
		removed = s.refund(o, less)
	}
	for _, l := range e.lines {
		delta := l.quantity - l.was
		if l.line == nil {
			added := l.added
			added.quantity, added.discount = l.quantity, l.discount
			s.placeLine(o, added)
			l.line = o.lines[len(o.lines)-1]
			l.line.quantity = 0 // setAside counts it
		} else if l.discount != nil {
			l.line.discount, l.line.ownDiscount = l.discount, l.line.ownDiscount.Add(l.off(s))
		}
		if delta > 0 {
			s.setAside(l.line, delta, at, group)
			additions = append(additions, map[string]any{"id": l.line.id, "delta": delta})
		}
		if l.discount != nil {
			discounts = append(discounts, map[string]any{"line_item_id": l.line.id, "description": l.text, "amount": s.fixed(l.off(s))})
		}
		l.was, l.discount = l.quantity, nil // nothing is staged any more
	}
	s.retotal(o)
	e.committed, o.edited = true, true
	s.touch(o)
	if removed != nil {
		s.emit("refunds/create", removed, s.refundPayload(removed), group)
	}
	none := []any{}
	s.emit("orders/edited", o, map[string]any{"order_edit": map[string]any{
		"id": e.id, "order_id": o.id, "app_id": s.app.app.id, "user_id": nil, "created_at": s.restTime(e.createdAt), "committed_at": s.restTime(now),
		"notify_customer": notify, "staff_note": note, "line_items": map[string]any{"additions": additions, "removals": removals},
		"discounts":      map[string]any{"line_item": map[string]any{"additions": discounts, "removals": none}},
		"shipping_lines": map[string]any{"additions": none, "removals": none},
	}}, group)
	s.emit("orders/updated", o, s.orderPayload(o), group)
}

// setAside adds pieces to a line and sets them aside.
func (s *state) setAside(l *lineItem, n int, at *location, group string) {
	l.quantity += n
	if l.order.fulfillment != nil {
		l.added += n
	}
	if l.variant == nil {
		return
	}
	if lv := l.variant.item.at(at); lv != nil {
		s.adjust(lv, "available", -n)
		s.commitStock(l, lv, n)
		s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
	}
}

// release takes pieces that were set aside for a line back, on the shelf or not.
func (s *state) release(l *lineItem, n int, at *location, restock bool, group string) {
	l.added = max(l.added-n, 0)
	if l.variant == nil {
		return
	}
	if lv := l.variant.item.at(at); lv != nil {
		s.commitStock(l, lv, -n)
		if restock {
			s.adjust(lv, "available", n)
		}
		s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
	}
}

// retotal sums the order up anew. What its own discount takes off each line stays.
func (s *state) retotal(o *order) {
	o.subtotal, o.discounts, o.tax = decimal.Zero, decimal.Zero, decimal.Zero
	for _, l := range o.lines {
		if l.taxable {
			l.tax = s.round(l.net().Mul(o.taxRate))
		}
		o.subtotal = o.subtotal.Add(l.net())
		o.discounts = o.discounts.Add(l.ownDiscount).Add(l.share)
		o.tax = o.tax.Add(l.tax)
	}
	o.total = o.subtotal.Add(o.shipping).Add(o.tax)
}

// begin makes an edit of the order.
func (s *state) begin(o *order) *orderEdit {
	e := &orderEdit{order: o}
	for _, l := range o.lines {
		if l.currentQuantity() > 0 {
			e.lines = append(e.lines, &editLine{id: gid("CalculatedLineItem", l.id), line: l, was: l.currentQuantity(), quantity: l.currentQuantity()})
		}
	}
	s.add(e, "CalculatedOrder", 0, s.now())
	return e
}

// find is the line that the GID names: its own or that of the order's line.
func (e *orderEdit) find(id string) *editLine {
	i := slices.IndexFunc(e.lines, func(l *editLine) bool {
		return l.id == id || l.line != nil && id == "gid://shopify/LineItem/"+strconv.FormatInt(l.line.id, 10)
	})
	if i < 0 {
		return nil
	}
	return e.lines[i]
}
