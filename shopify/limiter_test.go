package shopify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// socketless answers a request without a network.
func socketless(r *http.Request, answer reply) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	if answer.dial {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	}
	if answer.cut {
		return nil, io.ErrUnexpectedEOF
	}
	w := httptest.NewRecorder()
	for k, v := range answer.header {
		w.Header().Set(k, v)
	}
	if answer.status != 0 {
		w.WriteHeader(answer.status)
	}
	body := answer.body
	if answer.half {
		body = body[:len(body)/2]
	}
	_, _ = io.WriteString(w, body)
	resp := w.Result()
	if answer.half {
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	resp.Request = r
	return resp, nil
}

// leaky is Shopify's side of the limit: a leaky bucket that refuses what it
// does not hold.
type leaky struct {
	mu        sync.Mutex
	maximum   float64
	rate      float64
	level     float64
	last      time.Time
	cost      float64 // of every operation, requested
	refund    float64 // what the actual cost is less
	served    []string
	at        map[string]time.Time // of the latest that were served, by name
	throttled int
	latency   time.Duration
}

func (l *leaky) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(l.latency)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() {
		l.level = min(l.maximum, l.level+l.rate*now.Sub(l.last).Seconds())
	}
	l.last = now
	status := func() string {
		return fmt.Sprintf(`"throttleStatus":{"maximumAvailable":%g,"currentlyAvailable":%g,"restoreRate":%g}`, l.maximum, l.level, l.rate)
	}
	if l.level < l.cost {
		l.throttled++
		return socketless(r, reply{body: fmt.Sprintf(`{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":%g,"actualQueryCost":null,%s}}}`, l.cost, status())})
	}
	l.level -= l.cost - l.refund
	l.served = append(l.served, r.Header.Get("X-Test"))
	if l.at == nil {
		l.at = map[string]time.Time{}
	}
	l.at[r.Header.Get("X-Test")] = now
	return socketless(r, reply{body: fmt.Sprintf(`{"data":{"shop":{"name":"Acme"}},"extensions":{"cost":{"requestedQueryCost":%g,"actualQueryCost":%g,%s}}}`, l.cost, l.cost-l.refund, status())})
}

func (l *leaky) client(t *testing.T, opts shopify.Options) *shopify.Client {
	t.Helper()
	opts.HTTPClient = &http.Client{Transport: l}
	c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &opts)
	require.NoError(t, err)
	return c
}

func TestThrottledWaitsAsLongAsTheCostSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 50, level: 30, cost: 130}
		c := l.client(t, shopify.Options{})
		var info shopify.Info
		start := time.Now()
		_, _, err := do(t.Context(), c.With(shopify.CallOptions{Info: &info}), createDraft, nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 2*time.Second, "(130-30)/50 seconds")
		assert.LessOrEqual(t, time.Since(start), 4650*time.Millisecond, "and at random up to the 130/50 seconds that its own cost takes to come back")
		assert.Equal(t, 2, info.Attempts)
		assert.Equal(t, time.Since(start), info.Waited)
		assert.InDelta(t, 130, info.Cost.Requested, 0)
		assert.InDelta(t, 50, info.Cost.Throttle.RestoreRate, 0)
	})
}

func TestLimiterKeepsBelowTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 100, level: 1000, cost: 100, latency: 20 * time.Millisecond}
		limiter := shopify.NewLimiter(nil)
		// Two clients of one shop share the points.
		clients := []*shopify.Client{l.client(t, shopify.Options{Limiter: limiter, MaxWait: time.Hour}), l.client(t, shopify.Options{Limiter: limiter, MaxWait: time.Hour})}
		_, _, err := do(t.Context(), clients[0], readShop, nil) // learns cost and level
		require.NoError(t, err)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				_, _, err := do(t.Context(), clients[i%2], readShop, nil)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Zero(t, l.throttled, "no request was sent that Shopify had to refuse")
		// 6,000 points, of which 900 are there: 51 s.
		assert.InDelta(t, 51, time.Since(start).Seconds(), 2)
	})
}

func TestWhatWasNotUsedIsThereAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 1, level: 1000, cost: 100, refund: 90}
		c := l.client(t, shopify.Options{MaxWait: -1})
		for range 90 { // 10 points each
			_, _, err := do(t.Context(), c, readShop, nil)
			require.NoError(t, err)
		}
		assert.Zero(t, l.throttled)
	})
}

// TestAnswersOvertakeEachOther holds back the answer of the first of several
// requests: when it comes, what it says of the level is long untrue.
func TestAnswersOvertakeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 1, level: 1000, cost: 100}
		slow := transportFunc(func(r *http.Request) (*http.Response, error) {
			resp, err := l.RoundTrip(r)
			time.Sleep(time.Second)
			return resp, err
		})
		limiter := shopify.NewLimiter(nil)
		fast := l.client(t, shopify.Options{Limiter: limiter, MaxWait: -1})
		held, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{Limiter: limiter, HTTPClient: &http.Client{Transport: slow}})
		require.NoError(t, err)
		_, _, err = do(t.Context(), fast, readShop, nil) // 900 are left
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _, err := do(t.Context(), held, readShop, nil)
			assert.NoError(t, err)
		})
		synctest.Wait() // the shop has 800 left, and its answer is on the way
		for range 7 {
			_, _, err = do(t.Context(), fast, readShop, nil)
			require.NoError(t, err)
		}
		wg.Wait()
		_, _, err = do(t.Context(), fast, readShop, nil)
		require.NoError(t, err, "the last 100")
		_, _, err = do(t.Context(), fast, readShop, nil)
		require.ErrorIs(t, err, shopify.ErrThrottled)
		assert.Zero(t, l.throttled, "it was not sent")
	})
}

func TestInteractiveGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 100, level: 1000, cost: 100}
		limiter := shopify.NewLimiter(nil)
		client := func(name string, lane shopify.Lane) *shopify.Client {
			c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{
				Limiter: limiter, MaxWait: time.Hour, Lane: lane,
				HTTPClient: &http.Client{Transport: named{l, name}},
			})
			require.NoError(t, err)
			return c
		}
		cashier, job := client("cashier", shopify.Interactive), client("job", shopify.Background)
		_, _, err := do(t.Context(), job, readShop, nil)
		require.NoError(t, err)

		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, _, err := do(t.Context(), job, readShop, nil)
				assert.NoError(t, err)
			})
		}
		synctest.Wait() // the jobs took what they may, and wait for the rest
		l.mu.Lock()
		served := len(l.served)
		assert.GreaterOrEqual(t, l.level, 100.0, "background work leaves a tenth")
		l.mu.Unlock()

		start := time.Now()
		_, _, err = do(t.Context(), cashier, readShop, nil)
		require.NoError(t, err)
		assert.Less(t, time.Since(start), 10*time.Millisecond, "the first cashier does not wait")
		for range 5 {
			_, _, err = do(t.Context(), cashier, readShop, nil)
			require.NoError(t, err)
		}
		l.mu.Lock()
		assert.NotContains(t, l.served[served:], "job", "no job went before a cashier")
		l.mu.Unlock()
		wg.Wait()
		assert.Zero(t, l.throttled)

		// The lane of one call.
		_, _, err = do(t.Context(), cashier.With(shopify.CallOptions{Lane: shopify.Background}), readShop, nil)
		require.NoError(t, err)
	})
}

type named struct {
	*leaky
	name string
}

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Test", n.name)
	return n.leaky.RoundTrip(r)
}

func TestMaxWait(t *testing.T) {
	tests := []struct {
		name    string
		maxWait time.Duration
		ok      bool
	}{
		{"never", -1, false},
		{"too short", time.Second, false},
		{"long enough", 10 * time.Second, true},
		{"default of 30 s", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &leaky{maximum: 100, rate: 50, level: 100, cost: 100}
				c := l.client(t, shopify.Options{MaxWait: tt.maxWait})
				_, _, err := do(t.Context(), c, readShop, nil) // empties the bucket
				require.NoError(t, err)
				start := time.Now()
				_, _, err = do(t.Context(), c, readShop, nil)
				if tt.ok {
					require.NoError(t, err)
					assert.InDelta(t, 2, time.Since(start).Seconds(), 0.05)
					return
				}
				te, ok := errors.AsType[*shopify.ThrottledError](err)
				require.True(t, ok, "%v", err)
				assert.ErrorIs(t, err, shopify.ErrThrottled)
				assert.InDelta(t, 2, te.Wait.Seconds(), 0.05)
				assert.InDelta(t, 100, te.Cost, 0)
				assert.Zero(t, time.Since(start), "it failed at once")
				assert.Zero(t, l.throttled, "it was not sent")
			})
		})
	}
}

func TestCancelInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 100, rate: 50, level: 100, cost: 100}
		c := l.client(t, shopify.Options{})
		_, _, err := do(t.Context(), c, createDraft, nil) // empties the bucket, and tells the cost
		require.NoError(t, err)
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, _, err := do(ctx, c, createDraft, nil)
			first <- err
		}()
		time.Sleep(time.Millisecond) // the first is in the queue
		second := make(chan error, 1)
		go func() {
			_, _, err := do(t.Context(), c, createDraft, nil)
			second <- err
		}()
		time.Sleep(time.Second)
		cancel()
		err = <-first
		assert.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, shopify.ErrOutcomeUnknown, "it was never sent")
		require.NoError(t, <-second)
		assert.InDelta(t, 2, time.Since(start).Seconds(), 0.05, "the next one is not held up")
	})
}

func TestHostileCosts(t *testing.T) {
	for _, status := range []string{
		`{"maximumAvailable":-1,"currentlyAvailable":-5,"restoreRate":-1}`,
		`{"maximumAvailable":1e300,"currentlyAvailable":1e300,"restoreRate":1e300}`,
		`{"maximumAvailable":0,"currentlyAvailable":0,"restoreRate":0}`,
		`{"maximumAvailable":1000,"currentlyAvailable":0,"restoreRate":0}`,
		`{"maximumAvailable":1000,"currentlyAvailable":0,"restoreRate":-1}`,
		`{"maximumAvailable":0.5,"currentlyAvailable":0,"restoreRate":1}`,
		`{"maximumAvailable":"many"}`,
		`null`, `[]`,
	} {
		t.Run(status, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := `{"data":{"shop":{"name":"Acme"}},"extensions":{"cost":{"requestedQueryCost":1e300,"actualQueryCost":null,"throttleStatus":` + status + `}}}`
				c, s := scripted(t, shopify.Options{MaxWait: time.Second}, reply{body: body})
				for range 3 {
					_, _, err := do(t.Context(), c, readShop, nil)
					require.NoError(t, err, "what makes no sense is not obeyed")
				}
				assert.Len(t, s.at, 3)
			})
		})
	}
}

func TestFirstComeFirstServedWithinALane(t *testing.T) {
	for _, lane := range []shopify.Lane{shopify.Interactive, shopify.Background} {
		t.Run(lane.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &leaky{maximum: 1000, rate: 100, level: 1000, cost: 900}
				limiter := shopify.NewLimiter(nil)
				client := func(name string) *shopify.Client {
					c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{
						Limiter: limiter, MaxWait: time.Hour, Lane: lane, HTTPClient: &http.Client{Transport: named{l, name}, Timeout: time.Hour},
					})
					require.NoError(t, err)
					return c
				}
				_, _, err := do(t.Context(), client("first"), readShop, nil) // spends the bucket
				require.NoError(t, err)
				l.served, l.cost = nil, 100
				var want []string
				var wg sync.WaitGroup
				for i := range 12 {
					name := fmt.Sprintf("call %d", i)
					want = append(want, name)
					c := client(name)
					wg.Go(func() {
						// Some are dear and some are cheap, as far as is known.
						document := []string{readShop, `query Other { shop { id } }`, addTags}[i%3]
						_, _, err := do(t.Context(), c, document, nil)
						assert.NoError(t, err)
					})
					synctest.Wait()
				}
				wg.Wait()
				assert.ElementsMatch(t, want, l.served)
				// Calls that are let go at one instant reach the wire in any order.
				for i, name := range want[1:] {
					assert.False(t, l.at[name].Before(l.at[want[i]]), "%s was served before %s: %v", name, want[i], l.served)
				}
				assert.Greater(t, l.at[want[11]].Sub(l.at[want[0]]), 5*time.Second, "most have to wait for their own points")
			})
		})
	}
}

// TestRefundWhileOthersAreUnderWay: what an answer says of the level is of
// little use when much is under way, but what its own call did not use is known.
func TestRefundWhileOthersAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaky{maximum: 1000, rate: 1, level: 1000, cost: 100, refund: 90}
		slow := transportFunc(func(r *http.Request) (*http.Response, error) {
			resp, err := l.RoundTrip(r)
			time.Sleep(time.Minute)
			return resp, err
		})
		limiter := shopify.NewLimiter(nil)
		fast := l.client(t, shopify.Options{Limiter: limiter, MaxWait: -1})
		held, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{Limiter: limiter, HTTPClient: &http.Client{Transport: slow, Timeout: time.Hour}, MaxWait: -1})
		require.NoError(t, err)
		_, _, err = do(t.Context(), fast, readShop, nil) // learns: 990 are left
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 7 {
			wg.Go(func() {
				_, _, err := do(t.Context(), held, readShop, nil)
				assert.NoError(t, err)
			})
		}
		synctest.Wait() // 700 points are under way, 290 are believed to be left
		for range 19 {  // 10 points each
			_, _, err = do(t.Context(), fast, readShop, nil)
			require.NoError(t, err)
		}
		wg.Wait()
		assert.Zero(t, l.throttled)
	})
}
