package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

func TestReplayAll(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		n := scaled(620, 60) // more than one transaction's
		var broken atomic.Bool
		broken.Store(true)
		var mu sync.Mutex
		calls := make(map[string]int)
		box := start(t, url, func(_ context.Context, d webhook.Delivery) error {
			mu.Lock()
			calls[d.WebhookID]++
			mu.Unlock()
			if broken.Load() && d.Topic != "orders/paid" {
				return webhook.GiveUp(errors.New("broken"))
			}
			return nil
		}, nil)
		day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				d := order(i)
				d.ReceivedAt = day.Add(time.Duration(i) * time.Second)
				if i < 10 {
					d.Topic = "orders/paid"
				}
				accept(t, box, d)
			})
		}
		wg.Wait()
		waitFor(t, box, inbox.Done, 10)
		waitFor(t, box, inbox.Dead, n-10)
		broken.Store(false)
		replay := func(q inbox.Query) int {
			t.Helper()
			count, err := box.ReplayAll(t.Context(), q)
			require.NoError(t, err)
			return count
		}
		assert.Zero(t, replay(inbox.Query{Topic: "orders/fulfilled"}))
		assert.Equal(t, 20, replay(inbox.Query{State: inbox.Dead, Since: day.Add(10 * time.Second), Until: day.Add(30 * time.Second)}))
		waitFor(t, box, inbox.Done, 30)
		assert.Equal(t, n-30, replay(inbox.Query{State: inbox.Dead}))
		waitFor(t, box, inbox.Done, n)
		assert.Equal(t, 10, replay(inbox.Query{Topic: "orders/paid"}), "processed ones, too")
		assert.Equal(t, 1, replay(inbox.Query{WebhookID: "webhook-40"}))
		waitFor(t, box, inbox.Done, n)
		require.NoError(t, box.Stop(t.Context()))
		for i := range n {
			id, want := fmt.Sprintf("webhook-%d", i), 2
			if i == 40 {
				want = 3
			}
			assert.Equal(t, want, calls[id], id)
		}
		accept(t, box, order(n))
		assert.Zero(t, replay(inbox.Query{WebhookID: fmt.Sprintf("webhook-%d", n)}), "yet to be processed")
	})
}

func TestListReverse(t *testing.T) {
	onBoth(t, testListReverse)
}

func testListReverse(t *testing.T, url string) {
	box := open(t, url, ignore, nil)
	for n := range 5 {
		accept(t, box, order(n))
	}
	ids := func(q inbox.Query) (ids []string) {
		for _, r := range list(t, box, q) {
			ids = append(ids, r.WebhookID)
		}
		return ids
	}
	assert.Equal(t, []string{"webhook-4", "webhook-3", "webhook-2", "webhook-1", "webhook-0"}, ids(inbox.Query{Reverse: true}))
	assert.Equal(t, []string{"webhook-1", "webhook-0"}, ids(inbox.Query{Reverse: true, After: 3}))
	assert.Equal(t, []string{"webhook-3", "webhook-4"}, ids(inbox.Query{After: 3}))
	assert.Equal(t, []string{"webhook-3"}, ids(inbox.Query{Resource: "orders/3"}))
	for _, r := range list(t, box, inbox.Query{WithoutBodies: true}) {
		assert.Nil(t, r.Body)
		assert.Equal(t, "orders/create", r.Topic)
	}
}

func TestDeadLettersAreKeptAsLongAsAsked(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		giveUp := func(context.Context, webhook.Delivery) error { return webhook.GiveUp(nil) }
		box := start(t, url, giveUp, &inbox.Options{KeepProcessed: time.Nanosecond})
		accept(t, box, order(1))
		waitFor(t, box, inbox.Dead, 1)
		n, err := box.Clean(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n)
		require.NoError(t, box.Close())
		box = open(t, url, giveUp, &inbox.Options{KeepDead: time.Hour})
		n, err = box.Clean(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n)
		require.NoError(t, box.Close())
		box = open(t, url, giveUp, &inbox.Options{KeepDead: time.Nanosecond})
		n, err = box.Clean(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n)
	})
}

func TestMetrics(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		box := start(t, url, func(_ context.Context, d webhook.Delivery) error {
			if d.WebhookID == "webhook-2" {
				return webhook.GiveUp(nil)
			}
			return nil
		}, nil)
		d := order(1)
		d.TriggeredAt = time.Now().Add(-time.Hour)
		accept(t, box, d)
		accept(t, box, d)
		accept(t, box, order(2))
		waitFor(t, box, inbox.Done, 1)
		waitFor(t, box, inbox.Dead, 1)
		require.NoError(t, box.Stop(t.Context())) // all is counted
		get := func() (int, string) {
			w := httptest.NewRecorder()
			box.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			body, err := io.ReadAll(w.Result().Body)
			require.NoError(t, err)
			return w.Code, string(body)
		}
		status, text := get()
		assert.Equal(t, 200, status)
		for _, line := range []string{
			`posai_inbox_deliveries{state="pending"} 0`, `posai_inbox_deliveries{state="processed"} 1`, `posai_inbox_deliveries{state="dead"} 1`,
			`posai_inbox_lag_seconds 0`, `posai_inbox_events_total{kind="received"} 2`, `posai_inbox_events_total{kind="duplicate"} 1`,
			`posai_inbox_events_total{kind="processed"} 1`, `posai_inbox_events_total{kind="died"} 1`,
			`posai_inbox_arrival_age_seconds_bucket{le="1800"} 1`, `posai_inbox_arrival_age_seconds_bucket{le="7200"} 2`,
			`posai_inbox_arrival_age_seconds_bucket{le="+Inf"} 2`, `posai_inbox_processing_lag_seconds_count 1`, `posai_inbox_attempt_seconds_count 2`,
		} {
			assert.Contains(t, text, line+"\n")
		}
		assert.NotContains(t, text, "myshopify")
		require.NoError(t, box.Close())
		status, _ = get()
		assert.Equal(t, 503, status)
	})
}
