package shopify

import (
	"context"
	"crypto/rand"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// headroom is the part of the bucket that background work leaves to
	// interactive calls.
	headroom = 0.1
	// blindPoints is what may be under way at once before the first answer
	// tells of the bucket: the smallest that Shopify has given.
	blindPoints = 1000
	// blindWait is after what time a call that waits for the first answer looks
	// again, if nothing wakes it.
	blindWait = time.Second
)

// bucket is one shop's points: a token bucket that is set right by every
// answer, and a queue in front of it.
type bucket struct {
	remote *remotePoints // nil if the process has the points for itself

	mu       sync.Mutex
	tokens   *rate.Limiter // nil until the first answer
	inFlight float64       // points of requests that were sent and not answered
	settled  float64       // points of requests that were answered, since the beginning
	flying   map[*waiter]struct{}
	waiting  []*waiter // interactive ones first, in order of arrival
	costs    costBook
}

// waiter is a call in the queue, and then the points that it took.
type waiter struct {
	lane Lane
	key  costKey
	cost float64
	wake chan struct{} // holds one

	ticket  string
	taken   time.Time
	settled float64    // the bucket's, when the points were taken
	grant   PointGrant // of the store; not OK if it was not asked
}

// expect returns what a call will probably cost.
func (b *bucket) expect(key costKey) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.costs.expect(key)
}

// take waits until the points for a call are there and takes them. It fails at
// once, with the time it would have had to wait, if that is known and after the
// deadline of ctx or longer than maxWait. Where nothing is known of the shop yet
// and maxWait is over, it takes them all the same: Shopify will tell. What it
// returns without an error must be given to settle once.
func (b *bucket) take(ctx context.Context, lane Lane, key costKey, maxWait time.Duration) (*waiter, error) {
	start := time.Now()
	w := &waiter{lane: lane, key: key, wake: make(chan struct{}, 1)}
	if b.remote != nil {
		w.ticket = rand.Text()
	}
	b.enter(w)
	for {
		left := maxWait - time.Since(start)
		wait, state := b.try(ctx, w, left > 0)
		switch state {
		case pointsTaken:
			return w, nil
		case pointsBlind:
			// How long it takes is not known, so nothing says that it is too
			// long: it looks again at the end of its patience at the latest.
			wait = min(wait, max(left, 0))
		case pointsKnown:
			if wait > left {
				b.leave(w)
				return nil, &ThrottledError{Wait: wait, Cost: w.cost}
			}
			if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
				b.leave(w)
				return nil, &ThrottledError{Wait: wait, Cost: w.cost, cause: context.DeadlineExceeded}
			}
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
	w.cost = math.Ceil(b.costs.expect(w.key))
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

// pointsState is what came of an attempt to take points.
type pointsState uint8

const (
	pointsKnown pointsState = iota // not taken, and it is known how long it takes
	pointsBlind                    // not taken, and nothing is known of the shop
	pointsTaken
)

// try takes the points if it is the call's turn and they are there; else it
// returns how long that will take, as far as can be told. A call without patience
// does not wait for the first answer of a shop of which nothing is known.
func (b *bucket) try(ctx context.Context, w *waiter, patient bool) (wait time.Duration, state pointsState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting[0] == w && b.remote != nil {
		// Only the first of each process asks the store, so that the queue
		// behind it keeps its order.
		want := PointRequest{Cost: w.cost, Spare: b.spare(w), Urgent: w.lane == Interactive, Ticket: w.ticket}
		b.mu.Unlock()
		grant, ok := b.remote.take(ctx, want)
		b.mu.Lock()
		switch {
		case ok && !grant.OK:
			return grant.Wait + time.Millisecond, pointsKnown
		case ok && grant.At != 0:
			w.cost, w.grant = want.Cost, grant
			if now := time.Now(); b.tokens != nil {
				b.tokens.AllowN(now, min(int(w.cost), max(0, int(b.tokens.TokensAt(now)))))
			}
			b.takeLocked(w)
			return 0, pointsTaken
		case ok:
			w.grant = grant // the store learns of the shop when it is settled
		}
	}
	first := b.waiting[0] == w
	if b.tokens == nil {
		if !patient || first && (b.inFlight == 0 || b.inFlight+w.cost <= blindPoints) {
			b.takeLocked(w)
			return 0, pointsTaken
		}
		return blindWait, pointsBlind
	}
	burst := float64(b.tokens.Burst())
	w.cost = min(w.cost, burst) // one that costs more than the bucket holds waits for a full one
	need := w.cost + b.spare(w)
	for _, o := range b.waiting {
		if o == w {
			break
		}
		need += min(o.cost, burst)
	}
	now := time.Now()
	have := b.tokens.TokensAt(now)
	if first && have >= need && b.tokens.AllowN(now, int(w.cost)) {
		b.takeLocked(w)
		return 0, pointsTaken
	}
	seconds := (need - have) / float64(b.tokens.Limit())
	// A millisecond more, so that rounding does not wake it too early.
	return max(0, time.Duration(seconds*float64(time.Second))) + time.Millisecond, pointsKnown
}

// spare is what a call must leave behind.
func (b *bucket) spare(w *waiter) float64 {
	if w.lane != Background || b.tokens == nil {
		return 0
	}
	burst := float64(b.tokens.Burst())
	return max(0, min(burst-w.cost, headroom*burst))
}

func (b *bucket) takeLocked(w *waiter) {
	b.inFlight += w.cost
	if b.flying == nil {
		b.flying = make(map[*waiter]struct{})
	}
	b.flying[w] = struct{}{}
	w.taken, w.settled = time.Now(), b.settled
	b.leaveLocked(w)
}

// settle ends a request: it learns what the operation costs, gives back what
// was not used and sets the bucket right.
func (b *bucket) settle(ctx context.Context, w *waiter, use PointUse) {
	if w.grant.OK {
		b.remote.settle(ctx, w.grant, use)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.flying, w)
	b.inFlight = max(0, b.inFlight-w.cost)
	meanwhile := b.settled - w.settled // answered while this one was under way
	defer b.wakeFirst()
	if !use.Unused {
		b.settled += w.cost
	}
	answer := use.Cost
	more := b.learn(w.key, answer.Requested)
	t := answer.Throttle
	if !t.plausible() {
		if use.Unused && b.tokens != nil {
			now := time.Now()
			b.fill(now, float64(b.tokens.Limit()), float64(b.tokens.Burst()), b.tokens.TokensAt(now)+w.cost)
		}
		return
	}
	// Answers overtake each other, so what one says of the level holds within
	// bounds: at least what it says without all that was under way at the same
	// time, at most what it says and what was restored since. Beyond them the
	// belief is wrong, because other processes draw on the shop too, or because
	// an operation cost less than it requested.
	now := time.Now()
	least := min(max(0, t.CurrentlyAvailable-b.inFlight-meanwhile), t.MaximumAvailable)
	most := min(t.CurrentlyAvailable+t.RestoreRate*now.Sub(w.taken).Seconds()+1, t.MaximumAvailable)
	level := least
	if b.tokens != nil && b.tokens.Limit() == rate.Limit(t.RestoreRate) && b.tokens.Burst() == int(t.MaximumAvailable) {
		have := b.tokens.TokensAt(now) - more
		unused := max(0, w.cost-answer.Actual) // all of it if it did not run
		if unused == 0 && more == 0 && have >= least && have <= most {
			return
		}
		if have+unused <= most {
			level = max(least, have+unused)
		}
	}
	b.fill(now, t.RestoreRate, t.MaximumAvailable, level)
}

// fill sets what is in the bucket. A new limiter is full; what is not there is
// taken out.
func (b *bucket) fill(now time.Time, restoreRate, maximum, level float64) {
	b.tokens = rate.NewLimiter(rate.Limit(restoreRate), int(maximum))
	b.tokens.AllowN(now, int(maximum)-int(min(level, maximum)))
}

// learn notes what a call cost, and expects the same of those that wait or are
// under way. It returns how many points more these will take than was thought.
func (b *bucket) learn(key costKey, requested float64) (more float64) {
	if !b.costs.learn(key, requested) {
		return 0
	}
	for _, o := range b.waiting {
		o.cost = math.Ceil(b.costs.expect(o.key))
	}
	for o := range b.flying {
		if cost := math.Ceil(b.costs.expect(o.key)); cost != o.cost && o.key == key {
			more += cost - o.cost
			o.cost = cost
		}
	}
	b.inFlight += more
	return more
}

// plausible reports whether a bucket can be like this.
func (t Throttle) plausible() bool {
	return t.MaximumAvailable >= 1 && t.MaximumAvailable <= maxPoints && t.RestoreRate > 0 && t.RestoreRate <= maxPoints &&
		t.CurrentlyAvailable <= t.MaximumAvailable
}
