package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/returnreasons/weekly"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/bulk"
)

// reporter makes the weekly summary of a shop, from what the shop says.
type reporter struct {
	shop     *shop
	minCount int

	reading chan struct{} // holds one: who reads the shop
	mu      sync.Mutex
	weeks   map[string]made // by week
}

// made is a summary and when it was made.
type made struct {
	summary *weekly.Summary
	at      time.Time
}

// fresh is how long a summary is served before the shop is read again.
const fresh = 15 * time.Minute

func newReporter(sh *shop, minCount int) *reporter {
	return &reporter{shop: sh, minCount: minCount, reading: make(chan struct{}, 1), weeks: map[string]made{}}
}

func (r *reporter) options(week time.Time) weekly.Options {
	opts := weekly.Options{
		Shop: r.shop.name, Location: r.shop.zone, Week: week, MinCount: r.minCount, Channels: []string{"pos", "online"},
	}
	for _, reason := range reasons {
		opts.Reasons = append(opts.Reasons, weekly.Reason{
			Key: string(reason), Label: reason.String(), Product: reason.aboutProduct(), Silent: reason == ReasonAbstain,
		})
	}
	return opts
}

// summary returns the summary of the week of a moment, or of the last complete
// one if that is zero. One caller reads the shop, the others wait for it.
func (r *reporter) summary(ctx context.Context, week time.Time) (*weekly.Summary, error) {
	opts := r.options(week)
	if week.IsZero() {
		opts.Week = weekly.StartOfWeek(time.Now(), r.shop.zone).AddDate(0, 0, -7)
	}
	name := weekly.WeekName(opts.Week)
	if s := r.kept(name); s != nil {
		return s, nil
	}
	select {
	case r.reading <- struct{}{}:
		defer func() { <-r.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s := r.kept(name); s != nil {
		return s, nil
	}
	sales, err := r.shop.sales(ctx, opts.Since())
	if err != nil {
		return nil, fmt.Errorf("reading the shop's sales: %w", err)
	}
	returns, err := r.shop.returns(ctx, opts.Since())
	if err != nil {
		return nil, fmt.Errorf("reading the shop's returns: %w", err)
	}
	s := weekly.Summarize(sales, returns, opts)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.weeks) >= 60 { // somebody asks for all of history
		clear(r.weeks)
	}
	r.weeks[name] = made{s, time.Now()}
	return s, nil
}

func (r *reporter) kept(name string) *weekly.Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, ok := r.weeks[name]; ok && time.Since(m.at) < fresh {
		return m.summary
	}
	return nil
}

// unhurried is the client of what takes many pages: the shop's points go to
// returns that are at the counter first.
func (s *shop) unhurried() *shopify.Client {
	return s.client.With(shopify.CallOptions{Lane: shopify.Background})
}

// soldOrder is an order with all its lines, as a bulk query writes it.
type soldOrder struct {
	ID          string
	CreatedAt   time.Time
	CancelledAt *time.Time
	Test        bool
	SourceName  string
	Lines       []struct {
		Quantity int
		Product  *struct{ ID string }
	} `bulk:"LineItem"`
}

// sales returns what was sold since then, line by line. It is weeks of orders,
// tens of thousands in a large shop, so a bulk operation reads them aside.
func (s *shop) sales(ctx context.Context, since time.Time) ([]weekly.Sale, error) {
	runner, err := bulk.NewRunner(s.client, nil)
	if err != nil {
		return nil, err
	}
	op, err := runner.Query(ctx, `{ orders(query: "created_at:>='`+since.UTC().Format(time.RFC3339)+`'") { edges { node {
		id createdAt cancelledAt test sourceName
		lineItems { edges { node { id quantity product { id } } } } } } } }`, nil)
	if err != nil {
		return nil, err
	}
	var out []weekly.Sale
	for o, err := range bulk.Objects[soldOrder](ctx, op, nil) {
		if err != nil {
			return nil, err
		}
		if o.CancelledAt != nil || o.Test {
			continue
		}
		for _, l := range o.Lines {
			sale := weekly.Sale{Order: o.ID, At: o.CreatedAt, Channel: channelOf(o.SourceName), Units: l.Quantity}
			if l.Product != nil {
				sale.Product = l.Product.ID
			}
			out = append(out, sale)
		}
	}
	return out, nil
}

// returns returns what came back since then, line by line, with the reasons on
// record or, where there is none yet, those of the baseline.
func (s *shop) returns(ctx context.Context, since time.Time) ([]weekly.Return, error) {
	var out []weekly.Return
	query := "updated_at:>='" + since.UTC().Format(time.RFC3339) + "'" +
		" AND (return_status:returned OR return_status:in_progress OR return_status:inspection_complete OR financial_status:refunded OR financial_status:partially_refunded)"
	for o, err := range admin.ReturnedGoods(ctx, s.unhurried(), namespace, &admin.ListOptions{Query: query}) {
		if err != nil {
			return nil, err
		}
		if !o.Test {
			out = append(out, returnsOf(&o)...)
		}
	}
	return out, nil
}

func returnsOf(o *admin.GoodsOfOrder) []weekly.Return {
	recorded := map[string]Recorded{}
	for _, m := range o.Metafields.Nodes {
		if r, err := parseRecorded(m); err == nil {
			recorded[r.Goods] = r
		}
	}
	var out []weekly.Return
	for _, g := range goodsOfOrder(o) {
		by := map[string]RecordedItem{}
		for _, i := range recorded[g.ID].Items {
			by[i.LineItemID] = i
		}
		for n, judged := range baseline(g).Items {
			i := g.Items[n]
			w := weekly.Return{
				Order: g.OrderID, SoldAt: o.CreatedAt, At: g.At, Channel: g.Channel, Product: i.ProductID, Title: productTitle(i), Units: i.Quantity,
				Reason: string(judged.Reason), Quote: quotable(judged.Quote, person{}), Provisional: true,
			}
			if r, ok := by[i.LineItemID]; ok && i.LineItemID != "" {
				// Quotes were masked when they were written; they are masked again
				// as patterns get better.
				w.Reason, w.Quote, w.Provisional = string(r.Reason), quotable(r.Quote, person{}), false
			}
			out = append(out, w)
		}
	}
	return out
}

// goodsOfOrder are the returns that took place, and the refunds without one.
func goodsOfOrder(o *admin.GoodsOfOrder) []*Goods {
	var out []*Goods
	start := func(id string, at time.Time) *Goods {
		return &Goods{ID: id, OrderID: string(o.ID), At: at, Channel: channelOf(o.SourceName)}
	}
	for _, r := range o.Returns.Nodes {
		if r.Status != admin.ReturnStatusOpen && r.Status != admin.ReturnStatusClosed {
			continue
		}
		g := start(string(r.ID), r.CreatedAt)
		for _, l := range r.ReturnLineItems.Nodes {
			g.add(admin.SoldItemOf(l), l.GetQuantity(), nativeOf(l), l.GetReturnReasonNote(), l.GetCustomerNote())
		}
		out = append(out, g)
	}
	for _, r := range o.Refunds {
		if r.Return != nil || r.CreatedAt == nil {
			continue
		}
		g := start(string(r.ID), *r.CreatedAt)
		for _, l := range r.RefundLineItems.Nodes {
			if l.RestockType != admin.RefundLineItemRestockTypeCancel {
				g.add(&l.LineItem, l.Quantity, Definition{}, r.Note, "")
			}
		}
		out = append(out, g)
	}
	return out
}

// productTitle is the title without the variant.
func productTitle(i Item) string {
	title, _, _ := strings.Cut(i.ProductTitle, ", ")
	return title
}

// ServeHTTP serves the page of a week: the last complete one, or ?week=2026-W47.
// Who may see it is for the caller to say.
func (r *reporter) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var week time.Time
	if name := req.URL.Query().Get("week"); name != "" {
		var err error
		if week, err = weekly.ParseWeek(name, r.shop.zone); err != nil || week.After(time.Now()) {
			http.Error(w, "week must be a past one such as 2026-W47", http.StatusBadRequest)
			return
		}
	}
	ctx, cancel := context.WithTimeout(req.Context(), 5*time.Minute)
	defer cancel()
	s, err := r.summary(ctx, week)
	if err != nil {
		http.Error(w, "The shop could not be read at the moment.", http.StatusBadGateway)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", weekly.ContentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, no-store")
	_ = s.WriteHTML(w) // the client is gone if that fails
}

// write writes the summary of the last complete week as a file and as text.
func (r *reporter) write(ctx context.Context, page, out io.Writer, week time.Time) error {
	s, err := r.summary(ctx, week)
	if err != nil {
		return err
	}
	if err := s.WriteText(out); err != nil {
		return err
	}
	return s.WriteHTML(page)
}
