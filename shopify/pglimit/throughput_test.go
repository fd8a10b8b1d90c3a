package pglimit_test

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/internal/loadtest"
	"github.com/posai-go/posai/shopify/pglimit"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var someData = shopifytest.GenerateData(3, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))

// distant is a store some milliseconds away: what a database on this machine
// does takes no time on the clock of a bubble.
type distant struct{ *pglimit.Store }

func (d distant) Take(ctx context.Context, shop shopify.Domain, want shopify.PointRequest) (shopify.PointGrant, error) {
	time.Sleep(2 * time.Millisecond)
	return d.Store.Take(ctx, shop, want)
}

func (d distant) Settle(ctx context.Context, shop shopify.Domain, g shopify.PointGrant, use shopify.PointUse) error {
	time.Sleep(2 * time.Millisecond)
	return d.Store.Settle(ctx, shop, g, use)
}

// TestFourLimitersShareABucket runs 3,000 queries of mixed cost, or half of them
// without POSAI_FULL=1, through four limiters that know of one another only
// through the database, on the clock of a bubble: as four processes do.
func TestFourLimitersShareABucket(t *testing.T) {
	url := testpg.URL(t)
	queries := map[string]int{"shared": 1500, "each for itself": 500}
	if os.Getenv("POSAI_FULL") == "1" {
		queries = map[string]int{"shared": 3000, "each for itself": 1000}
	}
	for name, queries := range queries {
		shared := name == "shared"
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := shopifytest.NewShop(t, &shopifytest.Options{Socketless: true, Data: someData})
				var m loadtest.Meter
				start := time.Now()
				var wg sync.WaitGroup
				for i := range 4 {
					var opts shopify.LimiterOptions
					if shared {
						opts.Points = distant{newStore(t, open(t, url), &pglimit.Options{Now: time.Now})}
					}
					load := loadtest.New(queries)
					load.Share(i, 4)
					c, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{
						BaseURL: shop.URL(), HTTPClient: &http.Client{Transport: loadtest.Slow(shop.Transport(), uint64(i)), Timeout: time.Minute},
						Limiter: shopify.NewLimiter(&opts), Hooks: m.Hooks(), MaxWait: time.Hour,
					})
					require.NoError(t, err)
					wg.Go(func() { assert.NoError(t, load.Run(t.Context(), c)) })
				}
				wg.Wait()
				ratio := m.Ratio(time.Since(start), shopifytest.Standard.Maximum, shopifytest.Standard.RestoreRate)
				t.Logf("%d points in %s: %.4f of the theoretical minimum, %d of %d requests throttled",
					m.Points.Load(), time.Since(start).Round(time.Second), ratio, m.Throttled.Load(), m.Sent.Load())
				if shared {
					assert.LessOrEqual(t, ratio, 1.03)
					assert.Less(t, float64(m.Throttled.Load()), 0.005*float64(m.Sent.Load()))
				}
			})
		})
	}
}
