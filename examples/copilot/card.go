package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/examples/copilot/internal/catalog"
	"github.com/posai-go/posai/shopify"
)

// A block is a piece of an answer, as it goes to pages and registers. Everything in it
// is the shop's own data or this program's own words, but for Card.Why, which passed
// [speech.check].
type block struct {
	Kind string `json:"kind"` // card, policy, note, person, waiting
	By   string `json:"by"`   // who chose it: model or search

	Card   *card   `json:"card,omitempty"`
	Policy *policy `json:"policy,omitempty"`
	Text   string  `json:"text,omitempty"` // of a note
	Task   *task   `json:"task,omitempty"` // of person and waiting
}

// policy is a section of the shop's policies, whole and word for word.
type policy struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
	URL   string `json:"url,omitempty"`
}

// card is a product with what can be said of it now.
type card struct {
	ID        string        `json:"id"` // GID
	Title     string        `json:"title"`
	Vendor    string        `json:"vendor,omitempty"`
	Type      string        `json:"type,omitempty"`
	About     string        `json:"about,omitempty"` // from the description
	Variants  []cardVariant `json:"variants"`
	More      int           `json:"more,omitempty"` // variants that are not listed
	InsteadOf string        `json:"instead_of,omitempty"`
	Bought    bool          `json:"bought,omitempty"` // by the customer, before
	Why       string        `json:"why,omitempty"`    // the model's words

	// Live: prices and the stock of this store were asked of the shop just now. Else
	// they are those of the index, as of AsOf.
	Live bool      `json:"live"`
	AsOf time.Time `json:"as_of,omitzero"`
}

type cardVariant struct {
	id        string  // GID
	SKU       string  `json:"sku"`
	Title     string  `json:"title,omitempty"`
	Price     string  `json:"price"`
	Here      stock   `json:"here"`
	Elsewhere []stock `json:"elsewhere,omitempty"` // where there is some
}

// stock is what can be sold at a store.
type stock struct {
	Location  string `json:"location"`
	Known     bool   `json:"known"`
	Untracked bool   `json:"untracked,omitempty"` // always to be had
	Available int64  `json:"available"`
}

// maxVariants is how many variants a card lists.
const maxVariants = 8

// lookUp is how long the shop may take to tell the figures of a card, unless the
// configuration says otherwise.
const lookUp = 1500 * time.Millisecond

// card makes the card of a product as it is now, or nil if it is gone. The variants
// that were asked for come first.
func (s *shop) card(ctx context.Context, id string, first []string, here place) (*card, error) {
	docs, err := s.index.Documents(ctx, id)
	if err != nil || len(docs) == 0 || docs[0].Kind != rag.Product {
		return nil, err
	}
	d := &docs[0]
	c := &card{ID: d.ID, Title: plain(d.Title), Vendor: plain(d.Vendor), Type: plain(d.Type), About: quotable(d.Body), AsOf: d.UpdatedAt}
	figures, gone := s.figures(ctx, id, here)
	if gone {
		return nil, nil
	}
	c.Live = figures != nil
	variants := slices.Clone(d.Variants)
	slices.SortStableFunc(variants, func(a, b rag.Variant) int { return rankOf(first, a.ID) - rankOf(first, b.ID) })
	for i := range variants {
		v := &variants[i]
		if figures != nil {
			now, ok := figures[v.ID]
			if !ok {
				continue // it is no more
			}
			v.SKU, v.Price = now.sku, now.price
			v.Stock = withLevel(v.Stock, here.ID, now.here)
		}
		if len(c.Variants) == maxVariants {
			c.More++
			continue
		}
		c.Variants = append(c.Variants, s.cardVariant(v, here))
		for _, l := range v.Stock {
			if l.Location == here.ID && l.UpdatedAt.After(c.AsOf) {
				c.AsOf = l.UpdatedAt
			}
		}
	}
	return c, nil
}

func rankOf(first []string, id string) int {
	if slices.Contains(first, id) {
		return 0
	}
	return 1
}

func (s *shop) cardVariant(v *rag.Variant, here place) cardVariant {
	out := cardVariant{id: v.ID, SKU: plain(v.SKU), Title: plain(v.Title), Price: s.amount(v.Price), Here: stock{Location: here.Name}}
	for _, p := range s.locations {
		l, known := v.At(p.ID)
		switch {
		case p.ID == here.ID:
			out.Here = stockAt(p, l, known)
		case known && (l.Untracked || l.Available > 0):
			out.Elsewhere = append(out.Elsewhere, stockAt(p, l, true))
		}
	}
	return out
}

func stockAt(p place, l rag.Level, known bool) stock {
	s := stock{Location: p.Name, Known: known, Untracked: l.Untracked}
	if !l.Untracked { // it has no meaning then
		s.Available = max(l.Available, 0)
	}
	return s
}

// figure is what the shop says of a variant.
type figure struct {
	sku   string
	price decimal.Decimal
	here  *rag.Level // nil: not stocked here
}

// figures asks the shop. It returns nil if the shop does not answer in time.
func (s *shop) figures(ctx context.Context, id string, here place) (figures map[string]figure, gone bool) {
	ctx, cancel := context.WithTimeout(ctx, s.lookUp)
	defer cancel()
	resp, err := catalog.GetFigures(ctx, s.client.With(shopify.CallOptions{Lane: shopify.Interactive}), shopify.GID(id), shopify.GID(here.ID))
	if err != nil {
		return nil, false
	}
	if resp.Product == nil || resp.Product.Status != catalog.ProductStatusActive {
		return nil, true
	}
	figures = map[string]figure{}
	for _, v := range resp.Product.Variants.Nodes {
		f := figure{sku: v.SKU, price: v.Price.Decimal}
		if l := v.InventoryItem.InventoryLevel; l != nil {
			for _, q := range l.Quantities {
				if q.Name == "available" {
					f.here = &rag.Level{Location: here.ID, Available: int64(q.Quantity), Untracked: !v.InventoryItem.Tracked, UpdatedAt: l.UpdatedAt}
				}
			}
		}
		figures[string(v.ID)] = f
	}
	return figures, false
}

func withLevel(levels []rag.Level, location string, now *rag.Level) []rag.Level {
	out := slices.DeleteFunc(slices.Clone(levels), func(l rag.Level) bool { return l.Location == location })
	if now != nil {
		out = append(out, *now)
	}
	return out
}

// inStock reports whether the variant whose code was asked for, or else any, can be
// sold at the store.
func (c *card) inStock(code *rag.CodeMatch) bool {
	return slices.ContainsFunc(c.Variants, func(v cardVariant) bool {
		if code != nil && code.Variant != "" && v.id != code.Variant {
			return false
		}
		return v.Here.Untracked || v.Here.Known && v.Here.Available > 0
	})
}

// plain is a text of the shop's on one line, without what does not show or turns the
// direction of what follows.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !visible(r) }), " ")
}
