package webhooktest

import (
	"context"
	"sync"
	"time"
)

// Clock is a clock that stands still until the test turns it. It is safe for
// concurrent use.
//
//	go sender.Post(ctx, url, d)  // a Sender with this clock
//	clock.Await(ctx, 1)          // the first attempt failed, a retry waits
//	clock.Advance(time.Minute)
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	waiting map[*wait]struct{}
	changed chan struct{} // closed when the number of waits grows
}

type wait struct {
	until time.Time
	done  chan struct{}
}

// NewClock returns a clock that shows start.
func NewClock(start time.Time) *Clock {
	return &Clock{now: start, waiting: make(map[*wait]struct{}), changed: make(chan struct{})}
}

// Now returns what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance turns the clock forward and ends the waits that are over by then.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for w := range c.waiting {
		if !w.until.After(c.now) {
			close(w.done)
			delete(c.waiting, w)
		}
	}
}

// Sleep returns when the clock has been advanced by d, or with ctx's error
// when that ends.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	c.mu.Lock()
	w := &wait{until: c.now.Add(d), done: make(chan struct{})}
	c.waiting[w] = struct{}{}
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, w)
		return ctx.Err()
	}
}

// Await returns when n calls of Sleep wait at the same time, or with ctx's
// error when that ends.
func (c *Clock) Await(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		enough, changed := len(c.waiting) >= n, c.changed
		c.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
