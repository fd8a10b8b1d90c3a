package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/examples/copilot/internal/catalog"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/webhook"
)

// shop is the shop that is answered about: its index, and its API for what has to be
// looked up again.
type shop struct {
	client    *shopify.Client
	name      string
	currency  string
	locations []place
	index     rag.Index
	minCosine float64 // below it, a text that vectors find is none
	lookUp    time.Duration
}

// place is one of the shop's stores.
type place struct{ ID, Name string }

func newShop(ctx context.Context, client *shopify.Client, embedder ai.Embedder) (*shop, error) {
	resp, err := admin.GetShop(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("reading the shop: %w", err)
	}
	s := &shop{client: client, name: resp.Shop.Name, currency: resp.Shop.CurrencyCode}
	for l, err := range admin.Locations(ctx, client) {
		if err != nil {
			return nil, fmt.Errorf("reading the locations: %w", err)
		}
		s.locations = append(s.locations, place{string(l.ID), l.Name})
	}
	if len(s.locations) == 0 {
		return nil, errors.New("the shop has no location")
	}
	s.index, err = rag.NewMemory(&rag.MemoryOptions{Language: "en", Embedder: embedder})
	return s, err
}

// place returns the store of a GID, or of the number in it.
func (s *shop) place(id string) (place, bool) {
	for _, p := range s.locations {
		if p.ID == id || strings.TrimPrefix(p.ID, "gid://shopify/Location/") == id {
			return p, true
		}
	}
	return place{}, false
}

func (s *shop) locationName(id string) string {
	p, _ := s.place(id)
	return p.Name
}

// fill reads products, stock and policies into the index. It may be called while
// changes arrive: the later version of a thing holds, whatever comes first.
func (s *shop) fill(ctx context.Context, policies []rag.Page) error {
	client := s.client.With(shopify.CallOptions{Lane: shopify.Background})
	for e, err := range shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[catalog.Entry], error) {
		resp, err := catalog.ListCatalog(ctx, client, 25, after)
		if err != nil {
			return shopify.Page[catalog.Entry]{}, err
		}
		return shopify.Page[catalog.Entry]{Nodes: resp.Products.Nodes, HasNextPage: resp.Products.PageInfo.HasNextPage, EndCursor: resp.Products.PageInfo.EndCursor}, nil
	}) {
		if err != nil {
			return fmt.Errorf("reading the products: %w", err)
		}
		if err := s.index.Apply(ctx, rag.Put{Document: document(&e)}); err != nil {
			return err
		}
	}
	for _, l := range s.locations {
		for level, err := range admin.InventoryLevels(ctx, client, shopify.GID(l.ID), nil) {
			if err != nil {
				return fmt.Errorf("reading the stock: %w", err)
			}
			if err := s.index.Apply(ctx, stockOf(&level)); err != nil {
				return err
			}
		}
	}
	for _, p := range policies {
		if err := s.index.Apply(ctx, rag.PutPage{Page: p.ID, Sections: rag.Sections(p), UpdatedAt: p.UpdatedAt}); err != nil {
			return err
		}
	}
	return nil
}

func document(e *catalog.Entry) rag.Document {
	d := rag.Document{
		ID: string(e.ID), Kind: rag.Product, Title: e.Title, Body: rag.Text(e.DescriptionHTML), Vendor: e.Vendor, Type: e.ProductType,
		Tags: e.Tags, URL: "/products/" + e.Handle, UpdatedAt: e.UpdatedAt,
	}
	for _, v := range e.Variants.Nodes {
		title := v.Title
		if title == "Default Title" {
			title = ""
		}
		d.Variants = append(d.Variants, rag.Variant{
			ID: string(v.ID), Title: title, SKU: v.SKU, Barcode: v.Barcode, Price: v.Price.Decimal, InventoryItem: string(v.InventoryItem.ID),
		})
	}
	return d
}

func stockOf(level *admin.InventoryLevel) rag.SetStock {
	change := rag.SetStock{InventoryItem: string(level.Item.ID), Level: rag.Level{Location: string(level.Location.ID), UpdatedAt: level.UpdatedAt}}
	for _, q := range level.Quantities {
		if q.Name == "available" {
			change.Available = int64(q.Quantity)
		}
	}
	change.Untracked, change.Unknown = !level.Item.Tracked, !level.IsActive
	return change
}

// embedEvery is how often vectors are made of what is new.
const embedEvery = time.Minute

// keepEmbedding makes the vectors that are missing, now and then, until ctx ends. Until
// they are there, and where they cannot be had, words alone are searched.
func (s *shop) keepEmbedding(ctx context.Context, logger *slog.Logger) {
	tick := time.NewTicker(embedEvery)
	defer tick.Stop()
	for {
		if _, err := s.index.Embed(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("vectors could not be made", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// topics are what the index is kept up by.
var topics = []admin.WebhookSubscriptionTopic{
	admin.WebhookSubscriptionTopicProductsCreate, admin.WebhookSubscriptionTopicProductsUpdate, admin.WebhookSubscriptionTopicProductsDelete,
	admin.WebhookSubscriptionTopicInventoryLevelsConnect, admin.WebhookSubscriptionTopicInventoryLevelsUpdate, admin.WebhookSubscriptionTopicInventoryLevelsDisconnect,
}

// register says what is done with deliveries.
func (s *shop) register(mux *webhook.Mux) {
	onChange(mux, webhook.ProductsCreate, s)
	onChange(mux, webhook.ProductsUpdate, s)
	onChange(mux, webhook.ProductsDelete, s)
	onChange(mux, webhook.InventoryLevelsConnect, s)
	onChange(mux, webhook.InventoryLevelsUpdate, s)
	onChange(mux, webhook.InventoryLevelsDisconnect, s)
}

func onChange[T any](mux *webhook.Mux, topic webhook.Topic[T], s *shop) {
	webhook.On(mux, topic, func(ctx context.Context, ev webhook.Event[T]) error { return s.changed(ctx, ev.Delivery) })
}

// changed brings the index up to date with a delivery.
func (s *shop) changed(ctx context.Context, d webhook.Delivery) error {
	changes, err := rag.FromWebhook(d.Topic, d.Body, d.TriggeredAt)
	switch {
	case errors.Is(err, rag.ErrIncomplete): // more variants than an event has
		var p webhook.Product
		if err := json.Unmarshal(d.Body, &p); err != nil {
			return webhook.GiveUp(err)
		}
		return s.reread(ctx, gid("Product", p.ID))
	case err != nil:
		return webhook.GiveUp(err)
	}
	return s.index.Apply(ctx, changes...)
}

func (s *shop) reread(ctx context.Context, id string) error {
	resp, err := catalog.GetEntry(ctx, s.client.With(shopify.CallOptions{Lane: shopify.Background}), shopify.GID(id))
	if err != nil || resp.Product == nil {
		return err // one that is gone is told by products/delete
	}
	return s.index.Apply(ctx, rag.Put{Document: document(resp.Product)})
}

// amount writes a price as the shop does, such as "89.00 USD".
func (s *shop) amount(d decimal.Decimal) string {
	digits := int32(2)
	if slices.Contains([]string{"JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "XPF", "PYG", "RWF"}, s.currency) {
		digits = 0 // ISO 4217
	}
	return d.StringFixed(digits) + " " + s.currency
}

// readPolicies reads the shop's policies: from a file, or those that it has in Shopify.
func (s *shop) readPolicies(ctx context.Context, markdown string) ([]rag.Page, error) {
	if markdown != "" {
		return []rag.Page{{ID: "policies", Title: "Our policies", Language: "en", Body: markdown, UpdatedAt: time.Now()}}, nil
	}
	resp, err := catalog.ShopPolicies(ctx, s.client)
	if err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	var pages []rag.Page
	for _, p := range resp.Shop.ShopPolicies {
		pages = append(pages, rag.Page{ID: "policy:" + strings.ToLower(string(p.Type)), Title: p.Title, URL: p.URL, UpdatedAt: p.UpdatedAt, Body: p.Body})
	}
	return pages, nil
}

// gid makes a GID of a number that a register sends; "" of zero.
func gid(kind string, n int64) string {
	if n <= 0 {
		return ""
	}
	return "gid://shopify/" + kind + "/" + strconv.FormatInt(n, 10)
}
