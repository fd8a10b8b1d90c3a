package shopifytest

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSale is what errors of [Shop.RingUp] match: the sale names something that is not there, or asks for the impossible.
var ErrSale = errors.New("shopifytest: invalid sale")

func saleError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSale}, args...)...)
}

// RingUp makes a sale at the register: the order is placed, paid and taken along, stock goes down
// (below zero if need be, as at a register), the customer's statistics change, and deliveries for orders/create,
// orders/paid, orders/fulfilled, inventory_levels/update and customers/update go out to their subscribers.
// Errors match [ErrSale].
func (s *Shop) RingUp(sale Sale) (Order, error) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	p, err := s.state.placementOf(sale)
	if err != nil {
		return Order{}, err
	}
	return s.state.orderCopy(s.state.place(p)), nil
}

func (s *state) placementOf(sale Sale) (placement, error) {
	p := placement{
		at: sale.At, source: "pos", discount: sale.Discount, note: sale.Note, attributes: append([]Attribute(nil), sale.Attributes...),
		tags: sale.Tags, fulfilled: !sale.SendLater, takeStock: true,
	}
	if p.at.IsZero() {
		p.at = s.now()
	}
	var ok bool
	if p.location, ok = s.saleLocation(sale.Location); !ok {
		return p, saleError("no such location")
	}
	p.taxRate, p.taxTitle = p.location.data.TaxRate, p.location.data.TaxTitle
	if sale.Customer != "" {
		if p.customer, ok = s.findCustomer(sale.Customer); !ok {
			return p, saleError("no such customer")
		}
	}
	if p.staff, ok = s.saleStaff(sale.Staff, p.location); !ok {
		return p, saleError("no such member of staff")
	}
	if p.gateway, ok = tender(sale.Tender); !ok {
		return p, saleError("the tender must be card, cash or gift_card")
	}
	if !validDiscount(sale.Discount) {
		return p, saleError("the discount must have a percent or an amount")
	}
	if len(sale.Note) > maxNote {
		return p, saleError("the note is longer than %d bytes", maxNote)
	}
	if len(sale.Lines) == 0 || len(sale.Lines) > maxLines {
		return p, saleError("it must have 1 to %d lines", maxLines)
	}
	for i, l := range sale.Lines {
		pl, err := s.saleLine(l)
		if err != nil {
			return p, fmt.Errorf("%w: line %d", err, i+1)
		}
		p.lines = append(p.lines, pl)
	}
	return p, nil
}

func (s *state) saleLine(l SaleLine) (placementLine, error) {
	v := s.bySKU[l.SKU]
	if l.Variant != "" {
		v, _ = lookup[*variant](s, "ProductVariant", l.Variant)
	}
	if v == nil || l.SKU != "" && l.SKU != v.sku {
		return placementLine{}, saleError("no such variant")
	}
	pl := placementLine{variant: v, quantity: l.Quantity, price: v.price, discount: l.Discount, attributes: append([]Attribute(nil), l.Attributes...), taxable: !v.product.giftCard}
	if pl.quantity == 0 {
		pl.quantity = 1
	}
	if pl.quantity < 0 || pl.quantity > maxPieces {
		return pl, saleError("the quantity must be 1 to %d", maxPieces)
	}
	if l.Price != nil {
		pl.price = *l.Price
	}
	if !isAmount(pl.price) {
		return pl, saleError("the price is no amount")
	}
	if !validDiscount(l.Discount) {
		return pl, saleError("the discount must have a percent or an amount")
	}
	return pl, nil
}

func (s *state) saleLocation(key string) (*location, bool) {
	if key == "" {
		return s.home(), true
	}
	for _, l := range s.activeLocations() {
		if strings.EqualFold(l.data.Name, key) {
			return l, true
		}
	}
	l, ok := lookup[*location](s, "Location", key)
	return l, ok && l.active()
}

func (s *state) saleStaff(key string, at *location) (*staff, bool) {
	if key != "" {
		for _, m := range s.staff {
			if strings.EqualFold(m.name(), key) {
				return m, true
			}
		}
		return lookup[*staff](s, "StaffMember", key)
	}
	for _, m := range s.staff {
		if m.location == at {
			return m, true
		}
	}
	return nil, true
}
