package shopify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	settled []shopify.PointUse
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

func (s *store) Settle(_ context.Context, _ shopify.Domain, _ shopify.PointGrant, use shopify.PointUse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, use)
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
		assert.InDelta(t, 100, s.settled[0].Cost.Actual, 0)
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

// ending is a store in whose answer to Take the call's context ends.
type ending struct {
	*store
	end context.CancelFunc
}

func (s ending) Take(ctx context.Context, shop shopify.Domain, want shopify.PointRequest) (shopify.PointGrant, error) {
	s.end()
	return s.store.Take(ctx, shop, want)
}

// TestContextEndsWithTheGrant: the points go back, and the call has not left.
func TestContextEndsWithTheGrant(t *testing.T) {
	server := newServer(t, reply{body: okDraft})
	s := &store{level: 1000}
	ctx, cancel := context.WithCancel(t.Context())
	c := server.client(t, shopify.Options{Limiter: shopify.NewLimiter(&shopify.LimiterOptions{Points: ending{s, cancel}})})
	_, _, err := do(ctx, c, createDraft, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	assert.Equal(t, []shopify.PointUse{{Unused: true}}, s.settled)
	assert.Empty(t, server.seen())
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

// TestWhatNeverRanTakesNoPoints: an outage, or a program that asks for nonsense,
// must not look like an empty bucket to those who come after.
func TestWhatNeverRanTakesNoPoints(t *testing.T) {
	refused := func(code string) string {
		return `{"errors":[{"message":"No","extensions":{"code":"` + code + `"}}]}`
	}
	for name, answer := range map[string]reply{
		"not sent":            {dial: true},
		"bad token":           {status: 401, body: `{"errors":"[API] Invalid API key or access token"}`},
		"frozen":              {status: 402},
		"forbidden":           {status: 403},
		"no such shop":        {status: 404, body: `{"errors":"Not Found"}`},
		"unprocessable":       {status: 422},
		"locked":              {status: 423},
		"rejected":            {status: 430},
		"redirect":            {status: 302, header: map[string]string{"Location": "https://example.com/"}},
		"unknown field":       {body: refused("undefinedField")},
		"too dear, no cost":   {body: refused("MAX_COST_EXCEEDED")},
		"bad variable":        {body: refused("INVALID_VARIABLE")},
		"denied":              {body: `{"data":null,"errors":[{"message":"No","extensions":{"code":"ACCESS_DENIED"}}]}`},
		"denied with a cost":  {body: `{"data":null,"errors":[{"message":"No","extensions":{"code":"ACCESS_DENIED"}}],"extensions":{"cost":{"requestedQueryCost":50,"actualQueryCost":null,"throttleStatus":{"maximumAvailable":2000,"currentlyAvailable":1990,"restoreRate":100}}}}`},
		"unusable plain text": {body: `{"errors":"no"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{level: 1e9}
				for _, limiter := range []*shopify.Limiter{nil, shopify.NewLimiter(&shopify.LimiterOptions{Points: s})} {
					c, _ := scripted(t, shopify.Options{MaxWait: -1, MaxRetries: -1, Limiter: limiter}, reply{body: okShop}, answer)
					_, _, err := do(t.Context(), c, readShop, nil)
					require.NoError(t, err)
					start := time.Now()
					for range 100 { // five times what the bucket holds
						_, _, err := do(t.Context(), c, `query Other { shop { id } }`, nil)
						require.Error(t, err)
						require.NotErrorIs(t, err, shopify.ErrThrottled)
					}
					assert.Zero(t, time.Since(start))
				}
				for _, use := range s.settled[1:] {
					assert.Equal(t, name != "denied with a cost", use.Unused)
				}
			})
		})
	}
}

// TestLostAnswersCountAsUsed: what may have run may have cost.
func TestLostAnswersCountAsUsed(t *testing.T) {
	for name, answer := range map[string]reply{
		"cut": {cut: true}, "bad gateway": {status: 502}, "internal": {body: `{"data":null,"errors":[{"message":"Oops","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`},
		"429 without a cost": {status: 429}, "unclear": {body: `{"data":null,"errors":[{"message":"Oops"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, shopify.Options{MaxWait: -1, MaxRetries: -1}, reply{body: okShop}, answer)
				_, _, err := do(t.Context(), c, readShop, nil)
				require.NoError(t, err)
				for range 30 {
					_, _, err = do(t.Context(), c, `query Other { shop { id } }`, nil)
					require.Error(t, err)
				}
				require.ErrorIs(t, err, shopify.ErrThrottled)
				assert.Len(t, s.at, 1+19, "1,990 points, 100 each")
			})
		})
	}
}

// TestColdStartInTime: how long the first answer takes is not known, so it is no
// reason to give a call up that has little time.
func TestColdStartInTime(t *testing.T) {
	for name, opts := range map[string]shopify.Options{
		"deadline":             {},
		"short MaxWait":        {MaxWait: 200 * time.Millisecond},
		"MaxWait that is over": {MaxWait: 10 * time.Millisecond},
		"no MaxWait":           {MaxWait: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &leaky{maximum: 2000, rate: 100, level: 2000, cost: 10, latency: 50 * time.Millisecond}
				c := l.client(t, opts)
				ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
				defer cancel()
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						_, _, err := do(ctx, c, readShop, nil)
						assert.NoError(t, err)
					})
				}
				wg.Wait()
				assert.Zero(t, l.throttled)
			})
		})
	}
}

// TestColdStartWithoutAnAnswer: the deadline ends the wait for a first answer that
// does not come.
func TestColdStartWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := transportFunc(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{HTTPClient: &http.Client{Transport: silent}})
		require.NoError(t, err)
		start := time.Now()
		var wg sync.WaitGroup
		for range 11 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
				defer cancel()
				_, _, err := do(ctx, c, readShop, nil)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		wg.Wait()
		assert.Equal(t, 800*time.Millisecond, time.Since(start))
	})
}

// TestCostsAreLearnedForEver: numbers that say nothing of the length of a page are
// no part of what is remembered, and what was not used for long makes room.
func TestCostsAreLearnedForEver(t *testing.T) {
	const list = `query List($first: Int!, $price: Int) { orders(first: $first) { nodes { id } } shop { sum(of: $price) } }`
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1e8, rate: 1e6, level: 1e8, cost: 300}
		var expected float64
		c := l.client(t, shopify.Options{MaxWait: -1, Hooks: []shopify.Hooks{{
			Start: func(_ context.Context, s shopify.CallStart) context.Context {
				expected = s.ExpectedCost
				return nil
			},
		}}})
		call := func(document string, variables any) {
			_, _, err := do(t.Context(), c, document, variables)
			require.NoError(t, err)
		}
		for i := range 5000 {
			call(list, map[string]any{"first": 10, "price": i})
		}
		assert.InDelta(t, 300, expected, 0)
		l.cost = 2
		for i := range 5000 {
			call(fmt.Sprintf("query Q%d { shop { name } }", i), nil)
			call(list, map[string]any{"first": i, "price": 1})
		}
		for range 2 {
			call("query Last { shop { name } }", nil)
		}
		assert.InDelta(t, 2, expected, 0, "learned, however many were learned before")
		call(list, map[string]any{"first": json.RawMessage("1" + strings.Repeat("0", 100)), "price": 1})
		assert.InDelta(t, 300, expected, 0, "an absurd number")
	})
}
