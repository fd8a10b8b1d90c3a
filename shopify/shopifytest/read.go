package shopifytest

import (
	"slices"
	"strings"
)

// reading runs f with the state locked for reading.
func reading[T any](s *Shop, f func(*state) T) T {
	s.state.mu.RLock()
	defer s.state.mu.RUnlock()
	return f(s.state)
}

// Order returns the order by GID, numeric id or name ("#1042").
func (s *Shop) Order(id string) (Order, bool) {
	s.state.mu.RLock()
	defer s.state.mu.RUnlock()
	o, ok := s.state.findOrder(id)
	if !ok {
		return Order{}, false
	}
	return s.state.orderCopy(o), true
}

func (s *state) findOrder(id string) (*order, bool) {
	if strings.HasPrefix(id, "#") {
		for _, o := range s.orders {
			if o.name() == id {
				return o, true
			}
		}
		return nil, false
	}
	return lookup[*order](s, "Order", id)
}

// Orders returns all orders, oldest first.
func (s *Shop) Orders() []Order {
	return reading(s, func(st *state) []Order { return copies(st.orders, st.orderCopy) })
}

// DraftOrders returns all draft orders, oldest first.
func (s *Shop) DraftOrders() []DraftOrder {
	return reading(s, func(st *state) []DraftOrder { return copies(st.drafts, draftCopy) })
}

// Metafields returns the metafields of the owner (a GID), oldest first.
func (s *Shop) Metafields(ownerID string) []Metafield {
	return reading(s, func(st *state) []Metafield { return copies(st.metafields[ownerID], metafieldCopy) })
}

// Customers returns all customers in the order in which they were made.
func (s *Shop) Customers() []Customer {
	return reading(s, func(st *state) []Customer { return copies(st.customers, customerCopy) })
}

// Products returns all products in the order in which they were made.
func (s *Shop) Products() []Product {
	return reading(s, func(st *state) []Product { return copies(st.products, productCopy) })
}

// Locations returns all locations.
func (s *Shop) Locations() []Location {
	return reading(s, func(st *state) []Location {
		return copies(st.locations, func(l *location) Location { return Location{ID: l.gid, Name: l.data.Name, Active: l.active()} })
	})
}

// Subscriptions returns all webhook subscriptions, oldest first.
func (s *Shop) Subscriptions() []Subscription {
	return reading(s, func(st *state) []Subscription {
		return copies(st.subscriptions, func(w *subscription) Subscription {
			return Subscription{ID: w.gid, Topic: w.header(), URI: w.uri, Name: w.name}
		})
	})
}

func copies[T, C any](things []T, one func(T) C) []C {
	out := make([]C, len(things))
	for i, t := range things {
		out[i] = one(t)
	}
	return out
}

func (s *state) orderCopy(o *order) Order {
	out := Order{
		ID: o.gid, LegacyID: o.id, Name: o.name(), CreatedAt: o.createdAt, UpdatedAt: o.updatedAt, Source: o.source,
		FinancialStatus: o.financialStatus(), FulfillmentStatus: o.fulfillmentStatus(),
		Subtotal: o.subtotal, Discounts: o.discounts, Shipping: o.shipping, Tax: o.tax, Total: o.total, Refunded: o.refunded(),
		Currency: s.shop.data.Currency, Gateways: o.gateways(), Note: o.note, Attributes: slices.Clone(o.attributes), Tags: slices.Clone(o.tags),
		Metafields: copies(s.metafields[o.gid], metafieldCopy),
	}
	for _, r := range o.risks {
		r.Facts = slices.Clone(r.Facts)
		out.Risks = append(out.Risks, r)
	}
	if o.location != nil {
		out.LocationID = o.location.gid
	}
	if o.customer != nil {
		out.CustomerID = o.customer.gid
	}
	for _, l := range o.lines {
		line := OrderLine{
			ID: l.gid, SKU: l.sku, Title: l.title, Quantity: l.quantity, Refunded: l.returned,
			Price: l.price, Discount: l.ownDiscount.Add(l.share), Tax: l.tax,
		}
		if l.variant != nil {
			line.ProductID, line.VariantID = l.variant.product.gid, l.variant.gid
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

func metafieldCopy(m *metafield) Metafield {
	return Metafield{
		ID: m.gid, OwnerID: m.owner.common().gid, Namespace: m.namespace, Key: m.key, Type: m.valueType, Value: m.value,
		CreatedAt: m.createdAt, UpdatedAt: m.updatedAt, Writes: m.writes,
	}
}

func draftCopy(d *draft) DraftOrder {
	out := DraftOrder{
		ID: d.gid, Name: d.name(), Status: d.status, CreatedAt: d.createdAt, Subtotal: d.subtotal, Total: d.total,
		Note: d.note, Attributes: slices.Clone(d.attributes), Tags: slices.Clone(d.tags),
	}
	if d.customer != nil {
		out.CustomerID = d.customer.gid
	}
	if d.order != nil {
		out.OrderID = d.order.gid
	}
	for _, l := range d.lines {
		line := OrderLine{ID: l.gid, SKU: l.sku, Title: l.title, Quantity: l.quantity, Price: l.price, Discount: l.ownDiscount.Add(l.share), Tax: l.tax}
		if l.variant != nil {
			line.ProductID, line.VariantID = l.variant.product.gid, l.variant.gid
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

func customerCopy(v *customer) Customer {
	return Customer{
		ID: v.gid, FirstName: v.firstName, LastName: v.lastName, Email: v.email, Phone: v.phone, Note: v.note,
		EmailMarketing: v.emailConsent.state, SMSMarketing: v.smsConsent.state, ErasureRequested: v.erasure,
		Tags: slices.Clone(v.tags), Orders: len(v.orders), AmountSpent: v.spent(), CreatedAt: v.createdAt, UpdatedAt: v.updatedAt,
	}
}

func productCopy(p *product) Product {
	out := Product{ID: p.gid, Title: p.title, Type: p.productType, Vendor: p.vendor, Tags: slices.Clone(p.tags)}
	for _, v := range p.variants {
		out.Variants = append(out.Variants, Variant{
			ID: v.gid, Title: v.title(), SKU: v.sku, Price: v.price, InventoryItemID: v.item.gid, Available: v.stock(),
		})
	}
	return out
}
