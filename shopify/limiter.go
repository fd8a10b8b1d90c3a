package shopify

import (
	"log/slog"
	"sync"
	"time"
)

// Limiter keeps calls within the query-cost points of their shops, which all
// clients of an app share. Give the same Limiter to all clients of a process,
// through [Options.Limiter]; it keeps one bucket per shop. Processes share a
// bucket through [LimiterOptions.Points].
//
// It learns size, restore rate and level of a bucket from the answers, and what
// each operation costs. A call takes the points that it will probably request
// before it is sent, and gets back what it did not use. Calls wait in the order
// of their [Lane], and within a lane in the order in which they came.
//
// Safe for concurrent use.
// Source: https://shopify.dev/docs/api/usage/limits
type Limiter struct {
	opts    LimiterOptions
	mu      sync.Mutex
	buckets map[Domain]*bucket
}

// LimiterOptions are the optional settings of a [Limiter]. Zero fields are the
// defaults.
type LimiterOptions struct {
	// Points keeps the points where several processes see them, package
	// shopify/pglimit for instance. While it fails or is slow, the process goes
	// by what the answers say, as if it were alone: Shopify may then throttle
	// now and then, which costs time and loses nothing. If nil, the points are
	// those of this process.
	Points PointStore
	// PointsTimeout bounds each question to Points. If zero, 250 ms.
	PointsTimeout time.Duration
	// Logger gets a warning when Points begins to fail, and a line when it is
	// back. If nil, nothing is logged.
	Logger *slog.Logger
}

// NewLimiter returns a limiter that knows nothing yet. Nil options are the
// defaults.
func NewLimiter(opts *LimiterOptions) *Limiter {
	l := &Limiter{buckets: make(map[Domain]*bucket)}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.PointsTimeout <= 0 {
		l.opts.PointsTimeout = 250 * time.Millisecond
	}
	if l.opts.Logger == nil {
		l.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return l
}

// bucket returns the bucket of a shop.
func (l *Limiter) bucket(shop Domain) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[shop]
	if b == nil {
		b = &bucket{}
		if l.opts.Points != nil {
			b.remote = &remotePoints{store: l.opts.Points, shop: shop, timeout: l.opts.PointsTimeout, log: l.opts.Logger}
		}
		l.buckets[shop] = b
	}
	return b
}
