package shopify

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// PointStore keeps the query-cost points of shops where several processes see
// them. Its methods are safe for concurrent use, obey ctx and may fail at any
// time: the limiter then goes by its own belief. Package shopify/pglimit keeps
// them in PostgreSQL; package shopify/shopifytest has the tests that every
// implementation must pass.
type PointStore interface {
	// Take takes the points if they are there, or says how long that will take.
	// While nothing is known of a shop, it grants what is asked for, with a zero
	// [PointGrant.At].
	Take(ctx context.Context, shop Domain, want PointRequest) (PointGrant, error)
	// Settle ends what was granted: it sets the shop's bucket right by the
	// answer, and creates it with the first one.
	Settle(ctx context.Context, shop Domain, grant PointGrant, use PointUse) error
}

// PointRequest asks for points.
type PointRequest struct {
	// Cost is how many points to take.
	Cost float64
	// Spare is how many must be left behind: background work leaves some to
	// interactive calls.
	Spare float64
	// Urgent requests, of interactive calls, go before others.
	Urgent bool
	// Ticket identifies the call that asks. The first that is refused holds a
	// place: until it is granted, or has not asked again for a while, others
	// that are not more urgent get only what it does not need, so that cheap
	// calls do not starve dear ones. An urgent one takes the place of one that
	// is not. If empty, no place is held.
	Ticket string
}

// PointGrant is the answer to a [PointRequest].
type PointGrant struct {
	// OK says that the points were taken. They must be settled.
	OK bool
	// Wait is after what time to ask again, if not OK.
	Wait time.Duration
	// Cost is how many points were taken.
	Cost float64
	// At and Settled are the store's own: its time when the points were taken,
	// in seconds, and how many points had been settled by then.
	At, Settled float64
}

// PointUse is what became of a [PointGrant].
type PointUse struct {
	// Cost is the answer's; zero if it held none, or none came. An answer with a
	// plausible [Cost.Throttle] and without an actual cost did not use what was
	// granted.
	Cost Cost
	// Unused says that the request never left, or was refused before it ran: all
	// that was granted is there again. Without it, and without a cost, all counts
	// as used.
	Unused bool
}

// remotePoints asks a store, and stops asking for a while when it fails.
type remotePoints struct {
	store   PointStore
	shop    Domain
	timeout time.Duration
	log     *slog.Logger

	mu       sync.Mutex
	failures int
	until    time.Time // do not ask before
}

const (
	firstRest = 500 * time.Millisecond
	maxRest   = 30 * time.Second
)

// take asks for points; ok is false if the store cannot be asked.
func (r *remotePoints) take(ctx context.Context, want PointRequest) (grant PointGrant, ok bool) {
	if r.resting() {
		return PointGrant{}, false
	}
	ask, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	grant, err := r.store.Take(ask, r.shop, want)
	if err != nil && ctx.Err() != nil {
		return PointGrant{}, false // the call's own end says nothing about the store
	}
	r.note(ctx, err)
	if grant.OK {
		grant.Cost = want.Cost
	}
	return grant, err == nil
}

// settle gives the answer to the store, also for a call that was canceled.
func (r *remotePoints) settle(ctx context.Context, grant PointGrant, use PointUse) {
	if r.resting() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	r.note(ctx, r.store.Settle(ctx, r.shop, grant, use))
}

func (r *remotePoints) resting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until)
}

func (r *remotePoints) note(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		if r.failures > 0 {
			r.log.LogAttrs(ctx, slog.LevelInfo, "shopify: the shared query-cost points are back", slog.String("shop", string(r.shop)))
		}
		r.failures = 0
		return
	}
	if r.failures == 0 {
		r.log.LogAttrs(ctx, slog.LevelWarn, "shopify: the shared query-cost points cannot be reached; going by this process's own belief",
			slog.String("shop", string(r.shop)), slog.Any("error", err))
	}
	r.failures = min(r.failures+1, 16)
	r.until = time.Now().Add(min(maxRest, firstRest<<(r.failures-1)))
}
