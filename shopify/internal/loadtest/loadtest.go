// Package loadtest holds a load of queries of mixed cost, for the tests of the
// query-cost limiter.
package loadtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// Load is a list of queries: from 1 to some 75 points, some of which use much
// less than they request. The same number gives the same load. Safe for
// concurrent use.
type Load struct {
	mu      sync.Mutex
	queries []*graphql.Request
}

// New returns n queries.
func New(n int) *Load {
	rng := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a fixed load
	l := &Load{}
	for range n {
		req := &graphql.Request{Query: `query Shop { shop { name } }`, OpName: "Shop"}
		switch rng.IntN(4) {
		case 0:
			req = &graphql.Request{
				Query:     `query Orders($first: Int!) { orders(first: $first) { nodes { id lineItems(first: 10) { nodes { id title } } } } }`,
				OpName:    "Orders",
				Variables: map[string]any{"first": []int{2, 10, 50, 100}[rng.IntN(4)]},
			}
		case 1:
			req = &graphql.Request{
				Query:     `query Products($first: Int!) { products(first: $first) { nodes { id variants(first: 20) { nodes { id sku } } } } }`,
				OpName:    "Products",
				Variables: map[string]any{"first": []int{5, 20, 100}[rng.IntN(3)]},
			}
		case 2:
			req = &graphql.Request{Query: `query Nobody { orders(first: 50, query: "email:nobody@example.com") { nodes { id lineItems(first: 20) { nodes { id } } } } }`, OpName: "Nobody"}
		}
		l.queries = append(l.queries, req)
	}
	return l
}

// Share leaves every n-th query, from the i-th on.
func (l *Load) Share(i, n int) {
	var mine []*graphql.Request
	for ; i < len(l.queries); i += n {
		mine = append(mine, l.queries[i])
	}
	l.queries = mine
}

// Next returns a query, or nil at the end.
func (l *Load) Next() *graphql.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queries) == 0 {
		return nil
	}
	req := l.queries[0]
	l.queries = l.queries[1:]
	return req
}

// Left returns how many queries are left.
func (l *Load) Left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queries)
}

// Run sends all queries, one after the other.
func (l *Load) Run(ctx context.Context, c *shopify.Client) error {
	for req := l.Next(); req != nil; req = l.Next() {
		var data any
		if err := c.MakeRequest(ctx, req, &graphql.Response{Data: &data}); err != nil {
			return err
		}
	}
	return nil
}

// Meter counts what a shop answers.
type Meter struct {
	Sent, Throttled atomic.Int64
	Points          atomic.Int64 // actual cost
	Dearest         atomic.Int64 // requested cost of the dearest query
}

// Hooks returns the hooks that count.
func (m *Meter) Hooks() []shopify.Hooks {
	return []shopify.Hooks{{Attempt: func(_ context.Context, a shopify.Attempt) {
		m.Sent.Add(1)
		if errors.Is(a.Err, shopify.ErrThrottled) {
			m.Throttled.Add(1)
		}
		m.Points.Add(int64(a.Cost.Actual))
		for cost := int64(a.Cost.Requested); ; {
			if old := m.Dearest.Load(); cost <= old || m.Dearest.CompareAndSwap(old, cost) {
				return
			}
		}
	}}}
}

// Ratio compares a time with the theoretical minimum for the points counted:
// what the bucket holds is free, the rest comes at the restore rate.
func (m *Meter) Ratio(took time.Duration, maximum, restoreRate float64) float64 {
	return took.Seconds() / ((float64(m.Points.Load()) - maximum) / restoreRate)
}

// Slow returns a transport whose answers take 40 to 200 ms longer.
func Slow(next http.RoundTripper, seed uint64) http.RoundTripper {
	return &slow{next: next, rng: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // a fixed load
}

type slow struct {
	next http.RoundTripper
	mu   sync.Mutex
	rng  *rand.Rand
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	half := time.Duration(20+s.rng.IntN(80)) * time.Millisecond
	s.mu.Unlock()
	time.Sleep(half)
	resp, err := s.next.RoundTrip(r)
	time.Sleep(half)
	return resp, err
}
