package shopifytest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// orderReturn is goods that came back or are to come back, with the reason.
type orderReturn struct {
	head
	order   *order
	number  int    // within the order, from 1
	status  string // ReturnStatus
	staff   *staff // who opened it; nil: the customer asked for it, or an app did
	refunds []*refund
	lines   []*returnLine

	approvedAt, closedAt time.Time
	declineReason        string // ReturnDeclineReason
	declineNote          string
}

type returnLine struct {
	head
	ret          *orderReturn
	line         *lineItem
	quantity     int
	processed    int
	reason       *returnReason
	note         string // what the merchant wrote
	customerNote string
}

func (r *orderReturn) name() string { return r.order.name() + "-R" + strconv.Itoa(r.number) }

func (r *orderReturn) quantity() int {
	n := 0
	for _, l := range r.lines {
		n += l.quantity
	}
	return n
}

// live tells whether goods are still to come back.
func (r *orderReturn) live() bool { return r.status == "REQUESTED" || r.status == "OPEN" }

// begun tells whether goods were taken in or money was given back: such a return cannot be canceled any more.
func (r *orderReturn) begun() bool {
	return len(r.refunds) > 0 || slices.ContainsFunc(r.lines, func(l *returnLine) bool { return l.processed > 0 })
}

// refunded is how many pieces of the line were given money back for in this return.
func (l *returnLine) refunded() int {
	n := 0
	for _, r := range l.ret.refunds {
		for _, rl := range r.lines {
			if rl.line == l.line {
				n += rl.quantity
			}
		}
	}
	return min(n, l.quantity)
}

// unprocessed is how many pieces are still to come back.
func (l *returnLine) unprocessed() int {
	if !l.ret.live() {
		return 0
	}
	return l.quantity - l.processed
}

// returnable is how many pieces of the line a new return may have: what was handed over, is still with
// the customer and in no other return.
func (l *lineItem) returnable() int {
	if l.order.fulfillment == nil {
		return 0
	}
	n := l.currentQuantity() - l.unfulfilled()
	for _, r := range l.order.returns {
		for _, rl := range r.lines {
			if rl.line == l {
				n -= rl.unprocessed()
			}
		}
	}
	return max(n, 0)
}

// newReturn is a return to be filed, with everything looked up and checked.
type newReturn struct {
	at     time.Time
	status string
	staff  *staff
	lines  []newReturnLine
}

type newReturnLine struct {
	line         *lineItem
	quantity     int
	reason       *returnReason
	note         string
	customerNote string
}

// openReturn files a return that is REQUESTED or OPEN.
func (s *state) openReturn(o *order, n newReturn) *orderReturn {
	r := &orderReturn{order: o, number: len(o.returns) + 1, status: n.status, staff: n.staff}
	s.add(r, "Return", 0, n.at)
	for _, l := range n.lines {
		rl := &returnLine{ret: r, line: l.line, quantity: l.quantity, reason: l.reason, note: l.note, customerNote: l.customerNote}
		s.add(rl, "ReturnLineItem", 0, n.at)
		r.lines = append(r.lines, rl)
	}
	if r.status == "OPEN" {
		r.approvedAt = n.at
	}
	o.returns = append(o.returns, r)
	o.updatedAt = n.at
	return r
}

// fileReturn files the return of goods that came over the counter with a refund.
func (s *state) fileReturn(o *order, f *refund, g giveBack) {
	n := newReturn{at: g.at, status: "OPEN", staff: g.staff}
	for _, gl := range g.lines {
		n.lines = append(n.lines, newReturnLine{line: gl.line, quantity: gl.quantity, reason: gl.definition, note: g.note})
	}
	r := s.openReturn(o, n)
	f.ret, r.refunds = r, []*refund{f}
	for _, l := range r.lines {
		l.processed = l.quantity
	}
	r.status, r.closedAt = "CLOSED", g.at
}

// tellReturn tells the subscribers what became of a return: "request", "approve" and so on.
func (s *state) tellReturn(r *orderReturn, what, group string) {
	s.emit("returns/"+what, r, s.returnPayload(r, what), group)
}

// returnPayload is the body of a delivery of returns/{what}: request and approve tell all, the others the
// ids and the status.
// https://shopify.dev/docs/api/webhooks/latest?reference=graphql#list-of-topics-returns/request
func (s *state) returnPayload(r *orderReturn, what string) map[string]any {
	p := map[string]any{"id": r.id, "admin_graphql_api_id": r.gid, "status": strings.ToLower(r.status)}
	order := map[string]any{"id": r.order.id, "admin_graphql_api_id": r.order.gid}
	switch what {
	case "cancel", "close", "reopen":
		p["order_id"] = r.order.id
		return p
	case "decline":
		p["order"] = order
		p["decline"] = map[string]any{"reason": strings.ToLower(r.declineReason), "note": orNull(r.declineNote)}
		return p
	case "process":
		p["order"], p["name"] = order, r.name()
		return p
	}
	lines := make([]any, len(r.lines))
	for i, l := range r.lines {
		lines[i] = map[string]any{
			"id": l.id, "admin_graphql_api_id": l.gid, "quantity": l.quantity,
			"fulfillment_line_item": map[string]any{
				"id": l.line.id, "admin_graphql_api_id": gid("FulfillmentLineItem", l.line.id),
				"line_item": map[string]any{"id": l.line.id, "admin_graphql_api_id": l.line.gid},
			},
			"return_reason": strings.ToLower(l.reason.legacy), "return_reason_note": l.note, "customer_note": orNull(l.customerNote),
			"return_reason_definition": map[string]any{"id": l.reason.gid, "handle": l.reason.handle, "name": l.reason.name},
			"restocking_fee":           nil,
		}
	}
	p["order"], p["name"], p["total_return_line_items"], p["return_line_items"] = order, r.name(), len(lines), lines
	p["return_shipping_fees"], p["exchange_line_items"], p["total_exchange_line_items"] = []any{}, []any{}, 0
	return p
}

// returnStatus is an OrderReturnStatus.
func (o *order) returnStatus() string {
	has := func(status string) bool {
		return slices.ContainsFunc(o.returns, func(r *orderReturn) bool { return r.status == status })
	}
	switch {
	case has("REQUESTED"):
		return "RETURN_REQUESTED"
	case has("OPEN"):
		return "IN_PROGRESS"
	case has("CLOSED"):
		return "RETURNED"
	default:
		return "NO_RETURN"
	}
}
