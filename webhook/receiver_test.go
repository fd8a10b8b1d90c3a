package webhook_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// inboxFunc is an inbox of one function.
type inboxFunc func(context.Context, webhook.Delivery) (bool, error)

func (f inboxFunc) Accept(ctx context.Context, d webhook.Delivery) (bool, error) { return f(ctx, d) }

// One place is enough for a sender that waits for each answer.
func TestHandlerOnePlace(t *testing.T) {
	handler, err := webhook.NewHandler(new(memory), webhook.Secrets{Current: secret}, &webhook.Options{MaxPending: 1})
	require.NoError(t, err)
	sender := &webhooktest.Sender{Secret: secret, Transport: webhooktest.InProcess(handler)}
	report := sender.PostAll(t.Context(), "http://example.com/", make([]webhook.Delivery, 500), nil)
	require.Len(t, report.Undelivered, 500, "without a topic")
	ds := make([]webhook.Delivery, 500)
	for i := range ds {
		ds[i].Topic = "orders/create"
	}
	report = sender.PostAll(t.Context(), "http://example.com/", ds, nil)
	assert.Equal(t, 500, report.Acknowledged)
	assert.Equal(t, 500, report.Attempts)
}

// An inbox that never returns, whatever its context says: the sender is
// answered in time, and what hangs is bounded.
func TestHandlerInboxHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		hangs := inboxFunc(func(context.Context, webhook.Delivery) (bool, error) {
			calls.Add(1)
			<-release
			return false, nil
		})
		handler, err := webhook.NewHandler(hangs, webhook.Secrets{Current: secret}, &webhook.Options{MaxPending: 2})
		require.NoError(t, err)
		transport := webhooktest.InProcess(handler)
		post := func(n int) (status int, took time.Duration) {
			d := sale()
			d.WebhookID = strconv.Itoa(n)
			r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", d, secret)
			require.NoError(t, err)
			began := time.Now()
			resp, err := transport.RoundTrip(r)
			require.NoError(t, err)
			assert.NotEmpty(t, resp.Header.Get("Retry-After"))
			return resp.StatusCode, time.Since(began)
		}
		for n := range 2 {
			status, took := post(n)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Equal(t, 3100*time.Millisecond, took, "well within the 5 s of Shopify")
		}
		status, took := post(3)
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Zero(t, took, "at once: there is no place left")
		assert.Equal(t, int64(2), calls.Load())
		close(release)
		synctest.Wait()
		r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", sale(), secret)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(r)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, resp.StatusCode, "the places are free again")
	})
}

// slow keeps a delivery only if it has the time.
type slow struct{}

func (slow) Accept(ctx context.Context, _ webhook.Delivery) (bool, error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(time.Minute):
		return false, nil
	}
}

// An inbox that ends with its context says so itself.
func TestHandlerInboxHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		handler, err := webhook.NewHandler(slow{}, webhook.Secrets{Current: secret}, &webhook.Options{Timeout: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", sale(), secret)
		require.NoError(t, err)
		began := time.Now()
		resp, err := webhooktest.InProcess(handler).RoundTrip(r)
		require.NoError(t, err)
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Contains(t, log.String(), `error="context deadline exceeded"`)
	})
}

// What arrived is kept although the sender has gone.
func TestHandlerSenderHangsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	box := new(memory)
	handler, err := webhook.NewHandler(inboxFunc(func(inner context.Context, d webhook.Delivery) (bool, error) {
		cancel()
		assert.NoError(t, inner.Err())
		return box.Accept(inner, d)
	}), webhook.Secrets{Current: secret}, nil)
	require.NoError(t, err)
	r, err := webhooktest.NewRequest(ctx, "http://example.com/", sale(), secret)
	require.NoError(t, err)
	resp, err := webhooktest.InProcess(handler).RoundTrip(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Len(t, box.got, 1)
}

func TestHandlerInboxPanics(t *testing.T) {
	url := serve(t, inboxFunc(func(context.Context, webhook.Delivery) (bool, error) { panic("no such table") }), webhook.Secrets{Current: secret}, nil)
	status, header, text := send(t, request(t, url, sale()))
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.NotEmpty(t, header.Get("Retry-After"))
	assert.NotContains(t, text, "table")
}
