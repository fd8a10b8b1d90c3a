package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// recall reads back from the record what was counted and flagged.
func (g *guard) recall(ctx context.Context) error {
	now := g.now()
	for r, err := range g.log.Trail(ctx, audit.Query{Action: actionTransaction, Shop: g.shop, Since: now.Add(-memory)}) {
		if err != nil {
			return err
		}
		switch r.Entry.Kind {
		case kindAssessed:
			v, err := g.verdict(ctx, r)
			if err != nil {
				return err
			}
			g.remember(v)
		case kindFlagged:
			g.budget.Restore(r.Entry.Attributes["key"], r.Entry.Time)
		}
	}
	return nil
}

// reviewAgain asks for the reviews of the latest flags: a crash may have come
// between a flag and its review. What was asked for before is not asked again.
func (g *guard) reviewAgain(ctx context.Context) error {
	for r, err := range g.log.Trail(ctx, audit.Query{Kind: kindFlagged, Shop: g.shop, Since: g.now().Add(-48 * time.Hour)}) {
		if err != nil {
			return err
		}
		v, err := g.known(ctx, r.Entry.Attributes["key"])
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		if err := g.review(ctx, v, r.Entry.Attributes["waited"] == "true"); err != nil {
			return err
		}
	}
	return nil
}

// remember counts what is on record.
func (g *guard) remember(v *Verdict) {
	switch {
	case v.PartOf != "":
		return
	case v.Question != "":
		g.engine.Skip(v.Key)
		return
	}
	g.engine.Recount(&v.Transaction)
	g.budget.Seen(v.JudgedAt, v.Score)
	g.budget.Wait(risk.Candidate{Key: v.Key, Score: v.Score}, v.JudgedAt)
}

// learn reads the shop's past orders: what was bought, and what is ordinary. Then
// the forests are made. The pages are dear, so that a shop with many orders takes
// minutes on a small plan; until it is done, the register is answered by rules
// alone, and returns of what the ledger does not know yet look odd.
func (g *guard) learn(ctx context.Context, client *shopify.Client) error {
	since := g.now().Add(-time.Duration(g.engine.Policy().Forest.History))
	opts := &admin.OrderOptions{ListOptions: admin.ListOptions{Query: "created_at:>='" + since.UTC().Format(time.RFC3339) + "'"}, SortKey: admin.OrderSortKeysCreatedAt}
	var returns []*risk.Transaction
	for o, err := range admin.OrdersWithReturns(ctx, client, opts) {
		if err != nil {
			return fmt.Errorf("reading past orders: %w", err)
		}
		if o.Test {
			continue
		}
		sale := pastSale(&o)
		// What came back before this sale is observed before it.
		returns = g.observeUntil(returns, sale.At)
		if sale.Validate() == nil {
			g.engine.Observe(sale)
		}
		for _, r := range pastReturns(&o, sale) {
			if r.Validate() == nil {
				returns = insert(returns, r)
			}
		}
	}
	g.observeUntil(returns, g.now())
	return g.train(ctx)
}

// observeUntil observes the returns before a time and gives back the rest.
func (g *guard) observeUntil(sorted []*risk.Transaction, until time.Time) []*risk.Transaction {
	for len(sorted) > 0 && sorted[0].At.Before(until) {
		g.engine.Observe(sorted[0])
		sorted = sorted[1:]
	}
	return sorted
}

func insert(sorted []*risk.Transaction, t *risk.Transaction) []*risk.Transaction {
	i := len(sorted)
	for i > 0 && sorted[i-1].At.After(t.At) {
		i--
	}
	sorted = append(sorted, nil)
	copy(sorted[i+1:], sorted[i:])
	sorted[i] = t
	return sorted
}

func pastSale(o *admin.OrderWithReturns) *risk.Transaction {
	t := &risk.Transaction{
		Key: keyOf("order", o.ID), Kind: risk.Sale, At: o.CreatedAt, Amount: o.TotalPriceSet.ShopMoney.Amount, Tenders: o.PaymentGatewayNames,
	}
	if len(o.DiscountCodes) == 0 {
		t.Discount = o.TotalDiscountsSet.ShopMoney.Amount
	}
	if o.RetailLocation != nil {
		t.Location = string(o.RetailLocation.ID)
	}
	if o.Customer != nil {
		t.Customer = string(o.Customer.ID)
	}
	for i := range t.Tenders {
		t.Tenders[i] = tenderName(t.Tenders[i])
	}
	for _, l := range o.LineItems.Nodes {
		t.Lines = append(t.Lines, risk.Line{SKU: l.SKU, Quantity: l.Quantity, UnitPrice: l.OriginalUnitPriceSet.ShopMoney.Amount, GiftCard: l.IsGiftCard})
	}
	return t
}

func pastReturns(o *admin.OrderWithReturns, sale *risk.Transaction) []*risk.Transaction {
	lines := map[shopify.GID]risk.Line{}
	for i, l := range o.LineItems.Nodes {
		lines[l.ID] = sale.Lines[i]
	}
	var out []*risk.Transaction
	for _, r := range o.Refunds {
		if r.CreatedAt == nil {
			continue
		}
		t := &risk.Transaction{
			Key: keyOf("refund", r.ID), Kind: risk.Return, At: *r.CreatedAt, Amount: decimal.Max(r.TotalRefundedSet.ShopMoney.Amount, decimal.Zero),
			Location: sale.Location, Customer: sale.Customer, Receipt: sale.Key, Tenders: sale.Tenders[:min(1, len(sale.Tenders))],
		}
		for _, l := range r.RefundLineItems.Nodes {
			if line, ok := lines[l.LineItem.ID]; ok && l.Quantity > 0 {
				line.Quantity = l.Quantity
				t.Lines = append(t.Lines, line)
			}
		}
		out = append(out, t)
	}
	return out
}

// keyOf makes "order/1001" of a GID.
func keyOf(kind string, id shopify.GID) string {
	return kind + "/" + string(id)[strings.LastIndexByte(string(id), '/')+1:]
}

// tenderName makes one word of a payment gateway.
func tenderName(gateway string) string {
	switch gateway {
	case "":
		return "unknown"
	case "shopify_payments":
		return "credit_card"
	}
	word := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, gateway)
	return word[:min(len(word), 40)]
}

// train makes new forests and records what they are.
func (g *guard) train(ctx context.Context) error {
	before := g.engine.Forest()
	trained, err := g.engine.Train()
	if err != nil || !trained || g.engine.Forest() == before {
		return err
	}
	sales, returns := g.engine.Learned()
	return g.configured(ctx, "forest", g.engine.Forest(), fmt.Sprintf("The forests learned from the latest %d sales and %d returns.", sales, returns))
}

// configured records that something is in force from now on, unless it is the
// last thing of its kind that was recorded.
func (g *guard) configured(ctx context.Context, what, digest, note string) error {
	subject := audit.Subject{Type: what, ID: g.shop}
	for r, err := range g.log.Trail(ctx, audit.Query{Subject: subject, Kind: audit.KindConfigured, Descending: true, Limit: 1}) {
		if err != nil {
			return err
		}
		if r.Entry.Attributes["digest"] == digest {
			return nil
		}
	}
	_, err := g.log.Append(ctx, audit.Entry{
		Kind: audit.KindConfigured, Shop: g.shop, Actor: audit.Actor{Type: audit.System, ID: self.ID}, Action: "fraudguard." + what,
		Subjects: []audit.Subject{subject}, Policy: &audit.Policy{Version: g.engine.Policy().Name()}, Note: note, Attributes: map[string]string{"digest": digest},
	})
	return err
}

// keepLearning learns from the shop's past, then makes new forests every
// interval, until ctx ends. It says on learned when it knows the past.
func (g *guard) keepLearning(ctx context.Context, client *shopify.Client, interval time.Duration, learned chan<- struct{}) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := g.learn(ctx, client)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		g.logger.Warn("the shop's past could not be read", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
	close(learned)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := g.train(ctx); err != nil && ctx.Err() == nil {
				g.logger.Warn("the forest did not learn", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
