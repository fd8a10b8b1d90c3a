package shopifytest

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// orderMutations are those that end, reopen and edit orders.
var orderMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"orderClose":                   orderClose,
	"orderOpen":                    orderOpen,
	"orderCancel":                  orderCancel,
	"orderEditBegin":               orderEditBegin,
	"orderEditAddVariant":          onEdit(orderEditAddVariant),
	"orderEditAddCustomItem":       onEdit(orderEditAddCustomItem),
	"orderEditSetQuantity":         onEdit(orderEditSetQuantity),
	"orderEditAddLineItemDiscount": onEdit(orderEditAddLineItemDiscount),
	"orderEditRemoveDiscount":      onEdit(orderEditRemoveDiscount),
	"orderEditCommit":              orderEditCommit,
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderClose
func orderClose(s *state, c *graph.Call) (any, error) {
	return s.setClosed(c, func(o *order) bool {
		if !o.closedAt.IsZero() {
			return false
		}
		o.closedAt = s.now()
		return true
	})
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderOpen
func orderOpen(s *state, c *graph.Call) (any, error) {
	return s.setClosed(c, func(o *order) bool {
		was := !o.closedAt.IsZero()
		o.closedAt = time.Time{}
		return was
	})
}

func (s *state) setClosed(c *graph.Call, change func(*order) bool) (any, error) {
	o, ok := find[*order](s, text(input(c, "input"), "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Order does not exist"}), nil
	}
	if change(o) {
		s.updated(o)
	}
	return done("order", object(o)), nil
}

// orderCancel is done when it answers.
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderCancel
func orderCancel(s *state, c *graph.Call) (any, error) {
	no := func(code, message string, field ...string) (any, error) {
		out := refused(userError{field, message, code})
		out["orderCancelUserErrors"] = out["userErrors"]
		out["userErrors"] = refused(userError{field: field, message: message})["userErrors"]
		return out, nil
	}
	o, ok := find[*order](s, text(c.Args, "orderId"))
	method := input(c, "refundMethod")
	credit := nested(method, "storeCreditRefund")
	if credit["expiresAt"] != nil {
		return nil, notSimulated("store credit that expires")
	}
	switch {
	case !ok:
		return no("NOT_FOUND", "Order does not exist", "orderId")
	case !o.cancelledAt.IsZero():
		return no("INVALID", "Order has already been canceled", "orderId")
	case o.fulfillment != nil:
		return no("INVALID", "Cannot cancel an order that has been fulfilled", "orderId")
	case len(text(c.Args, "staffNote")) > 255:
		return no("INVALID", "Staff note is too long (maximum is 255 characters)", "staffNote")
	case credit != nil && o.customer == nil:
		return no("STORE_CREDIT_REFUND_MISSING_CUSTOMER", "The order has no customer to refund to", "refundMethod", "storeCreditRefund")
	}
	restock, _ := c.Args["restock"].(bool)
	back, _ := c.Args["refund"].(bool)
	if original, _ := method["originalPaymentMethodsRefund"].(bool); original {
		back = true
	}
	s.cancel(o, text(c.Args, "reason"), restock, back, credit != nil)
	out := s.jobPayload()
	out["orderCancelUserErrors"] = graph.List{}
	return out, nil
}

// cancel ends the order: what was set aside is released, what was paid goes back if it is to.
func (s *state) cancel(o *order, reason string, restock, back, asCredit bool) {
	group, now, at := s.newGroup(), s.now(), s.origin(o)
	g := giveBack{at: now, silent: true, shipping: o.shipping.Sub(o.refundedShipping())}
	for _, l := range o.lines {
		n := l.currentQuantity()
		if n == 0 {
			continue
		}
		kind := "NO_RESTOCK"
		if restock {
			kind = "CANCEL"
		}
		g.lines = append(g.lines, giveBackLine{line: l, quantity: n, restock: kind})
		s.release(l, n, at, restock, group)
	}
	left := o.received().Sub(o.refunded())
	if asCredit || back {
		g.payments = o.giveBack(left)
	}
	if asCredit && len(g.payments) > 0 {
		for i := range g.payments {
			g.payments[i].gateway = "shopify_store_credit"
		}
		if o.customer.credit == nil {
			o.customer.credit = &creditAccount{owner: o.customer}
			s.add(o.customer.credit, "StoreCreditAccount", 0, now)
		}
		s.book(o.customer.credit, &creditTransaction{amount: left}, "StoreCreditAccountCreditTransaction")
	}
	r := s.refund(o, g)
	o.cancelledAt, o.closedAt, o.cancelReason = now, now, reason
	s.touch(o)
	for _, t := range r.transactions {
		s.emitTender(t, group)
	}
	s.emit("refunds/create", r, s.refundPayload(r), group)
	s.emit("orders/cancelled", o, s.orderPayload(o), group)
	s.emit("orders/updated", o, s.orderPayload(o), group)
}

var editOfCancelled = userError{field: []string{"id"}, message: "The order cannot be edited because it was canceled."}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditBegin
func orderEditBegin(s *state, c *graph.Call) (any, error) {
	o, ok := find[*order](s, text(c.Args, "id"))
	switch {
	case !ok:
		return refused(userError{field: []string{"id"}, message: "The order does not exist."}), nil
	case !o.cancelledAt.IsZero():
		return refused(editOfCancelled), nil
	}
	return editPayload(s, s.begin(o), nil), nil
}

// editPayload is the payload of a step of an edit.
func editPayload(s *state, e *orderEdit, l *editLine) graph.Object {
	out := done("calculatedOrder", object(e))
	out["orderEditSession"] = graph.Object{"__typename": "OrderEditSession", "id": gid("OrderEditSession", e.id)}
	if l != nil {
		out["calculatedLineItem"] = l.object(s)
	}
	return out
}

// editOf is the edit that the argument id names and that is not committed yet.
func (s *state) editOf(c *graph.Call) (*orderEdit, *userError) {
	id := text(c.Args, "id")
	e, ok := find[*orderEdit](s, "gid://shopify/CalculatedOrder/"+numericPart(id))
	switch {
	case !ok:
		return nil, &userError{field: []string{"id"}, message: "The calculated order does not exist."}
	case e.committed:
		return nil, &userError{field: []string{"id"}, message: "The edit has been committed already."}
	case !e.order.cancelledAt.IsZero():
		return nil, &editOfCancelled
	}
	return e, nil
}

func onEdit(run func(s *state, c *graph.Call, e *orderEdit) (*editLine, *userError)) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		e, problem := s.editOf(c)
		if problem != nil {
			return refused(*problem), nil
		}
		if id := text(c.Args, "locationId"); id != "" {
			switch at, ok := find[*location](s, id); {
			case !ok:
				return refused(userError{field: []string{"locationId"}, message: "The location does not exist."}), nil
			case at != s.origin(e.order):
				return nil, notSimulated("the edit of an order at another location than its own")
			}
		}
		l, problem := run(s, c, e)
		if problem != nil {
			return refused(*problem), nil
		}
		out := editPayload(s, e, l)
		if l != nil && l.discount != nil && c.Field == "orderEditAddLineItemDiscount" {
			out["addedDiscountStagedChange"] = l.stagedDiscount(s)
		}
		return out, nil
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditAddVariant
func orderEditAddVariant(s *state, c *graph.Call, e *orderEdit) (*editLine, *userError) {
	v, ok := find[*variant](s, text(c.Args, "variantId"))
	n, _ := c.Args["quantity"].(int)
	again, _ := c.Args["allowDuplicates"].(bool)
	switch {
	case !ok:
		return nil, &userError{field: []string{"variantId"}, message: "The variant does not exist."}
	case n < 1 || n > maxPieces:
		return nil, &userError{field: []string{"quantity"}, message: "Quantity must be greater than 0."}
	case !again && slices.ContainsFunc(e.lines, func(l *editLine) bool { return l.variant() == v }):
		return nil, &userError{field: []string{"variantId"}, message: "The variant is already on the order. Allow duplicates to add it again."}
	}
	return e.add(s, placementLine{variant: v, price: v.price, taxable: !v.untaxed, shipped: !v.item.unshipped}, n), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditAddCustomItem
func orderEditAddCustomItem(s *state, c *graph.Call, e *orderEdit) (*editLine, *userError) {
	money := input(c, "price")
	price, ok := plausibleAmount(money["amount"])
	n, _ := c.Args["quantity"].(int)
	switch {
	case text(c.Args, "title") == "":
		return nil, &userError{field: []string{"title"}, message: "Title can't be blank."}
	case !ok || text(money, "currencyCode") != s.shop.data.Currency:
		return nil, &userError{field: []string{"price"}, message: "Price must be an amount in the shop's currency."}
	case n < 1 || n > maxPieces:
		return nil, &userError{field: []string{"quantity"}, message: "Quantity must be greater than 0."}
	}
	taxable, _ := c.Args["taxable"].(bool)
	shipped, _ := c.Args["requiresShipping"].(bool)
	return e.add(s, placementLine{title: text(c.Args, "title"), price: s.round(price), taxable: taxable, shipped: shipped}, n), nil
}

func (e *orderEdit) add(s *state, p placementLine, quantity int) *editLine {
	l := &editLine{id: "gid://shopify/CalculatedLineItem/" + s.uuid(), added: p, quantity: quantity}
	e.lines = append(e.lines, l)
	return l
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditSetQuantity
func orderEditSetQuantity(_ *state, c *graph.Call, e *orderEdit) (*editLine, *userError) {
	l := e.find(text(c.Args, "lineItemId"))
	n, _ := c.Args["quantity"].(int)
	switch {
	case l == nil:
		return nil, &userError{field: []string{"lineItemId"}, message: "The line item does not exist."}
	case n < 0 || n > maxPieces:
		return nil, &userError{field: []string{"quantity"}, message: "Quantity must be greater than or equal to 0."}
	case n < l.fixed():
		return nil, &userError{field: []string{"quantity"}, message: "Quantity cannot be lower than what was fulfilled."}
	}
	l.quantity = n
	l.restock, _ = c.Args["restock"].(bool)
	if l.line == nil && n == 0 {
		e.lines = remove(e.lines, l)
		return nil, nil
	}
	return l, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditAddLineItemDiscount
func orderEditAddLineItemDiscount(s *state, c *graph.Call, e *orderEdit) (*editLine, *userError) {
	l := e.find(text(c.Args, "lineItemId"))
	in := input(c, "discount")
	percent, isPercent := number(in["percentValue"])
	fixed := nested(in, "fixedValue")
	amount, isAmount := plausibleAmount(fixed["amount"])
	bad := func(message string) (*editLine, *userError) {
		return nil, &userError{field: []string{"discount"}, message: message}
	}
	switch {
	case l == nil:
		return nil, &userError{field: []string{"lineItemId"}, message: "The line item does not exist."}
	case isPercent == (fixed != nil):
		return bad("Exactly one of fixedValue and percentValue must be given.")
	case isPercent && (!percent.IsPositive() || percent.GreaterThan(hundred)):
		return bad("Percentage must be between 0 and 100.")
	case fixed != nil && (!isAmount || !amount.IsPositive() || text(fixed, "currencyCode") != s.shop.data.Currency):
		return bad("Amount must be positive and in the shop's currency.")
	case l.discount != nil || l.line != nil && l.line.discount != nil:
		return bad("The line item has a discount already.")
	case l.fixed() > 0:
		return bad("The line item has been fulfilled.")
	}
	l.discount, l.text = &Discount{Title: text(in, "description"), Percent: percent, Amount: amount}, text(in, "description")
	if isPercent {
		l.discount.Amount = decimal.Zero
	} else {
		l.discount.Percent = decimal.Zero
	}
	return l, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditRemoveDiscount
func orderEditRemoveDiscount(_ *state, c *graph.Call, e *orderEdit) (*editLine, *userError) {
	id := numericPart(text(c.Args, "discountApplicationId"))
	for _, l := range e.lines {
		if l.discount != nil && numericPart(l.id) == id {
			l.discount, l.text = nil, ""
			return nil, nil
		}
	}
	return nil, &userError{field: []string{"discountApplicationId"}, message: "The discount does not exist."}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderEditCommit
func orderEditCommit(s *state, c *graph.Call) (any, error) {
	e, problem := s.editOf(c)
	switch {
	case problem != nil:
	case !slices.ContainsFunc(e.lines, func(l *editLine) bool { return l.line == nil || l.quantity != l.was || l.discount != nil }):
		problem = &userError{field: []string{"id"}, message: "There are no changes to commit."}
	case slices.ContainsFunc(e.lines, (*editLine).stale):
		problem = &userError{field: []string{"id"}, message: "The order has changed since the edit was begun."}
	}
	if problem != nil {
		return refused(*problem), nil
	}
	notify, _ := c.Args["notifyCustomer"].(bool)
	s.commit(e, notify, text(c.Args, "staffNote"))
	out := done("order", object(e.order))
	out["successMessages"] = []string{"Order updated"}
	return out, nil
}
