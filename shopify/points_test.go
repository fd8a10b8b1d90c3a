package shopify_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store is a point store for one shop that can be taken away.
type store struct {
	mu      sync.Mutex
	err     error
	hang    bool
	level   float64
	asked   []time.Time
	settled []shopify.Cost
	urgent  []bool
}

func (s *store) Take(ctx context.Context, _ shopify.Domain, want shopify.PointRequest) (shopify.PointGrant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Now())
	s.urgent = append(s.urgent, want.Urgent)
	if s.hang {
		<-ctx.Done()
		return shopify.PointGrant{}, ctx.Err()
	}
	if s.err != nil {
		return shopify.PointGrant{}, s.err
	}
	if s.level < want.Cost+want.Spare {
		return shopify.PointGrant{Wait: time.Second}, nil
	}
	s.level -= want.Cost
	return shopify.PointGrant{OK: true, At: 1, Cost: want.Cost}, nil
}

func (s *store) Settle(_ context.Context, _ shopify.Domain, _ shopify.PointGrant, answer shopify.Cost) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, answer)
	return s.err
}

func (s *store) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func TestPointsOfAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 2000, rate: 100, level: 2000, cost: 100}
		s := &store{level: 250}
		c := l.client(t, shopify.Options{Limiter: shopify.NewLimiter(&shopify.LimiterOptions{Points: s})})
		for range 2 {
			_, _, err := do(t.Context(), c, readShop, nil)
			require.NoError(t, err)
		}
		assert.Len(t, s.settled, 2)
		assert.InDelta(t, 100, s.settled[0].Actual, 0)
		// The shop has plenty, but others have taken it.
		start := time.Now()
		time.AfterFunc(2500*time.Millisecond, func() { s.set(func() { s.level = 1000 }) })
		_, _, err := do(t.Context(), c.With(shopify.CallOptions{Lane: shopify.Background}), readShop, nil)
		require.NoError(t, err)
		assert.InDelta(t, 3, time.Since(start).Seconds(), 0.1, "asked again each time it was told to")
		assert.Equal(t, []bool{true, true, false, false, false, false}, s.urgent)

		s.set(func() { s.level = 0 })
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start = time.Now()
		_, _, err = do(ctx, c, readShop, nil)
		require.ErrorIs(t, err, shopify.ErrThrottled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, time.Since(start), "it cannot be met")
	})
}

func TestPointsWithoutTheStore(t *testing.T) {
	for name, fail := range map[string]func(*store){
		"fails": func(s *store) { s.err = errors.New("the database is away") },
		"hangs": func(s *store) { s.hang = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				l := &leaky{maximum: 1000, rate: 100, level: 1000, cost: 100}
				s := &store{level: 1e9}
				fail(s)
				limiter := shopify.NewLimiter(&shopify.LimiterOptions{Points: s, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				c := l.client(t, shopify.Options{Limiter: limiter})
				start := time.Now()
				for range 30 { // three times what the bucket holds
					_, _, err := do(t.Context(), c, readShop, nil)
					require.NoError(t, err)
				}
				assert.Zero(t, l.throttled, "its own belief is good enough")
				assert.InDelta(t, 20, time.Since(start).Seconds(), 2.5)
				assert.Less(t, len(s.asked), 10, "it is asked now and then")
				assert.Equal(t, 1, strings.Count(log.String(), "cannot be reached"))

				s.set(func() { s.err, s.hang = nil, false })
				time.Sleep(time.Minute)
				asked := len(s.asked)
				for range 3 {
					_, _, err := do(t.Context(), c, readShop, nil)
					require.NoError(t, err)
				}
				assert.Len(t, s.asked, asked+3)
				assert.Equal(t, 1, strings.Count(log.String(), "are back"))
			})
		})
	}
}

// TestBeforeTheFirstAnswer starts many calls at once to a shop of which nothing
// is known.
func TestBeforeTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 2000, rate: 100, level: 2000, cost: 150, latency: 100 * time.Millisecond}
		c := l.client(t, shopify.Options{MaxWait: time.Hour})
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				_, _, err := do(t.Context(), c, readShop, nil)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Zero(t, l.throttled)
	})
}

// TestCostsAreLearnedByNumbers runs one operation with pages of different
// length.
func TestCostsAreLearnedByNumbers(t *testing.T) {
	const list = `query List($first: Int!, $name: String) { orders(first: $first, query: $name) { nodes { id } } }`
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 1, level: 1000, cost: 10}
		var expected []float64
		c := l.client(t, shopify.Options{MaxWait: -1, Hooks: []shopify.Hooks{{
			Start: func(_ context.Context, s shopify.CallStart) context.Context {
				expected = append(expected, s.ExpectedCost)
				return nil
			},
		}}})
		list := func(first int, name string, cost float64) {
			l.mu.Lock()
			l.cost = cost
			l.mu.Unlock()
			_, _, err := do(t.Context(), c, list, map[string]any{"first": first, "name": name})
			require.NoError(t, err)
		}
		list(10, "a", 12)
		list(10, "b", 12)
		list(50, "a", 60)
		list(50, "a", 60)
		list(10, "a", 12)
		list(100, "a", 80)
		list(10, "a", 4)
		list(10, "a", 4)
		assert.Equal(t, []float64{100, 12, 100, 60, 12, 100, 12, 11}, expected)
	})
}
