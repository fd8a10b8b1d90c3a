package rest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

// CallLimit is the state of a shop's bucket of requests.
// Source: https://shopify.dev/docs/api/admin-rest/usage/rate-limits
type CallLimit struct {
	Used int // requests in the bucket
	Max  int // that it holds
}

// ParseCallLimit reads the header X-Shopify-Shop-Api-Call-Limit: "32/40".
func ParseCallLimit(header string) (CallLimit, bool) {
	used, limit, ok := strings.Cut(header, "/")
	u, err := strconv.Atoi(used)
	m, err2 := strconv.Atoi(limit)
	if !ok || err != nil || err2 != nil || u < 0 || m < 1 || m > 1_000_000 {
		return CallLimit{}, false
	}
	return CallLimit{Used: u, Max: m}, true
}

// bucket keeps a client within a shop's bucket of requests. What others use shows in
// the answers.
type bucket struct {
	rate float64 // requests a second that leave it

	mu     sync.Mutex
	max    float64 // 0: no answer yet
	level  float64 // at the time at
	at     time.Time
	flying int // requests that have not been answered
}

// startLimit is how many requests are under way at most before an answer tells the
// limit: the smallest bucket holds 40.
const startLimit = 10

// take waits for room for one request, at most that long, and returns how long it did.
func (b *bucket) take(ctx context.Context, most time.Duration) (time.Duration, error) {
	b.mu.Lock()
	now := time.Now()
	b.leak(now)
	limit := b.max
	if limit == 0 {
		limit = startLimit
	}
	b.level++ // at its turn, which comes when what is too much has left
	b.flying++
	wait := time.Duration(max(0, b.level-limit) / b.rate * float64(time.Second))
	late := wait > most || tooLate(ctx, wait)
	if late {
		b.level--
		b.flying--
	}
	b.mu.Unlock()
	if late {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		err := fmt.Errorf("%w: the bucket of requests needs a wait of %s", shopify.ErrThrottled, wait.Round(time.Millisecond))
		if tooLate(ctx, wait) {
			err = errors.Join(context.DeadlineExceeded, err)
		}
		return 0, err
	}
	if wait == 0 {
		return 0, nil
	}
	if err := sleep(ctx, wait); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.leak(time.Now())
		b.level = max(0, b.level-1)
		b.flying--
		return time.Since(now), err
	}
	return wait, nil
}

// leak lets out what has left since the last look.
func (b *bucket) leak(now time.Time) {
	if !b.at.IsZero() {
		b.level = max(0, b.level-now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
}

// learn takes in what an answer says. Those that are under way may not be in it yet.
func (b *bucket) learn(l CallLimit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying = max(0, b.flying-1)
	if l.Max == 0 {
		return
	}
	b.leak(time.Now())
	b.max = float64(l.Max)
	b.level = max(float64(l.Used), min(b.level, float64(l.Used+b.flying)))
}
