package weekly

import (
	"cmp"
	"slices"

	"github.com/posai-go/posai/internal/stats"
)

// maxIssues is how many issues a page shows.
const maxIssues = 10

// issues finds products that more people than before return for a reason that is
// about the product.
func (b *book) issues(s *Summary) {
	var all []Issue
	var p []float64
	for _, product := range b.products() {
		for _, reason := range b.opts.Reasons {
			if !reason.Product {
				continue
			}
			w := which{product: product, reason: reason.Key}
			now := b.count(w, 0)
			if now.orders == 0 {
				continue // nothing to test
			}
			var before tally
			for week := 1; week <= baselineWeeks; week++ {
				before = before.plus(b.count(w, week))
			}
			i := Issue{Product: product, Title: b.titles[product], Key: reason.Key, Label: reason.Label, This: now.cell(), Before: before.cell()}
			i.P = stats.FisherGreater(now.ordersInWindow, now.ordersSold, before.ordersInWindow, before.ordersSold)
			if i.Before.Rate > 0 {
				i.Lift = i.This.Rate / i.Before.Rate
			}
			all, p = append(all, i), append(p, i.P)
		}
	}
	s.Tested = len(all)
	for n, q := range stats.Adjust(p) {
		all[n].Q = q
		if q > b.opts.FDR || all[n].This.tally.orders < b.opts.MinCount {
			continue
		}
		if o := all[n].Before.tally.orders; o > 0 && o < b.opts.MinCount {
			all[n].Before.Hidden, all[n].Lift = true, 0
		}
		all[n].This, all[n].Before = all[n].This.done(), all[n].Before.done()
		s.Issues = append(s.Issues, all[n])
	}
	slices.SortStableFunc(s.Issues, func(a, b Issue) int { return cmp.Or(cmp.Compare(a.Q, b.Q), b.This.Units-a.This.Units) })
	s.Issues = s.Issues[:min(len(s.Issues), maxIssues)]
}

// products are those that something came back of in the week.
func (b *book) products() []string {
	seen := map[string]bool{}
	var out []string
	for _, r := range b.returns {
		if b.in(r.At, 0) && r.Product != "" && !seen[r.Product] {
			seen[r.Product] = true
			out = append(out, r.Product)
		}
	}
	slices.Sort(out)
	return out
}

// quotes picks what to quote: of reasons that are shown, one of an order, the
// latest first.
func (b *book) quotes(s *Summary) {
	returns := slices.Clone(b.returns)
	slices.SortStableFunc(returns, func(a, b Return) int { return b.At.Compare(a.At) })
	for n, reason := range b.opts.Reasons {
		if reason.Silent || s.Reasons[n].This.Hidden {
			continue
		}
		g := QuoteGroup{Key: reason.Key, Label: reason.Label}
		orders := map[string]bool{}
		for _, r := range returns {
			if r.Quote == "" || r.Reason != reason.Key || !b.in(r.At, 0) || orders[r.Order] || slices.Contains(g.Quotes, r.Quote) || len(g.Quotes) == b.opts.Quotes {
				continue
			}
			orders[r.Order] = true
			g.Quotes = append(g.Quotes, r.Quote)
		}
		if len(g.Quotes) > 0 {
			s.Quotes = append(s.Quotes, g)
		}
	}
}
