package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// errNoGoods: the shop does not know the return or refund of a delivery.
var errNoGoods = errors.New("the shop has no such return or refund")

// shop reads and writes one shop.
type shop struct {
	client    *shopify.Client
	name      string
	zone      *time.Location    // whose weeks
	locations map[string]string // name by GID

	mu          sync.Mutex
	definitions map[string]Definition // that may be chosen, by handle
	readAt      time.Time
}

// library is how old the list of definitions may get. Shopify changes it a few
// times a year.
const libraryAge = 24 * time.Hour

// newShop reads what does not change while the program runs.
func newShop(ctx context.Context, client *shopify.Client) (*shop, error) {
	s := &shop{client: client, locations: map[string]string{}}
	resp, err := admin.GetShop(ctx, client)
	if err != nil {
		return nil, err
	}
	s.name = resp.Shop.Name
	if s.zone, err = time.LoadLocation(resp.Shop.IanaTimezone); err != nil {
		s.zone = time.UTC
	}
	for l, err := range admin.Locations(ctx, client) {
		if err != nil {
			return nil, err
		}
		s.locations[string(l.ID)] = l.Name
	}
	return s, nil
}

func (s *shop) locationName(gid string) string { return s.locations[gid] }

// offered are the native definitions that a judgment may name. Who comes first
// reads them, and again when they are old.
func (s *shop) offered(ctx context.Context) (map[string]Definition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.definitions != nil && time.Since(s.readAt) < libraryAge {
		return s.definitions, nil
	}
	library := []Definition{}
	for d, err := range admin.ReturnReasonDefinitions(ctx, s.client) {
		if err != nil {
			if s.definitions != nil && ctx.Err() == nil {
				return s.definitions, nil // yesterday's will do
			}
			return nil, fmt.Errorf("reading the return reason definitions: %w", err)
		}
		if !d.Deleted {
			library = append(library, Definition{ID: string(d.ID), Handle: d.Handle, Name: d.Name})
		}
	}
	s.definitions, s.readAt = offeredDefinitions(library), time.Now()
	return s.definitions, nil
}

// goods reads a return, or a refund, by its GID. The delivery is only what
// somebody claims; this is what the shop says. A refund that belongs to a return
// gives the return. Goods without items are money only.
func (s *shop) goods(ctx context.Context, id string) (*Goods, error) {
	if shopify.GID(id).Type() == "Return" {
		return s.returned(ctx, id)
	}
	resp, err := admin.GetRefund(ctx, s.client, shopify.GID(id))
	if err != nil {
		return nil, err
	}
	r := resp.Refund
	if r == nil {
		return nil, errNoGoods
	}
	if r.Return != nil {
		return s.returned(ctx, string(r.Return.ID))
	}
	g := goodsOf(&r.Order)
	g.ID, g.Name, g.Status = id, r.Order.Name, "CLOSED"
	if r.CreatedAt != nil {
		g.At = *r.CreatedAt
	}
	for _, l := range r.RefundLineItems.Nodes {
		if l.RestockType == admin.RefundLineItemRestockTypeCancel {
			continue // was never handed over
		}
		g.add(&l.LineItem, l.Quantity, Definition{}, r.Note, "")
	}
	return g, nil
}

func (s *shop) returned(ctx context.Context, id string) (*Goods, error) {
	resp, err := admin.GetReturn(ctx, s.client, shopify.GID(id))
	if err != nil {
		return nil, err
	}
	r := resp.Return
	if r == nil {
		return nil, errNoGoods
	}
	g := goodsOf(&r.Order)
	g.ID, g.Name, g.At, g.Status = id, r.Name, r.CreatedAt, string(r.Status)
	for _, l := range r.ReturnLineItems.Nodes {
		g.add(admin.SoldItemOf(l), l.GetQuantity(), nativeOf(l), l.GetReturnReasonNote(), l.GetCustomerNote())
	}
	return g, nil
}

// nativeOf is the reason that was picked in Shopify.
func nativeOf(l admin.ReturnLine) Definition {
	if d := l.GetReturnReasonDefinition(); d != nil {
		return Definition{ID: string(d.ID), Handle: d.Handle, Name: d.Name}
	}
	return Definition{}
}

func goodsOf(o *admin.ReturnedOrder) *Goods {
	g := &Goods{OrderID: string(o.ID), OrderName: o.Name, Channel: channelOf(o.SourceName)}
	if o.RetailLocation != nil {
		g.Location = string(o.RetailLocation.ID)
	}
	if c := o.Customer; c != nil {
		g.person = person{FirstName: c.FirstName, LastName: c.LastName}
		if c.DefaultEmailAddress != nil {
			g.person.Email = c.DefaultEmailAddress.EmailAddress
		}
		if c.DefaultPhoneNumber != nil {
			g.person.Phone = c.DefaultPhoneNumber.PhoneNumber
		}
	}
	return g
}

func channelOf(source string) string {
	switch source {
	case "web":
		return "online"
	case "":
		return "other"
	}
	return source
}

// add adds a line. Its notes are masked here, before anything else sees them.
func (g *Goods) add(sold *admin.SoldItem, quantity int, native Definition, staff, customer string) {
	i := Item{
		Key: strconv.Itoa(len(g.Items) + 1), Quantity: quantity, Native: native, ProductTitle: "An article of another shop",
		StaffNote: mask(strings.TrimSpace(staff), g.person), CustomerNote: mask(strings.TrimSpace(customer), g.person),
	}
	if sold != nil {
		i.LineItemID, i.ProductTitle = string(sold.ID), sold.Title
		if sold.VariantTitle != "" {
			i.ProductTitle += ", " + sold.VariantTitle
		}
		if sold.Product != nil {
			i.ProductID, i.ProductType = string(sold.Product.ID), sold.Product.ProductType
		}
	}
	g.Items = append(g.Items, i)
}
