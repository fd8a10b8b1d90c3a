package shopifytest

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// suggestion is the refund that the shop would make.
type suggestion struct {
	order                              *order
	lines                              []*refundLine
	subtotal, tax, discounts, shipping decimal.Decimal
}

// suggestedRefund answers the order's field of that name.
// https://shopify.dev/docs/api/admin-graphql/latest/objects/SuggestedRefund
func suggestedRefund(s *state, o *order, c *graph.Call) (any, error) {
	if key := unknown(c.Args, "refundLineItems", "refundShipping", "shippingAmount", "suggestFullRefund", "refundMethodAllocation"); key != "" {
		return nil, notSimulated("suggestedRefund." + key)
	}
	if how := text(c.Args, "refundMethodAllocation"); how != "" && how != "ORIGINAL_PAYMENT_METHODS" {
		return nil, notSimulated("the allocation " + how)
	}
	g := &suggestion{order: o}
	full, _ := c.Args["suggestFullRefund"].(bool)
	wanted := map[*lineItem]int{}
	for _, in := range objects(c.Args["refundLineItems"]) {
		l, ok := find[*lineItem](s, text(in, "lineItemId"))
		n, _ := in["quantity"].(int)
		if !ok || l.order != o || n < 1 {
			return nil, graph.NewError("INVALID_FIELD_ARGUMENTS", "Refund line items must name pieces of the order's line items.")
		}
		if wanted[l] += n; wanted[l] > l.currentQuantity() {
			return nil, graph.NewError("INVALID_FIELD_ARGUMENTS", "Quantity cannot refund more items than were purchased.")
		}
		at, _ := find[*location](s, text(in, "locationId"))
		g.add(s, &refundLine{line: l, quantity: n, restock: text(in, "restockType"), location: at})
	}
	for _, l := range o.lines {
		if n := l.currentQuantity(); full && n > 0 && wanted[l] == 0 {
			g.add(s, &refundLine{line: l, quantity: n})
		}
	}
	left := o.shipping.Sub(o.refundedShipping())
	if all, _ := c.Args["refundShipping"].(bool); all || full {
		g.shipping = left
	} else if amount, ok := number(c.Args["shippingAmount"]); ok {
		g.shipping = decimal.Max(decimal.Min(amount, left), decimal.Zero)
	}
	return g.object(s), nil
}

func (g *suggestion) add(s *state, rl *refundLine) {
	if rl.restock == "" {
		rl.restock = "NO_RESTOCK"
	}
	rl.subtotal, rl.tax = s.quote(rl.line, rl.quantity)
	g.subtotal, g.tax = g.subtotal.Add(rl.subtotal), g.tax.Add(rl.tax)
	g.discounts = g.discounts.Add(s.share(rl.line.share, rl.quantity, rl.line.quantity))
	g.lines = append(g.lines, rl)
}

func (g *suggestion) object(s *state) graph.Object {
	o := g.order
	left := decimal.Max(o.received().Sub(o.refunded()), decimal.Zero)
	amount := decimal.Min(g.subtotal.Add(g.tax).Add(g.shipping), left)
	lines := graph.List{}
	for _, l := range g.lines {
		lines = append(lines, part("RefundLineItem", l))
	}
	shippingLeft := o.shipping.Sub(o.refundedShipping())
	return graph.Object{
		"__typename": "SuggestedRefund", "refundLineItems": lines, "refundDuties": graph.List{}, "suggestedRefundMethods": graph.List{},
		"amount": s.fixed(amount), "amountSet": s.moneyBag(amount), "maximumRefundable": s.fixed(left), "maximumRefundableSet": s.moneyBag(left),
		"subtotal": s.fixed(g.subtotal), "subtotalSet": s.moneyBag(g.subtotal), "discountedSubtotalSet": s.moneyBag(g.subtotal),
		"totalTaxes": s.fixed(g.tax), "totalTaxSet": s.moneyBag(g.tax), "totalDutiesSet": s.moneyBag(decimal.Zero),
		"totalCartDiscountAmountSet": s.moneyBag(g.discounts), "suggestedTransactions": o.suggestedTransactions(s, amount),
		"shipping": graph.Object{
			"__typename": "ShippingRefund", "amount": s.fixed(g.shipping), "amountSet": s.moneyBag(g.shipping), "tax": s.fixed(decimal.Zero), "taxSet": s.moneyBag(decimal.Zero),
			"maximumRefundable": s.fixed(shippingLeft), "maximumRefundableSet": s.moneyBag(shippingLeft), graph.Closed: true,
		},
		graph.Closed: true,
	}
}

// suggestedTransactions are the payments that the amount goes back to.
func (o *order) suggestedTransactions(s *state, amount decimal.Decimal) graph.List {
	out := graph.List{}
	for _, p := range o.giveBack(amount) {
		t, left := p.parent, p.parent.refundable()
		out = append(out, graph.Object{
			"__typename": "SuggestedOrderTransaction", "kind": "SUGGESTED_REFUND", "gateway": t.gateway, "formattedGateway": formattedGateway(t.gateway),
			"amount": s.fixed(p.amount), "amountSet": s.moneyBag(p.amount), "maximumRefundable": s.fixed(left), "maximumRefundableSet": s.moneyBag(left),
			"parentTransaction": object(t), "accountNumber": nil, "paymentDetails": nil, graph.Closed: true,
		})
	}
	return out
}

// refundable is what can still be given back of a payment; zero for anything else.
func (t *transaction) refundable() decimal.Decimal {
	if t.kind != "SALE" && t.kind != "CAPTURE" || t.status != "SUCCESS" {
		return decimal.Zero
	}
	left := t.amount
	for _, other := range t.order.transactions {
		if other.kind == "REFUND" && other.status == "SUCCESS" && other.parent == t {
			left = left.Sub(other.amount)
		}
	}
	return decimal.Max(left, decimal.Zero)
}

// returnableFulfillments answers the query of that name.
// https://shopify.dev/docs/api/admin-graphql/latest/queries/returnableFulfillments
func returnableFulfillments(s *state, c *graph.Call) (any, error) {
	out := graph.List{}
	if o, ok := find[*order](s, text(c.Args, "orderId")); ok {
		if f := s.returnableFulfillment(o); f != nil {
			out = append(out, f)
		}
	}
	return out, nil
}

func returnableFulfillment(s *state, c *graph.Call) (any, error) {
	number, _ := strings.CutPrefix(text(c.Args, "id"), "gid://shopify/ReturnableFulfillment/")
	f, ok := lookup[*fulfillment](s, "Fulfillment", number)
	if !ok {
		return nil, nil
	}
	if v := s.returnableFulfillment(f.order); v != nil {
		return v, nil
	}
	return nil, nil
}

// returnableFulfillment is what was handed over and can come back, nil if nothing can.
func (s *state) returnableFulfillment(o *order) graph.Object {
	lines := graph.List{}
	for _, l := range o.lines {
		if n := l.returnable(); n > 0 {
			lines = append(lines, graph.Object{"__typename": "ReturnableFulfillmentLineItem", "fulfillmentLineItem": s.fulfillmentLine(l), "quantity": n, graph.Closed: true})
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return graph.Object{
		"__typename": "ReturnableFulfillment", "id": gid("ReturnableFulfillment", o.fulfillment.id), "fulfillment": object(o.fulfillment),
		"returnableFulfillmentLineItems": lines, graph.Closed: true,
	}
}
