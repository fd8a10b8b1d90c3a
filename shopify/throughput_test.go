package shopify_test

import (
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/internal/loadtest"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bubbleClients returns a function that makes clients of a shop with the
// standard bucket of 2,000 points and 100 per second, on the clock of the
// bubble.
func bubbleClients(t *testing.T, m *loadtest.Meter) func(opts shopify.Options) *shopify.Client {
	t.Helper()
	shop := shopifytest.NewShop(t, &shopifytest.Options{Socketless: true, Data: someData})
	transport := loadtest.Slow(shop.Transport(), 1)
	return func(opts shopify.Options) *shopify.Client {
		opts.BaseURL, opts.HTTPClient, opts.Hooks = shop.URL(), &http.Client{Transport: transport, Timeout: time.Minute}, m.Hooks()
		c, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &opts)
		require.NoError(t, err)
		return c
	}
}

var someData = shopifytest.GenerateData(3, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))

func report(t *testing.T, m *loadtest.Meter, start time.Time) (ratio float64) {
	t.Helper()
	ratio = m.Ratio(time.Since(start), shopifytest.Standard.Maximum, shopifytest.Standard.RestoreRate)
	t.Logf("%d points in %s: %.4f of the theoretical minimum, %d of %d requests throttled",
		m.Points.Load(), time.Since(start).Round(time.Second), ratio, m.Throttled.Load(), m.Sent.Load())
	return ratio
}

// queries is how many a test runs: all of them with POSAI_FULL=1, else half.
func queries(n int) int {
	if os.Getenv("POSAI_FULL") == "1" {
		return n
	}
	return n / 2
}

// TestFourClientsUseTheBucketUp runs 3,000 queries of mixed cost (or half of
// them) through four clients of one process: no answer is THROTTLED, and it takes
// hardly longer than the points do to come.
func TestFourClientsUseTheBucketUp(t *testing.T) {
	for _, lane := range []shopify.Lane{shopify.Interactive, shopify.Background} {
		t.Run(lane.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m loadtest.Meter
				n := queries(3000)
				newClient, limiter, load := bubbleClients(t, &m), shopify.NewLimiter(nil), loadtest.New(n)
				start := time.Now()
				var wg sync.WaitGroup
				for range 4 {
					c := newClient(shopify.Options{Limiter: limiter, Lane: lane})
					wg.Go(func() { assert.NoError(t, load.Run(t.Context(), c)) })
				}
				wg.Wait()
				assert.LessOrEqual(t, report(t, &m, start), 1.03)
				assert.Zero(t, m.Throttled.Load())
				assert.EqualValues(t, n, m.Sent.Load())
			})
		})
	}
}

// TestNaiveRetryLoop runs the same load as clients do that know nothing of
// costs: they send, and try again a second after they were throttled.
func TestNaiveRetryLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m loadtest.Meter
		n := queries(3000)
		newClient, load := bubbleClients(t, &m), loadtest.New(n)
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for req := load.Next(); req != nil; req = load.Next() {
					for {
						// One with a limiter of its own knows nothing.
						c := newClient(shopify.Options{MaxRetries: -1, MaxWait: -1})
						var data any
						err := c.MakeRequest(t.Context(), req, &graphql.Response{Data: &data})
						if err == nil {
							break
						}
						require.ErrorIs(t, err, shopify.ErrThrottled)
						time.Sleep(time.Second)
					}
				}
			})
		}
		wg.Wait()
		report(t, &m, start)
		assert.Greater(t, m.Throttled.Load(), int64(n/10), "what the limiter is for")
	})
}

// TestInteractiveBesideASaturatedBucket lets four background clients use up all
// there is while a cashier's calls come in between: none of these waits longer
// than the dearest query of the background takes to come back.
func TestInteractiveBesideASaturatedBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m loadtest.Meter
		c, load := bubbleClients(t, &m)(shopify.Options{}), loadtest.New(queries(2400))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				assert.NoError(t, load.Run(t.Context(), c.With(shopify.CallOptions{Lane: shopify.Background})))
			})
		}
		time.Sleep(time.Minute) // the bucket is spent by now
		cashier := loadtest.New(queries(200))
		var longest time.Duration
		for req := cashier.Next(); req != nil; req = cashier.Next() {
			time.Sleep(700 * time.Millisecond)
			var info shopify.Info
			var data any
			require.NoError(t, c.With(shopify.CallOptions{Info: &info}).MakeRequest(t.Context(), req, &graphql.Response{Data: &data}))
			longest = max(longest, info.WaitedForPoints)
		}
		assert.Positive(t, load.Left(), "the background was busy all the while")
		refill := time.Duration(float64(m.Dearest.Load()) / shopifytest.Standard.RestoreRate * float64(time.Second))
		t.Logf("the longest of the cashier's waits: %s; one background query's refill: %s", longest, refill)
		assert.LessOrEqual(t, longest, refill)
		wg.Wait()
		assert.Zero(t, m.Throttled.Load())
	})
}
