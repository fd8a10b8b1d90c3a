package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/shelf"
	"github.com/posai-go/posai/examples/internal/copurchase"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

const (
	// history is how far back orders teach what is bought together.
	history = 365 * 24 * time.Hour
	// relearn is how often they are read again.
	relearn = 24 * time.Hour
	// rivals is how many products are looked up for the few that are suggested, and
	// variantsEach how many variants of each.
	rivals       = 12
	variantsEach = 2
	// maxPlans bounds the protection plans that are looked up.
	maxPlans = 5
	// recently is for how long what somebody bought is not suggested to them again.
	recently = 30 * 24 * time.Hour
)

// shop reads one shop. What a register waits for goes before other calls.
type shop struct {
	till, calm     *shopify.Client // the interactive lane, and the other
	name, currency string
	locations      map[string]string // name by GID
	rules          *advice.Rules
	now            func() time.Time
	learned        atomic.Pointer[knowledge]
}

// openShop makes the client and reads what does not change: name, currency, locations.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	client, err := cfg.OpenClient(logger)
	if err != nil {
		return nil, err
	}
	s := &shop{
		till: client.With(shopify.CallOptions{Lane: shopify.Interactive}), calm: client.With(shopify.CallOptions{Lane: shopify.Background}),
		locations: map[string]string{}, rules: cfg.rules, now: time.Now,
	}
	resp, err := admin.GetShop(ctx, client)
	if err != nil {
		return nil, err
	}
	s.name, s.currency = resp.Shop.Name, resp.Shop.CurrencyCode
	if s.currency != cfg.rules.Currency {
		return nil, fmt.Errorf("the rules count in %s and the shop in %s", cfg.rules.Currency, s.currency)
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

// knowledge is what the past orders say. It does not change.
type knowledge struct {
	ranker   *copurchase.Ranker
	product  map[string]string    // of a variant
	variants map[string][]string  // of a product, the one that sells best first
	sold     map[string]time.Time // when a product was last sold
	plans    []string             // variants of protection plans
	since    time.Time            // the oldest order that was read
}

// learn reads the orders of the past year.
func (s *shop) learn(ctx context.Context) error {
	now := s.now()
	counts := copurchase.NewCounts(now, copurchase.TunedWeighting)
	k := &knowledge{product: map[string]string{}, variants: map[string][]string{}, sold: map[string]time.Time{}, since: now}
	pieces := map[string]map[string]int{} // by product and variant
	since := now.Add(-history).UTC().Format(time.RFC3339)
	for o, err := range admin.Orders(ctx, s.calm, &admin.OrderOptions{ListOptions: admin.ListOptions{Query: "created_at:>='" + since + "'"}}) {
		if err != nil {
			return fmt.Errorf("reading past orders: %w", err)
		}
		if o.Test || o.CancelledAt != nil {
			continue
		}
		var basket []string
		for _, item := range o.LineItems.Nodes {
			if item.Product == nil || item.Variant == nil {
				continue
			}
			product, variant := string(item.Product.ID), string(item.Variant.ID)
			if strings.EqualFold(item.Product.ProductType, s.rules.WarrantyType) {
				continue // plans have a rule of their own
			}
			basket = append(basket, product)
			k.product[variant] = product
			if pieces[product] == nil {
				pieces[product] = map[string]int{}
			}
			pieces[product][variant] += item.Quantity
			if o.ProcessedAt.After(k.sold[product]) {
				k.sold[product] = o.ProcessedAt
			}
		}
		counts.Add(o.ProcessedAt, basket)
		if o.ProcessedAt.Before(k.since) {
			k.since = o.ProcessedAt
		}
	}
	for product, sold := range pieces {
		k.variants[product] = slices.SortedFunc(maps.Keys(sold), func(a, b string) int {
			return cmp.Or(cmp.Compare(sold[b], sold[a]), cmp.Compare(a, b))
		})
	}
	plans := &admin.ListOptions{Query: "product_type:'" + strings.ReplaceAll(s.rules.WarrantyType, "'", `\'`) + "'"}
	for v, err := range admin.Variants(ctx, s.calm, plans) {
		if err != nil {
			return fmt.Errorf("reading the protection plans: %w", err)
		}
		if k.plans = append(k.plans, string(v.ID)); len(k.plans) == maxPlans {
			break
		}
	}
	k.ranker = counts.Ranker(copurchase.TunedSimilarity)
	s.learned.Store(k)
	return nil
}

// keepLearning learns now and again until ctx ends. It closes first when it has for the
// first time.
func (s *shop) keepLearning(ctx context.Context, logger *slog.Logger, first chan<- struct{}) {
	for pause := time.Second; ctx.Err() == nil; {
		wait := relearn
		if err := s.learn(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			logger.Warn("past orders could not be read; trying again", "error", err)
			wait, pause = pause, min(2*pause, 5*time.Minute)
		} else if first != nil {
			close(first)
			first = nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// rank returns what goes with a cart, by what is known of the past.
func (k *knowledge) rank(cart *advice.Cart, now time.Time) []advice.Ranked {
	var products []string
	for _, l := range cart.Lines {
		if p := k.product[l.Variant]; p != "" {
			products = append(products, p)
		}
	}
	ranked := k.ranker.Rank(products, rivals)
	for _, p := range k.ranker.Popular(products, rivals) {
		if len(ranked) == rivals {
			break
		}
		if !slices.ContainsFunc(ranked, func(r copurchase.Scored) bool { return r.ID == p.ID }) {
			ranked = append(ranked, copurchase.Scored{ID: p.ID}) // popular is not together
		}
	}
	out := make([]advice.Ranked, 0, len(ranked))
	for _, r := range ranked {
		v := k.variants[r.ID]
		out = append(out, advice.Ranked{
			Product: r.ID, Variants: v[:min(len(v), variantsEach)], Score: r.Score, Age: int(now.Sub(k.sold[r.ID]).Hours() / 24),
		})
	}
	return out
}

// look reads what there is of variants at a location.
func (s *shop) look(ctx context.Context, location string, variants []string) (advice.Shelf, error) {
	out := advice.Shelf{}
	if len(variants) == 0 {
		return out, nil
	}
	terms := make([]string, len(variants))
	for i, v := range variants {
		id := shopify.GID(v)
		if _, err := id.Number(); err != nil {
			return nil, err
		}
		terms[i] = "id:" + id.ID()
	}
	resp, err := shelf.Shelf(ctx, s.till, len(variants), strings.Join(terms, " OR "), shopify.GID(location))
	if err != nil {
		return nil, err
	}
	for _, v := range resp.ProductVariants.Nodes {
		i := &advice.Item{
			Variant: string(v.ID), Product: string(v.Product.ID), Title: v.Product.Title, Type: v.Product.ProductType,
			Price: v.Price.Decimal, GiftCard: v.Product.IsGiftCard, Active: v.Product.Status == shelf.ProductStatusActive,
			Untracked: !v.InventoryItem.Tracked,
		}
		if c := v.InventoryItem.UnitCost; c != nil && c.CurrencyCode == s.currency {
			i.Cost, i.CostKnown = c.Amount, true
		}
		if l := v.InventoryItem.InventoryLevel; l != nil {
			for _, q := range l.Quantities {
				if q.Name == "available" {
					i.Available = q.Quantity
				}
			}
		}
		out[i.Variant] = i
	}
	return out, nil
}

// past reads what the rules look at of a customer's past: ids and dates.
func (s *shop) past(ctx context.Context, customer string) (*advice.Past, error) {
	p := &advice.Past{Returned: map[string]bool{}, Recent: map[string]bool{}}
	resp, err := shelf.History(ctx, s.till, shopify.GID(customer))
	if err != nil {
		return nil, err
	}
	c := resp.Customer
	if c == nil {
		return nil, errNoCustomer
	}
	p.Orders = int(min(c.NumberOfOrders, 1_000_000))
	for _, o := range c.Orders.Nodes {
		for _, l := range o.LineItems.Nodes {
			if l.Product == nil {
				continue
			}
			if l.CurrentQuantity < l.Quantity {
				p.Returned[string(l.Product.ID)] = true
			}
			if o.CancelledAt == nil && s.now().Sub(o.CreatedAt) < recently {
				p.Recent[string(l.Product.ID)] = true
			}
		}
	}
	return p, nil
}

// errNoCustomer: the register names somebody whom the shop does not know.
var errNoCustomer = errors.New("the shop has no such customer")
