package shopify

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter keeps calls within the query-cost points of their shops, which all
// clients of an app share. Give the same Limiter to all clients of a process,
// through [Options.Limiter]; it keeps one bucket per shop. It learns size,
// restore rate and level of a bucket from the answers; before the first answer
// it lets calls pass. Safe for concurrent use.
// Source: https://shopify.dev/docs/api/usage/limits
type Limiter struct {
	mu      sync.Mutex
	buckets map[Domain]*bucket
}

// NewLimiter returns a limiter that knows nothing yet.
func NewLimiter() *Limiter { return &Limiter{buckets: make(map[Domain]*bucket)} }

// bucket returns the bucket of a shop.
func (l *Limiter) bucket(shop Domain) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[shop]
	if b == nil {
		b = &bucket{costs: make(map[string]float64)}
		l.buckets[shop] = b
	}
	return b
}

const (
	// headroom is the part of the bucket that background work leaves to
	// interactive calls.
	headroom = 0.1
	// firstCost is what an operation is expected to cost before its first
	// answer, in points.
	firstCost = 10
	// maxCosts bounds how many operations' costs are remembered.
	maxCosts = 4096
	// maxPoints bounds what an answer may claim; the largest plan has 40,000.
	maxPoints = 1e9
)

// bucket is one shop's points: a token bucket that is set right by every
// answer, and a queue in front of it.
type bucket struct {
	mu       sync.Mutex
	tokens   *rate.Limiter // nil until the first answer
	inFlight float64       // points of requests that were sent and not answered
	waiting  []*waiter     // interactive ones first, in order of arrival
	costs    map[string]float64
}

// waiter is a call in the queue.
type waiter struct {
	lane Lane
	cost float64
	wake chan struct{} // holds one
}

// expect returns what an operation will probably cost.
func (b *bucket) expect(operation string) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.costs[operation]; ok {
		return c
	}
	return firstCost
}

// take waits until cost points are there and takes them. It fails at once, with
// the time it would have had to wait, if that is after the deadline of ctx or
// longer than maxWait. Every success must be followed by one call of settle.
func (b *bucket) take(ctx context.Context, lane Lane, cost float64, maxWait time.Duration) (waited time.Duration, err error) {
	start := time.Now()
	w := &waiter{lane: lane, cost: cost, wake: make(chan struct{}, 1)}
	b.enter(w)
	for {
		wait, taken := b.try(w)
		if taken {
			return time.Since(start), nil
		}
		if left := maxWait - time.Since(start); wait > left {
			b.leave(w)
			return time.Since(start), &ThrottledError{Wait: wait, Cost: cost}
		}
		if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
			b.leave(w)
			return time.Since(start), &ThrottledError{Wait: wait, Cost: cost, cause: context.DeadlineExceeded}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			b.leave(w)
			return time.Since(start), ctx.Err()
		case <-timer.C:
		case <-w.wake:
			timer.Stop()
		}
	}
}

// enter puts a call into the queue, interactive ones before background ones.
func (b *bucket) enter(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := len(b.waiting)
	for i > 0 && b.waiting[i-1].lane > w.lane {
		i--
	}
	b.waiting = slices.Insert(b.waiting, i, w)
}

// leave takes a call out of the queue and wakes the one that is first now.
func (b *bucket) leave(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaveLocked(w)
}

func (b *bucket) leaveLocked(w *waiter) {
	b.waiting = slices.DeleteFunc(b.waiting, func(o *waiter) bool { return o == w })
	b.wakeFirst()
}

func (b *bucket) wakeFirst() {
	if len(b.waiting) > 0 {
		select {
		case b.waiting[0].wake <- struct{}{}:
		default:
		}
	}
}

// try takes the points if it is the call's turn and they are there; else it
// returns how long that will take, as far as can be told.
func (b *bucket) try(w *waiter) (wait time.Duration, taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens == nil {
		b.inFlight += w.cost
		b.leaveLocked(w)
		return 0, true
	}
	burst := float64(b.tokens.Burst())
	cost := min(math.Ceil(w.cost), burst) // one that costs more than the bucket holds waits for a full one
	need := cost
	if w.lane == Background {
		need = min(burst, cost+headroom*burst)
	}
	for _, o := range b.waiting {
		if o == w {
			break
		}
		need += min(o.cost, burst)
	}
	now := time.Now()
	have := b.tokens.TokensAt(now)
	if b.waiting[0] == w && have >= need && b.tokens.AllowN(now, int(cost)) {
		w.cost = cost
		b.inFlight += cost
		b.leaveLocked(w)
		return 0, true
	}
	seconds := (need - have) / float64(b.tokens.Limit())
	// A millisecond more, so that rounding does not wake it too early.
	return max(0, time.Duration(seconds*float64(time.Second))) + time.Millisecond, false
}

// settle ends a request that took cost points: it learns what the operation
// costs and sets the bucket right. The answer's cost is nil if it held none.
func (b *bucket) settle(operation string, cost float64, answer *Cost) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight = max(0, b.inFlight-cost)
	if answer == nil {
		return
	}
	if r := answer.Requested; r > 0 && r <= maxPoints {
		if _, known := b.costs[operation]; known || len(b.costs) < maxCosts {
			b.costs[operation] = r
		}
	}
	t := answer.Throttle
	if !(t.MaximumAvailable >= 1 && t.MaximumAvailable <= maxPoints && t.RestoreRate > 0 && t.RestoreRate <= maxPoints) {
		return
	}
	// A new limiter is full; what is not there is taken out. Requests under way
	// may or may not be in the answer's level: they count twice rather than
	// not at all, until the next answer.
	now := time.Now()
	b.tokens = rate.NewLimiter(rate.Limit(t.RestoreRate), int(t.MaximumAvailable))
	level := min(max(0, t.CurrentlyAvailable-b.inFlight), t.MaximumAvailable)
	b.tokens.AllowN(now, int(t.MaximumAvailable)-int(level))
	b.wakeFirst()
}
