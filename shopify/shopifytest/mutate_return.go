package shopifytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// maxReturnNote bounds the notes of a return line, in characters.
const maxReturnNote = 255

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/returnCreate
func returnCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "returnInput")
	if key := unknown(in, "orderId", "returnLineItems", "requestedAt", "notifyCustomer", "unprocessed"); key != "" {
		return nil, notSimulated("ReturnInput." + key)
	}
	return s.createReturn(in, "OPEN", "approve")
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/returnRequest
func returnRequest(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if key := unknown(in, "orderId", "returnLineItems"); key != "" {
		return nil, notSimulated("ReturnRequestInput." + key)
	}
	return s.createReturn(in, "REQUESTED", "request")
}

func (s *state) createReturn(in map[string]any, status, what string) (any, error) {
	o, ok := find[*order](s, text(in, "orderId"))
	if !ok {
		return refused(userError{[]string{"orderId"}, "Order does not exist.", "NOT_FOUND"}), nil
	}
	n := newReturn{at: s.now(), status: status}
	inputs := objects(in["returnLineItems"])
	if len(inputs) == 0 {
		return refused(userError{[]string{"returnLineItems"}, "Return line items can't be blank.", "BLANK"}), nil
	}
	var errs []userError
	wanted := map[*lineItem]int{}
	for i, l := range inputs {
		if key := unknown(l, "fulfillmentLineItemId", "quantity", "returnReason", "returnReasonDefinitionId", "returnReasonNote", "customerNote"); key != "" {
			return nil, notSimulated("the return line's " + key)
		}
		nl, e := s.returnLineFrom(o, l)
		if e == nil {
			if wanted[nl.line] += nl.quantity; wanted[nl.line] > nl.line.returnable() {
				e = &userError{[]string{"quantity"}, "Return line item has an invalid quantity.", "INVALID"}
			}
		}
		if e != nil {
			e.field = append([]string{"returnLineItems", strconv.Itoa(i)}, e.field...)
			errs = append(errs, *e)
			continue
		}
		n.lines = append(n.lines, nl)
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	r := s.openReturn(o, n)
	s.tellChange(r, what)
	return done("return", object(r)), nil
}

// returnLineFrom reads a ReturnLineItemInput or ReturnRequestLineItemInput; the error's field is relative
// to it.
func (s *state) returnLineFrom(o *order, in map[string]any) (newReturnLine, *userError) {
	nl := newReturnLine{note: text(in, "returnReasonNote"), customerNote: text(in, "customerNote")}
	number, _ := strings.CutPrefix(text(in, "fulfillmentLineItemId"), "gid://shopify/FulfillmentLineItem/")
	var ok bool
	if nl.line, ok = lookup[*lineItem](s, "LineItem", number); !ok || nl.line.order != o || o.fulfillment == nil {
		return nl, &userError{[]string{"fulfillmentLineItemId"}, "Fulfillment line item does not exist.", "NOT_FOUND"}
	}
	if nl.quantity, _ = in["quantity"].(int); nl.quantity < 1 {
		return nl, &userError{[]string{"quantity"}, "Quantity must be greater than 0.", "GREATER_THAN"}
	}
	id, legacy := text(in, "returnReasonDefinitionId"), text(in, "returnReason")
	switch {
	case id != "":
		if nl.reason, ok = find[*returnReason](s, id); !ok {
			return nl, &userError{[]string{"returnReasonDefinitionId"}, "Return reason definition does not exist.", "NOT_FOUND"}
		}
	case legacy != "":
		nl.reason = s.returnReasonNamed(legacy)
	default:
		nl.reason = s.returnReasons[0]
	}
	if nl.reason.legacy == "OTHER" && id == "" && nl.note == "" && nl.customerNote == "" {
		return nl, &userError{[]string{"returnReasonNote"}, "Return reason note can't be blank when the reason is other.", "BLANK"}
	}
	for field, note := range map[string]string{"returnReasonNote": nl.note, "customerNote": nl.customerNote} {
		if len([]rune(note)) > maxReturnNote {
			return nl, &userError{[]string{field}, "Note is too long (maximum is 255 characters).", "TOO_LONG"}
		}
	}
	return nl, nil
}

// tellChange notes that a return changed and tells of it and of its order.
func (s *state) tellChange(r *orderReturn, what string) {
	s.touch(r)
	s.touch(r.order)
	group := s.newGroup()
	s.tellReturn(r, what, group)
	s.emit("orders/updated", r.order, s.orderPayload(r.order), group)
}

// returnStep makes a mutation that takes a return from one of some states to another.
func returnStep(id func(*graph.Call) string, to, what string, from ...string) func(s *state, c *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		r, ok := find[*orderReturn](s, id(c))
		if !ok {
			return refused(userError{[]string{"id"}, "Return does not exist.", "NOT_FOUND"}), nil
		}
		if r.status == to {
			return done("return", object(r)), nil
		}
		if !slices.Contains(from, r.status) || what == "cancel" && r.begun() {
			return refused(userError{[]string{"id"}, "Return status is invalid for this operation.", "INVALID_STATE"}), nil
		}
		r.status = to
		s.stepTaken(r, what, input(c, "input"))
		return done("return", object(r)), nil
	}
}

func (s *state) stepTaken(r *orderReturn, what string, in map[string]any) {
	switch what {
	case "approve":
		r.approvedAt = s.now()
	case "decline":
		r.declineReason, r.declineNote = text(in, "declineReason"), text(in, "declineNote")
	case "close":
		r.closedAt = s.now()
	case "reopen":
		r.closedAt = time.Time{}
	}
	s.tellChange(r, what)
}

func argID(c *graph.Call) string { id, _ := c.Args["id"].(string); return id }

func inputID(c *graph.Call) string { return text(input(c, "input"), "id") }

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/returnProcess
func returnProcess(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if key := unknown(in, "returnId", "returnLineItems", "financialTransfer", "note", "notifyCustomer"); key != "" {
		return nil, notSimulated("ReturnProcessInput." + key)
	}
	r, ok := find[*orderReturn](s, text(in, "returnId"))
	if !ok {
		return refused(userError{[]string{"input", "returnId"}, "Return does not exist.", "NOT_FOUND"}), nil
	}
	if r.status != "OPEN" {
		return refused(userError{[]string{"input", "returnId"}, "Return status is invalid for this operation.", "INVALID_STATE"}), nil
	}
	g := giveBack{at: s.now(), note: text(in, "note"), ret: r}
	pieces := map[*returnLine]int{}
	for i, l := range objects(in["returnLineItems"]) {
		if key := unknown(l, "id", "quantity"); key != "" {
			return nil, notSimulated("the processed line's " + key)
		}
		field := []string{"input", "returnLineItems", strconv.Itoa(i)}
		rl, ok := find[*returnLine](s, text(l, "id"))
		if !ok || rl.ret != r {
			return refused(userError{append(field, "id"), "Return line item does not exist.", "NOT_FOUND"}), nil
		}
		n, _ := l["quantity"].(int)
		if pieces[rl] += n; n < 1 || pieces[rl] > rl.unprocessed() {
			return refused(userError{append(field, "quantity"), "Return line item has an invalid quantity.", "INVALID"}), nil
		}
		g.lines = append(g.lines, giveBackLine{line: rl.line, quantity: n, restock: "NO_RESTOCK", definition: rl.reason})
	}
	if transfer := nested(nested(in, "financialTransfer"), "issueRefund"); transfer != nil {
		if errs, err := s.processRefund(r, transfer, &g); err != nil || len(errs) > 0 {
			return refused(errs...), err
		}
	}
	for rl, n := range pieces {
		rl.processed += n
	}
	if len(g.payments) > 0 {
		s.refund(r.order, g)
	}
	s.tellChange(r, "process")
	if !slices.ContainsFunc(r.lines, func(l *returnLine) bool { return l.unprocessed() > 0 }) {
		r.status, r.closedAt = "CLOSED", s.now()
		s.tellChange(r, "close")
	}
	return done("return", object(r)), nil
}

func (s *state) processRefund(r *orderReturn, in map[string]any, g *giveBack) ([]userError, error) {
	if key := unknown(in, "orderTransactions"); key != "" {
		return nil, notSimulated("ReturnProcessRefundInput." + key)
	}
	left := r.order.received().Sub(r.order.refunded())
	for i, t := range objects(in["orderTransactions"]) {
		field := []string{"input", "financialTransfer", "issueRefund", "orderTransactions", strconv.Itoa(i)}
		parent, ok := find[*transaction](s, text(t, "parentId"))
		if !ok || parent.order != r.order {
			return []userError{{append(field, "parentId"), "Transaction does not exist.", "NOT_FOUND"}}, nil
		}
		amount, ok := number(nested(t, "transactionAmount")["amount"])
		if left = left.Sub(amount); !ok || !amount.IsPositive() || left.IsNegative() {
			return []userError{{append(field, "transactionAmount"), "Refund amount is more than the amount paid.", "INVALID"}}, nil
		}
		g.payments = append(g.payments, giveBackPayment{gateway: parent.gateway, amount: amount, parent: parent})
	}
	return nil, nil
}
