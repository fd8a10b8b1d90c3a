package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/internal/copurchase"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

const (
	// history is how far back orders count for what is bought together.
	history = 365 * 24 * time.Hour
	// refresh is how old the index of what is bought together may get.
	refresh = 24 * time.Hour
	// rivals is how many products are looked up in stock for the two that may
	// be recommended.
	rivals = 24
	// offered is how many candidates a model chooses from.
	offered = 6
	// maxPast is how many earlier orders of a customer count.
	maxPast = 100
)

// shop reads and writes one shop.
type shop struct {
	client         *shopify.Client
	name, currency string
	locations      map[string]string // name by GID

	loading  chan struct{} // holds one: who loads the index
	mu       sync.RWMutex
	together *copurchase.Index
	loadedAt time.Time
}

// newShop reads what does not change while the program runs.
func newShop(ctx context.Context, client *shopify.Client) (*shop, error) {
	s := &shop{client: client, locations: map[string]string{}, loading: make(chan struct{}, 1)}
	resp, err := admin.GetShop(ctx, client)
	if err != nil {
		return nil, err
	}
	s.name, s.currency = resp.Shop.Name, resp.Shop.CurrencyCode
	for l, err := range admin.Locations(ctx, client) {
		if err != nil {
			return nil, err
		}
		s.locations[string(l.ID)] = l.Name
	}
	return s, nil
}

func (s *shop) locationName(gid string) string { return s.locations[gid] }

// sale reads an order back. The delivery is only what somebody claims; this is
// what the shop says.
func (s *shop) sale(ctx context.Context, order string) (*Sale, error) {
	resp, err := admin.GetOrder(ctx, s.client, shopify.GID(order))
	if err != nil {
		return nil, err
	}
	o := resp.Order
	if o == nil {
		return nil, errNoOrder
	}
	sale := &Sale{
		ShopName: s.name, OrderID: string(o.ID), OrderName: o.Name, At: o.CreatedAt,
		Total: o.TotalPriceSet.ShopMoney.Amount, Currency: o.TotalPriceSet.ShopMoney.CurrencyCode,
		BundleAsked: asked(o.CustomAttributes),
		Gift:        signsOfGift(o.Note, o.CustomAttributes),
	}
	if l := o.RetailLocation; l != nil {
		sale.LocationID, sale.LocationName = string(l.ID), l.Name
	}
	for _, t := range o.Transactions {
		if t.Status == admin.OrderTransactionStatusSuccess && t.FormattedGateway != "" && !slices.Contains(sale.Tender, t.FormattedGateway) {
			sale.Tender = append(sale.Tender, t.FormattedGateway)
		}
	}
	for _, item := range o.LineItems.Nodes {
		l := Line{Title: item.Title, Quantity: item.Quantity}
		if p := item.Product; p != nil {
			l.ProductID, l.ProductType = string(p.ID), p.ProductType
		}
		if v := item.Variant; v != nil {
			l.VariantID = string(v.ID)
		}
		sale.Gift = sale.Gift || item.IsGiftCard || signsOfGift("", item.CustomAttributes)
		sale.Lines = append(sale.Lines, l)
	}
	if o.Customer != nil {
		if sale.Customer, err = s.customer(ctx, o.Customer, order); err != nil {
			return nil, err
		}
	}
	return sale, nil
}

// customer reads what somebody bought and gave back before this order.
func (s *shop) customer(ctx context.Context, c *admin.Customer, order string) (*Customer, error) {
	out := &Customer{
		ID: string(c.ID), FirstName: c.FirstName, LastName: c.LastName,
		Bought: map[string]bool{}, Returned: map[string]bool{}, BoughtTypes: map[string]bool{},
	}
	if e := c.DefaultEmailAddress; e != nil {
		out.Consent = e.MarketingState == admin.CustomerEmailAddressMarketingStateSubscribed
	}
	past := 0
	for o, err := range admin.CustomerOrders(ctx, s.client, c.ID) {
		if err != nil {
			return nil, err
		}
		if string(o.ID) == order {
			continue
		}
		for _, item := range o.LineItems.Nodes {
			if item.Product != nil {
				out.Bought[string(item.Product.ID)] = true
				out.BoughtTypes[item.Product.ProductType] = true
			}
		}
		for _, refund := range o.Refunds {
			for _, back := range refund.RefundLineItems.Nodes {
				if p := back.LineItem.Product; p != nil && back.Quantity > 0 {
					out.Returned[string(p.ID)] = true
				}
			}
		}
		if past++; past == maxPast {
			break
		}
	}
	return out, nil
}

var giftWords = regexp.MustCompile(`(?i)\b(gift|present|birthday|anniversary|wrap(ped|ping)?|geschenk|cadeau|regalo)\b`)

// signsOfGift looks for a gift in what people wrote on the order. The text
// itself goes no further: it may name people.
func signsOfGift(note string, attributes []admin.Attribute) bool {
	if giftWords.MatchString(note) {
		return true
	}
	return slices.ContainsFunc(attributes, func(a admin.Attribute) bool {
		return giftWords.MatchString(strings.NewReplacer("_", " ", "-", " ").Replace(a.Key)) && affirmed(a.Value)
	})
}

// bundleAttribute is the custom attribute by which an associate asks for a
// draft order.
const bundleAttribute = "follow_up_bundle"

func asked(attributes []admin.Attribute) bool {
	return slices.ContainsFunc(attributes, func(a admin.Attribute) bool { return a.Key == bundleAttribute && affirmed(a.Value) })
}

func affirmed(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "no", "false", "0":
		return false
	}
	return true
}

// candidates returns what may be recommended for a sale, best first: bought
// together with it by others, in stock where it was made, not just bought, not
// given back before.
func (s *shop) candidates(ctx context.Context, sale *Sale) ([]Candidate, error) {
	if sale.LocationID == "" {
		return nil, nil
	}
	index, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	basket := sale.products()
	ranked := index.Similar(basket, rivals)
	for _, p := range index.Popular(basket, rivals) {
		p.Score = 0 // popular is not together
		if len(ranked) < rivals && !slices.ContainsFunc(ranked, func(r copurchase.Scored) bool { return r.ID == p.ID }) {
			ranked = append(ranked, p)
		}
	}
	ranked = slices.DeleteFunc(ranked, func(r copurchase.Scored) bool { return sale.Customer != nil && sale.Customer.Returned[r.ID] })
	stock, err := s.stock(ctx, sale.LocationID, ranked)
	if err != nil {
		return nil, err
	}
	var out []Candidate
	for _, r := range ranked {
		if c, ok := stock[r.ID]; ok && len(out) < offered {
			c.Score = r.Score
			out = append(out, c)
		}
	}
	return out, nil
}

// stock looks products up at a location: of each that can be sold there, the
// variant that there is most of.
func (s *shop) stock(ctx context.Context, location string, products []copurchase.Scored) (map[string]Candidate, error) {
	found := map[string]Candidate{}
	if len(products) == 0 {
		return found, nil
	}
	var terms []string
	for _, p := range products {
		id := shopify.GID(p.ID)
		if _, err := id.Number(); err != nil {
			return nil, err
		}
		terms = append(terms, "id:"+id.ID())
	}
	for p, err := range admin.Products(ctx, s.client, shopify.GID(location), &admin.ListOptions{Query: strings.Join(terms, " OR ")}) {
		if err != nil {
			return nil, err
		}
		if p.Status != admin.ProductStatusActive || strings.Contains(strings.ToLower(p.ProductType), "gift card") {
			continue
		}
		best := Candidate{ProductID: string(p.ID), Title: p.Title, ProductType: p.ProductType}
		for _, v := range p.Variants.Nodes {
			if n := available(v); n > best.Available {
				best.VariantID, best.Available = string(v.ID), n
			}
		}
		if best.Available > 0 {
			found[best.ProductID] = best
		}
	}
	return found, nil
}

func available(v admin.Variant) int {
	if v.InventoryItem.InventoryLevel == nil {
		return 0
	}
	for _, q := range v.InventoryItem.InventoryLevel.Quantities {
		if q.Name == "available" {
			return q.Quantity
		}
	}
	return 0
}

// index returns what is bought together, read from the shop's orders by the
// first who asks and again when it is old. The others wait, unless they have
// an old one to use.
func (s *shop) index(ctx context.Context) (*copurchase.Index, error) {
	s.mu.RLock()
	x, age := s.together, time.Since(s.loadedAt)
	s.mu.RUnlock()
	if x != nil && age < refresh {
		return x, nil
	}
	select {
	case s.loading <- struct{}{}:
		defer func() { <-s.loading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.RLock()
	x, age = s.together, time.Since(s.loadedAt)
	s.mu.RUnlock()
	if x != nil && age < refresh {
		return x, nil
	}
	fresh, err := s.load(ctx)
	if err != nil {
		if x != nil && ctx.Err() == nil {
			return x, nil // yesterday's will do
		}
		return nil, fmt.Errorf("reading the shop's orders: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.together, s.loadedAt = fresh, time.Now()
	return fresh, nil
}

func (s *shop) load(ctx context.Context) (*copurchase.Index, error) {
	var x copurchase.Index
	since := time.Now().Add(-history).UTC().Format(time.RFC3339)
	for o, err := range admin.Orders(ctx, s.client, &admin.OrderOptions{ListOptions: admin.ListOptions{Query: "created_at:>='" + since + "'"}}) {
		if err != nil {
			return nil, err
		}
		if o.CancelledAt != nil || o.Test {
			continue
		}
		var basket []string
		for _, item := range o.LineItems.Nodes {
			if item.Product != nil {
				basket = append(basket, string(item.Product.ID))
			}
		}
		x.Add(basket)
	}
	return &x, nil
}
