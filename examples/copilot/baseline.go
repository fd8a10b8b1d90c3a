package main

import (
	"context"
	"slices"
	"strings"

	"github.com/posai-go/posai/ai/rag"
)

// baselineName is what stands for a model in the audit log where none answered.
const baselineName = "search-1"

// The most that an answer from search alone shows.
const (
	maxHits         = 3
	maxAlternatives = 2
)

// aboutPolicies are words by which a question is taken to be about the policies.
var aboutPolicies = wordSet(`
return returns returned returning refund refunds refunded exchange exchanges exchanged back warranty guarantee repair repairs
repaired shipping ship delivery deliver delivered post policy policies receipt voucher credit money`)

// answerFromSearch answers with what is found: a code's own product, sections of the
// policies, or the best products, with others of the same kind where one cannot be had
// here. It returns false if it found nothing.
func (t *turn) answerFromSearch(ctx context.Context) (bool, error) {
	if slices.ContainsFunc(words(t.question), func(w string) bool { return aboutPolicies[w] }) {
		return t.policiesFromSearch(ctx)
	}
	hits, err := t.shop.find(ctx, t.question, maxHits, rag.Filter{Kinds: []rag.Kind{rag.Product}})
	if err != nil {
		return false, err
	}
	if len(hits) > 0 && hits[0].Code != nil {
		hits = hits[:1] // who names a code means that one
	}
	shown := 0
	for i, h := range hits {
		if i > 0 && h.Score < hits[0].Score/2 {
			break
		}
		c, err := t.showProduct(ctx, h.Document.ID, h.Variants, "", "", "search")
		if err != nil {
			return false, err
		}
		if c == nil {
			continue
		}
		shown++
		if i > 0 || c.inStock(h.Code) {
			continue
		}
		n, err := t.alternatives(ctx, &h.Document)
		if err != nil {
			return false, err
		}
		if shown += n; n > 0 {
			break
		}
	}
	if shown > 0 {
		return true, nil
	}
	return t.policiesFromSearch(ctx)
}

func (t *turn) policiesFromSearch(ctx context.Context) (bool, error) {
	hits, err := t.shop.find(ctx, t.question, maxHits, rag.Filter{Kinds: []rag.Kind{rag.Policy}})
	if err != nil || len(hits) == 0 {
		return false, err
	}
	for i, h := range hits {
		if i > 0 && h.Score < 0.8*hits[0].Score {
			break
		}
		if err := t.showPolicy(ctx, h.Document.ID, "search"); err != nil {
			return false, err
		}
	}
	return true, nil
}

// alternatives shows other products of the same type that can be had here, those with
// the most tags in common first.
func (t *turn) alternatives(ctx context.Context, d *rag.Document) (shown int, err error) {
	text := strings.Join(append([]string{d.Type, d.Title}, d.Tags...), " ")
	hits, err := t.shop.find(ctx, text, 20, rag.Filter{Kinds: []rag.Kind{rag.Product}, InStock: &rag.Stock{Locations: []string{t.here.ID}}})
	if err != nil {
		return 0, err
	}
	for _, h := range hits {
		if h.Document.ID == d.ID || h.Document.Type != d.Type {
			continue
		}
		c, err := t.showProduct(ctx, h.Document.ID, h.Variants, d.ID, "", "search")
		if err != nil {
			return shown, err
		}
		if c != nil {
			shown++
		}
		if shown == maxAlternatives {
			break
		}
	}
	return shown, nil
}
