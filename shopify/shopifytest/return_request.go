package shopifytest

import (
	"fmt"
	"time"
)

// ReturnRequest is what a customer asks to send back, see [Shop.RequestReturn].
type ReturnRequest struct {
	// Order is the order that the goods were bought with, by GID, numeric id or name. It has to be
	// fulfilled. Required.
	Order string `json:"order"`

	// Lines are the articles to send back, at least one.
	Lines []ReturnRequestLine `json:"lines"`
}

// ReturnRequestLine is one article of a [ReturnRequest].
type ReturnRequestLine struct {
	Line     int `json:"line"`               // index into the order's lines, from 0
	Quantity int `json:"quantity,omitempty"` // if zero, 1

	// Reason is why, as the handle of a return reason definition ("too-small") or as a ReturnReason
	// ("SIZE_TOO_SMALL"). If empty, unknown.
	Reason string `json:"reason,omitempty"`

	// Note is what the customer wrote, at most 255 characters.
	Note string `json:"note,omitempty"`
}

// Return is a return as the shop knows it.
type Return struct {
	ID        string // GID
	Name      string // "#1042-R1"
	OrderID   string // GID
	Status    string // ReturnStatus
	CreatedAt time.Time
	Lines     []ReturnLine
}

// ReturnLine is one article of a [Return].
type ReturnLine struct {
	ID           string // GID
	LineItemID   string // GID of the order's line
	Quantity     int
	Reason       string // handle of the return reason definition
	Note         string // the merchant's
	CustomerNote string
}

// RequestReturn asks for a return, as a customer does on the order's page: it waits for the merchant
// (returnApproveRequest), and deliveries for returns/request and orders/updated go out. Errors match [ErrSale].
func (s *Shop) RequestReturn(r ReturnRequest) (Return, error) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	o, ok := s.state.findOrder(r.Order)
	if !ok {
		return Return{}, saleError("no such order")
	}
	n := newReturn{at: s.state.now(), status: "REQUESTED"}
	wanted := map[int]int{}
	for i, l := range r.Lines {
		if l.Line < 0 || l.Line >= len(o.lines) {
			return Return{}, fmt.Errorf("%w: line %d", saleError("the order has no such line"), i+1)
		}
		nl := newReturnLine{line: o.lines[l.Line], quantity: max(l.Quantity, 1), reason: s.state.returnReasonNamed(l.Reason), customerNote: l.Note}
		wanted[l.Line] += nl.quantity
		switch {
		case l.Quantity < 0 || wanted[l.Line] > nl.line.returnable():
			return Return{}, fmt.Errorf("%w: line %d", saleError("it is more than can be returned of the line"), i+1)
		case nl.reason == nil:
			return Return{}, fmt.Errorf("%w: line %d", saleError("no such return reason"), i+1)
		case len([]rune(l.Note)) > maxReturnNote:
			return Return{}, fmt.Errorf("%w: line %d", saleError("the note is longer than %d characters", maxReturnNote), i+1)
		}
		n.lines = append(n.lines, nl)
	}
	if len(n.lines) == 0 {
		return Return{}, saleError("it must have a line")
	}
	ret := s.state.openReturn(o, n)
	s.state.tellChange(ret, "request")
	return returnCopy(ret), nil
}

// Returns returns the returns of an order, by GID, numeric id or name, oldest first.
func (s *Shop) Returns(order string) []Return {
	return reading(s, func(st *state) []Return {
		o, ok := st.findOrder(order)
		if !ok {
			return nil
		}
		return copies(o.returns, returnCopy)
	})
}

func returnCopy(r *orderReturn) Return {
	out := Return{ID: r.gid, Name: r.name(), OrderID: r.order.gid, Status: r.status, CreatedAt: r.createdAt}
	for _, l := range r.lines {
		out.Lines = append(out.Lines, ReturnLine{
			ID: l.gid, LineItemID: l.line.gid, Quantity: l.quantity, Reason: l.reason.handle, Note: l.note, CustomerNote: l.customerNote,
		})
	}
	return out
}
