package shopifytest

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// TakeBack is what [Shop.TakeBack] takes back over the counter.
type TakeBack struct {
	// Order is the order that the goods were bought with, by GID, numeric id or name. Required.
	Order string `json:"order"`

	// Lines are the articles that come back. If empty, all that is left of the order.
	Lines []TakeBackLine `json:"lines,omitempty"`

	// Location is where they come back to, by name, GID or numeric id. If empty, where they were
	// bought, or the shop's first location.
	Location string `json:"location,omitempty"`

	// Staff is who takes them back, by GID, numeric id or name. If empty, the first member of
	// staff of the location.
	Staff string `json:"staff,omitempty"`

	// Note is what the associate typed, at most 5,000 bytes.
	Note string `json:"note,omitempty"`
}

// TakeBackLine is one article of a [TakeBack].
type TakeBackLine struct {
	Line     int `json:"line"`               // index into the order's lines, from 0
	Quantity int `json:"quantity,omitempty"` // if zero, 1

	// Reason is why, as the handle of a return reason definition ("too-small") or as a ReturnReason
	// ("SIZE_TOO_SMALL"). If empty, unknown.
	Reason string `json:"reason,omitempty"`
}

// TakeBack takes goods back at the register: they go back on the shelf, the money to what it was paid with,
// and deliveries for returns/approve, returns/close, refunds/create, orders/updated, tender_transactions/create and inventory_levels/update go
// out to their subscribers. Errors match [ErrSale].
func (s *Shop) TakeBack(t TakeBack) (Order, error) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	o, ok := s.state.findOrder(t.Order)
	if !ok {
		return Order{}, saleError("no such order")
	}
	g, err := s.state.giveBackOf(o, t)
	if err != nil {
		return Order{}, err
	}
	s.state.refund(o, g)
	return s.state.orderCopy(o), nil
}

func (s *state) giveBackOf(o *order, t TakeBack) (giveBack, error) {
	g := giveBack{at: s.now(), note: t.Note, goods: true}
	at, ok := o.location, true
	if t.Location != "" || at == nil {
		at, ok = s.saleLocation(t.Location)
	}
	if !ok {
		return g, saleError("no such location")
	}
	if g.staff, ok = s.saleStaff(t.Staff, at); !ok {
		return g, saleError("no such member of staff")
	}
	if len(t.Note) > maxNote {
		return g, saleError("the note is longer than %d bytes", maxNote)
	}
	lines := t.Lines
	if len(lines) == 0 {
		for i, l := range o.lines {
			if n := l.currentQuantity(); n > 0 {
				lines = append(lines, TakeBackLine{Line: i, Quantity: n})
			}
		}
	}
	if len(lines) == 0 {
		return g, saleError("nothing is left of the order")
	}
	back, sum := map[int]int{}, decimal.Zero
	for i, l := range lines {
		if l.Line < 0 || l.Line >= len(o.lines) {
			return g, fmt.Errorf("%w: line %d", saleError("the order has no such line"), i+1)
		}
		gl := giveBackLine{line: o.lines[l.Line], quantity: max(l.Quantity, 1), restock: "RETURN", location: at, definition: s.returnReasonNamed(l.Reason)}
		if gl.definition == nil {
			return g, fmt.Errorf("%w: line %d", saleError("no such return reason"), i+1)
		}
		if back[l.Line] += gl.quantity; l.Quantity < 0 || back[l.Line] > gl.line.currentQuantity() {
			return g, fmt.Errorf("%w: line %d", saleError("it is more than is left of the line"), i+1)
		}
		net, tax := s.quote(gl.line, gl.quantity)
		sum = sum.Add(net).Add(tax)
		g.lines = append(g.lines, gl)
	}
	g.payments = o.giveBack(sum)
	return g, nil
}
