package shopifytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// tiny is the data of a shop with one product, for shops that are many or short-lived.
func tiny() *shopifytest.Data {
	d, err := shopifytest.ReadData(strings.NewReader(small))
	if err != nil {
		panic(err)
	}
	return d
}

// roundTrip is a subscriber without sockets.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hang is a subscriber that never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// bubbleShop starts a shop without sockets that sends its webhooks through transport. The caller closes it.
func bubbleShop(t *testing.T, transport roundTrip, schedule []time.Duration) *shopifytest.Shop {
	t.Helper()
	s, err := shopifytest.Start(&shopifytest.Options{Data: tiny(), Socketless: true, WebhookTransport: transport, RetrySchedule: schedule})
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"query": subscribeMutation, "variables": map[string]any{
		"topic": "ORDERS_CREATE", "in": map[string]any{"uri": "https://app.example.com/hooks"},
	}})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", s.Token())
	resp, err := (&http.Client{Transport: s.Transport()}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Len(t, s.Subscriptions(), 1)
	return s
}

func ring(t *testing.T, s *shopifytest.Shop) {
	t.Helper()
	_, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-B"}}})
	require.NoError(t, err)
}

// TestScheduleOfShopify runs through Shopify's own schedule, in made-up time.
func TestScheduleOfShopify(t *testing.T) {
	_ = newShop(t, nil) // the schema is parsed outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		s := bubbleShop(t, func(r *http.Request) (*http.Response, error) {
			times = append(times, time.Now())
			return hang(r)
		}, nil)
		defer func() { require.NoError(t, s.Close()) }()
		ring(t, s)
		require.NoError(t, s.WaitIdle(t.Context()))

		require.Len(t, times, 9, "one attempt and eight retries")
		assert.Equal(t, 4*time.Hour, times[8].Sub(times[0])-8*5*time.Second, "each attempt is given up after 5 s")
		for i := 2; i < len(times); i++ {
			assert.Greater(t, times[i].Sub(times[i-1]), times[i-1].Sub(times[i-2]), "growing distance")
		}
		d := s.Deliveries()[0]
		assert.Equal(t, shopifytest.DeliveryFailed, d.State)
		assert.Equal(t, "timeout", d.Attempts[0].Error)
		assert.Equal(t, 5*time.Second, d.Attempts[0].Duration)
		assert.Empty(t, s.Subscriptions(), "eight failures in a row delete the subscription")
	})
}

func TestSubscriptionSurvivesASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusBadGateway
		s := bubbleShop(t, func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
		}, []time.Duration{time.Minute, time.Minute, time.Minute, time.Minute})
		defer func() { require.NoError(t, s.Close()) }()
		sell := func(answer int) {
			status = answer
			ring(t, s)
			require.NoError(t, s.WaitIdle(t.Context()))
		}
		sell(http.StatusBadGateway) // five failures
		assert.Len(t, s.Subscriptions(), 1)
		sell(http.StatusOK)
		sell(http.StatusBadGateway) // five failures
		assert.Len(t, s.Subscriptions(), 1, "the count begins anew after a success")
		sell(http.StatusBadGateway) // ten by now
		assert.Empty(t, s.Subscriptions())
	})
}

// TestCloseEndsEverything closes a shop with hundreds of deliveries under way. The bubble fails if
// a goroutine is left.
func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubbleShop(t, hang, nil)
		for range 300 {
			ring(t, s)
		}
		require.NoError(t, s.Close())
		require.Len(t, s.Deliveries(), 300)
		for _, d := range s.Deliveries() {
			require.Equal(t, shopifytest.DeliveryDropped, d.State)
		}
		require.NoError(t, s.Close(), "closing twice")
		ring(t, s)
		assert.Len(t, s.Deliveries(), 300, "a closed shop sends nothing")
	})
}

func TestWaitIdleObeysItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubbleShop(t, hang, nil)
		defer func() { require.NoError(t, s.Close()) }()
		ring(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, s.WaitIdle(ctx), context.DeadlineExceeded)
	})
}
