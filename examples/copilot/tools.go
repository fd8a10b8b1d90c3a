package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/toolgate"
	"github.com/posai-go/posai/audit"
)

// searchInput is what the model may search by.
type searchInput struct {
	Query    string `json:"query" description:"words, or a SKU or barcode" jsonschema:"minLength=1,maxLength=200"`
	InStock  bool   `json:"in_stock_here,omitempty" description:"only what can be had in this store"`
	MaxPrice string `json:"max_price,omitempty" description:"in the shop's currency, such as 50.00" jsonschema:"maxLength=12"`
	Tag      string `json:"tag,omitempty" jsonschema:"maxLength=60"`
}

// Validate implements the check that [ai.NewTool] makes of arguments.
func (in searchInput) Validate() error {
	_, err := in.price()
	return err
}

var errPrice = errors.New("max_price must be an amount such as 50.00")

func (in searchInput) price() (decimal.NullDecimal, error) {
	if in.MaxPrice == "" {
		return decimal.NullDecimal{}, nil
	}
	// A few digits: an exponent could make it gigabytes long.
	for _, r := range in.MaxPrice {
		if (r < '0' || r > '9') && r != '.' {
			return decimal.NullDecimal{}, errPrice
		}
	}
	d, err := decimal.NewFromString(in.MaxPrice)
	if err != nil {
		return decimal.NullDecimal{}, errPrice
	}
	return decimal.NewNullDecimal(d.Round(2)), nil
}

// found is a product as the model is told of it.
type found struct {
	Product   string   `json:"product"` // p1, …
	Title     string   `json:"title"`
	Type      string   `json:"type,omitempty"`
	Vendor    string   `json:"vendor,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	Text      string   `json:"text,omitempty"`
	Variants  []string `json:"variants"`
	InStock   bool     `json:"in_stock_here"`
	Elsewhere []string `json:"in_stock_in,omitempty"`
	BoughtAt  string   `json:"bought,omitempty"` // by the customer
}

type section struct {
	Policy string `json:"policy"` // s1, …
	Title  string `json:"title"`
	Text   string `json:"text"`
}

type policyInput struct {
	Query string `json:"query" jsonschema:"minLength=1,maxLength=200"`
}

// loop makes the loop of one question. All of its tools read, but for set_aside, which
// a manager decides about: what customers, products and policies say is text from
// outside, so the loop is tainted from its beginning.
func (t *turn) loop(model *audit.Model) (*ai.Loop, error) {
	outside := &ai.ToolOptions{Untrusted: true, Timeout: 5 * time.Second}
	search, err := ai.NewTool("search_products", "Finds products by words, SKU or barcode.", ai.EffectRead, t.searchProducts, outside)
	if err != nil {
		return nil, err
	}
	policies, err := ai.NewTool("search_policies", "Finds sections of the shop's policies: returns, exchanges, repairs, shipping.", ai.EffectRead, t.searchPolicies, outside)
	if err != nil {
		return nil, err
	}
	tools := []*ai.BoundTool{search, policies}
	opts := &ai.LoopOptions{MaxSteps: 6, MaxTokens: 60_000, MaxTime: t.timeout, MaxCalls: 6, Tainted: true}
	if t.mode == associate {
		if t.history != nil {
			bought, err := ai.NewTool("customer_history", "What the customer bought before, the latest first.", ai.EffectRead, t.customerHistory, outside)
			if err != nil {
				return nil, err
			}
			tools = append(tools, bought)
		}
		if t.hold != nil {
			tools = append(tools, t.hold)
			opts.Gate = t.holdGate(t.gate.For(toolgate.Session{
				ID: t.id, Shop: string(t.shop.client.Shop()), Location: t.here.ID, Correlation: t.session.id, Model: model,
				Proposer: approval.Principal{ID: self.ID, Name: self.Name, Type: approval.AI},
			}))
		}
	}
	return ai.NewLoop(t.model, tools, opts)
}

func (t *turn) searchProducts(ctx context.Context, in searchInput) ([]found, error) {
	filter := rag.Filter{Kinds: []rag.Kind{rag.Product}}
	var err error
	if filter.MaxPrice, err = in.price(); err != nil {
		return nil, err
	}
	if in.InStock {
		filter.InStock = &rag.Stock{Locations: []string{t.here.ID}}
	}
	if in.Tag != "" {
		filter.Tags = []string{in.Tag}
	}
	hits, err := t.shop.find(ctx, in.Query, 8, filter)
	if err != nil {
		return nil, err
	}
	out := []found{}
	for _, h := range hits {
		if f, ok := t.found(&h.Document, h.Variants); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

func (t *turn) found(d *rag.Document, variants []string) (found, bool) {
	ref := t.sources.product(d.ID, variants)
	if ref == "" {
		return found{}, false
	}
	f := found{Product: ref, Title: d.Title, Type: d.Type, Vendor: d.Vendor, Tags: d.Tags, Text: clip(d.Body, 600)}
	places := map[string]bool{}
	for i := range d.Variants {
		v := &d.Variants[i]
		if len(f.Variants) < maxVariants {
			f.Variants = append(f.Variants, strings.TrimSpace(v.Title+" "+t.shop.amount(v.Price)))
		}
		for _, l := range v.Stock {
			if l.Untracked || l.Available > 0 {
				places[l.Location] = true
			}
		}
	}
	f.InStock = f.InStock || places[t.here.ID]
	for _, p := range t.shop.locations {
		if places[p.ID] && p.ID != t.here.ID {
			f.Elsewhere = append(f.Elsewhere, p.Name)
		}
	}
	return f, true
}

func (t *turn) searchPolicies(ctx context.Context, in policyInput) ([]section, error) {
	hits, err := t.shop.find(ctx, in.Query, 4, rag.Filter{Kinds: []rag.Kind{rag.Policy}})
	if err != nil {
		return nil, err
	}
	out := []section{}
	for _, h := range hits {
		if ref := t.sources.policy(h.Document.ID); ref != "" {
			out = append(out, section{Policy: ref, Title: h.Document.Title, Text: h.Document.Body})
		}
	}
	return out, nil
}

func (t *turn) customerHistory(ctx context.Context, _ struct{}) ([]found, error) {
	out := []found{}
	for _, p := range t.history.bought[:min(len(t.history.bought), 12)] {
		docs, err := t.shop.index.Documents(ctx, p.product)
		if err != nil {
			return nil, err
		}
		if len(docs) == 0 {
			continue
		}
		if f, ok := t.found(&docs[0], nil); ok {
			f.BoughtAt = p.at.Format("January 2006")
			out = append(out, f)
		}
	}
	return out, nil
}

func clip(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}
