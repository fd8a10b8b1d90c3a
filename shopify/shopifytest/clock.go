package shopifytest

import (
	"context"
	"sync"
	"time"
)

// clock is the shop's time: that of [Options.Now], and how far it was put forward.
type clock struct {
	base func() time.Time

	mu     sync.Mutex
	offset time.Duration
	moved  chan struct{} // closed when it is put forward
}

func newClock(base func() time.Time) *clock {
	return &clock{base: base, moved: make(chan struct{})}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	close(c.moved)
	c.moved = make(chan struct{})
}

// sleep returns true when d has passed on the clock, and false when ctx ends before.
func (c *clock) sleep(ctx context.Context, d time.Duration) bool {
	until := c.now().Add(d)
	for {
		c.mu.Lock()
		left, moved := until.Sub(c.base().Add(c.offset)), c.moved
		c.mu.Unlock()
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-moved:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// Advance puts the shop's clock forward, for good: tokens and carts grow old, the query-cost
// bucket fills, and retries of webhooks that have become due are sent. It does not wait for them
// ([Shop.WaitIdle] does, for all). The clock cannot be put back.
func (s *Shop) Advance(d time.Duration) {
	if d > 0 {
		s.clock.advance(d)
	}
}

// Now is the time on the shop's clock.
func (s *Shop) Now() time.Time { return s.clock.now() }
