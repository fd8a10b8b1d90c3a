package shopifytest

import (
	"sync"
	"time"
)

// A Plan is the query-cost allowance of a shop, in points: a bucket that holds
// at most Maximum and regains RestoreRate points per second.
// See https://shopify.dev/docs/api/usage/limits. The zero value is [Standard].
type Plan struct {
	Maximum     float64
	RestoreRate float64
}

// The allowances of Shopify's plans. The restore rates are documented; of the
// maxima only the first has been measured.
var (
	Standard   = Plan{Maximum: 2_000, RestoreRate: 100}
	Advanced   = Plan{Maximum: 4_000, RestoreRate: 200}
	Plus       = Plan{Maximum: 20_000, RestoreRate: 1_000}
	Enterprise = Plan{Maximum: 40_000, RestoreRate: 2_000}
)

// A bucket of points. Safe for concurrent use.
type bucket struct {
	plan Plan
	now  func() time.Time

	mu    sync.Mutex
	level float64
	last  time.Time
}

func newBucket(plan Plan, now func() time.Time) *bucket {
	if plan == (Plan{}) {
		plan = Standard
	}
	return &bucket{plan: plan, now: now, level: plan.Maximum, last: now()}
}

// restore brings the level up to date. The caller holds mu.
func (b *bucket) restore() {
	now := b.now()
	if d := now.Sub(b.last); d > 0 {
		b.level = min(b.plan.Maximum, b.level+d.Seconds()*b.plan.RestoreRate)
		b.last = now
	}
}

// take takes the points if there are enough, else none.
func (b *bucket) take(points int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restore()
	if b.level < float64(points) {
		return false
	}
	b.level -= float64(points)
	return true
}

// refund gives points back.
func (b *bucket) refund(points int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restore()
	b.level = min(b.plan.Maximum, b.level+float64(points))
}

// status is the throttleStatus of an answer.
func (b *bucket) status() throttleStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restore()
	return throttleStatus{
		MaximumAvailable:   b.plan.Maximum,
		CurrentlyAvailable: float64(int64(b.level)),
		RestoreRate:        b.plan.RestoreRate,
	}
}

// throttleStatus is how Shopify tells the level of the bucket.
type throttleStatus struct {
	MaximumAvailable   float64 `json:"maximumAvailable"`
	CurrentlyAvailable float64 `json:"currentlyAvailable"`
	RestoreRate        float64 `json:"restoreRate"`
}
