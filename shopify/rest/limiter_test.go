package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/rest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// small is a shop with little in it, which is quick to make.
var small = &shopifytest.Data{
	Version: 1, Shop: shopifytest.ShopData{Name: "Acme", Domain: "acme.myshopify.com", Currency: "USD", Email: "shop@example.com"},
	Locations: []shopifytest.LocationData{{Name: "Main Street"}},
}

// bubble returns a shop without sockets.
func bubble(t *testing.T, opts shopifytest.Options) *shopifytest.Shop {
	t.Helper()
	opts.Socketless, opts.Data = true, small
	return shopifytest.NewShop(t, &opts)
}

// limited returns a client with a limiter of a shop without sockets, which waits for long.
func limited(t *testing.T, s *shopifytest.Shop, l *rest.Limiter) *rest.Client {
	t.Helper()
	return client(t, s, nil, rest.Options{HTTPClient: &http.Client{Transport: s.Transport()}, MaxWait: 24 * time.Hour, Limiter: l, MinBackoff: 250 * time.Millisecond, MaxBackoff: 10 * time.Second})
}

// run makes calls with several clients, each in several goroutines, and returns how long it
// took.
func run(t *testing.T, calls, goroutines int, clients ...*rest.Client) time.Duration {
	t.Helper()
	start := time.Now()
	left := make(chan struct{}, calls)
	for range calls {
		left <- struct{}{}
	}
	close(left)
	var wg sync.WaitGroup
	for _, c := range clients {
		for range goroutines {
			wg.Go(func() {
				for range left {
					_, err := c.Get(t.Context(), "shop.json", nil, nil)
					assert.NoError(t, err)
				}
			})
		}
	}
	wg.Wait()
	return time.Since(start)
}

// refused is how many of the shop's answers were 429.
func refused(s *shopifytest.Shop) (n int) {
	for _, e := range s.Journal() {
		if e.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// Clients that share a limiter use the bucket of each plan up, and none of their requests is
// refused.
func TestPlans(t *testing.T) {
	for name, tt := range map[string]struct {
		plan       shopifytest.Plan
		size, rate float64
	}{
		"standard": {shopifytest.Standard, 40, 2}, "advanced": {shopifytest.Advanced, 80, 4},
		"plus": {shopifytest.Plus, 400, 20}, "enterprise": {shopifytest.Enterprise, 800, 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bubble(t, shopifytest.Options{Plan: tt.plan})
				l := rest.NewLimiter()
				assert.Zero(t, l.Bucket(shopify.Domain(s.Domain())).Max)
				calls := int(tt.size + 60*tt.rate)
				took := run(t, calls, 5, limited(t, s, l), limited(t, s, l), limited(t, s, l))
				assert.InDelta(t, 60, took.Seconds(), 3, "a minute for what is beyond the bucket")
				assert.Zero(t, refused(s))
				assert.Len(t, s.Journal(), calls)
				b := l.Bucket(shopify.Domain(s.Domain()))
				assert.EqualValues(t, tt.size, b.Max)
				assert.InEpsilon(t, tt.rate, b.LeakRate, 0.15)
				assert.Zero(t, b.Waiting)
			})
		})
	}
}

// Who waits before the first answer told the size need not wait longer than it takes.
func TestFirstBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, shopifytest.Options{Plan: shopifytest.Plus})
		s.Inject(shopifytest.Fault{Times: -1, Delay: 100 * time.Millisecond})
		c := limited(t, s, nil)
		assert.Less(t, run(t, 390, 390, c), time.Second, "all at once")
		assert.Zero(t, refused(s))
	})
}

// Where the bucket empties at a rate that its size does not tell, the answers do.
func TestLearnedRate(t *testing.T) {
	for name, tt := range map[string]struct {
		rate  float64
		calls int
	}{"faster": {8, 800}, "slower": {0.8, 150}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bubble(t, shopifytest.Options{Requests: shopifytest.Plan{Maximum: 40, RestoreRate: tt.rate}})
				l := rest.NewLimiter()
				took := run(t, tt.calls, 2, limited(t, s, l))
				assert.InEpsilon(t, float64(tt.calls-40)/tt.rate, took.Seconds(), 0.1)
				assert.InEpsilon(t, tt.rate, l.Bucket(shopify.Domain(s.Domain())).LeakRate, 0.15)
				assert.LessOrEqual(t, refused(s), tt.calls/50)
			})
		})
	}
}

// A change of plan is noticed, up and down.
func TestPlanChange(t *testing.T) {
	limits := []string{"1/40", "1/400", "1/40"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Shopify-Shop-Api-Call-Limit", limits[0])
		limits = limits[1:]
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	l := rest.NewLimiter()
	c, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken("t"), &rest.Options{BaseURL: server.URL, Limiter: l})
	require.NoError(t, err)
	for _, rate := range []float64{2, 20, 2} {
		_, err := c.Get(t.Context(), "shop.json", nil, nil)
		require.NoError(t, err)
		b := l.Bucket("acme.myshopify.com")
		assert.InDelta(t, rate, b.LeakRate, 0)
		assert.EqualValues(t, 20*rate, b.Max)
	}
}

// Hostile headers neither lock a client out nor let it run wild.
func TestHostileLimits(t *testing.T) {
	for _, limit := range []string{"1000000000/40", "0/1", "1/1", "1000000/1000000", "40/40"} {
		synctest.Test(t, func(t *testing.T) {
			rt := roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"X-Shopify-Shop-Api-Call-Limit": {limit}}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
			})
			c, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken("t"), &rest.Options{HTTPClient: &http.Client{Transport: rt}, MaxWait: time.Hour})
			require.NoError(t, err)
			for range 5 {
				_, err := c.Get(t.Context(), "shop.json", nil, nil)
				require.NoError(t, err, limit)
			}
		})
	}
}

// Two processes that do not know of each other learn from the answers: both get through, and
// little is refused.
func TestTwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, shopifytest.Options{Plan: shopifytest.Plus})
		const calls = 400 + 2400
		took := run(t, calls, 4, limited(t, s, nil), limited(t, s, nil))
		assert.InDelta(t, 120, took.Seconds(), 12)
		n := refused(s)
		assert.Less(t, n, calls/20)
		t.Logf("%s, %d of %d refused", took, n, calls)
	})
}

// Requests go in the order in which they came.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, shopifytest.Options{})
		l := rest.NewLimiter()
		clients := []*rest.Client{limited(t, s, l), limited(t, s, l)}
		run(t, 40, 1, clients[0])
		var mu sync.Mutex
		var done []int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := clients[i%2].Get(t.Context(), "shop.json", nil, nil)
				assert.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				done = append(done, i)
			})
			synctest.Wait()
		}
		assert.Equal(t, 20, l.Bucket(shopify.Domain(s.Domain())).Waiting)
		wg.Wait()
		assert.True(t, slices.IsSorted(done), "%v", done)
	})
}

// One who gives up leaves the queue, and the others do not wait for them.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, shopifytest.Options{})
		l := rest.NewLimiter()
		c := limited(t, s, l)
		run(t, 39, 1, c)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				_, err := c.Get(ctx, "shop.json", nil, nil)
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		b := l.Bucket(shopify.Domain(s.Domain()))
		assert.Zero(t, b.Waiting)
		assert.InDelta(t, 39, b.Used, 0.1)
		assert.Less(t, run(t, 1, 1, c), time.Second)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (rt roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return rt(r) }

// What never left gives its place back, and a POST's outcome is known then. Nobody listens at
// port 1, which is given to no process that asks for any free one.
func TestNeverLeft(t *testing.T) {
	used := func(l *rest.Limiter) float64 { return l.Bucket("acme.myshopify.com").Used }
	post := func(ctx context.Context, l *rest.Limiter, c *http.Client) error {
		client, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken("t"), &rest.Options{
			BaseURL: "http://127.0.0.1:1", HTTPClient: c, Limiter: l, MaxRetries: -1, MaxWait: -1,
		})
		require.NoError(t, err)
		_, err = client.Post(ctx, "webhooks.json", map[string]any{}, nil)
		return err
	}

	l := rest.NewLimiter()
	for range 100 {
		err := post(t.Context(), l, &http.Client{})
		require.Error(t, err)
		require.NotErrorIs(t, err, shopify.ErrThrottled, "the places of those before are free")
		require.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	}
	assert.Zero(t, used(l))

	// Given up while there was no connection yet.
	dialing := make(chan struct{})
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dialing)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-dialing; cancel() }()
	err := post(ctx, l, &http.Client{Transport: transport})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	assert.Zero(t, used(l))

	// Given up before it was sent.
	for range 20 { // twice as many as there are places
		err = post(ctx, l, &http.Client{})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	}
	assert.Zero(t, used(l))

	// A transport that does not tell of connections may have sent it.
	err = post(t.Context(), l, &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("gone") })})
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	assert.Positive(t, used(l))
}

// An answer that breaks off while its body is read has told all the same how long to wait.
func TestRetryAfterOfHalfAnAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		method, after string
		min, max      time.Duration // of the pause; zero if there is no second attempt
	}{
		"GET":              {http.MethodGet, "7.5", 7500 * time.Millisecond, 7500 * time.Millisecond},
		"PUT":              {http.MethodPut, "7.5", 7500 * time.Millisecond, 7500 * time.Millisecond},
		"POST":             {http.MethodPost, "7.5", 0, 0},
		"nothing said":     {http.MethodGet, "", 125 * time.Millisecond, 250 * time.Millisecond},
		"longer than wait": {http.MethodGet, "31", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				rt := roundTrip(func(r *http.Request) (*http.Response, error) {
					if at = append(at, time.Now()); len(at) > 1 {
						return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
					}
					half := io.MultiReader(strings.NewReader(`{"errors":`), iotest.ErrReader(io.ErrUnexpectedEOF))
					return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {tt.after}}, Body: io.NopCloser(half), Request: r}, nil
				})
				c, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken("t"), &rest.Options{HTTPClient: &http.Client{Transport: rt}, MinBackoff: 250 * time.Millisecond})
				require.NoError(t, err)
				switch tt.method {
				case http.MethodPut:
					_, err = c.Put(t.Context(), "orders/1.json", map[string]any{}, nil)
				case http.MethodPost:
					_, err = c.Post(t.Context(), "orders.json", map[string]any{}, nil)
				default:
					_, err = c.Get(t.Context(), "orders/1.json", nil, nil)
				}
				if tt.max == 0 {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
					assert.Equal(t, tt.method == http.MethodPost, errors.Is(err, shopify.ErrOutcomeUnknown))
					assert.Len(t, at, 1)
					return
				}
				require.NoError(t, err)
				require.Len(t, at, 2)
				pause := at[1].Sub(at[0])
				assert.GreaterOrEqual(t, pause, tt.min)
				assert.LessOrEqual(t, pause, tt.max)
			})
		})
	}
}

// The places of requests whose answers got lost are taken.
func TestLostPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where they do not leak away meanwhile
		s := bubble(t, shopifytest.Options{})
		l := rest.NewLimiter()
		c := client(t, s, nil, rest.Options{HTTPClient: &http.Client{Transport: s.Transport()}, Limiter: l, MaxRetries: -1})
		_, err := c.Get(t.Context(), "shop.json", nil, nil)
		require.NoError(t, err)
		before := l.Bucket(shopify.Domain(s.Domain())).Used
		for range 5 {
			s.Inject(shopifytest.Fault{LoseResponse: true})
			_, err = c.Post(t.Context(), "webhooks.json", map[string]any{"webhook": webhook{Topic: "orders/create", Address: "https://app.example.com/a"}}, nil)
			require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
		}
		assert.InDelta(t, before+5, l.Bucket(shopify.Domain(s.Domain())).Used, 0)
	})
}

// Answers that take their time, and overtake each other, mislead nobody.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, shopifytest.Options{Plan: shopifytest.Plus})
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		pause := func() {
			mu.Lock()
			d := time.Duration(random.IntN(500)) * time.Millisecond
			mu.Unlock()
			time.Sleep(d)
		}
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			pause()
			defer pause()
			return s.Transport().RoundTrip(r)
		})
		l := rest.NewLimiter()
		c := client(t, s, nil, rest.Options{HTTPClient: &http.Client{Transport: slow}, MaxWait: 24 * time.Hour, Limiter: l})
		took := run(t, 1600, 60, c)
		assert.InDelta(t, 60, took.Seconds(), 6)
		assert.LessOrEqual(t, refused(s), 16)
		t.Logf("%s, %d refused, %.1f a second", took, refused(s), l.Bucket(shopify.Domain(s.Domain())).LeakRate)
	})
}
