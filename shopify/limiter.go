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
	settled  float64       // points of requests that were answered, since the beginning
	waiting  []*waiter     // interactive ones first, in order of arrival
	costs    map[string]float64
}

// waiter is a call in the queue, and then the points that it took.
type waiter struct {
	lane Lane
	cost float64
	wake chan struct{} // holds one

	taken   time.Time
	settled float64 // the bucket's, when the points were taken
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
// longer than maxWait. What it returns without an error must be given to settle
// once.
func (b *bucket) take(ctx context.Context, lane Lane, cost float64, maxWait time.Duration) (w *waiter, err error) {
	start := time.Now()
	w = &waiter{lane: lane, cost: cost, wake: make(chan struct{}, 1)}
	b.enter(w)
	for {
		wait, taken := b.try(w)
		if taken {
			return w, nil
		}
		if left := maxWait - time.Since(start); wait > left {
			b.leave(w)
			return nil, &ThrottledError{Wait: wait, Cost: cost}
		}
		if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
			b.leave(w)
			return nil, &ThrottledError{Wait: wait, Cost: cost, cause: context.DeadlineExceeded}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			b.leave(w)
			return nil, ctx.Err()
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
		b.takeLocked(w)
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
		b.takeLocked(w)
		return 0, true
	}
	seconds := (need - have) / float64(b.tokens.Limit())
	// A millisecond more, so that rounding does not wake it too early.
	return max(0, time.Duration(seconds*float64(time.Second))) + time.Millisecond, false
}

func (b *bucket) takeLocked(w *waiter) {
	b.inFlight += w.cost
	w.taken, w.settled = time.Now(), b.settled
	b.leaveLocked(w)
}

// settle ends a request: it learns what the operation costs and sets the bucket
// right. The answer's cost is nil if it held none.
func (b *bucket) settle(operation string, w *waiter, answer *Cost) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight = max(0, b.inFlight-w.cost)
	meanwhile := b.settled - w.settled // answered while this one was under way
	b.settled += w.cost
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
	// Answers overtake each other, so what one says of the level holds within
	// bounds: at least what it says without all that was under way at the same
	// time, at most what it says and what was restored since. Beyond them the
	// belief is wrong, because other processes draw on the shop too, or because
	// an operation cost less than it requested.
	now := time.Now()
	least := min(max(0, t.CurrentlyAvailable-b.inFlight-meanwhile), t.MaximumAvailable)
	most := t.CurrentlyAvailable + t.RestoreRate*now.Sub(w.taken).Seconds() + 1
	if b.tokens != nil && b.tokens.Limit() == rate.Limit(t.RestoreRate) && b.tokens.Burst() == int(t.MaximumAvailable) {
		if have := b.tokens.TokensAt(now); have >= least && have <= most {
			return
		}
	}
	// A new limiter is full; what is not there is taken out.
	b.tokens = rate.NewLimiter(rate.Limit(t.RestoreRate), int(t.MaximumAvailable))
	b.tokens.AllowN(now, int(t.MaximumAvailable)-int(least))
	b.wakeFirst()
}
