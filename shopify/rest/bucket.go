package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

const (
	// startSize and startRate are what is assumed of a bucket before an answer tells:
	// less than the smallest, which holds 40.
	startSize = 10
	startRate = 2
	// emptying is how long a full bucket takes to empty, in seconds, on each plan.
	emptying = 20
	// sane is how many times faster or slower than by its size a bucket may be seen to empty.
	sane = 10
	// exact is the error that a measured rate may have.
	exact = 0.1
)

// bucket is one shop's bucket of requests, as far as the answers tell, and the queue in
// front of it.
type bucket struct {
	mu      sync.Mutex
	known   bool    // an answer told the size
	size    float64 // requests that it holds
	rate    float64 // that leave it a second
	level   float64 // in it at the time at
	at      time.Time
	flying  int // sent, and not answered
	settled int // answered, since the beginning
	counted int // of these, in the bucket for sure
	waiting []*waiter
	watch   window
}

// waiter is a request in the queue.
type waiter struct {
	wake chan struct{} // holds one
}

// place is what a request takes in the bucket. One of its methods is called, once.
type place struct {
	bucket  *bucket
	sent    time.Time
	settled int // the bucket's, when it was sent
}

// window is from when on the rate is being measured.
type window struct {
	from    time.Time // zero: not yet
	used    float64
	counted int
	flying  int
}

// take waits for a place for one request. It fails at once if the wait would be longer
// than most, or than ctx lasts.
func (b *bucket) take(ctx context.Context, most time.Duration) (*place, error) {
	start := time.Now()
	w := &waiter{wake: make(chan struct{}, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			b.leave(w)
			return nil, err
		}
		p, wait := b.try(w)
		if p != nil {
			return p, nil
		}
		if late := tooLate(ctx, wait); late || wait > most-time.Since(start) {
			b.leave(w)
			err := fmt.Errorf("%w: the bucket of requests needs a wait of %s", shopify.ErrThrottled, wait.Round(time.Millisecond))
			if late {
				err = errors.Join(context.DeadlineExceeded, err)
			}
			return nil, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-w.wake:
		}
		timer.Stop()
	}
}

// try takes a place if there is one and enough for those who came before; else it returns
// how long that will take, as far as can be told.
func (b *bucket) try(w *waiter) (*place, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.leak(now)
	ahead := slices.Index(b.waiting, w)
	// One place is left, as a bucket shows whole requests and may hold a part of another.
	limit := b.size
	if b.known {
		limit = max(1, b.size-1)
	}
	if over := b.level + float64(ahead+1) - limit; over > 0 {
		// A millisecond more, so that rounding does not wake it too early.
		return nil, time.Duration(over/b.rate*float64(time.Second)) + time.Millisecond
	}
	b.level++
	b.flying++
	b.leaveLocked(w)
	return &place{bucket: b, sent: now, settled: b.settled}, 0
}

// leave takes a request out of the queue and wakes the one that is first now.
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

// leak lets out what has left since the last look.
func (b *bucket) leak(now time.Time) {
	b.level = max(0, b.level-now.Sub(b.at).Seconds()*b.rate)
	b.at = now
}

// settle ends a request that may have left. The caller holds the lock.
func (p *place) settle(now time.Time) {
	b := p.bucket
	b.leak(now)
	b.flying--
	b.settled++
}

// giveBack frees the place of a request that never left.
func (p *place) giveBack() {
	b := p.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leak(time.Now())
	b.flying--
	b.level = max(0, b.level-1)
	b.wakeFirst()
}

// lost ends a request whose answer was lost: it may be in the bucket.
func (p *place) lost() {
	b := p.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	p.settle(time.Now())
	b.watch = window{}
	b.wakeFirst()
}

// answered ends a request by what its answer says; the limit's Max is 0 if that is nothing.
func (p *place) answered(status int, l CallLimit) {
	b := p.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	p.settle(now)
	defer b.wakeFirst()
	throttled := status == http.StatusTooManyRequests
	if throttled && b.known {
		b.level = b.size // it did not get in, because the bucket is full
	}
	if l.Max == 0 {
		if !throttled {
			b.watch = window{} // whether it is in the bucket is not told
		}
		return
	}
	size := float64(l.Max)
	if !b.known || b.size != size {
		b.known, b.size, b.rate, b.watch = true, size, size/emptying, window{}
	}
	// Answers overtake each other, so what one says holds within bounds: at least what it
	// says without what has left since it was sent, at most what it says with all that
	// was under way at the same time.
	used := min(float64(l.Used), size)
	least := max(0, used-b.rate*now.Sub(p.sent).Seconds())
	most := min(size, used+float64(b.flying+b.settled-p.settled-1))
	b.level = max(least, min(b.level, most))
	if !throttled {
		b.counted++
		b.measure(now, used)
	}
}

// measure compares what answers say of the level with the requests between them: the rest
// is what left the bucket, less what other processes put in. It goes by answers while the
// bucket is not empty, since nothing leaves an empty one.
func (b *bucket) measure(now time.Time, used float64) {
	fresh := window{now, used, b.counted, b.flying}
	seconds := now.Sub(b.watch.from).Seconds()
	// By so much may the figures be wrong: by what was under way, and by rounding.
	slack := float64(b.watch.flying + b.flying + 2)
	switch {
	case used <= float64(b.flying)+2:
		b.watch = window{} // it may have been empty
	case b.watch.from.IsZero():
		b.watch = fresh
	case slack <= exact*b.rate*seconds:
		rate := (b.watch.used + float64(b.counted-b.watch.counted) - used) / seconds
		bySize := b.size / emptying
		b.rate = min(max(rate, bySize/sane), bySize*sane)
		b.watch = fresh
	}
}
