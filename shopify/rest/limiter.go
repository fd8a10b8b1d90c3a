package rest

import (
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Limiter keeps requests within the leaky buckets of their shops, which all clients of
// an app share. Give the same Limiter to all clients of a process, through
// [Options.Limiter]; it keeps one bucket per shop.
//
// It learns the size of a bucket from the answers, and by it how fast the bucket empties: on
// all of Shopify's plans in 20 s, 2 requests a second of 40 on Standard, 20 of 400 on
// Plus. Where the answers show another rate, because other processes draw on the shop too
// or Shopify changed its plans, it goes by that. Requests wait in the order in which
// they came. A place that a request took and did not use, since it never left, is free
// again at once.
//
// Safe for concurrent use.
// Source: https://shopify.dev/docs/api/usage/limits#rate-limits
type Limiter struct {
	mu      sync.Mutex
	buckets map[shopify.Domain]*bucket
}

// NewLimiter returns a limiter that knows nothing yet.
func NewLimiter() *Limiter { return &Limiter{buckets: map[shopify.Domain]*bucket{}} }

// bucket returns the bucket of a shop.
func (l *Limiter) bucket(shop shopify.Domain) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[shop]
	if b == nil {
		b = &bucket{size: startSize, rate: startRate, at: time.Now()}
		l.buckets[shop] = b
	}
	return b
}

// Bucket is what a [Limiter] believes of a shop's bucket of requests.
type Bucket struct {
	// Max is how many requests the bucket holds; 0 before the first answer.
	Max int
	// Used is how many are in it, those under way among them.
	Used float64
	// LeakRate is how many leave it a second, as far as this process sees.
	LeakRate float64
	// Waiting is how many requests wait for their turn.
	Waiting int
}

// Bucket tells what the limiter believes of a shop's bucket.
func (l *Limiter) Bucket(shop shopify.Domain) Bucket {
	b := l.bucket(shop)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leak(time.Now())
	out := Bucket{Used: b.level, LeakRate: b.rate, Waiting: len(b.waiting)}
	if b.known {
		out.Max = int(b.size)
	}
	return out
}
